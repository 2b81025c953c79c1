//! The files and folders that a pattern matches.

use std::io;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

/// Hidden files, such as those that are still written, are matched by no wildcard.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A folder that cannot be looked into.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) folder: PathBuf,
    pub(super) source: io::Error,
}

/// Whether a part of a pattern has a wildcard.
pub(super) fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// What a pattern matches, in order of path. Names that are not UTF-8 are matched by nothing.
///
/// # Errors
/// A folder on the way cannot be looked into.
pub(super) fn matches(pattern: &str) -> Result<Vec<PathBuf>, Unreadable> {
    let mut found = Vec::new();
    let parts: Vec<Component<'_>> = Path::new(pattern).components().collect();
    walk(PathBuf::new(), &parts, &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// Adds what the rest of a pattern matches below a folder.
fn walk(
    place: PathBuf,
    rest: &[Component<'_>],
    found: &mut Vec<PathBuf>,
) -> Result<(), Unreadable> {
    let [part, behind @ ..] = rest else {
        found.push(place);
        return Ok(());
    };
    let part = part.as_os_str().to_string_lossy();
    if !has_wildcard(&part) {
        let next = place.join(&*part);
        return if next.exists() { walk(next, behind, found) } else { Ok(()) };
    }
    let pattern = Pattern::new(&part).expect("checked when it was read");
    let folders = part == "**";
    if folders {
        walk(place.clone(), behind, found)?;
    }
    for name in names_in(&place)? {
        let next = place.join(&name);
        if folders && !name.starts_with('.') && next.is_dir() && !next.is_symlink() {
            walk(next, rest, found)?;
        } else if !folders && pattern.matches_with(&name, MATCHING) {
            walk(next, behind, found)?;
        }
    }
    Ok(())
}

/// The names in a folder that are UTF-8; none of what is no folder.
fn names_in(place: &Path) -> Result<Vec<String>, Unreadable> {
    let folder = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = |source| Unreadable { folder: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_names_of_files_and_folders() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let files = ["a/e_1.pt", "a/e_2.pt", "a/.e_3.pt", "b/c/e_4.pt", "d [x]/e_5.pt", "e_6.pt"];
        for file in files {
            let path = place.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        #[cfg(target_os = "linux")]
        std::fs::write(
            place
                .path()
                .join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"e_\xff.pt")),
            "",
        )
        .expect("written");
        for (pattern, expected) in [
            ("a/e_*.pt", &["a/e_1.pt", "a/e_2.pt"][..]),
            ("*/e_[1-2].pt", &["a/e_1.pt", "a/e_2.pt"]),
            ("**/e_?.pt", &["a/e_1.pt", "a/e_2.pt", "b/c/e_4.pt", "d [x]/e_5.pt", "e_6.pt"]),
            ("d [[]x[]]/*", &["d [x]/e_5.pt"]),
            ("e_6.pt/*", &[]),
            ("none/*", &[]),
        ] {
            let whole = format!("{}/{pattern}", Pattern::escape(&place.path().to_string_lossy()));
            let found = matches(&whole).expect("read");
            let expected: Vec<PathBuf> = expected.iter().map(|e| place.path().join(e)).collect();
            assert_eq!(found, expected, "{pattern}");
        }
    }
}
