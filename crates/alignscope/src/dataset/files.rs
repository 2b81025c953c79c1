//! The files below a data set's folder, found without regard to case.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 8;

/// The files below a folder.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Paths below the root with `/`, as they are spelled.
    paths: BTreeSet<String>,
    /// Path in lower case to the spellings.
    by_path: HashMap<String, Vec<String>>,
    /// File name in lower case to the paths that end in it, sorted.
    by_name: HashMap<String, Vec<String>>,
}

impl Files {
    /// Lists the files below `root`; links are followed.
    pub(super) fn list(root: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        walk(root, "", 0, &mut paths)?;
        paths.sort_unstable();
        let mut by_path = HashMap::<String, Vec<String>>::new();
        let mut by_name = HashMap::<String, Vec<String>>::new();
        for path in &paths {
            let name = path.rsplit('/').next().expect("a split has a part").to_lowercase();
            by_name.entry(name).or_default().push(path.clone());
            by_path.entry(path.to_lowercase()).or_default().push(path.clone());
        }
        Ok(Self { root: root.to_owned(), paths: paths.into_iter().collect(), by_path, by_name })
    }

    /// The file at a path below the root: as it is spelled, else the only one that differs in
    /// case alone.
    pub(super) fn at(&self, path: &str) -> Option<&str> {
        if let Some(exact) = self.paths.get(path) {
            return Some(exact);
        }
        match self.by_path.get(&path.to_lowercase())?.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The file of this name, in whatever folder: one in a folder that `prefer` names where there
    /// are several, else the first in order of path; and whether others were passed over.
    pub(super) fn named(&self, name: &str, prefer: &[&str]) -> Option<(&str, bool)> {
        let all = self.by_name.get(&name.to_lowercase())?;
        let exact: Vec<&String> =
            all.iter().filter(|path| path.rsplit('/').next() == Some(name)).collect();
        let candidates = if exact.is_empty() { all.iter().collect() } else { exact };
        let preferred = candidates.iter().find(|path| {
            let folder = path.rsplit('/').nth(1).unwrap_or_default();
            prefer.iter().any(|p| p.eq_ignore_ascii_case(folder))
        });
        match preferred {
            Some(path) => Some((path, false)),
            None => Some((candidates[0], candidates.len() > 1)),
        }
    }

    /// All files, in order of path.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Where a file is.
    pub(super) fn full(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// The entry of a folder with this name: as it is spelled, else the only one that differs in case
/// alone.
pub(super) fn entry(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.exists() {
        return Some(exact);
    }
    let mut alike = std::fs::read_dir(folder).ok()?.flatten().filter(|entry| {
        entry.file_name().to_str().is_some_and(|found| found.to_lowercase() == name.to_lowercase())
    });
    match (alike.next(), alike.next()) {
        (Some(one), None) => Some(one.path()),
        _ => None,
    }
}

/// The file of this name in a folder; see [`entry`].
pub(super) fn file_in(folder: &Path, name: &str) -> Option<PathBuf> {
    entry(folder, name).filter(|path| path.is_file())
}

/// The folder that an annotation file lies in; `.` for a bare name.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn walk(folder: &Path, prefix: &str, depth: usize, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A name that is not Unicode cannot stand in an annotation file.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if path.is_dir() {
            if depth < MAX_DEPTH && !name.starts_with('.') {
                walk(&path, &format!("{prefix}{name}/"), depth + 1, paths)?;
            }
        } else {
            paths.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// A relative path in one spelling: `/` between names, no `.`; `None` where it leads out of its
/// folder.
pub(super) fn inner_path(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let mut names = Vec::new();
    for component in Path::new(&path).components() {
        match component {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_of_its_folder_has_no_inner_path() {
        assert_eq!(inner_path("a/./b.png").as_deref(), Some("a/b.png"));
        assert_eq!(inner_path("a\\b.png").as_deref(), Some("a/b.png"));
        for path in ["../b.png", "/b.png", "a/../../b.png", "", "."] {
            assert_eq!(inner_path(path), None, "{path}");
        }
    }

    #[test]
    fn files_are_found_whatever_their_case() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("Sub")).expect("made");
        std::fs::write(folder.path().join("Sub/I25.BMP"), "").expect("written");
        let files = Files::list(folder.path()).expect("listed");
        assert_eq!(files.at("sub/i25.bmp"), Some("Sub/I25.BMP"));
        assert_eq!(files.named("i25.bmp", &[]), Some(("Sub/I25.BMP", false)));
        assert_eq!(files.at("i25.bmp"), None);
        assert_eq!(
            file_in(&folder.path().join("Sub"), "i25.bmp"),
            Some(folder.path().join("Sub/I25.BMP"))
        );
    }
    #[test]
    fn names_that_differ_in_case_alone_are_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["a.png", "A.png", "b/x.png", "c/x.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, name).expect("written");
        }
        let files = Files::list(folder.path()).expect("listed");
        // A file system that ignores case has one file of the two.
        if files.iter().count() == 4 {
            assert_eq!(files.at("a.png"), Some("a.png"));
            assert_eq!(files.at("A.png"), Some("A.png"));
            assert_eq!(files.at("a.PNG"), None, "either could be meant");
        }
        assert_eq!(files.named("x.png", &["c"]), Some(("c/x.png", false)));
        assert_eq!(files.named("x.png", &[]), Some(("b/x.png", true)));
    }
}
