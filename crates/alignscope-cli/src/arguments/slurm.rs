//! `alignscope slurm`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::heading;
use crate::typed::{path, slurm_memory};

/// `alignscope slurm`.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is run")]
pub struct Slurm {
    /// An experiment as a TOML file, or the manifest.json of a run, as for `run`.
    #[arg(value_name = "EXPERIMENT", value_parser = path(), help_heading = heading::ARGUMENTS)]
    pub experiment: PathBuf,

    /// Options of `run` for all jobs, after `--`, as in `-- --data tid2013=/data/tid2013 --limit
    /// 1000`.
    #[arg(value_name = "OPTIONS OF RUN", last = true, help_heading = heading::ARGUMENTS)]
    pub run: Vec<String>,

    /// In how many shards the run is computed: jobs of the array.
    #[arg(long, value_name = "N")]
    pub shards: NonZeroUsize,

    /// Folder of the cache, which all nodes must see, or s3://BUCKET/PREFIX; by default what the
    /// experiment says, else $ALIGNSCOPE_CACHE, else alignscope/cells in $XDG_CACHE_HOME or
    /// ~/.cache.
    #[arg(long, value_name = "DIR", value_parser = path())]
    pub cache: Option<PathBuf>,

    #[command(flatten)]
    pub job: Job,

    /// The folder for the results, which the last job writes.
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub out: PathBuf,

    /// The folder for the scripts and what the jobs say; by default that of the results with
    /// `-slurm` at its end.
    #[arg(long, value_name = "DIR", value_parser = path(), help_heading = heading::OUTPUT)]
    pub scripts: Option<PathBuf>,

    /// Submit the jobs, too: needs `sbatch`.
    #[arg(long, help_heading = heading::OUTPUT)]
    pub submit: bool,
}

/// What a job asks of Slurm.
#[derive(Debug, Args)]
#[command(next_help_heading = "What each job asks of Slurm (options of sbatch)")]
pub struct Job {
    /// The partition.
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,

    /// The longest time of a job, as in `4:00:00`. A job that takes longer is stopped by Slurm; what
    /// it has computed is kept, and the shard goes on from there when it is submitted again.
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,

    /// Memory of a job, as in `16G`; seven eighths of it are what alignscope may use.
    #[arg(long, value_name = "SIZE", value_parser = slurm_memory)]
    pub mem: Option<String>,

    /// Cores of a job.
    #[arg(long, value_name = "N", default_value = "1")]
    pub cpus: NonZeroUsize,

    /// GPUs of a shard, for torch models; the assembling job asks for none.
    #[arg(long, value_name = "N")]
    pub gpus: Option<NonZeroUsize>,

    /// The account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,

    /// At most so many shards at a time; by default as many as Slurm lets run.
    #[arg(long, value_name = "N")]
    pub at_most: Option<NonZeroUsize>,

    /// Another option of sbatch for all jobs, as in `--sbatch=--constraint=avx512`. Can be given
    /// several times.
    #[arg(long = "sbatch", value_name = "OPTION", allow_hyphen_values = true)]
    pub others: Vec<String>,
}
