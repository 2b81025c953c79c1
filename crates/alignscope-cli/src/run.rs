//! `alignscope run`.

use alignscope::results::OutputFolder;
use alignscope::{DatasetOptions, DatasetSpec, Distance, Experiment};
use anyhow::bail;
use bytesize::ByteSize;

use crate::arguments::Run;
use crate::progress::progress;

/// Measures models on data sets.
pub fn run(arguments: &Run, quiet: bool) -> anyhow::Result<()> {
    if arguments.datasets.len() != arguments.data.len() {
        bail!(
            "{} data sets but {} folders are named; give one --data for each --dataset, in the same order",
            arguments.datasets.len(),
            arguments.data.len()
        );
    }
    let options = DatasetOptions {
        split: arguments.split.clone(),
        min_votes: arguments.min_votes,
        things_images: arguments.images.map(Into::into),
        skip_missing: arguments.skip_missing,
        limit: arguments.limit,
    };
    let datasets = arguments
        .datasets
        .iter()
        .zip(&arguments.data)
        .map(|(kind, data)| DatasetSpec {
            kind: *kind,
            data: data.clone(),
            options: options.clone(),
        })
        .collect();
    let distances = match arguments.distances.as_slice() {
        [] => Distance::ALL.to_vec(),
        named => named.to_vec(),
    };
    let experiment = Experiment {
        models: arguments.models.clone(),
        datasets,
        distances,
        ties: arguments.ties,
        pixels: !arguments.no_pixels,
        memory_bytes: memory(arguments.memory)?,
        scale_from: arguments.scale_from.clone(),
        simulated: false,
        command: Some(std::env::args().collect()),
    };
    execute(&experiment, OutputFolder::claim(&arguments.out)?, quiet)
}

/// Runs an experiment and says where the results are.
pub fn execute(experiment: &Experiment, out: OutputFolder, quiet: bool) -> anyhow::Result<()> {
    let progress = progress(quiet);
    let summary = match experiment.run(&out, &*progress) {
        Ok(summary) => summary,
        Err(error) => {
            out.abandon();
            return Err(error.into());
        }
    };
    progress.note(&format!(
        "{} scores in {} after {:.1} s; the figure is alignment.svg",
        summary.scores.len(),
        out.path().display(),
        summary.wall_s
    ));
    Ok(())
}

/// The memory budget in bytes: as given, or half of what the machine has.
pub fn memory(given: Option<ByteSize>) -> anyhow::Result<u64> {
    if let Some(given) = given {
        return Ok(given.as_u64());
    }
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    match system.total_memory() {
        0 => {
            bail!("cannot tell how much memory this machine has; say how much to use with --memory")
        }
        total => Ok(total / 2),
    }
}
