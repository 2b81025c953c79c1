//! How many files may be open at a time.

/// Lets this process have as many files open as its hard limit allows: the weights of all models of a
/// run are open from its beginning, so that what is read is what was hashed, and a series has hundreds,
/// where the common limits are 1,024 and 256.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Without a hard limit macOS takes no more than this.
    let wanted = maximum.unwrap_or(10_240);
    if current.is_some_and(|current| current < wanted) {
        // If it is not allowed, files that cannot be opened are named.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}

/// Windows has no such limit that a run could reach.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}
