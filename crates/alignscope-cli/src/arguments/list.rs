//! `alignscope list`.

use clap::ValueEnum;

/// What `alignscope list` lists.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Listed {
    /// Models whose architecture is known, baselines, and other forms of `--model`.
    Models,
    /// Data sets.
    Datasets,
    /// Kinds of distance.
    Distances,
}
