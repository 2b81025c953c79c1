//! `alignscope slurm`.

use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process;

use alignscope::cache::CacheFolder;
use alignscope::{ExperimentFile, Shard};
use anyhow::{Context, bail};
use clap::Parser;

use crate::arguments::{Arguments, Command, Slurm};
use crate::cache;
use crate::progress::progress;
use crate::run::{experiment, in_shell, quoted};
use crate::terminal::say;
use crate::typed::slurm_memory_bytes;

/// So often a shard that a signal ended is put back into the queue.
const REQUEUES: usize = 3;

/// Writes the scripts of a run in shards, and submits them if that is asked for.
///
/// `words` — all that was typed
pub fn run(arguments: &Slurm, words: Vec<String>, quiet: bool) -> anyhow::Result<()> {
    Shard::all(arguments.shards.get())?;
    let scripts = Scripts::new(arguments, &words[0])?;
    scripts.check()?;
    let folder = &scripts.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let files = [
        ("shards.sbatch", scripts.shards()),
        ("assemble.sbatch", scripts.assemble()),
        ("submit.sh", scripts.submit()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let submit = folder.join("submit.sh");
    if arguments.submit {
        return submitted(&submit);
    }
    progress(quiet).note(&format!(
        "the scripts of {} shards are in {}; submit them with: bash {}",
        arguments.shards,
        folder.display(),
        quoted(&submit.display().to_string())
    ));
    Ok(())
}

/// Submits the jobs, and says which they are.
fn submitted(script: &Path) -> anyhow::Result<()> {
    let output = process::Command::new("bash").arg(script).output();
    let output = output.context("cannot start bash, which submits the jobs")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if !output.status.success() {
        bail!(
            "the jobs were not submitted: {}; the scripts are there, submit them with `bash {}` \
             where there is `sbatch`",
            text(&output.stderr),
            quoted(&script.display().to_string())
        );
    }
    say!("{}", text(&output.stdout));
    Ok(())
}

/// A name without what Slurm would not take in one.
fn plain(name: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    name.chars().map(kept).collect()
}

/// The scripts of a run in shards.
struct Scripts<'a> {
    arguments: &'a Slurm,
    /// Where the scripts lie, and what the jobs say.
    folder: PathBuf,
    /// Where the jobs work: paths of the experiment may be from here.
    working: PathBuf,
    /// The program and its arguments, without those that shards and assembling differ in.
    command: Vec<String>,
}

impl<'a> Scripts<'a> {
    /// `program` — the program as it was typed
    fn new(arguments: &'a Slurm, program: &str) -> anyhow::Result<Self> {
        let working = std::env::current_dir().context("cannot tell the present folder")?;
        let whole = |path: &Path| {
            absolute(path).with_context(|| format!("cannot tell where {} is", path.display()))
        };
        let program = match program.contains(std::path::MAIN_SEPARATOR) {
            true => whole(Path::new(program))?.display().to_string(),
            false => program.to_owned(),
        };
        let out = whole(&arguments.out)?;
        let folder = match &arguments.scripts {
            Some(folder) => whole(folder)?,
            None => {
                let mut name = out.clone().into_os_string();
                name.push("-slurm");
                PathBuf::from(name)
            }
        };
        let of_file = ExperimentFile::cache_of(&arguments.experiment)?;
        let kept = cache::folder_of(arguments.cache.as_deref(), of_file)?;
        let mut command = vec![program, "run".to_owned()];
        command.push(whole(&arguments.experiment)?.display().to_string());
        command.extend(["--out".to_owned(), out.display().to_string()]);
        let place = match CacheFolder::is_address(kept.path()) {
            true => kept.path().to_owned(),
            false => whole(kept.path())?,
        };
        command.extend(["--cache".to_owned(), place.display().to_string()]);
        let says = |option: &str| arguments.run.iter().any(|word| word.starts_with(option));
        if let Some(bytes) = arguments.job.mem.as_deref().and_then(slurm_memory_bytes)
            && !says("--memory")
        {
            command.extend(["--memory".to_owned(), format!("{}MB", bytes / 8 * 7 / 1_000_000)]);
        }
        command.extend(arguments.run.iter().cloned());
        Ok(Self { arguments, folder, working, command })
    }

    /// Refuses what the jobs would refuse.
    fn check(&self) -> anyhow::Result<()> {
        for option in ["--shard", "--no-cache", "--fresh", "--cache", "--out", "--threads"] {
            let is_it = |word: &String| word == option || word.starts_with(&format!("{option}="));
            if self.arguments.run.iter().any(is_it) {
                bail!(
                    "`{option}` cannot be an option of the jobs' runs: it stands before `--`, or \
                     the scripts say it themselves"
                );
            }
        }
        match Arguments::try_parse_from(&self.command) {
            Ok(Arguments { command: Command::Run(run), .. }) => {
                experiment(&run.asked, &self.command).map(drop)
            }
            Ok(_) => unreachable!("the command is `run`"),
            Err(error) => bail!("the jobs would not run: {error}"),
        }
    }

    /// What each job asks of Slurm.
    ///
    /// `name` — what the job is called
    /// `log` — the file for what it says
    fn header(&self, name: &str, log: &str) -> String {
        let job = &self.arguments.job;
        let experiment = self.arguments.experiment.file_stem().unwrap_or_default();
        let log = self.folder.join(log);
        let mut lines = vec![
            format!("--job-name={name}-{}", plain(&experiment.to_string_lossy())),
            format!("--output={}", quoted(&log.display().to_string())),
            "--open-mode=append".to_owned(),
            "--requeue".to_owned(),
            "--ntasks=1".to_owned(),
            format!("--cpus-per-task={}", job.cpus),
        ];
        let named = [
            ("--partition", &job.partition),
            ("--time", &job.time),
            ("--mem", &job.mem),
            ("--account", &job.account),
        ];
        for (option, value) in named {
            lines.extend(value.as_ref().map(|value| format!("{option}={value}")));
        }
        lines.extend(job.others.iter().cloned());
        let lines: Vec<String> = lines.iter().map(|line| format!("#SBATCH {line}\n")).collect();
        format!("#!/bin/bash\n{}", lines.concat())
    }

    fn shards(&self) -> String {
        let Slurm { shards, job, .. } = self.arguments;
        let at_most = job.at_most.map_or(String::new(), |most| format!("%{most}"));
        let gpus = job.gpus.map_or(String::new(), |gpus| format!("#SBATCH --gpus={gpus}\n"));
        format!(
            r#"{header}{gpus}#SBATCH --array=1-{shards}{at_most}
# A shard of the run: what it computes goes to the cache, and what is there is not computed again.
cd {working} || exit 2
{command} --threads {cpus} --shard "$SLURM_ARRAY_TASK_ID/{shards}"
code=$?
# Who was ended by a signal was lost, and goes on from what is in the cache.
if [ "$code" -gt 128 ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {REQUEUES} ]; then
    echo "ended by signal $((code - 128)); back into the queue"
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}" && sleep 60
fi
exit "$code"
"#,
            header = self.header("shards", "shard-%a.log"),
            working = quoted(&self.working.display().to_string()),
            command = in_shell(&self.command),
            cpus = job.cpus,
        )
    }

    fn assemble(&self) -> String {
        format!(
            r#"{header}# The whole run, of which the shards left all in the cache; what is missing is computed.
cd {working} || exit 2
exec {command} --threads {cpus}
"#,
            header = self.header("assemble", "assemble.log"),
            working = quoted(&self.working.display().to_string()),
            command = in_shell(&self.command),
            cpus = self.arguments.job.cpus,
        )
    }

    fn submit(&self) -> String {
        let folder = quoted(&self.folder.display().to_string());
        format!(
            r#"#!/bin/bash
# Submits the shards, and behind them the job that assembles the run once all have succeeded.
set -eu
shards=$(sbatch --parsable {folder}/shards.sbatch)
shards=${{shards%%;*}}
assemble=$(sbatch --parsable --dependency="afterok:$shards" --kill-on-invalid-dep=yes \
    {folder}/assemble.sbatch)
echo "job $shards: {count} shards"
echo "job ${{assemble%%;*}}: assembles the run, once all shards have succeeded, in" {out}
"#,
            count = self.arguments.shards,
            out = quoted(&self.command[4]),
        )
    }
}
