//! A memory budget that is too small, and what would do.

use std::fmt;

use crate::remedy::Remedy;

/// The memory budget does not hold what has to be in memory at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} needs {} of memory {how}, the budget is {}",
    Megabytes(*.needed),
    Megabytes(*.budget)
)]
pub struct TooLittleMemory {
    /// What needs it, such as `clip on things`.
    pub what: String,
    /// Under which circumstances, such as `even with one thread`.
    pub how: String,
    /// Bytes that would do.
    pub needed: u64,
    /// Bytes allowed.
    pub budget: u64,
    /// What would do beside more memory.
    pub remedies: Vec<Remedy>,
}

impl TooLittleMemory {
    /// All that would do: so much memory, or something else.
    pub fn remedies(&self) -> Vec<Remedy> {
        let more = Remedy::MoreMemory { bytes: Some(self.needed) };
        std::iter::once(more).chain(self.remedies.iter().cloned()).collect()
    }
}

/// What this process takes of memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessMemory {
    /// Now.
    pub(crate) resident: u64,
    /// At the most until now.
    pub(crate) peak: u64,
}

impl ProcessMemory {
    /// `None` where the system does not say it as Linux does.
    pub(crate) fn now() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(1024 * kilobytes)
        };
        Some(Self { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }

    /// At the most since `before`, beyond what was taken then.
    pub(crate) fn grown_since(self, before: Self) -> u64 {
        let most = if self.peak > before.peak { self.peak } else { self.resident };
        most.saturating_sub(before.resident)
    }
}

/// Bytes in units of 10^6, rounded up.
pub struct Megabytes(pub u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0.div_ceil(1_000_000))
    }
}
