//! `alignscope doctor`.

use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use alignscope::cache::CacheFolder;
use alignscope::{
    HubSettings, PrecisionChoice, TorchModels, cpu_name, free_bytes, in_one_line, instructions,
    reach_hub,
};
use bytesize::ByteSize;

use crate::arguments::Doctor;
use crate::run::DONE_WITH_FAILURES;
use crate::terminal::say;
use crate::{DONE, cache, default_memory};

/// How long the hub may be silent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Variables of the environment that change what is done, with values that may be shown.
const VARIABLES: [&str; 14] = [
    "ALIGNSCOPE_CACHE",
    "ALIGNSCOPE_INSTRUCTIONS",
    "ALIGNSCOPE_WEIGHTS",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "HTTPS_PROXY",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "SLURM_JOB_ID",
];

/// Variables of which is said only that they are set.
const SECRETS: [&str; 3] = ["HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// What was looked at, and what is wrong with it.
#[derive(Default)]
struct Report {
    problems: Vec<String>,
}

impl Report {
    fn line(&mut self, what: &str, found: &str) {
        say!("{what:<18}{}", in_one_line(found));
    }

    fn problem(&mut self, what: &str, found: &str, to_do: &str) {
        self.line(what, found);
        self.problems.push(format!("{what}: {found}; {to_do}"));
    }
}

/// Prints what a report of a bug should say of the machine, and what would not work here.
pub fn run(arguments: &Doctor, torch: &dyn TorchModels) -> u8 {
    let mut report = Report::default();
    program(&mut report);
    memory(&mut report);
    keeps(&mut report, arguments.cache.as_deref());
    hub(&mut report, arguments.offline);
    of_torch(&mut report, torch);
    variables(&mut report);
    say!("");
    for problem in &report.problems {
        say!("PROBLEM  {}", in_one_line(problem));
    }
    match report.problems.len() {
        0 => {
            say!("nothing is wrong");
            DONE
        }
        _ => DONE_WITH_FAILURES,
    }
}

fn program(report: &mut Report) {
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let system = sysinfo::System::long_os_version().unwrap_or_default();
    report.line("alignscope", &format!("{version} for {os}, {arch}"));
    report.line("system", &system);
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    report.line("processor", &format!("{}, {threads} threads", cpu_name()));
    match instructions() {
        Err(error) => {
            let fix = "unset the environment variable ALIGNSCOPE_INSTRUCTIONS";
            report.problem("instructions", &error.to_string(), fix);
        }
        Ok([in_use, best]) => {
            let of_best = if in_use == best { "the best here" } else { "not the best here" };
            let precision = PrecisionChoice::Auto.resolve();
            let said = format!("{in_use} ({of_best}: {best}); --precision auto is {precision}");
            report.line("instructions", &said);
        }
    }
}

fn memory(report: &mut Report) {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let [total, available] = [system.total_memory(), system.available_memory()].map(size);
    let mut said = format!("{total}, of which {available} are available");
    if let Some(limits) = system.cgroup_limits() {
        said.push_str(&format!("; this process may use {}", size(limits.total_memory)));
    }
    report.line("memory", &said);
    match default_memory() {
        Ok(bytes) => report.line("memory by default", &size(bytes)),
        Err(error) => {
            report.problem("memory by default", &error.to_string(), "say how much with --memory");
        }
    }
}

/// The cache of what was measured, and of the hub.
fn keeps(report: &mut Report, given: Option<&Path>) {
    let to_do = "name another with --cache or ALIGNSCOPE_CACHE";
    let folder = match cache::folder(given) {
        Ok(folder) => folder,
        Err(error) => return report.problem("cache", &format!("{error:#}"), to_do),
    };
    let path = folder.path().display().to_string();
    match folder.list() {
        Err(error) => {
            let why = anyhow::Error::from(error);
            report.problem("cache", &format!("{path}: {why:#}"), to_do);
        }
        Ok(entries) => {
            let bytes = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
            let mut said = format!("{path}: {} entries, {}", entries.len(), size(bytes));
            if CacheFolder::is_address(folder.path()) {
                return report.line("cache", &said);
            }
            if let Some(free) = free_bytes(folder.path()) {
                said.push_str(&format!(", {} free", size(free)));
            }
            match check_writable(folder.path()) {
                Ok(()) => report.line("cache", &said),
                Err(error) => {
                    report.problem("cache", &format!("{said}, cannot be written: {error}"), to_do);
                }
            }
        }
    }
}

/// Whether files can be made in a folder, or in the nearest one above it that is there.
fn check_writable(folder: &Path) -> std::io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    tempfile::Builder::new().prefix(".alignscope-doctor").tempfile_in(there).map(drop)
}

fn hub(report: &mut Report, offline: bool) {
    let settings = HubSettings::from_env();
    let models = std::fs::read_dir(&settings.cache).map_or(0, |entries| {
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with("models--")).count()
    });
    report.line("hub's cache", &format!("{}: {models} models", settings.cache.display()));
    let token = if settings.token.is_some() { "with a token" } else { "without a token" };
    let said = format!("{}, {token}", without_login(&settings.endpoint));
    if offline || settings.offline {
        return report.line("hub", &format!("{said}; not asked, offline"));
    }
    match reach_hub(&settings, PATIENCE) {
        Ok(()) => report.line("hub", &format!("{said}; reachable")),
        Err(why) => report.problem(
            "hub",
            &format!("{said}; not reachable: {why}"),
            "models can be read from folders, from the hub's cache (HF_HUB_OFFLINE=1), or from \
             a mirror (HF_ENDPOINT)",
        ),
    }
}

fn of_torch(report: &mut Report, torch: &dyn TorchModels) {
    let facts = torch.facts();
    if facts.is_empty() {
        report.line("torch", "none: torch models need the Python package (pip install alignscope)");
    }
    for (what, found) in &facts {
        report.line(what, found);
    }
}

fn variables(report: &mut Report) {
    for name in VARIABLES {
        if let Some(value) = std::env::var_os(name) {
            report.line(name, &without_login(&value.to_string_lossy()));
        }
    }
    for name in SECRETS.iter().filter(|name| std::env::var_os(name).is_some()) {
        report.line(name, "is set");
    }
}

/// An address without the user and the password in it.
fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://…@{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_the_login_in_them() {
        for (address, shown) in [
            ("http://user:secret@proxy:8080", "http://…@proxy:8080"),
            ("https://user:p@ss@host/a@b", "https://…@host/a@b"),
            ("https://huggingface.co", "https://huggingface.co"),
            ("https://host/a@b", "https://host/a@b"),
            ("/a/folder@1", "/a/folder@1"),
        ] {
            assert_eq!(without_login(address), shown);
        }
    }
}
