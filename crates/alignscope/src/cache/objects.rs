//! Entries in an object store: S3 and servers that speak as it does.
//!
//! An object appears whole or not at all, so that a file of an entry is an object of the same name
//! and the same bytes. It is fetched to a temporary file of this machine before it is read, and
//! checked there; what is written goes to that file first.

mod http;
mod settings;

use std::future::Future;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes as Shared;
use object_store::aws::AmazonS3;
use object_store::path::Path as Key;
use object_store::{
    GetOptions, GetRange, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutPayload,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::error::CacheError;
use super::local_copies::LocalCopies;
use super::object_error::Asked;
use super::store::{Bytes, Contents, Draft, DraftBytes, EntryFiles, Store, StoredFile};
use http::{Connector, Waiting};
use settings::Settings;

/// Bytes that are fetched or brought in one request; larger files take several.
const PART_BYTES: u64 = 16 << 20;
/// Requests for parts at a time, each with its part in memory.
const PARTS_AT_ONCE: usize = 4;
/// The user is told of what takes a while to fetch or to bring.
const TELL_FROM_BYTES: u64 = 256 << 20;

/// Entries at a prefix of a bucket.
#[derive(Debug, Clone)]
pub(super) struct ObjectStoreEntries {
    bucket: Arc<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    settings: Settings,
    store: Arc<AmazonS3>,
    /// Waits between two tries, and holds the requests of one file that are under way at once.
    runtime: Runtime,
    waiting: Arc<Waiting>,
}

impl ObjectStoreEntries {
    /// Entries at an address; nothing is asked of the server yet.
    pub(super) fn new<'a>(
        url: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CacheError> {
        let waiting = Arc::new(Waiting::default());
        let settings = Settings::new(url, variables)?;
        let connector = Connector::new(waiting.clone(), settings.metadata_servers());
        let store = Arc::new(settings.open(connector)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(CacheError::read(Path::new(url)))?;
        Ok(Self { bucket: Arc::new(Bucket { settings, store, runtime, waiting }) })
    }

    /// The address, without a slash at the end.
    pub(super) fn url(&self) -> &str {
        &self.bucket.settings.url
    }
}

impl Bucket {
    /// Waits for an answer of the store about the object at a key.
    fn ask<T>(
        &self,
        key: &Key,
        question: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, CacheError> {
        self.runtime.block_on(question).map_err(|error| self.failed(key, &error))
    }

    /// The same, where there may be no such object.
    fn ask_about<T>(
        &self,
        key: &Key,
        question: impl Future<Output = object_store::Result<T>>,
    ) -> Result<Option<T>, CacheError> {
        match self.runtime.block_on(question) {
            Err(error) if is_missing(&error) => Ok(None),
            other => other.map(Some).map_err(|error| self.failed(key, &error)),
        }
    }

    fn failed(&self, key: &Key, error: &object_store::Error) -> CacheError {
        let Settings { bucket, endpoint, region, .. } = &self.settings;
        let place = format!("s3://{bucket}/{key}");
        CacheError::from(Asked { place, endpoint, region }.failed(error))
    }

    fn list(&self, prefix: &Key) -> Result<ListResult, CacheError> {
        let prefix_or_all = (!prefix.as_ref().is_empty()).then_some(prefix);
        self.ask(prefix, self.store.list_with_delimiter(prefix_or_all))
    }

    /// Tells of a file whose way takes a while.
    fn tell(&self, what: &str, place: &Path, bytes: u64) {
        if bytes >= TELL_FROM_BYTES {
            let megabytes = bytes.div_ceil(1_000_000);
            self.waiting.tell(format!("cache: {what} {} ({megabytes} MB)", place.display()));
        }
    }
}

/// Whether there is no such object, though there is such a bucket.
fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && !error.to_string().contains("<Code>NoSuchBucket</Code>")
}

impl Store for ObjectStoreEntries {
    fn keys(&self) -> Result<Vec<String>, CacheError> {
        let found = self.bucket.list(&self.bucket.settings.prefix)?.common_prefixes;
        Ok(found.iter().filter_map(|key| Some(key.filename()?.to_owned())).collect())
    }

    fn entry(&self, key: &str) -> Arc<dyn EntryFiles> {
        Arc::new(Entry {
            bucket: self.bucket.clone(),
            prefix: self.bucket.settings.prefix.clone().join(key),
            place: PathBuf::from(format!("{}/{key}", self.url())),
            copies: OnceLock::new(),
            listed_bytes: AtomicU64::new(0),
        })
    }

    fn tell(&self, listener: Option<Sender<String>>) {
        self.bucket.waiting.listen(listener);
    }
}

/// The objects of an entry.
#[derive(Debug)]
struct Entry {
    bucket: Arc<Bucket>,
    prefix: Key,
    place: PathBuf,
    /// What is here of them.
    copies: OnceLock<Arc<LocalCopies>>,
    /// Bytes of all of them, when they were listed.
    listed_bytes: AtomicU64,
}

impl Entry {
    fn key(&self, name: &str) -> Key {
        self.prefix.clone().join(name)
    }

    /// Room for a copy: the file, and where the copy begins in it.
    fn room(&self, bytes: u64) -> Result<(Arc<LocalCopies>, u64), CacheError> {
        if self.copies.get().is_none() {
            // Of two threads the first has made it.
            let needed = bytes.max(self.listed_bytes.load(Ordering::Relaxed));
            let _ = self.copies.set(Arc::new(LocalCopies::create(needed)?));
        }
        let copies = self.copies.get().expect("just made").clone();
        let offset = copies.reserve(bytes);
        Ok((copies, offset))
    }

    fn put(&self, name: &str, bytes: Shared, mode: PutMode) -> object_store::Result<()> {
        let (key, payload) = (self.key(name), PutPayload::from(bytes));
        let put = self.bucket.store.put_opts(&key, payload, mode.into());
        self.bucket.runtime.block_on(put).map(drop)
    }

    /// Puts an object, unless there is one of so many bytes: whoever was first has put the same.
    fn put_first(&self, name: &str, bytes: Shared) -> Result<(), CacheError> {
        let (key, len) = (self.key(name), bytes.len() as u64);
        match self.put(name, bytes.clone(), PutMode::Create) {
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotImplemented { .. },
            ) => match self.find(name)? {
                Some(found) if found.bytes == len => Ok(()),
                // It was cut short, or the server knows no conditions.
                _ => self.put(name, bytes, PutMode::Overwrite),
            },
            other => other,
        }
        .map_err(|error| self.bucket.failed(&key, &error))
    }

    /// Puts a large object in parts.
    fn put_parts(&self, name: &str, draft: &Draft) -> Result<(), CacheError> {
        let (bucket, key) = (&*self.bucket, self.key(name));
        bucket.tell("bringing", &draft.path, draft.len);
        let mut upload = bucket.ask(&key, bucket.store.put_multipart(&key))?;
        let done = self.put_parts_to(&key, draft, &mut *upload);
        if done.is_err() {
            // What the server keeps of it goes by its own rules where it cannot be told.
            let _ = bucket.runtime.block_on(upload.abort());
        }
        done
    }

    fn put_parts_to(
        &self,
        key: &Key,
        draft: &Draft,
        upload: &mut dyn MultipartUpload,
    ) -> Result<(), CacheError> {
        let bucket = &*self.bucket;
        let mut tasks = JoinSet::new();
        for part in parts(draft.len) {
            let mut bytes = vec![0; (part.end - part.start) as usize];
            draft.read(part.start, &mut bytes)?;
            let task = upload.put_part(PutPayload::from(bytes));
            tasks.spawn_on(task, bucket.runtime.handle());
            if tasks.len() >= PARTS_AT_ONCE {
                bucket.ask(key, join(&mut tasks))?;
            }
        }
        while !tasks.is_empty() {
            bucket.ask(key, join(&mut tasks))?;
        }
        bucket.ask(key, upload.complete()).map(drop)
    }

    /// Fetches an object into a temporary file; where it was replaced meanwhile, it is gone.
    fn fetch(&self, file: &StoredFile, copies: &LocalCopies, start: u64) -> Result<(), CacheError> {
        let (bucket, key) = (&*self.bucket, self.key(&file.name));
        let gone = || CacheError::Gone { path: self.place.join(&file.name) };
        bucket.tell("fetching", &self.place.join(&file.name), file.bytes);
        let (mut tasks, mut parts) = (JoinSet::new(), parts(file.bytes));
        loop {
            while tasks.len() < PARTS_AT_ONCE {
                let Some(part) = parts.next() else { break };
                let (store, key) = (bucket.store.clone(), key.clone());
                let if_match = (!file.version.is_empty()).then(|| file.version.clone());
                let task = async move {
                    let range = Some(GetRange::Bounded(part.clone()));
                    let options = GetOptions { range, if_match, ..GetOptions::default() };
                    let found = store.get_opts(&key, options).await?.bytes().await?;
                    Ok((part, found))
                };
                tasks.spawn_on(task, bucket.runtime.handle());
            }
            if tasks.is_empty() {
                return Ok(());
            }
            let (part, found) = match bucket.runtime.block_on(join(&mut tasks)) {
                Err(error) if is_missing(&error) => return Err(gone()),
                Err(object_store::Error::Precondition { .. }) => return Err(gone()),
                other => other.map_err(|error| bucket.failed(&key, &error))?,
            };
            if found.len() as u64 != part.end - part.start {
                return Err(gone());
            }
            copies.write(start + part.start, &found)?;
        }
    }
}

/// What the next of some tasks gives; there is one.
async fn join<T: 'static>(tasks: &mut JoinSet<object_store::Result<T>>) -> object_store::Result<T> {
    tasks.join_next().await.expect("a task")?
}

