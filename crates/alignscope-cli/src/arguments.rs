//! What is typed.

mod activations;
mod cache;
mod check;
mod cite;
mod combine;
mod compare;
mod demo;
mod doctor;
mod fetch;
mod gallery;
mod import;
mod list;
mod plan;
mod report;
mod run;
mod score;
mod shared;
mod shell;
mod slurm;
mod torch;
mod transform;
mod verify;

use clap::{Parser, Subcommand};

pub use activations::Activations;
pub use cache::{Cache, CacheAction};
pub use check::Check;
pub use cite::Cite;
pub use combine::Combine;
pub use compare::Compare;
pub use demo::Demo;
pub use doctor::Doctor;
pub use fetch::Fetch;
pub use gallery::Gallery;
pub use import::Import;
pub use list::Listed;
pub use plan::{Plan, PlanForm};
pub use report::{Published, Report};
pub use run::{Asked, Run};
pub use score::{Data, Score};
pub use shell::{Completions, Man};
pub use slurm::Slurm;
pub use transform::Transform;
pub use verify::Verify;

use crate::typed::threads;

/// Headings of the help that several commands have.
mod heading {
    /// That of clap for arguments without a name, which stand first.
    pub const ARGUMENTS: Option<&str> = None;
    pub const DATA: &str = "Data";
    pub const SCORING: &str = "Scoring";
    pub const TORCH: &str = "Torch models (in the Python package)";
    pub const MEMORY: &str = "Memory";
    pub const MEMORY_AND_CACHE: &str = "Memory and cache";
    pub const OUTPUT: &str = "Output";
}

/// How closely do the image distances inside a vision model follow the judgements of people?
///
/// Exit codes: 0 all done; 1 done, but with problems that are named; 2 could not run; 130 stopped
/// with Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "alignscope", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Number of threads; by default one for each core. It does not change results.
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Print errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure models on data sets.
    Run(Run),
    /// Score features that are already computed: a folder that `activations` wrote, or
    /// `features.npy` and `file_names.txt` of another tool.
    Score(Score),
    /// Learn transforms of a model's activations from people's choices, and score them on images that
    /// they have not seen: what a stage lacks, and what it has in another metric only.
    ///
    /// Writes `transforms.csv`, a figure, and the transforms as `.npz` files for `run --transform`. Here
    /// --distance is `cosine` by default, and --tokens `mean`.
    Transform(Transform),
    /// Write the activations of an encoder, one folder for each stage, each with `features.npy` and
    /// `file_names.txt`.
    Activations(Activations),
    /// Say what a run will take: memory, disk and time of each model on each data set.
    ///
    /// Takes the options of `run`. Opens all data sets, lets each model encode a few images, and
    /// refuses what `run` would refuse, also after hours: missing files and weights, a memory
    /// budget that is too small, a disk without room.
    Plan(Plan),
    /// Write the scripts that run an experiment on a Slurm cluster: an array of jobs, each a shard
    /// of the run, and the job that assembles them; or submit them too.
    ///
    /// Writes `shards.sbatch`, `assemble.sbatch` and `submit.sh`. What the shards compute goes to
    /// the cache, which all nodes must see. A shard that is lost is put back into the queue, and
    /// goes on from what it has computed. Options of `run` stand after `--`.
    Slurm(Slurm),
    /// Try everything out without a download: images that are drawn, answers that are simulated.
    Demo(Demo),
    /// Draw the figures and the page of a run again, from its files alone.
    Report(Report),
    /// Draw the curves of the published study.
    Published(Published),
    /// Compare models, stages or distances of a run, or of two runs of the same trials.
    ///
    /// By default every model at its last stage is compared with every other, with every baseline
    /// and with the pixels, for each kind of distance. Each difference has a bootstrap interval, a
    /// two-sided p (no finer than the number of resamples allows) and Holm's correction. For data
    /// sets of choices there is also error consistency (Cohen's kappa of being right), and how far
    /// each model agrees with most people beyond chance (Cohen's kappa too).
    Compare(Compare),
    /// Put the models of several runs of the same data sets into one run.
    ///
    /// Nothing is measured again: tables, comparisons of all models with each other, figures and page
    /// are those that one run of all models would have.
    Combine(Combine),
    /// Put the models of finished runs, your own and others', on one board: ranks, scores and
    /// intervals, a figure, and a page.
    ///
    /// Each run is verified first; a run that is not as its manifest says is refused. Weights and
    /// images of others need not be here. Ranks are those that the paired differences leave: where a
    /// difference is not clear, models share ranks.
    Gallery(Gallery),
    /// Print what to cite of finished runs, as BibTeX: alignscope and the study that it follows, and
    /// the papers of the data sets, models and metrics that were used.
    ///
    /// Before each entry stands what it is cited for, as a comment; what has no entry is named at
    /// the end.
    Cite(Cite),
    /// Download models from the Hugging Face hub, and the weights of baselines.
    ///
    /// Models go to the cache that Python's huggingface_hub uses; HF_HOME, HF_HUB_CACHE,
    /// HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean the same as there. `run` and `activations`
    /// download what is missing by themselves; `fetch` also asks the hub for a newer revision.
    Fetch(Fetch),
    /// List, measure or remove the cache, which saves encoding the same images again.
    Cache(Cache),
    /// Check a finished run: are its files, weights and images still the same?
    ///
    /// Compares results, weights, annotations and images with the hashes in the run's manifest, and
    /// computes some of its scores again from its distances. Exit code 1 if something differs.
    Verify(Verify),
    /// Check a data set before it is run.
    ///
    /// Reports counts against the published release, missing and unused files, images that cannot
    /// be decoded, equal images, and repeated trials. Exit code 1 if something is wrong.
    Check(Check),
    /// Write a data set that alignscope reads as a folder of your own: a table, with links to its
    /// images.
    ///
    /// Reads any data set, in the layout of its authors or of others, and writes `pairs.csv`,
    /// `twoafc.csv`, `oddoneout.csv`, `quadruplets.csv` or `samedifferent.csv`, with labels and
    /// numbers of trials, and says what it did. What is read there has the same scores.
    Import(Import),
    /// Say what this machine has, for a report of a bug: processor and instructions, memory, caches,
    /// the hub, torch and its devices, versions.
    ///
    /// Exit code 1 if something would not work; it says what, and what to do. Tokens are not
    /// printed.
    Doctor(Doctor),
    /// List the known models, data sets or distances.
    List {
        /// What to list.
        what: Listed,
    },
    /// Print a script that completes commands and options in a shell.
    Completions(Completions),
    /// Write the manual pages.
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
