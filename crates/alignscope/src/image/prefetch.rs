//! Files that are read before they are asked for, so that no core waits for a slow disk or network.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Files that are read at a time: on a network it is the waiting that costs, not the bytes.
pub(crate) const READERS: usize = 4;

/// Files by their position in the order in which they are needed.
#[derive(Debug)]
pub(crate) struct Prefetch<E> {
    state: Mutex<State<E>>,
    changed: Condvar,
    files: usize,
    limit_bytes: usize,
}

#[derive(Debug)]
struct State<E> {
    /// The next file to read.
    next: usize,
    /// One past the last file that was asked for.
    wanted: usize,
    /// Files that were read and not asked for yet.
    read: BTreeMap<usize, Result<Vec<u8>, E>>,
    /// Their bytes.
    bytes: usize,
    /// No file before this one is asked for any more.
    skipped: usize,
    /// No file is needed any more.
    closed: bool,
    /// A thread panicked while it read.
    failed: bool,
}

/// Does `work` while `read` is called for the files 0 to `files`, in order, on threads of its own.
///
/// About `limit_bytes` are held at most: reading waits until some are taken, unless a file is
/// asked for that was not read yet. The threads end before this returns, also at a panic; a file
/// that is being read then is waited for.
pub(crate) fn prefetch<E: Send, T>(
    files: usize,
    limit_bytes: usize,
    read: impl Fn(usize) -> Result<Vec<u8>, E> + Sync,
    work: impl FnOnce(&Prefetch<E>) -> T,
) -> T {
    let state = State {
        next: 0,
        wanted: 0,
        read: BTreeMap::new(),
        bytes: 0,
        skipped: 0,
        closed: false,
        failed: false,
    };
    let ahead = Prefetch { state: Mutex::new(state), changed: Condvar::new(), files, limit_bytes };
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(files) {
            scope.spawn(|| ahead.fill(&read));
        }
        let closing = Closing(&ahead);
        work(closing.0)
    })
}

/// Lets the readers end when it goes.
struct Closing<'a, E>(&'a Prefetch<E>);

impl<E> Drop for Closing<'_, E> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// Tells those who wait when a thread panics.
struct Failing<'a, E>(&'a Prefetch<E>);

impl<E> Drop for Failing<'_, E> {
    fn drop(&mut self) {
        self.0.lock().failed = true;
        self.0.changed.notify_all();
    }
}

impl<E> Prefetch<E> {
    /// What came of reading file `position`; waits until it is read. Each can be taken once.
    ///
    /// # Panics
    /// There is no such file.
    pub(crate) fn take(&self, position: usize) -> Result<Vec<u8>, E> {
        assert!(position < self.files, "file {position} of {}", self.files);
        let mut state = self.lock();
        if state.wanted <= position {
            state.wanted = position + 1;
            self.changed.notify_all();
        }
        loop {
            if state.failed {
                // The list is whole; others may still look at it.
                drop(state);
                panic!("a thread that read files panicked");
            }
            if let Some(found) = state.read.remove(&position) {
                state.bytes -= found.as_ref().map_or(0, Vec::len);
                self.changed.notify_all();
                return found;
            }
            state = self.changed.wait(state).expect("no thread panics while it holds the list");
        }
    }

    /// No file before `position` is asked for any more: those that were read are given up, and no
    /// other is read.
    pub(crate) fn skip_to(&self, position: usize) {
        let mut state = self.lock();
        state.skipped = state.skipped.max(position);
        state.next = state.next.max(position.min(self.files));
        let needed = state.read.split_off(&position);
        state.read = needed;
        state.bytes = state.read.values().map(|found| found.as_ref().map_or(0, Vec::len)).sum();
        self.changed.notify_all();
    }

