//! `alignscope cache`.

use std::collections::BTreeSet;
use std::time::Duration;

use alignscope::cache::{CacheError, CacheFolder, CacheListing};
use alignscope::{NamedModel, in_one_line};
use anyhow::bail;
use bytesize::ByteSize;

use crate::arguments::{Cache, CacheAction};
use crate::terminal::say;

const DAY_S: u64 = 24 * 60 * 60;

/// Lists, sizes or removes what is kept of earlier runs.
pub fn run(arguments: &Cache) -> anyhow::Result<()> {
    let folder = folder(arguments.cache.as_deref())?;
    let entries = folder.list()?;
    match &arguments.action {
        CacheAction::List => {
            for entry in &entries {
                say!("{}", line(entry));
            }
            total(&folder, &entries);
        }
        CacheAction::Size => total(&folder, &entries),
        CacheAction::Clean { models, datasets, older_than } => {
            let age = older_than.map(|days| Duration::from_secs(days.saturating_mul(DAY_S)));
            let chosen = models
                .iter()
                .map(|model| chosen(model, &entries))
                .collect::<anyhow::Result<Vec<_>>>()?;
            for dataset in datasets {
                if entries.iter().all(|entry| entry.about.dataset != *dataset) {
                    let all = entries.iter().map(|entry| entry.about.dataset.as_str()).collect();
                    bail!("nothing is kept of the data set `{dataset}`; there is {}", list(all));
                }
            }
            let matches = |entry: &&CacheListing| {
                (models.is_empty() || chosen.contains(&entry.about.model.as_str()))
                    && (datasets.is_empty() || datasets.contains(&entry.about.dataset))
                    && age.is_none_or(|age| entry.age() >= age)
            };
            let (mut removed, mut bytes) = (0, 0);
            for entry in entries.iter().filter(matches) {
                let left = match entry.remove() {
                    Err(CacheError::InUse { .. }) => {
                        say!("left, since a run is at work with it: {}", line(entry));
                        continue;
                    }
                    other => other?,
                };
                say!("removed {}", line(entry));
                for name in left {
                    let path = entry.path.join(name).display().to_string();
                    say!("left, since it is no file of alignscope's: {}", in_one_line(&path));
                }
                removed += 1;
                bytes = entry.bytes.saturating_add(bytes);
            }
            let size = ByteSize(bytes).display().si();
            say!("{removed} of {} entries removed, {size}", entries.len());
        }
    }
    Ok(())
}

/// Where differences are kept: as given, or the user's cache.
pub fn folder(given: Option<&std::path::Path>) -> anyhow::Result<CacheFolder> {
    Ok(match given {
        Some(place) => CacheFolder::at(place)?,
        None => CacheFolder::of_user()?,
    })
}

/// The same, but what an experiment says takes the place of the user's cache.
pub fn folder_of(
    given: Option<&std::path::Path>,
    of_file: Option<CacheFolder>,
) -> anyhow::Result<CacheFolder> {
    match (given, of_file) {
        (None, Some(of_file)) => Ok(of_file),
        (given, _) => folder(given),
    }
}

/// The model that is to be removed: as it is named for `run`, or by its name in results.
fn chosen<'a>(model: &str, entries: &'a [CacheListing]) -> anyhow::Result<&'a str> {
    let place = model.parse::<NamedModel>().map(|model| model.spec.place());
    let is_it = |entry: &&CacheListing| {
        entry.about.model == model || place.as_ref() == Ok(&entry.about.model)
    };
    if let Some(entry) = entries.iter().find(is_it) {
        return Ok(&entry.about.model);
    }
    let called = entries.iter().filter(|entry| entry.about.name == model);
    let called: BTreeSet<&str> = called.map(|entry| entry.about.model.as_str()).collect();
    match called.len() {
        1 => Ok(called.first().expect("there is one")),
        0 => {
            let all = entries.iter().map(|entry| entry.about.model.as_str()).collect();
            bail!("nothing is kept of `{model}`; there is {}", list(all))
        }
        _ => bail!("`{model}` is what runs called {}; name one of them", list(called)),
    }
}

/// Names in quotation marks, with commas.
fn list(names: BTreeSet<&str>) -> String {
    match names.is_empty() {
        true => "nothing at all".to_owned(),
        false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}

fn line(entry: &CacheListing) -> String {
    let CacheListing { about, bytes, path, .. } = entry;
    let days = entry.age().as_secs() / DAY_S;
    let age = if days == 0 { "today".to_owned() } else { format!("{days} days ago") };
    let key = path.file_name().unwrap_or_default().to_string_lossy();
    let size = ByteSize(*bytes).display().si().to_string();
    let model = match about.name == about.model {
        true => about.model.clone(),
        false => format!("{} ({})", about.name, about.model),
    };
    let line = format!(
        "{size:>10}  {age:>12}  {model} on {} ({} pairs)  {}",
        about.dataset,
        about.pairs,
        key.get(..8).unwrap_or(&key)
    );
    in_one_line(&line).into_owned()
}

fn total(folder: &CacheFolder, entries: &[CacheListing]) {
    let bytes = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
    say!(
        "{} entries, {}, in {}",
        entries.len(),
        ByteSize(bytes).display().si(),
        folder.path().display()
    );
}
