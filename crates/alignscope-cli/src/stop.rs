//! Stopping when the user or the system asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alignscope::{Advice, Progress};
use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Progress that also says when to stop: after SIGINT (Ctrl-C) or SIGTERM. A second signal ends the
/// program at once.
pub struct Stoppable {
    progress: Box<dyn Progress>,
    signal: Arc<AtomicUsize>,
}

impl Stoppable {
    /// Listens for signals from now on.
    pub fn new(progress: Box<dyn Progress>) -> anyhow::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM] {
            let second = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let code = code(number);
            // In this order: the first signal finds nothing set, and sets both.
            signal_hook::flag::register_conditional_shutdown(number, code, second.clone())
                .and_then(|_| signal_hook::flag::register(number, second))
                .and_then(|_| {
                    signal_hook::flag::register_usize(number, signal.clone(), number as usize)
                })
                .context("cannot listen for Ctrl-C")?;
        }
        tell_the_first(&signal)?;
        Ok(Self { progress, signal })
    }

    /// The exit code of a program that a signal stopped: 130 for Ctrl-C.
    pub fn exit_code(&self) -> u8 {
        let signal = self.signal.load(Ordering::Relaxed) as i32;
        u8::try_from(code(signal)).expect("128 and a small number")
    }
}

/// What is said once when a signal was heard: the write at hand may take a while.
const STOPPING: &str = "stopping as soon as nothing is lost by it; once more ends at once";

/// Says so.
#[cfg(unix)]
fn tell_the_first(_signal: &Arc<AtomicUsize>) -> anyhow::Result<()> {
    use signal_hook::iterator::Signals;
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("cannot listen for Ctrl-C")?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            crate::terminal::tell_line(STOPPING);
        }
    });
    Ok(())
}

/// Says so. Where signals cannot be waited for, their mark is looked at.
#[cfg(not(unix))]
fn tell_the_first(signal: &Arc<AtomicUsize>) -> anyhow::Result<()> {
    let signal = signal.clone();
    std::thread::spawn(move || {
        while signal.load(Ordering::Relaxed) == 0 {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        crate::terminal::tell_line(STOPPING);
    });
    Ok(())
}

/// Ends the program quietly when nobody reads its output any more, as in
/// `alignscope list models | head`. Only for commands that print and have no connection open.
pub fn with_the_reader() {
    #[cfg(unix)]
    {
        use std::sync::atomic::AtomicBool;
        let always = Arc::new(AtomicBool::new(true));
        // Where that cannot be done, the program says so itself when it prints.
        let _ =
            signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, always);
    }
}

/// Ends the program with an exit code, whatever its threads are at.
pub fn end_at_once(code: u8) -> ! {
    signal_hook::low_level::exit(code.into())
}

/// 128 and the signal's number, as shells have it.
fn code(signal: i32) -> i32 {
    128 + signal
}

impl Progress for Stoppable {
    fn begin(&self, task: &str, steps: u64) {
        self.progress.begin(task, steps);
    }

    fn advance(&self, steps: u64) {
        self.progress.advance(steps);
    }

    fn end(&self) {
        self.progress.end();
    }

    fn note(&self, message: &str) {
        self.progress.note(message);
    }

    fn advise(&self, advice: &Advice) {
        self.progress.advise(advice);
    }

    fn is_stopped(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }
}
