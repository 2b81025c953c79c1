//! A name for this process that no other process of any machine has at the same time.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

/// Letters of a machine's name that are kept.
const HOST_LETTERS: usize = 40;

/// The machine, the process and a random number, such as `node7-4211-0f3a8c2be19d5746`: letters,
/// digits, `-` and `_`.
///
/// The machine's name alone would not do, since containers may share one; nor would the process,
/// since machines count theirs alike.
pub(crate) fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let random = RandomState::new().hash_one(std::time::SystemTime::now());
        format!("{}-{}-{random:016x}", plain(&host()), std::process::id())
    })
}

/// The machine's name, of letters that any file system and any address takes.
fn plain(host: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    host.chars().take(HOST_LETTERS).map(letter).collect()
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_same_all_along_and_fit_for_a_file() {
        assert_eq!(process_name(), process_name());
        assert!(process_name().contains(&format!("-{}-", std::process::id())));
        assert_eq!(plain("knoten.7/ä"), "knoten_7__");
    }
}
