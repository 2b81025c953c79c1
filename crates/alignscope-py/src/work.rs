//! Long work: done without the GIL on threads of its own, while the thread that called looks after
//! Python — it shows progress, asks for Ctrl-C, and runs the user's functions.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use alignscope::{Advice, Progress};
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

use crate::error::in_python;
use crate::raised::Raised;

/// How often Ctrl-C is asked for and progress shown.
const TICK: Duration = Duration::from_millis(100);

/// How often a reporter is told how far the work is where nothing has changed: it may want to say
/// that the work goes on.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// What the work has for the thread that called.
enum Event {
    Begin {
        task: String,
        steps: u64,
    },
    End,
    Note(String),
    /// Something that needs Python; it fails if Ctrl-C was pressed meanwhile.
    Call(Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>),
    Finished,
}

/// The work's side.
pub(crate) struct Worker {
    events: Sender<Event>,
    /// Steps of the present task that are done.
    done: AtomicU64,
    stopped: AtomicBool,
    /// Whether a call was not waited for.
    in_call: AtomicBool,
}

impl Worker {
    /// Has `call` run by the thread that called, with the GIL; nothing where that is no longer
    /// wanted, also if the user pressed Ctrl-C in it. Does not wait for it once the user wants to stop.
    ///
    /// `progress` — says so
    pub(crate) fn call<R: Send + 'static>(
        &self,
        progress: &dyn Progress,
        call: impl FnOnce(Python<'_>) -> PyResult<R> + Send + 'static,
    ) -> Option<Result<R, Raised>> {
        let (reply, replied) = channel();
        self.tell(Event::Call(Box::new(move |py| {
            let found = match call(py) {
                Err(error) if error.is_instance_of::<PyKeyboardInterrupt>(py) => return Err(error),
                found => found.map_err(|error| Raised::new(py, error)),
            };
            // Nobody waits where the work has ended.
            let _ = reply.send(found);
            Ok(())
        })));
        loop {
            match replied.recv_timeout(TICK) {
                Ok(found) => return Some(found),
                Err(RecvTimeoutError::Timeout) if !progress.is_stopped() => {}
                Err(RecvTimeoutError::Timeout) => {
                    self.in_call.store(true, Ordering::Relaxed);
                    return None;
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Whether the thread that called may still be at something that was not waited for.
    pub(crate) fn is_in_call(&self) -> bool {
        self.in_call.load(Ordering::Relaxed)
    }

    fn tell(&self, event: Event) {
        // The other side listens until the work has ended.
        let _ = self.events.send(event);
    }
}

impl Progress for Worker {
    fn begin(&self, task: &str, steps: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.tell(Event::Begin { task: task.to_owned(), steps });
    }

    fn advance(&self, steps: u64) {
        self.done.fetch_add(steps, Ordering::Relaxed);
    }

    fn end(&self) {
        self.tell(Event::End);
    }

    fn note(&self, message: &str) {
        self.tell(Event::Note(message.to_owned()));
    }

    fn advise(&self, advice: &Advice) {
        self.note(&advice.in_words(in_python));
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

thread_local! {
    /// Whether this thread looks after some work already: a function of the user's calls alignscope.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` without the GIL.
///
/// `reporter` — an object with `begin(task, steps)`, `update(done)`, `end()` and `note(message)`,
/// or none
/// `threads` — how many threads work; all cores unless said otherwise
///
/// # Errors
/// Ctrl-C was pressed, or the reporter failed: the work is asked to stop, and is waited for.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    reporter: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
    work: impl FnOnce(&Worker) -> T + Send,
) -> PyResult<T> {
    if threads == Some(0) {
        return Err(PyValueError::new_err("threads is 0, expected 1 or more"));
    }
    // Work within work has threads of its own: those of the outer work may all wait for it.
    let nested = BUSY.replace(true);
    let pool = match (threads, nested) {
        (None, false) => None,
        (threads, _) => {
            let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
            Some(builder.build().map_err(|e| PyValueError::new_err(e.to_string())))
        }
    };
    let pool = pool.transpose().inspect_err(|_| BUSY.set(nested))?;
    let (events, receiver) = channel();
    let worker = Worker {
        events,
        done: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
        in_call: AtomicBool::new(false),
    };
    let receiver = Mutex::new(receiver);
    let (result, failed) = std::thread::scope(|scope| {
        let worker = &worker;
        let handle = scope.spawn(move || {
            let result = match pool {
                Some(pool) => pool.install(|| work(worker)),
                None => work(worker),
            };
            worker.tell(Event::Finished);
            result
        });
        let failed = look_after(py, &receiver, worker, reporter, || handle.is_finished());
        (py.detach(|| handle.join()), failed)
    });
    BUSY.set(nested);
    match (result, failed) {
        (_, Err(error)) => Err(error),
        (Ok(result), Ok(())) => Ok(result),
        (Err(panic), Ok(())) => std::panic::resume_unwind(panic),
    }
}

/// Answers the work until it has ended.
fn look_after(
    py: Python<'_>,
    receiver: &Mutex<Receiver<Event>>,
    worker: &Worker,
    reporter: Option<&Bound<'_, PyAny>>,
    is_finished: impl Fn() -> bool,
) -> PyResult<()> {
    let mut failed = Ok(());
    let (mut shown, mut told_at) = (0, Instant::now());
    let mut in_task = false;
    loop {
        let event = py
            .detach(|| receiver.lock().expect("only this thread takes events").recv_timeout(TICK));
        let told = match event {
            Ok(Event::Finished) | Err(RecvTimeoutError::Disconnected) => return failed,
            Err(RecvTimeoutError::Timeout) if is_finished() => return failed,
            // What is no longer wanted is dropped, and whoever waits for it learns that.
            _ if failed.is_err() => Ok(()),
            Ok(Event::Call(call)) => call(py),
            Ok(Event::Begin { task, steps }) => {
                (shown, in_task, told_at) = (0, true, Instant::now());
                tell(reporter, "begin", (task, steps))
            }
            Ok(Event::End) => {
                in_task = false;
                tell(reporter, "end", ())
            }
            Ok(Event::Note(message)) => tell(reporter, "note", (message,)),
            Err(RecvTimeoutError::Timeout) => Ok(()),
        };
        let done = worker.done.load(Ordering::Relaxed);
        let told = match told {
            Ok(())
                if failed.is_ok()
                    && (done != shown || (in_task && told_at.elapsed() >= TELL_AGAIN)) =>
            {
                (shown, told_at) = (done, Instant::now());
                tell(reporter, "update", (done,))
            }
            told => told,
        };
        if failed.is_ok() {
            failed = told.and_then(|()| py.check_signals());
            if failed.is_err() {
                worker.stopped.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn tell<'py>(
    reporter: Option<&Bound<'py, PyAny>>,
    method: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<()> {
    match reporter {
        Some(reporter) => reporter.call_method1(method, arguments).map(|_| ()),
        None => Ok(()),
    }
}
