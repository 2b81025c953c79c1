//! `alignscope demo`.

use alignscope::results::OutputFolder;
use alignscope::{DatasetFormat, DatasetSpec, Experiment, MetricKind, ModelSpec, NoTorch, demo};
use anyhow::Context;

use crate::arguments::Demo;
use crate::progress::progress;
use crate::run::{execute, memory};

/// The untrained control of the demo: the smallest encoder of the study.
const MODEL: &str = "openai/clip-vit-base-patch32";

/// Draws images, simulates an observer, and runs pixels and an untrained encoder on them.
pub fn run(arguments: &Demo, command: Vec<String>, quiet: bool) -> anyhow::Result<u8> {
    let memory_bytes = memory(arguments.budget.memory)?;
    let out = OutputFolder::claim(&arguments.out)?;
    let data = out.file("data");
    let progress = progress(quiet);
    progress.begin("drawing images", 0);
    let folders = demo::draw(&data, arguments.seed).context("cannot draw the demo's images")?;
    progress.end();
    let models =
        vec![ModelSpec::MetricKind(MetricKind::Ssim), ModelSpec::untrained(MODEL, arguments.seed)];
    let datasets = vec![
        DatasetSpec::new(DatasetFormat::PAIRS, folders.low),
        DatasetSpec::new(DatasetFormat::TWO_AFC, folders.middle),
        DatasetSpec::new(DatasetFormat::ODD_ONE_OUT, folders.high),
    ];
    let experiment = Experiment {
        simulated: true,
        command: Some(command),
        ..Experiment::new(models, datasets, memory_bytes)
    };
    progress.note("the observer of the demo is simulated: these scores say nothing about people");
    drop(progress);
    execute(&experiment, &NoTorch, out, quiet)
}