/// The parts in which so many bytes go.
fn parts(bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..bytes.div_ceil(PART_BYTES)).map(move |part| {
        let start = part * PART_BYTES;
        start..bytes.min(start + PART_BYTES)
    })
}

fn stored(meta: &ObjectMeta) -> Option<StoredFile> {
    Some(StoredFile {
        name: meta.location.filename()?.to_owned(),
        bytes: meta.size,
        written: SystemTime::from(meta.last_modified),
        version: meta.e_tag.clone().unwrap_or_default(),
        is_file: true,
    })
}

impl EntryFiles for Entry {
    fn place(&self) -> &Path {
        &self.place
    }

    fn list(&self) -> Result<Vec<StoredFile>, CacheError> {
        let found = self.bucket.list(&self.prefix)?;
        let folder = |key: &Key| {
            let name = key.filename()?.to_owned();
            let (written, version) = (SystemTime::UNIX_EPOCH, String::new());
            Some(StoredFile { name, bytes: 0, written, version, is_file: false })
        };
        let folders = found.common_prefixes.iter().filter_map(folder);
        let mut files: Vec<_> = found.objects.iter().filter_map(stored).chain(folders).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let bytes = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
        self.listed_bytes.store(bytes, Ordering::Relaxed);
        Ok(files)
    }

