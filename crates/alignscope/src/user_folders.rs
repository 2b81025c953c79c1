//! Where a user's caches lie, and what `~` means.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A path begins with `~`, and no variable says where the user's home is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "`~` stands for the home folder, but neither HOME nor USERPROFILE is set; write the path out"
)]
pub struct NoHome;

/// The path with `~` at its beginning replaced by the user's home, as shells do where `~` stands
/// alone or before a slash: in quotes, after `=` and in files they do not. A folder that is really
/// called `~` is `./~`.
///
/// # Errors
/// It begins so, and the home is not known.
pub fn expand_home(path: &Path) -> Result<PathBuf, NoHome> {
    match path.strip_prefix("~") {
        Err(_) => Ok(path.to_owned()),
        Ok(rest) => {
            let home = home().ok_or(NoHome)?;
            // Joining nothing would add a slash.
            Ok(if rest.as_os_str().is_empty() { home } else { home.join(rest) })
        }
    }
}

/// Refuses a path that begins with `~`, before a folder of that name is made: whoever took the path
/// from the user should have expanded it.
pub(crate) fn refuse_tilde(path: &Path) -> io::Result<()> {
    match path.components().next() {
        Some(Component::Normal(first)) if first == OsStr::new("~") => Err(io::Error::other(
            "`~` does not stand for the home folder here; write the path out, or `./~` for a \
             folder of that name",
        )),
        _ => Ok(()),
    }
}

fn home() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|home| !home.is_empty());
    named("HOME").or_else(|| named("USERPROFILE")).map(PathBuf::from)
}

/// A path that an environment variable names, `~` expanded; `None` if it is not set, or empty.
pub(crate) fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)?;
    Some(expand_home(&value).unwrap_or(value))
}

/// The folder of all programs' caches: `$XDG_CACHE_HOME`, else `.cache` in the user's home.
pub(crate) fn of_user() -> Option<PathBuf> {
    variable("XDG_CACHE_HOME").or_else(|| Some(home()?.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_at_the_beginning_is_the_home() {
        let Some(home) = home() else { return };
        for (path, expected) in [
            ("~", home.clone()),
            ("~/", home.clone()),
            ("~/a/b", home.join("a/b")),
            ("./~", "./~".into()),
            ("~a/b", "~a/b".into()),
            ("a/~/b", "a/~/b".into()),
            ("", "".into()),
        ] {
            assert_eq!(expand_home(Path::new(path)), Ok(expected), "{path}");
        }
    }

    #[test]
    fn no_folder_is_made_that_is_called_by_a_tilde() {
        for path in ["~", "~/x"] {
            assert!(refuse_tilde(Path::new(path)).is_err(), "{path}");
        }
        for path in ["./~", "/~", "~x", "x/~", ""] {
            assert!(refuse_tilde(Path::new(path)).is_ok(), "{path}");
        }
    }
}
