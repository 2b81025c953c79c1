//! What a long piece of work says while it goes on.

use crate::remedy::Advice;

/// Is told how far the work is. The program draws bars; a library user may listen or not.
pub trait Progress: Sync {
    /// A task begins that takes `steps` steps.
    fn begin(&self, task: &str, steps: u64);

    /// Some steps of the present task are done; called from many threads.
    fn advance(&self, steps: u64);

    /// The present task is done.
    fn end(&self);

    /// Something that the user must know.
    fn note(&self, message: &str);

    /// The same, with what to do about it: a note whose remedies the listener words.
    fn advise(&self, advice: &Advice) {
        self.note(&advice.text);
    }

    /// Whether the work is to stop as soon as it can without losing anything; asked often, from many threads.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _task: &str, _steps: u64) {}

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}

    fn note(&self, _message: &str) {}
}
