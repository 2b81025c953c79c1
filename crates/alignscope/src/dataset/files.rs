//! The files below a data set's folder, found without regard to case.

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 8;

/// The files below a folder.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Path below the root with `/`, in lower case, to the path as it is spelled.
    by_path: HashMap<String, String>,
    /// File name in lower case to the paths that end in it, sorted.
    by_name: HashMap<String, Vec<String>>,
}

impl Files {
    /// Lists the files below `root`; links are followed.
    pub(super) fn list(root: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        walk(root, "", 0, &mut paths)?;
        paths.sort_unstable();
        let mut by_name = HashMap::<String, Vec<String>>::new();
        for path in &paths {
            let name = path.rsplit('/').next().expect("a split has a part").to_lowercase();
            by_name.entry(name).or_default().push(path.clone());
        }
        let by_path = paths.into_iter().map(|path| (path.to_lowercase(), path)).collect();
        Ok(Self { root: root.to_owned(), by_path, by_name })
    }

    /// The file at a path below the root, as it is spelled.
    pub(super) fn at(&self, path: &str) -> Option<&str> {
        self.by_path.get(&path.to_lowercase()).map(String::as_str)
    }

    /// The first file of this name, in whatever folder.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        self.by_name.get(&name.to_lowercase()).map(|paths| paths[0].as_str())
    }

    /// All files, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_path.values().map(String::as_str)
    }

    /// Where a file is.
    pub(super) fn full(&self, path: &str) -> PathBuf {
        self.root.join(path)
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
        assert_eq!(files.named("i25.bmp"), Some("Sub/I25.BMP"));
        assert_eq!(files.at("i25.bmp"), None);
    }
}
