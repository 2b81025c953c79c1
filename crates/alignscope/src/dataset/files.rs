//! The files below a data set's folder, found whatever the case and the accents of their names.

use std::collections::HashMap;
use std::io;
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};

use super::DatasetOptions;
use crate::listing::{folded, for_each_file, is_left_by_system, nearest};

/// The files below a folder.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Paths below the root with `/`, as they are spelled, sorted.
    paths: Vec<String>,
    /// The folding of a path to the positions of the paths that have it.
    by_path: HashMap<String, Vec<u32>>,
    /// The folding of a file's name to the positions of the paths that end in it, sorted.
    by_name: HashMap<String, Vec<u32>>,
    /// Whether every name is taken for a file's.
    takes_all: bool,
}

impl Files {
    /// The images below `root` that annotations may name: what is there; or whatever they name, if
    /// the images are not at hand.
    pub(super) fn images(root: &Path, options: &DatasetOptions) -> io::Result<Self> {
        match options.without_images {
            false => Self::list(root),
            true => Ok(Self::taken_for_there(root)),
        }
    }

    /// Files below `root` that nobody looks for: every name is taken for one.
    pub(super) fn taken_for_there(root: &Path) -> Self {
        let (by_path, by_name) = (HashMap::new(), HashMap::new());
        Self { root: root.to_owned(), paths: vec![], by_path, by_name, takes_all: true }
    }

    /// Lists the files below `root`; links are followed.
    pub(super) fn list(root: &Path) -> io::Result<Self> {
        let mut paths = Vec::new();
        for_each_file(root, &mut |path| {
            // A name that is not Unicode cannot stand in an annotation file.
            if let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                paths.push(match MAIN_SEPARATOR {
                    '/' => path.to_owned(),
                    separator => path.replace(separator, "/"),
                });
            }
        })?;
        paths.sort_unstable();
        let mut by_path = HashMap::<String, Vec<u32>>::new();
        let mut by_name = HashMap::<String, Vec<u32>>::new();
        for (position, path) in (0..).zip(&paths) {
            by_name.entry(folded(name_of(path))).or_default().push(position);
            by_path.entry(folded(path)).or_default().push(position);
        }
        Ok(Self { root: root.to_owned(), paths, by_path, by_name, takes_all: false })
    }

    /// The file at a path below the root: as it is spelled, else the only one that differs in how
    /// accents are composed, else the only one that differs in case too.
    pub(super) fn at<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        if self.takes_all {
            return Some(path);
        }
        if let Ok(exact) = self.paths.binary_search_by(|found| found.as_str().cmp(path)) {
            return Some(&self.paths[exact]);
        }
        match nearest(path, &self.spellings(self.by_path.get(&folded(path))?))[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The file of this name, in whatever folder: one in a folder that `prefer` names where there
    /// are several, else the first in order of path; and whether others were passed over.
    pub(super) fn named<'a>(&'a self, name: &'a str, prefer: &[&str]) -> Option<(&'a str, bool)> {
        if self.takes_all {
            return Some((name, false));
        }
        let all = self.spellings(self.by_name.get(&folded(name))?);
        let mut names: Vec<&str> = all.iter().map(|path| name_of(path)).collect();
        names.sort_unstable();
        names.dedup();
        let meant = nearest(name, &names);
        let candidates = || all.iter().copied().filter(|path| meant.contains(&name_of(path)));
        let preferred = candidates().find(|path| {
            let folder = path.rsplit('/').nth(1).unwrap_or_default();
            prefer.iter().any(|p| p.eq_ignore_ascii_case(folder))
        });
        match preferred {
            Some(path) => Some((path, false)),
            None => Some((candidates().next()?, candidates().nth(1).is_some())),
        }
    }

    fn spellings(&self, positions: &[u32]) -> Vec<&str> {
        positions.iter().map(|position| self.paths[*position as usize].as_str()).collect()
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

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().expect("a split has a part")
}

/// The names in a folder, without what systems leave there; empty for what cannot be read.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The folding of a name to its spellings.
    by_folding: HashMap<String, Vec<String>>,
}

