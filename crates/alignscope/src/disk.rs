//! Space on disks.

use std::path::Path;

/// Bytes that a user may still write where a path lies, or will; `None` where the system does not
/// say.
#[cfg(unix)]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|folder| folder.exists())?;
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let found = rustix::fs::statvfs(there).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes that a user may still write where a path lies; `None` where the system does not say.
#[cfg(not(unix))]
pub fn free_bytes(_path: &Path) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_where_it_will_be() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let free = free_bytes(place.path()).expect("known");
        assert!(free > 0);
        let later = free_bytes(&place.path().join("a/b")).expect("known");
        assert!(later.abs_diff(free) < free / 2, "{later} and {free}");
    }
}
