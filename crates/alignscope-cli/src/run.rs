//! `alignscope run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alignscope::results::OutputFolder;
use alignscope::{
    Choices, DatasetSpec, Experiment, ExperimentError, ExperimentFile, Like, NamedDataset,
    NamedLevel, NamedModel, PrecisionChoice, Progress, Shard, TorchModels, expand_home,
};
use anyhow::{Context, bail};
use bytesize::ByteSize;
use clap::ValueEnum;

use crate::DONE;
use crate::arguments::{Asked, Run};
use crate::cache;
use crate::progress::progress;
use crate::stop::Stoppable;
use crate::terminal::tell;
use crate::typed::check_experiment;

/// Exit code of a run that is done, but for failures that it named.
pub const DONE_WITH_FAILURES: u8 = 1;

/// The models, of which files of weights that say nothing of their architecture are like another
/// model.
fn models_like(models: &[NamedModel], like: Option<&Like>) -> anyhow::Result<Vec<NamedModel>> {
    let Some(like) = like else { return Ok(models.to_vec()) };
    let mut used = false;
    let mut with = |NamedModel { name, spec, .. }: NamedModel| {
        let (spec, changed) = spec.with_like(like);
        used |= changed;
        NamedModel::new(name, spec)
    };
    let models = models.iter().cloned().map(&mut with).collect();
    match used {
        true => Ok(models),
        false => bail!("{LIKE_UNUSED}"),
    }
}

/// What is said where `--like` is given and is about no model.
pub const LIKE_UNUSED: &str = "--like says what a file of weights is, such as `FILE.pt`; no model \
                               here is one without `@like=`; leave it out";

/// Measures models on data sets.
///
/// `torch` — opens torch models
pub fn run(
    arguments: &Run,
    command: Vec<String>,
    torch: &dyn TorchModels,
    quiet: bool,
) -> anyhow::Result<u8> {
    let experiment = experiment(&arguments.asked, &command)?;
    let fresh = arguments.asked.store.fresh;
    let whole = Experiment { command: Some(command.clone()), ..experiment };
    match (arguments.shard, &arguments.out) {
        (Some(shard), _) => execute_shard(&whole, shard, torch, &command, quiet),
        (None, Some(out)) => {
            let out = OutputFolder::claim_run(out, fresh)?;
            execute(&whole, torch, out, quiet)
        }
        (None, None) => unreachable!("one of them is required"),
    }
}

/// The experiment that is typed.
///
/// `words` — all that was typed
pub fn experiment(arguments: &Asked, words: &[String]) -> anyhow::Result<Experiment> {
    check_experiment(arguments, words)?;
    let memory_bytes = memory(arguments.store.budget.memory)?;
    let choices = choices(arguments)?;
    let experiment = match &arguments.experiment {
        Some(path) => from_file(arguments, path)?.into_experiment(choices, memory_bytes),
        None => Experiment {
            models: models_like(&arguments.models, arguments.like.as_ref())?,
            precision: PrecisionChoice::Auto.resolve(),
            ..Experiment::new(vec![], from_arguments(arguments)?, memory_bytes)
        }
        .with(choices),
    };
    Ok(Experiment {
        kept: match arguments.store.no_cache {
            true => None,
            false => Some(cache::folder_of(arguments.store.cache.as_deref(), experiment.kept)?),
        },
        fresh: arguments.store.fresh,
        ..experiment
    })
}

/// What was typed beside models and data sets.
fn choices(arguments: &Asked) -> anyhow::Result<Choices> {
    Ok(Choices {
        projection: arguments.projection,
        precision: arguments.precision,
        backend: arguments.torch.backend,
        torch: arguments.torch.options(),
        prefix_tokens: arguments.arrays.prefix_tokens,
        layouts: arguments.arrays.layouts()?,
        baseline_size: arguments.baseline_size,
        weights: arguments.weights.clone(),
        pixels: arguments.no_pixels.then_some(false),
        memory_bytes: arguments.store.budget.memory.map(|size| size.as_u64()),
        scale_from: arguments.scale_from.clone(),
        transform: arguments.transform.clone(),
        keep_going: arguments.data.keep_going.then_some(true),
        published: arguments.published.then_some(true),
        ..arguments.scoring.choices()
    })
}