    fn find(&self, name: &str) -> Result<Option<StoredFile>, CacheError> {
        let key = self.key(name);
        let found = self.bucket.ask_about(&key, self.bucket.store.head(&key))?;
        Ok(found.as_ref().and_then(stored))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, CacheError> {
        let key = self.key(name);
        let store = &self.bucket.store;
        let get = async {
            let found = store.get(&key).await?;
            match found.meta.size <= limit {
                true => found.bytes().await.map(Some),
                false => Ok(None),
            }
        };
        let found = self.bucket.ask_about(&key, get)?.flatten();
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        let put = self.put(name, Shared::copy_from_slice(bytes), PutMode::Overwrite);
        put.map_err(|error| self.bucket.failed(&self.key(name), &error))
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        // Asked first: mostly it is there.
        match self.find(name)? {
            Some(_) => Ok(()),
            None => self.put_first(name, Shared::copy_from_slice(bytes)),
        }
    }

    fn open(&self, file: &StoredFile) -> Result<Contents, CacheError> {
        let (copies, offset) = self.room(file.bytes)?;
        self.fetch(file, &copies, offset)?;
        let bytes = Bytes::Copied { copies, offset, len: file.bytes };
        Ok(Contents { path: self.place.join(&file.name), bytes })
    }

    fn begin(&self, name: &str, bytes: u64) -> Result<Draft, CacheError> {
        let (copies, offset) = self.room(bytes)?;
        let path = self.place.join(name);
        Ok(Draft { path, bytes: DraftBytes::Copied { copies, offset }, len: bytes })
    }

    fn finish(&self, draft: Draft, name: &str) -> Result<Contents, CacheError> {
        if draft.len <= PART_BYTES {
            let mut bytes = vec![0; draft.len as usize];
            draft.read(0, &mut bytes)?;
            self.put_first(name, bytes.into())?;
        } else if self.find(name)?.is_none_or(|found| found.bytes != draft.len) {
            self.put_parts(name, &draft)?;
        }
        let DraftBytes::Copied { copies, offset } = draft.bytes else {
            unreachable!("a draft for an object store is in a temporary file")
        };
        let bytes = Bytes::Copied { copies, offset, len: draft.len };
        Ok(Contents { path: draft.path, bytes })
    }

    fn remove(&self, name: &str) -> Result<(), CacheError> {
        let key = self.key(name);
        self.bucket.ask_about(&key, self.bucket.store.delete(&key)).map(drop)
    }

    fn is_answering(&self) -> bool {
        self.bucket.waiting.is_answering()
    }

    fn remove_place(&self) -> Result<(), CacheError> {
        // There are no folders.
        Ok(())
    }
}
