//! How torch models run.

use std::num::NonZeroUsize;

use alignscope::{Backend, TorchDevice, TorchDtype, TorchOptions};
use clap::Args;

use super::heading;
use crate::typed::one_of;

/// How torch models run.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = heading::TORCH)]
pub struct Torch {
    /// What runs the encoders that are named by an id or a folder; by default `own`.
    #[arg(long, value_name = "BACKEND", value_parser = one_of::<Backend>())]
    pub backend: Option<Backend>,

    /// The device of torch models: `cpu`, `cuda`, `cuda:1` (the second GPU) or `mps`; by default
    /// `cpu`.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<TorchDevice>,

    /// The number format of torch models; by default `float32`.
    #[arg(long, value_name = "DTYPE", value_parser = one_of::<TorchDtype>())]
    pub dtype: Option<TorchDtype>,

    /// Let products of float32 on a GPU be made in TF32, which is faster and has 10 bits of
    /// mantissa.
    #[arg(long)]
    pub tf32: bool,

    /// Compile torch models with `torch.compile` before they run.
    #[arg(long)]
    pub compile: bool,

    /// Images that a torch model takes at a time, at most; by default 32.
    #[arg(long, value_name = "N")]
    pub batch: Option<NonZeroUsize>,
}

impl Torch {
    /// The same as the library has it.
    pub fn options(&self) -> TorchOptions {
        TorchOptions {
            device: self.device,
            dtype: self.dtype,
            tf32: self.tf32.then_some(true),
            compile: self.compile.then_some(true),
            batch: self.batch,
        }
    }
}
