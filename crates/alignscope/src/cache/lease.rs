//! Who is at work with an entry, said by files: locks do not reach other machines everywhere.
//!
//! Nothing that is right depends on it: what a run finds removed it computes again. It is for
//! whoever cleans the cache, so that no run loses its work for nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::error::CacheError;
use super::store::{EntryFiles, StoredFile};
use crate::process_name::process_name;

/// How the name of such a file ends.
const EXTENSION: &str = ".use";
/// A run writes its file again so often.
const RENEWAL: Duration = Duration::from_secs(60);
/// Whoever has not written for so long, by the clock of the store, is not at work any more.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How often it is written where somebody removes it at once.
const ATTEMPTS: usize = 100;
const TEXT: &[u8] = b"a run of alignscope is at work here\n";

/// Whether a file says that a run is at work, by its name: what [`new_name`] gives.
pub(super) fn is_lease(file: &StoredFile) -> bool {
    let number = |name: &str| -> Option<bool> {
        let (process, number) = name.strip_suffix(EXTENSION)?.rsplit_once('-')?;
        let (_, random) = process.rsplit_once('-')?;
        let digits = |text: &str, is_digit: fn(&u8) -> bool| text.as_bytes().iter().all(is_digit);
        let is_random = random.len() == 16 && digits(random, u8::is_ascii_hexdigit);
        Some(is_random && !number.is_empty() && digits(number, u8::is_ascii_digit))
    };
    file.is_file && number(&file.name) == Some(true)
}

/// What a lease and the thread that renews it tell each other.
#[derive(Debug, Default)]
struct State {
    has_ended: bool,
    /// The thread is writing, which takes long where a server does not answer.
    is_writing: bool,
}

/// Says that this run is at work with an entry, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    name: String,
    files: Arc<dyn EntryFiles>,
    /// What the clock of the store said when the lease was taken.
    pub(super) taken: SystemTime,
    state: Arc<(Mutex<State>, Condvar)>,
    renewing: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes one; `None` where the place is there to be read only, from which nobody removes
    /// anything.
    pub(super) fn take(files: &Arc<dyn EntryFiles>) -> Result<Option<Self>, CacheError> {
        let name = new_name();
        let taken = match write(&**files, &name) {
            Err(error) if error.is_read_only() => return Ok(None),
            other => other?,
        };
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let renewing = {
            let (files, name, state) = (files.clone(), name.clone(), state.clone());
            std::thread::Builder::new()
                .name("cache lease".to_owned())
                .spawn(move || renew(&*files, &name, &state))
        };
        let renewing = renewing.map_err(CacheError::write(files.place()))?;
        Ok(Some(Self { name, files: files.clone(), taken, state, renewing: Some(renewing) }))
    }

    /// The other runs that are at work, of the files of an entry.
    pub(super) fn others<'a>(&'a self, files: &'a [StoredFile]) -> impl Iterator<Item = &'a str> {
        let names = live(files, self.taken).map(|file| file.name.as_str());
        names.filter(|name| *name != self.name)
    }

    /// A number of its own, to choose where to begin.
    pub(super) fn number(&self) -> u64 {
        self.name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Removes what runs left that were killed.
    pub(super) fn remove_stale(&self, files: &[StoredFile]) {
        for file in files.iter().filter(|file| is_lease(file) && !is_live(file, self.taken)) {
            // What cannot be removed says nothing any more.
            let _ = self.files.remove(&file.name);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (state, changed) = &*self.state;
        let mut state = state.lock().expect("no thread panics while it holds the state");
        state.has_ended = true;
        if state.is_writing {
            // It removes the file once it has written it.
            return;
        }
        drop(state);
        changed.notify_all();
        if let Some(renewing) = self.renewing.take() {
            // A thread that panicked has told so.
            let _ = renewing.join();
        }
        remove(&*self.files, &self.name);
    }
}

/// Removes a lease. One that is left says nothing any more in a few minutes.
fn remove(files: &dyn EntryFiles, name: &str) {
    if files.is_answering() {
        let _ = files.remove(name);
    }
}

/// Whether a run is at work with an entry of these files.
pub(super) fn is_in_use(entry: &dyn EntryFiles, files: &[StoredFile]) -> Result<bool, CacheError> {
    if !files.iter().any(is_lease) {
        return Ok(false);
    }
    let name = new_name();
    let now = write(entry, &name)?;
    entry.remove(&name)?;
    Ok(live(files, now).next().is_some())
}

fn live(files: &[StoredFile], now: SystemTime) -> impl Iterator<Item = &StoredFile> {
    files.iter().filter(move |file| is_lease(file) && is_live(file, now))
}

fn is_live(file: &StoredFile, now: SystemTime) -> bool {
    // One that was written since is later than that.
    now.duration_since(file.written).is_ok_and(|age| age < LIFETIME) || file.written > now
}

fn new_name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}{EXTENSION}", process_name())
}

/// Writes a lease; gives the time by the clock of the store.
fn write(files: &dyn EntryFiles, name: &str) -> Result<SystemTime, CacheError> {
    // Somebody may remove the whole entry between the two.
    for _ in 0..ATTEMPTS {
        files.replace(name, TEXT)?;
        if let Some(file) = files.find(name)? {
            return Ok(file.written);
        }
    }
    Err(CacheError::Gone { path: files.place().join(name) })
}

/// Writes it again and again, until the run is done with the entry.
fn renew(files: &dyn EntryFiles, name: &str, (state, changed): &(Mutex<State>, Condvar)) {
    let lock = || state.lock().expect("no thread panics while it holds the state");
    loop {
        let waited = changed.wait_timeout_while(lock(), RENEWAL, |state| !state.has_ended);
        let (mut state, _) = waited.expect("no thread panics while it holds the state");
        if state.has_ended {
            return;
        }
        state.is_writing = true;
        drop(state);
        // The run itself tells where the cache cannot be written.
        let _ = files.replace(name, TEXT);
        let mut state = lock();
        state.is_writing = false;
        if state.has_ended {
            drop(state);
            return remove(files, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, written: SystemTime) -> StoredFile {
        StoredFile { name: name.into(), bytes: 1, written, version: String::new(), is_file: true }
    }

    #[test]
    fn a_run_is_at_work_by_the_clock_of_the_store_whatever_this_machine_believes() {
        // Of a store that is a year behind.
        let now = SystemTime::now() - Duration::from_secs(365 * 86_400);
        let [before, just] = [LIFETIME, LIFETIME - Duration::from_secs(1)].map(|age| now - age);
        let later = now + Duration::from_secs(5);
        let [a, b, c] = [new_name(), new_name(), new_name()];
        let files = [(&*a, before), (&*b, just), (&*c, later), ("0123456789abcdef.set", now)];
        let files = files.map(|(name, written)| file(name, written));
        let found: Vec<_> = live(&files, now).map(|file| file.name.as_str()).collect();
        assert_eq!(found, [b, c]);
    }

    #[test]
    fn no_file_of_a_stranger_is_taken_for_a_lease() {
        assert!(is_lease(&file(&new_name(), SystemTime::now())));
        let strangers = ["notes.use", "-.use", "a-1-0123456789abcdef.use", ".use", "a-b-c-1.use"];
        for name in strangers {
            assert!(!is_lease(&file(name, SystemTime::now())), "{name}");
        }
    }
}
