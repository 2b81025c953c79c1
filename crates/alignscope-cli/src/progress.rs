//! Progress on stderr: bars when it is a terminal, plain lines when not.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::terminal::tell;
use alignscope::{Progress, in_one_line};
use indicatif::{ProgressBar, ProgressStyle};

/// A plain line is printed no oftener than this.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Progress as the user's stderr can show it.
pub fn progress(quiet: bool) -> Box<dyn Progress> {
    if quiet {
        Box::new(alignscope::Silent)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bars(Mutex::new(None)))
    } else {
        Box::new(Lines(Mutex::new(None)))
    }
}

/// One bar for each task.
struct Bars(Mutex<Option<ProgressBar>>);

impl Progress for Bars {
    fn begin(&self, task: &str, steps: u64) {
        let template = match steps {
            0 => "{msg}  {spinner}",
            _ => "{msg}  {wide_bar} {percent:>3} %  {eta} left",
        };
        let bar = ProgressBar::new(steps);
        bar.set_style(ProgressStyle::with_template(template).expect("a template of our own"));
        bar.set_message(in_one_line(task).into_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        *self.0.lock().expect("no thread panics here") = Some(bar);
    }

    fn advance(&self, steps: u64) {
        if let Some(bar) = &*self.0.lock().expect("no thread panics here") {
            bar.inc(steps);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.0.lock().expect("no thread panics here").take() {
            bar.finish_and_clear();
            tell!("{}: {:.1} s", bar.message(), bar.elapsed().as_secs_f64());
        }
    }

    fn note(&self, message: &str) {
        match &*self.0.lock().expect("no thread panics here") {
            Some(bar) => bar.suspend(|| tell!("{message}")),
            None => tell!("{message}"),
        }
    }
}

/// A line now and then.
struct Lines(Mutex<Option<Task>>);

struct Task {
    name: String,
    steps: u64,
    done: u64,
    begun: Instant,
    said: Instant,
}

impl Progress for Lines {
    fn begin(&self, task: &str, steps: u64) {
        let now = Instant::now();
        let task =
            Task { name: in_one_line(task).into_owned(), steps, done: 0, begun: now, said: now };
        *self.0.lock().expect("no thread panics here") = Some(task);
    }

    fn advance(&self, steps: u64) {
        let mut task = self.0.lock().expect("no thread panics here");
        let Some(task) = task.as_mut() else { return };
        task.done += steps;
        if task.said.elapsed() >= LINE_EVERY && task.steps > 0 {
            task.said = Instant::now();
            tell!("{}: {} %", task.name, 100 * task.done / task.steps);
        }
    }

    fn end(&self) {
        if let Some(task) = self.0.lock().expect("no thread panics here").take() {
            tell!("{}: {:.1} s", task.name, task.begun.elapsed().as_secs_f64());
        }
    }

    fn note(&self, message: &str) {
        tell!("{message}");
    }
}