impl Names {
    pub(super) fn of(folder: &Path) -> Self {
        let mut by_folding = HashMap::<String, Vec<String>>::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if let (false, Ok(name)) = (is_left_by_system(&name), name.into_string()) {
                by_folding.entry(folded(&name)).or_default().push(name);
            }
        }
        Self { by_folding }
    }

    /// The entry of this name: as it is spelled, else the only one that differs in how accents are
    /// composed, else the only one that differs in case too.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let alike = self.by_folding.get(&folded(name))?;
        let alike: Vec<&str> = alike.iter().map(String::as_str).collect();
        match nearest(name, &alike)[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.by_folding.values().flatten().map(String::as_str)
    }
}

/// The entry of a folder with this name; see [`Names::find`].
pub(super) fn entry(folder: &Path, name: &str) -> Option<PathBuf> {
    let exact = folder.join(name);
    if exact.exists() {
        return Some(exact);
    }
    Names::of(folder).find(name).map(|found| folder.join(found))
}

/// What has this name in a folder and is no folder; see [`entry`].
pub(super) fn file_in(folder: &Path, name: &str) -> Option<PathBuf> {
    entry(folder, name).filter(|path| !path.is_dir())
}

/// What stands between a beginning and an ending of a name, both in whatever case.
pub(super) fn between<'a>(beginning: &str, name: &'a str, ending: &str) -> Option<&'a str> {
    let start = name.get(..beginning.len())?;
    let rest = &name[beginning.len()..];
    let (middle, end) = rest.split_at_checked(rest.len().checked_sub(ending.len())?)?;
    let are_alike = start.eq_ignore_ascii_case(beginning) && end.eq_ignore_ascii_case(ending);
    are_alike.then_some(middle)
}

/// What is told of images that are there under one name in several folders.
pub(super) fn note_on_others(images: usize) -> Option<String> {
    (images > 0).then(|| {
        format!("{images} images are there more than once; the first in order of path is taken")
    })
}

/// The folder that an annotation file lies in; `.` for a bare name.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
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
    fn the_middle_of_a_name_stands_between_its_ends_in_whatever_case() {
        let middle = |name| between("alignet_", name, ".npz");
        assert_eq!(middle("AligNet_valid.NPZ"), Some("valid"));
        assert_eq!(middle("alignet_.npz"), Some(""));
        for name in ["alignet.npz", "alignet_valid.npy", "", "älignet_valid.npz", "alignet_é"] {
            assert_eq!(middle(name), None, "{name}");
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
    fn files_are_found_however_their_accents_are_composed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (one, two) = ("caf\u{e9}", "cafe\u{301}");
        for (on_disk, in_table) in [(one, two), (two, one)] {
            let root = folder.path().join(on_disk.len().to_string());
            std::fs::create_dir(&root).expect("made");
            std::fs::write(root.join(format!("{on_disk}.PNG")), "").expect("written");
            let (found, wanted) = (format!("{on_disk}.PNG"), format!("{in_table}.png"));
            let files = Files::list(&root).expect("listed");
            assert_eq!(files.at(&wanted), Some(found.as_str()));
            assert_eq!(files.named(&wanted, &[]), Some((found.as_str(), false)));
            assert_eq!(file_in(&root, &wanted), Some(root.join(&found)));
        }
        // Two files that look the same: each by its very spelling, none by a third.
        let root = folder.path().join("both");
        std::fs::create_dir(&root).expect("made");
        for name in ["\u{1e9}\u{323}", "k\u{323}\u{30c}"] {
            std::fs::write(root.join(name), "").expect("written");
        }
        let files = Files::list(&root).expect("listed");
        if files.iter().count() == 2 {
            assert_eq!(files.at("k\u{323}\u{30c}"), Some("k\u{323}\u{30c}"));
            assert_eq!(files.at("k\u{30c}\u{323}"), None, "either could be meant");
            assert_eq!(entry(&root, "k\u{30c}\u{323}"), None, "either could be meant");
        }
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
