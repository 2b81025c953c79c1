//! Models by their id on the Hugging Face hub, kept in the cache that Python's `huggingface_hub`
//! uses.

mod download;
mod error;
mod needed;
mod settings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use download::download;
pub use error::HubError;
use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use needed::Needed;
pub use settings::HubSettings;

use crate::progress::Progress;
use crate::weights::{file_sha256, shard_names};

/// The hub, and the cache of what was fetched from it.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: HubSettings,
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
    fn repo(&self) -> Repo {
        let revision = self.revision.clone().unwrap_or_else(|| "main".to_owned());
        Repo::with_revision(self.id.clone(), RepoType::Model, revision)
    }
}

/// How long to wait before a broken download is taken up again, each time, before the user is told.
const RETRY_AFTER: [Duration; 3] =
    [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

impl Hub {
    /// The hub of these settings.
    pub fn new(settings: HubSettings) -> Self {
        Self { settings }
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
        let repo = model.repo();
        let kept = self.settings.cache.join(repo.folder_name());
        let snapshots = kept.join("snapshots");
        let commit = std::fs::read_to_string(kept.join("refs").join(repo.revision()));
        let folder = match commit {
            Ok(commit) => snapshots.join(commit.trim()),
            Err(_) => snapshots.join(repo.revision()),
        };
        let names = std::fs::read_dir(&folder)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            // A link to a download that was removed is no file.
            .filter(|name| folder.join(name).is_file())
            .collect();
        let needed = Needed::among(&names)?;
        let complete = !needed.is_sharded()
            || shard_names(&folder.join(&needed.weights))
                .is_ok_and(|shards| shards.is_subset(&names));
        complete.then_some(folder)
    }

    /// Fetches a model: asks the hub which commit the revision is at, and downloads of it the
    /// files that are needed and not there. A download that was broken off goes on where it
    /// stopped. Returns the folder of the commit in the cache.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn fetch(&self, model: &HubModel, progress: &dyn Progress) -> Result<PathBuf, HubError> {
        if self.settings.offline {
            let cache = self.settings.cache.clone();
            return Err(HubError::Offline { id: model.to_string(), cache });
        }
        let cache = Cache::new(self.settings.cache.clone());
        let api = ApiBuilder::from_cache(cache.clone())
            .with_endpoint(self.settings.endpoint.clone())
            .with_token(self.settings.token.clone())
            // Its own retries append to a file that was there from the beginning of the range.
            .with_retries(0)
            .with_user_agent("alignscope", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|source| self.failed(model, source))?;
        let info = api.repo(model.repo()).info().map_err(|source| self.failed(model, source))?;
        let names: BTreeSet<_> = info.siblings.into_iter().map(|file| file.rfilename).collect();
        let needed = Needed::among(&names).ok_or_else(|| HubError::NoModel {
            id: model.to_string(),
            endpoint: self.settings.endpoint.clone(),
            found: match names.len() {
                0 => "nothing".to_owned(),
                _ => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            },
        })?;
        // All files of the one commit, also where the branch moves on meanwhile.
        let commit = HubModel { revision: Some(info.sha.clone()), ..model.clone() };
        let folder = cache.repo(commit.repo()).pointer_path(&info.sha);
        let files = Files { hub: self, api: &api, model, repo: api.repo(commit.repo()), progress };
        for name in needed.small.iter().chain([&needed.weights]) {
            files.fetch(name, &folder)?;
        }
        if needed.is_sharded() {
            let index = |problem| HubError::Index {
                id: model.to_string(),
                index: needed.weights.clone(),
                problem,
            };
            let shards = shard_names(&folder.join(&needed.weights))
                .map_err(|error| index(error.to_string()))?;
            for name in &shards {
                if !names.contains(name) {
                    return Err(index(format!("it names {name}, which is not there")));
                }
                files.fetch(name, &folder)?;
            }
        }
        self.remember(model, &commit, &cache)?;
        Ok(folder)
    }

    /// Notes which commit the revision is at, as `huggingface_hub` does.
    fn remember(&self, model: &HubModel, commit: &HubModel, cache: &Cache) -> Result<(), HubError> {
        let sha = commit.repo().revision().to_owned();
        if model.repo().revision() == sha {
            return Ok(());
        }
        let refs = self.settings.cache.join(model.repo().folder_name()).join("refs");
        cache
            .repo(model.repo())
            .create_ref(&sha)
            .map_err(|source| HubError::Cache { path: refs.clone(), source })?;
        // A commit is its own name; hf-hub leaves a note of that too.
        let _ = std::fs::remove_file(refs.join(sha));
        Ok(())
    }

    /// What it means that a question to the hub failed.
    fn failed(&self, model: &HubModel, source: ApiError) -> HubError {
        let (id, endpoint) = (model.to_string(), self.settings.endpoint.clone());
        match status(&source) {
            Some(404) => HubError::NotFound { id, endpoint },
            Some(status @ (401 | 403)) => {
                let has_token = self.settings.token.is_some();
                HubError::Denied { id, endpoint, status, has_token }
            }
            Some(_) => HubError::Answer { id, endpoint, why: source.to_string() },
            None => match &source {
                ApiError::RequestError(error) if !matches!(**error, ureq::Error::Json(_)) => {
                    HubError::Unreachable { id, endpoint, why: source.to_string() }
                }
                _ => HubError::Answer { id, endpoint, why: source.to_string() },
            },
        }
    }
}

