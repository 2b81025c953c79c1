//! Models by their id on the Hugging Face hub, kept in the cache that Python's `huggingface_hub`
//! uses.

mod client;
mod download;
mod error;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use client::PATIENCE;
use client::{Client, Failure, Task};
pub(crate) use download::download;
pub use error::HubError;
pub use settings::HubSettings;

use crate::input_file;
use crate::progress::Progress;
use crate::weights::{Needed, file_sha256, shard_names};

/// The files of adapters, which make another model of the one that they lie beside: of peft, of the
/// library `adapters`, and of diffusers.
pub(crate) const ADAPTER_FILES: [&str; 8] = [
    "adapter_config.json",
    "adapter_model.safetensors",
    "adapter_model.bin",
    "pytorch_adapter.bin",
    "pytorch_lora_weights.safetensors",
    "pytorch_lora_weights.bin",
    "adapters.safetensors",
    "lora.safetensors",
];

/// Where sentence-transformers lists the modules that a text or an image goes through.
pub(crate) const MODULES_FILE: &str = "modules.json";

/// The hub, and the cache of what was fetched from it.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: HubSettings,
    client: Client,
    known_type: fn(&Path) -> bool,
}

/// A model of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubModel {
    /// `OWNER/NAME`.
    pub id: String,
    /// A branch, tag or commit.
    pub revision: Option<String>,
}

impl std::fmt::Display for HubModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.revision {
            None => write!(f, "{}", self.id),
            Some(revision) => write!(f, "{}@{revision}", self.id),
        }
    }
}

impl HubModel {
    fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// The revision as a part of an address: a branch may have slashes.
    fn revision_in_address(&self) -> String {
        self.revision().replace('/', "%2F")
    }

    /// The folder of its files in the cache.
    fn folder_name(&self) -> String {
        format!("models--{}", self.id.replace('/', "--"))
    }
}

/// How long to wait before a broken download is taken up again, each time, before the user is told.
const RETRY_AFTER: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// Does something that needs the network, again where the network failed.
fn try_again<T>(mut request: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for wait in RETRY_AFTER {
        match request() {
            Err(Failure::Network(_)) => std::thread::sleep(wait),
            result => return result,
        }
    }
    request()
}

/// The answer to what a repository holds is no longer.
const MAX_LISTING_BYTES: u64 = 64 << 20;

/// What a repository holds at a revision.
#[derive(serde::Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(serde::Deserialize)]
struct Sibling {
    rfilename: String,
}

/// Whether the hub answers within `patience`: asks it for one line about itself.
///
/// # Errors
/// Why it does not, in words.
pub fn reach_hub(settings: &HubSettings, patience: Duration) -> Result<(), String> {
    let client = Client::with_patience(&settings.endpoint, settings.token.as_deref(), patience);
    let address = format!("{}/api/models?limit=1", settings.endpoint);
    client.text(&address, MAX_LISTING_BYTES).map(drop).map_err(|failure| failure.to_string())
}

impl Hub {
    /// The hub of these settings. `known_type` says of a folder whether its `config.json` is of a
    /// model that can be read; a server that says nothing is given up after `patience`.
    pub(crate) fn reading(
        settings: HubSettings,
        patience: Duration,
        known_type: fn(&Path) -> bool,
    ) -> Self {
        let client = Client::with_patience(&settings.endpoint, settings.token.as_deref(), patience);
        Self { settings, client, known_type }
    }

    /// The folder of a model: as it is in the cache, or else fetched.
    ///
    /// # Errors
    /// As for [`fetch`](Self::fetch).
    pub fn model(&self, model: &HubModel, progress: &dyn Progress) -> Result<PathBuf, HubError> {
        match self.cached(model) {
            Some(folder) => Ok(folder),
            None => self.fetch(model, progress),
        }
    }

    /// The folder of a model in the cache, where all the files that are needed are in it.
    pub fn cached(&self, model: &HubModel) -> Option<PathBuf> {
        let kept = self.kept(model);
        let snapshots = kept.join("snapshots");
        let commit = input_file::read_text(&kept.join("refs").join(model.revision()));
        let folder = match commit {
            Ok((commit, _)) => snapshots.join(commit.trim()),
            Err(_) => snapshots.join(model.revision()),
        };
        let needed = Needed::in_folder(&folder, self.known_type)?;
        let there = |shard: &String| folder.join(shard).is_file();
        let shards = || shard_names(&folder.join(&needed.weights));
        let whole = !needed.is_sharded() || shards().is_ok_and(|all| all.iter().all(there));
        (whole && needed.has_preprocessor()).then_some(folder)
    }