/// The data sets that `--dataset` and `--data` name.
fn from_arguments(arguments: &Asked) -> anyhow::Result<Vec<DatasetSpec>> {
    if arguments.data.datasets.len() != arguments.data.folders.len() {
        bail!(
            "{} data sets but {} folders are named; give one --data for each --dataset, in the \
             same order",
            arguments.data.datasets.len(),
            arguments.data.folders.len()
        );
    }
    for place in arguments.data.folders.iter().filter(|place| !place.exists()) {
        let text = place.to_string_lossy();
        if let Some((name, path)) = text.split_once('=')
            && let Some(dataset) = arguments.data.datasets.iter().find(|d| d.called() == name)
        {
            bail!(
                "`--data {name}={path}`: NAME=PATH is for an experiment in TOML; write `--dataset \
                 {dataset} --data {path}`"
            );
        }
    }
    let pairs = arguments.data.datasets.iter().zip(&arguments.data.folders);
    let spec = |(dataset, data): (&NamedDataset, &PathBuf)| DatasetSpec {
        name: dataset.name.clone(),
        level: None,
        format: dataset.format,
        data: data.clone(),
        options: arguments.data.part.options(),
    };
    let mut datasets: Vec<DatasetSpec> = pairs.map(spec).collect();
    set_levels(&mut datasets, &arguments.data.levels)?;
    Ok(datasets)
}

/// The grid of an experiment file, with what the command line changes of it.
fn from_file(arguments: &Asked, path: &Path) -> anyhow::Result<ExperimentFile> {
    let mut grid = match arguments.data.datasets.is_empty() {
        true => {
            let data = arguments.data.folders.iter().map(|place| place.to_string_lossy());
            let data = named_paths(data).context("with an experiment")?;
            ExperimentFile::read(path, &data, arguments.untrained)?
        }
        false => {
            let datasets = from_arguments(arguments)?;
            let file = ExperimentFile::read(path, &BTreeMap::new(), arguments.untrained)?;
            file.with_datasets(datasets)
        }
    };
    if !arguments.models.is_empty() {
        grid = grid.with_models(models_like(&arguments.models, arguments.like.as_ref())?);
    }
    let options = arguments.data.part.options();
    if arguments.data.datasets.is_empty()
        && let Some((option, line)) = of_datasets(arguments).into_iter().next()
    {
        bail!(
            "`{option}` is not for the data sets of an experiment; write `{line}` there, under \
               [[datasets]]"
        );
    }
    for dataset in &mut grid.datasets {
        dataset.options.skip_missing |= options.skip_missing;
        dataset.options.allow_outside |= options.allow_outside;
        dataset.options.limit = options.limit.or(dataset.options.limit);
    }
    set_levels(&mut grid.datasets, &arguments.data.levels)?;
    Ok(grid)
}

/// The options of data sets that are typed and stand in an experiment, each with its line there.
fn of_datasets(arguments: &Asked) -> Vec<(&'static str, String)> {
    let part = &arguments.data.part;
    let images =
        part.images.and_then(|images| Some(images.to_possible_value()?.get_name().to_owned()));
    let lines = [
        ("--split", part.split.as_ref().map(|name| format!("split = {name:?}"))),
        ("--min-votes", part.min_votes.map(|votes| format!("min_votes = {votes}"))),
        (
            "--lower-is-better",
            part.scores.lower_is_better.map(|is| format!("lower_is_better = {is}")),
        ),
        ("--images", images.map(|name| format!("images = {name:?}"))),
        ("--odd", part.odd.map(|place| format!("odd = \"{place}\""))),
    ];
    lines.into_iter().filter_map(|(option, line)| Some((option, line?))).collect()
}

/// Gives data sets the levels that `--level` says.
pub fn set_levels(datasets: &mut [DatasetSpec], levels: &[NamedLevel]) -> anyhow::Result<()> {
    for (i, NamedLevel { name, level }) in levels.iter().enumerate() {
        if levels[..i].iter().any(|other| other.name == *name) {
            bail!("`--level` names {name} twice, expected one level for a data set");
        }
        let called: Vec<String> = datasets.iter().map(|d| format!("`{}`", d.called())).collect();
        let mut found = datasets.iter_mut().filter(|dataset| dataset.called() == name);
        match (found.next(), found.next()) {
            (Some(dataset), None) => dataset.level = Some(*level),
            (Some(dataset), Some(_)) => bail!(
                "`--level {name}={level}` could mean two data sets; name one of them, as in \
                 `--dataset mine={}`",
                dataset.format
            ),
            (None, _) => bail!(
                "`--level {name}={level}` names a data set that is not run; those that are run \
                 are {}",
                called.join(", ")
            ),
        }
    }
    Ok(())
}

