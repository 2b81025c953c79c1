//! A run that stops after so many steps.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use alignscope::results::OutputFolder;
use alignscope::{Experiment, ExperimentError, Progress, Summary};

/// Stops the work after so many steps, and keeps what is noted.
pub struct Until {
    steps: AtomicI64,
    notes: Mutex<String>,
}

impl Until {
    pub fn steps(steps: i64) -> Self {
        Self { steps: AtomicI64::new(steps), notes: Mutex::default() }
    }

    pub fn the_end() -> Self {
        Self::steps(i64::MAX)
    }

    pub fn notes(&self) -> String {
        self.notes.lock().expect("notes").clone()
    }
}

impl Progress for Until {
    fn begin(&self, _task: &str, _steps: u64) {}

    fn advance(&self, steps: u64) {
        self.steps.fetch_sub(steps as i64, Ordering::Relaxed);
    }

    fn end(&self) {}

    fn note(&self, message: &str) {
        self.notes.lock().expect("notes").push_str(&format!("{message}\n"));
    }

    fn is_stopped(&self) -> bool {
        self.steps.load(Ordering::Relaxed) < 0
    }
}

/// Runs an experiment into a folder.
pub fn run(experiment: &Experiment, out: &Path, until: &Until) -> Result<Summary, ExperimentError> {
    let claimed = OutputFolder::claim_run(out, experiment.fresh).expect("a folder");
    experiment.run(vec![], &claimed, until)
}