    /// Fetches a model: asks the hub which commit the revision is at, and downloads of it the
    /// files that are needed and not there. A download that was broken off goes on where it
    /// stopped. Returns the folder of the commit in the cache.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn fetch(&self, model: &HubModel, progress: &dyn Progress) -> Result<PathBuf, HubError> {
        if self.settings.offline {
            // Nobody can be asked whether there is something newer; what is there is right.
            return self.cached(model).ok_or_else(|| HubError::Offline {
                id: model.to_string(),
                cache: self.settings.cache.clone(),
            });
        }
        let listing = self.listing(model)?;
        let names: BTreeSet<_> = listing.siblings.into_iter().map(|f| f.rfilename).collect();
        let commit = HubModel { revision: Some(listing.sha.clone()), ..model.clone() };
        if let Some(file) = ADAPTER_FILES.iter().find(|file| names.contains(**file)) {
            return Err(HubError::Adapter {
                id: model.to_string(),
                endpoint: self.settings.endpoint.clone(),
                file: (*file).to_owned(),
            });
        }
        let files = Files {
            hub: self,
            model,
            commit,
            folder: self.kept(model).join("snapshots").join(&listing.sha),
            progress,
        };
        // Where there are two formats, `config.json` tells which can be read.
        let mut fetched = Ok(());
        let known = || {
            fetched = files.fetch("config.json");
            (self.known_type)(&files.folder)
        };
        let needed = Needed::among(&names, known);
        fetched?;
        let needed = needed.ok_or_else(|| HubError::NoModel {
            id: model.to_string(),
            endpoint: self.settings.endpoint.clone(),
            found: match names.len() {
                0 => "nothing".to_owned(),
                _ if names.contains(MODULES_FILE) => "one of sentence-transformers, whose model \
                     lies in a folder of its own; download it, and name that folder"
                    .to_owned(),
                _ => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            },
        })?;
        for name in needed.small.iter().chain([&needed.weights]) {
            files.fetch(name)?;
        }
        if needed.is_sharded() {
            let index = |problem| HubError::Index {
                id: model.to_string(),
                index: needed.weights.clone(),
                problem,
            };
            let shards = shard_names(&files.folder.join(&needed.weights))
                .map_err(|error| index(error.to_string()))?;
            for name in &shards {
                if !names.contains(name) {
                    return Err(index(format!("it names {name}, which is not there")));
                }
                files.fetch(name)?;
            }
        }
        self.remember(model, &listing.sha)?;
        Ok(files.folder)
    }

    /// The folder of a model's files, of all revisions.
    fn kept(&self, model: &HubModel) -> PathBuf {
        self.settings.cache.join(model.folder_name())
    }

    fn listing(&self, model: &HubModel) -> Result<Listing, HubError> {
        let address = format!(
            "{}/api/models/{}/revision/{}",
            self.settings.endpoint,
            model.id,
            model.revision_in_address()
        );
        let text = self
            .client
            .text(&address, MAX_LISTING_BYTES)
            .map_err(|failure| self.failed(model, failure))?;
        let listing: Result<Listing, _> = serde_json::from_slice(&text);
        match listing {
            Ok(listing) if is_commit(&listing.sha) => Ok(listing),
            Ok(listing) => {
                let answer = Failure::Answer(format!("its commit is `{}`", listing.sha));
                Err(self.failed(model, answer))
            }
            Err(error) => Err(self.failed(model, Failure::Answer(error.to_string()))),
        }
    }

    /// Notes which commit the revision is at, as `huggingface_hub` does.
    fn remember(&self, model: &HubModel, commit: &str) -> Result<(), HubError> {
        if model.revision() == commit {
            return Ok(());
        }
        let note = self.kept(model).join("refs").join(model.revision());
        let unusable = |source| HubError::Cache { path: note.clone(), source };
        std::fs::create_dir_all(note.parent().unwrap_or(&note)).map_err(unusable)?;
        std::fs::write(&note, commit).map_err(unusable)
    }

    /// What it means that a question to the hub failed.
    fn failed(&self, model: &HubModel, failure: Failure) -> HubError {
        let (id, endpoint) = (model.to_string(), self.settings.endpoint.clone());
        match failure {
            Failure::Status(404) => HubError::NotFound { id, endpoint },
            Failure::Status(status @ (401 | 403)) => {
                let has_token = self.settings.token.is_some();
                HubError::Denied { id, endpoint, status, has_token }
            }
            Failure::Network(why) => HubError::Unreachable { id, endpoint, why },
            Failure::Status(_) | Failure::Answer(_) => {
                HubError::Answer { id, endpoint, why: failure.to_string() }
            }
            Failure::Disk(source) => HubError::Cache { path: self.settings.cache.clone(), source },
        }
    }
}