/// The paths in `--data NAME=PATH` by their data sets.
pub fn named_paths(
    texts: impl Iterator<Item = impl AsRef<str>>,
) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for text in texts {
        let text = text.as_ref();
        let Some((name, path)) = text.split_once('=') else {
            bail!(
                "`--data {text}` is not understood, expected NAME=PATH with the name that the \
                 experiment or the run has for the data set, as in `pairs={text}`"
            );
        };
        let path = expand_home(Path::new(path))?;
        if found.insert(name.to_owned(), path).is_some() {
            bail!("`--data` names {name} twice, expected one folder for a data set");
        }
    }
    Ok(found)
}

/// Runs an experiment and says where the results are.
pub fn execute(
    experiment: &Experiment,
    torch: &dyn TorchModels,
    out: OutputFolder,
    quiet: bool,
) -> anyhow::Result<u8> {
    let progress = Stoppable::new(progress(quiet))?;
    let summary = match experiment.run_with(vec![], torch, &out, &progress) {
        Ok(summary) => summary,
        Err(ExperimentError::Stopped) => {
            tell!("alignscope: {}", stopped(experiment));
            out.abandon();
            return Ok(progress.exit_code());
        }
        Err(error) => {
            out.abandon();
            return Err(error.into());
        }
    };
    let (path, scores) = (out.path().display(), summary.scores.len());
    match summary.was_done {
        true => progress.note(&format!("{path} holds this very run already: {scores} scores")),
        false => {
            progress.note(&format!("{scores} scores in {path} after {:.1} s", summary.wall_s));
        }
    }
    if summary.bad_images.is_empty() {
        return Ok(DONE);
    }
    for (dataset, image) in &summary.bad_images {
        tell!("alignscope: {dataset}: {} could not be read: {}", image.image, image.why);
    }
    tell!("alignscope: trials that show one of {} images are left out", summary.bad_images.len());
    Ok(DONE_WITH_FAILURES)
}

/// Computes one part of a run, and says how the whole is assembled.
///
/// `command` — what was typed
fn execute_shard(
    experiment: &Experiment,
    shard: Shard,
    torch: &dyn TorchModels,
    command: &[String],
    quiet: bool,
) -> anyhow::Result<u8> {
    let progress = Stoppable::new(progress(quiet))?;
    let summary = match experiment.run_shard(shard, vec![], torch, &progress) {
        Ok(summary) => summary,
        Err(ExperimentError::Stopped) => {
            tell!("alignscope: {}", stopped(experiment));
            return Ok(progress.exit_code());
        }
        Err(error) => return Err(error.into()),
    };
    for cell in &summary.cells {
        progress.note(&format!(
            "{} on {}: {} images and {} pairs at {} {} are this shard's, {} images were encoded in \
             {:.1} s",
            cell.model,
            cell.dataset,
            cell.images,
            cell.pairs,
            cell.stages,
            if cell.stages == 1 { "stage" } else { "stages" },
            cell.encoded,
            cell.wall_s
        ));
    }
    progress.note(&format!(
        "shard {shard} is in the cache after {:.1} s; once all {} are, assemble the run with: {}",
        summary.wall_s,
        shard.count(),
        in_shell(&assembling(command))
    ));
    Ok(DONE)
}

/// The command that assembles what shards computed: that of a shard without its number.
fn assembling(command: &[String]) -> Vec<String> {
    let mut words = Vec::new();
    let mut is_value = false;
    for word in command {
        let is_shard = word == "--shard" || word.starts_with("--shard=");
        if !is_shard && !is_value {
            words.push(word.clone());
        }
        is_value = word == "--shard";
    }
    if !words.iter().any(|word| word == "--out" || word.starts_with("--out=")) {
        words.extend(["--out", "DIR"].map(str::to_owned));
    }
    words
}

/// Words as a shell takes them.
pub fn in_shell(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// What is said when a run is stopped.
fn stopped(experiment: &Experiment) -> &'static str {
    match &experiment.kept {
        _ if experiment.simulated => "stopped; remove the folder to begin anew",
        Some(_) if experiment.fresh => {
            "stopped; what is finished is kept, and the same command without --fresh goes on from \
             there"
        }
        Some(_) => "stopped; what is finished is kept, and the same command goes on from there",
        None => "stopped; nothing is kept (--no-cache), and the same command begins anew",
    }
}

/// The memory budget in bytes: as given, or half of what the machine has.
pub fn memory(given: Option<ByteSize>) -> anyhow::Result<u64> {
    if let Some(given) = given {
        return Ok(given.as_u64());
    }
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    // A container or a job of a cluster may have less than the machine.
    let allowed = system.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    match system.total_memory().min(allowed) {
        0 => {
            bail!("cannot tell how much memory this machine has; say how much to use with --memory")
        }
        total => Ok(total / 2),
    }
}
