//! Where a user's caches lie.

use std::path::PathBuf;

/// A path that an environment variable names; none where it is not set, or empty.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder of all programs' caches: `$XDG_CACHE_HOME`, else `.cache` in the user's home.
pub(crate) fn of_user() -> Option<PathBuf> {
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    variable("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
}