/// Whether a word is the name of a commit.
fn is_commit(word: &str) -> bool {
    word.len() >= 40 && is_hexadecimal(word)
}

fn is_hexadecimal(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Gives a finished download its place, if its SHA-256 begins with `sha256`; else removes it.
fn keep(
    part: &Path,
    place: &Path,
    sha256: &str,
    damaged: impl FnOnce(String) -> HubError,
) -> Result<(), HubError> {
    let unusable = |source| HubError::Cache { path: place.to_owned(), source };
    if !sha256.is_empty() {
        let found = file_sha256(part).map_err(unusable)?;
        if !found.starts_with(sha256) {
            std::fs::remove_file(part).map_err(unusable)?;
            return Err(damaged(found));
        }
    }
    std::fs::rename(part, place).map_err(unusable)
}

/// The files of one commit.
struct Files<'a> {
    hub: &'a Hub,
    model: &'a HubModel,
    commit: HubModel,
    folder: PathBuf,
    progress: &'a dyn Progress,
}

impl Files<'_> {
    /// Downloads one file to the blobs, and links it into the folder of its commit, if it is not
    /// there.
    fn fetch(&self, name: &str) -> Result<(), HubError> {
        let link = self.folder.join(name);
        if link.is_file() {
            return Ok(());
        }
        let address = format!(
            "{}/{}/resolve/{}/{name}",
            self.hub.settings.endpoint,
            self.commit.id,
            self.commit.revision()
        );
        let client = &self.hub.client;
        let located = try_again(|| client.locate(&address))
            .map_err(|failure| self.hub.failed(self.model, failure))?;
        let blobs = self.hub.kept(self.model).join("blobs");
        let blob = blobs.join(&located.etag);
        let unusable = |source| HubError::Cache { path: blob.clone(), source };
        crate::user_folders::refuse_tilde(&blobs).map_err(unusable)?;
        std::fs::create_dir_all(&blobs).map_err(unusable)?;
        // Another commit may have the same file.
        if !blob.is_file() {
            let part = blob.with_extension("part");
            let mut task = Task::new(format!("{}: {name}", self.model), self.progress);
            try_again(|| client.download(&located.address, &part, &mut task)).map_err(
                |failure| match failure {
                    Failure::Network(_) | Failure::Answer(_) => HubError::Download {
                        id: self.model.to_string(),
                        file: name.to_owned(),
                        why: failure.to_string(),
                    },
                    Failure::Disk(source) => HubError::Cache { path: part.clone(), source },
                    Failure::Status(_) => self.hub.failed(self.model, failure),
                },
            )?;
            // The hub names large files by their SHA-256.
            let etag = located.etag;
            let sha256 = if etag.len() == 64 && is_hexadecimal(&etag) { etag.as_str() } else { "" };
            keep(&part, &blob, sha256, |found| HubError::Damaged {
                id: self.model.to_string(),
                file: name.to_owned(),
                found,
                expected: sha256.to_owned(),
            })?;
        }
        link_to(&blob, &link, name).map_err(|source| HubError::Cache { path: link.clone(), source })
    }
}

/// Links `snapshots/<commit>/<name>` to `blobs/<etag>`, relative as `huggingface_hub` does; where
/// links are not to be had, moves the file there, as it does too.
fn link_to(blob: &Path, link: &Path, name: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(link.parent().unwrap_or(link))?;
    if link.symlink_metadata().is_ok() {
        // It led nowhere.
        std::fs::remove_file(link)?;
    }
    #[cfg(unix)]
    {
        let up = "../".repeat(2 + name.matches('/').count());
        let etag = blob.file_name().unwrap_or_default();
        std::os::unix::fs::symlink(Path::new(&up).join("blobs").join(etag), link)
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        std::fs::rename(blob, link)
    }
}