/// The status that the hub answered, where it answered one that is no success.
fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match **error {
            ureq::Error::StatusCode(status) => Some(status),
            _ => None,
        },
        _ => None,
    }
}

/// The files of one commit.
struct Files<'a> {
    hub: &'a Hub,
    api: &'a Api,
    model: &'a HubModel,
    repo: ApiRepo,
    progress: &'a dyn Progress,
}

/// Whether a download was to go on where there is nothing left ("range not satisfiable").
fn is_beyond_the_end(error: &ApiError) -> bool {
    matches!(error, ApiError::InvalidResume) || status(error) == Some(416)
}

impl Files<'_> {
    /// Downloads one file to the folder of its commit, if it is not there.
    fn fetch(&self, name: &str, folder: &Path) -> Result<(), HubError> {
        if folder.join(name).is_file() {
            return Ok(());
        }
        let mut result = self.download(name);
        for wait in RETRY_AFTER {
            match &result {
                // What is left of an earlier download is as long as the file, or longer.
                Err(error) if is_beyond_the_end(error) => self.remove_remains(name)?,
                Err(error) if status(error).is_none() => std::thread::sleep(wait),
                _ => break,
            }
            result = self.download(name);
        }
        let path = result.map_err(|source| match status(&source) {
            Some(_) => self.hub.failed(self.model, source),
            None => HubError::Download {
                id: self.model.to_string(),
                file: name.to_owned(),
                why: source.to_string(),
            },
        })?;
        self.check(name, &path)
    }

    fn download(&self, name: &str) -> Result<PathBuf, ApiError> {
        let task = format!("{}: {name}", self.model);
        let download = Download { task, progress: self.progress, begun: false, at: 0, shown: 0 };
        self.repo.download_with_progress(name, download)
    }

    /// The hub names large files by their SHA-256: what came must be that.
    fn check(&self, name: &str, path: &Path) -> Result<(), HubError> {
        let unusable = |source| HubError::Cache { path: path.to_owned(), source };
        let blob = std::fs::canonicalize(path).map_err(unusable)?;
        let expected = blob.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if expected.len() != 64 || !expected.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(());
        }
        let found = file_sha256(&blob).map_err(unusable)?;
        if found == expected {
            return Ok(());
        }
        for damaged in [path, &blob] {
            std::fs::remove_file(damaged).map_err(unusable)?;
        }
        let (id, file) = (self.model.to_string(), name.to_owned());
        Err(HubError::Damaged { id, file, found, expected })
    }

    fn remove_remains(&self, name: &str) -> Result<(), HubError> {
        let etag = self
            .api
            .metadata(&self.repo.url(name))
            .map_err(|source| self.hub.failed(self.model, source))?
            .etag()
            .to_owned();
        let cache = Cache::new(self.hub.settings.cache.clone());
        let part = cache.repo(self.model.repo()).blob_path(&etag).with_extension("part");
        std::fs::remove_file(&part).map_err(|source| HubError::Cache { path: part, source })
    }
}

/// A download, as a task of ours. One that is taken up again begins anew for hf-hub, and goes on
/// for the user.
struct Download<'a> {
    task: String,
    progress: &'a dyn Progress,
    begun: bool,
    at: u64,
    shown: u64,
}

impl hf_hub::api::Progress for Download<'_> {
    fn init(&mut self, size: usize, _filename: &str) {
        self.at = 0;
        if !std::mem::replace(&mut self.begun, true) {
            self.progress.begin(&self.task, size as u64);
        }
    }

    fn update(&mut self, size: usize) {
        self.at += size as u64;
        if self.at > self.shown {
            self.progress.advance(self.at - self.shown);
            self.shown = self.at;
        }
    }

    fn finish(&mut self) {}
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        if self.begun {
            self.progress.end();
        }
    }
}