    /// Reads one file after another, until there is none or none is needed.
    fn fill(&self, read: &impl Fn(usize) -> Result<Vec<u8>, E>) {
        loop {
            let mut state = self.lock();
            while !state.closed
                && state.next < self.files
                && state.bytes >= self.limit_bytes
                && state.next >= state.wanted
            {
                state = self.changed.wait(state).expect("no thread panics while it holds the list");
            }
            if state.closed || state.next >= self.files {
                return;
            }
            let position = state.next;
            state.next += 1;
            drop(state);

            let failing = Failing(self);
            let found = read(position);
            std::mem::forget(failing);
            let mut state = self.lock();
            if position >= state.skipped {
                state.bytes += found.as_ref().map_or(0, Vec::len);
                state.read.insert(position, found);
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().expect("no thread panics while it holds the list")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    /// Waits until `count` reaches `least`; says whether it did.
    fn reaches(count: &AtomicUsize, least: usize) -> bool {
        let start = Instant::now();
        while count.load(Ordering::SeqCst) < least {
            if start.elapsed() > Duration::from_secs(20) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    #[test]
    fn files_are_read_while_others_are_worked_on_and_no_more_than_the_limit() {
        let read = AtomicUsize::new(0);
        let slow = |position: usize| {
            std::thread::sleep(Duration::from_millis(2));
            read.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(vec![position as u8; 10])
        };
        prefetch(100, 50, slow, |ahead| {
            // Nothing was asked for, and five files are there.
            assert!(reaches(&read, 5), "nothing is read ahead");
            std::thread::sleep(Duration::from_millis(30));
            let held = read.load(Ordering::SeqCst);
            assert!(held < 5 + READERS, "{held} files of 10 bytes are held, 50 bytes allowed");
            for position in 0..100 {
                assert_eq!(ahead.take(position), Ok(vec![position as u8; 10]));
            }
        });
        assert_eq!(read.into_inner(), 100);
    }

    #[test]
    fn a_file_far_ahead_can_be_asked_for_first() {
        let read = |position: usize| Ok::<_, ()>(vec![position as u8; 100]);
        prefetch(20, 100, read, |ahead| {
            for position in (0..20).rev() {
                assert_eq!(ahead.take(position), Ok(vec![position as u8; 100]));
            }
        });
    }

    #[test]
    fn files_that_are_skipped_make_room_and_are_read_no_more() {
        let read = AtomicUsize::new(0);
        let load = |position: usize| {
            read.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(vec![position as u8; 10])
        };
        prefetch(100, 50, load, |ahead| {
            assert_eq!(ahead.take(0), Ok(vec![0; 10]));
            assert!(reaches(&read, 5), "nothing is read ahead");
            ahead.skip_to(90);
            // Those behind are read, though nobody has asked for one of them.
            let of_end = ahead.take(90);
            assert_eq!(of_end, Ok(vec![90; 10]));
            for position in 91..100 {
                assert_eq!(ahead.take(position), Ok(vec![position as u8; 10]));
            }
            assert_eq!(ahead.lock().bytes, 0);
        });
        let read = read.into_inner();
        assert!(read < 10 + 7 + 2 * READERS, "{read} files were read");
    }

    #[test]
    fn an_error_comes_with_its_own_file_and_ends_nothing_else() {
        let read = |position: usize| match position {
            3 => Err("broken"),
            _ => Ok(vec![0]),
        };
        let taken = prefetch(6, 2, read, |ahead| (0..6).map(|p| ahead.take(p)).collect::<Vec<_>>());
        assert_eq!(taken.iter().position(|t| t == &Err("broken")), Some(3));
        assert_eq!(taken.iter().filter(|t| t.is_err()).count(), 1);
    }

    #[test]
    fn a_panic_of_a_reader_ends_the_work() {
        let read = |position: usize| match position {
            3 => panic!("broken"),
            _ => Ok::<_, ()>(vec![0]),
        };
        let take_all = |ahead: &Prefetch<()>| (0..6).for_each(|p| drop(ahead.take(p)));
        let work = || prefetch(6, 2, read, take_all);
        assert!(std::panic::catch_unwind(work).is_err());
    }

    #[test]
    fn readers_end_with_the_work_though_files_are_left() {
        let read = AtomicUsize::new(0);
        let count = |_: usize| {
            read.fetch_add(1, Ordering::SeqCst);
            Ok::<_, ()>(vec![0; 10])
        };
        let failed: Result<(), &str> = prefetch(1000, 20, count, |_| Err("no"));
        assert_eq!(failed, Err("no"));
        assert!(read.into_inner() < 100, "reading went on");
    }
}
