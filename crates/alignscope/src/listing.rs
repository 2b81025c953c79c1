//! What lies in a folder that a user gives: without what operating systems leave there, each
//! folder once on a way, and names compared as people read them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::input_file::ContentHash;

/// A folder with more files and folders below it is refused.
const MAX_ENTRIES: usize = 4_000_000;

/// Endings of the names of image files, in lower case.
const IMAGES: [&str; 7] = ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff"];

/// Files and folders that macOS, Windows and storage servers leave beside those of a user.
const LEFT_BY_SYSTEMS: [&str; 6] =
    [".DS_Store", "__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini", "@eaDir"];

/// Whether a system made this file or folder: `._name` (what macOS keeps about `name` on disks of
/// others), `.DS_Store`, `__MACOSX`, `Thumbs.db`, `ehthumbs.db`, `desktop.ini`, `@eaDir`.
pub(crate) fn is_left_by_system(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("._") || LEFT_BY_SYSTEMS.iter().any(|left| name.eq_ignore_ascii_case(left))
}

/// Whether a name ends as those of image files do.
pub(crate) fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    IMAGES.iter().any(|image| ending.eq_ignore_ascii_case(image))
}

/// The images below a folder, in order of path: the files whose names end in `.png`, `.jpg`,
/// `.jpeg`, `.bmp`, `.webp`, `.tif` or `.tiff`. Links are followed; hidden files and folders, and
/// what operating systems leave in folders, are passed over.
///
/// # Errors
/// A folder cannot be read, or there are more than 4,000,000 files and folders.
pub fn images_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for_each_file(folder, &mut |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_image(&name) && !name.starts_with('.') {
            images.push(path.to_owned());
        }
    })?;
    Ok(images)
}

/// Calls `each` with every file below a folder, in order of path. Links are followed, but a folder
/// is not entered again on the way that led through it; hidden folders and what systems leave are
/// passed over.
///
/// # Errors
/// A folder cannot be read, or there are more than [`MAX_ENTRIES`] files and folders.
pub(crate) fn for_each_file(folder: &Path, each: &mut dyn FnMut(&Path)) -> io::Result<()> {
    let way = vec![std::fs::canonicalize(folder)?];
    Walk { way, seen: 0, limit: MAX_ENTRIES, each }.visit(folder)
}

struct Walk<'a> {
    /// The folders from the first to the one at hand, without links.
    way: Vec<PathBuf>,
    seen: usize,
    limit: usize,
    each: &'a mut dyn FnMut(&Path),
}

impl Walk<'_> {
    fn visit(&mut self, folder: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if is_left_by_system(&name) {
                continue;
            }
            self.seen += 1;
            if self.seen > self.limit {
                return Err(io::Error::other(format!(
                    "there are more than {} files and folders below it; name the folder of the \
                     data alone",
                    self.limit
                )));
            }
            let kind = entry.file_type()?;
            let is_folder = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
            entries.push((name, is_folder));
        }
        entries.sort_unstable();
        for (name, is_folder) in entries {
            let path = folder.join(&name);
            if !is_folder {
                (self.each)(&path);
            } else if !name.to_string_lossy().starts_with('.') {
                let at = |error: io::Error| match error.get_ref() {
                    // What is wrong with all of it, or with a folder further down.
                    Some(_) => error,
                    None => io::Error::other(format!("{}: {error}", path.display())),
                };
                let real = std::fs::canonicalize(&path).map_err(at)?;
                if !self.way.contains(&real) {
                    self.way.push(real);
                    self.visit(&path).map_err(at)?;
                    self.way.pop();
                }
            }
        }
        Ok(())
    }
}

/// A file of an answer has fewer bytes: one number after a header of NumPy's.
pub(crate) const MAX_ANSWER_BYTES: u64 = 1 << 17;

/// The names of the answers in a folder that has a `.npy` file for each, in no order.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn answer_names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if let (false, Ok(name)) =
            (is_left_by_system(&entry.file_name()), entry.file_name().into_string())
            && name.ends_with(".npy")
            && !entry.path().is_dir()
        {
            names.push(name);
        }
    }
    Ok(names)
}

/// SHA-256 over the names and SHA-256 of files, in order of name: of the output of `sha256sum`
/// sorted by name.
pub(crate) fn sha256_of_all<'a>(files: impl Iterator<Item = (&'a str, impl Display)>) -> String {
    let mut lines: Vec<String> = files.map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    ContentHash::of(lines.concat().as_bytes()).to_string()
}

/// A name with composed characters (Unicode's form NFC): `é` is one character, as most systems
/// write it, where macOS may have written `e` and an accent.
fn composed(name: &str) -> Cow<'_, str> {
    if is_nfc(name) { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// A name by which spellings that differ in case, or in how their accents are composed, are equal.
pub(crate) fn folded(name: &str) -> String {
    match name.is_ascii() {
        true => name.to_ascii_lowercase(),
        false => composed(name).to_lowercase().nfc().collect(),
    }
}

/// Of names with the same [folding](folded), those nearest to `name`: the one spelled as it is,
/// else those of the same case with other accents, else all.
pub(crate) fn nearest<'a>(name: &str, alike: &[&'a str]) -> Vec<&'a str> {
    let those = |same: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
        alike.iter().copied().filter(|found| same(found)).collect()
    };
    let exact = those(&|found| found == name);
    if !exact.is_empty() {
        return exact;
    }
    let same_case = those(&|found| composed(found) == composed(name));
    if same_case.is_empty() { alike.to_vec() } else { same_case }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for_each_file(folder, &mut |path| {
            let path = path.strip_prefix(folder).expect("below it");
            found.push(path.to_str().expect("Unicode").to_owned());
        })
        .expect("listed");
        found
    }

    fn write(folder: &Path, name: &str) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, "").expect("written");
    }

    #[test]
    fn what_systems_leave_in_folders_is_passed_over() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in [
            "a.png",
            "._a.png",
            ".DS_Store",
            "Thumbs.db",
            "sub/Desktop.INI",
            "sub/b.JPG",
            "__MACOSX/sub/._b.JPG",
            "sub/@eaDir/b.JPG/thumb.jpg",
            ".git/c.png",
            ".d.png",
            "notes.txt",
        ] {
            write(folder.path(), name);
        }
        assert_eq!(below(folder.path()), [".d.png", "a.png", "notes.txt", "sub/b.JPG"]);
        let images = images_below(folder.path()).expect("listed");
        assert_eq!(images, ["a.png", "sub/b.JPG"].map(|name| folder.path().join(name)));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_not_followed_again() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().expect("a temporary folder");
        let root = place.path().join("root");
        write(&root, "sub/a.png");
        write(&place.path().join("other"), "b.png");
        symlink(&root, root.join("sub/up")).expect("linked");
        symlink(".", root.join("here")).expect("linked");
        symlink("sub", root.join("twice")).expect("linked");
        symlink("../other", root.join("out")).expect("linked");
        symlink("../root", place.path().join("other/back")).expect("linked");
        symlink("nowhere", root.join("broken.png")).expect("linked");
        assert_eq!(below(&root), ["broken.png", "out/b.png", "sub/a.png", "twice/a.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn folders_that_multiply_through_links_have_an_end() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for depth in 0..20 {
            std::fs::create_dir(folder.path().join(format!("{depth}"))).expect("made");
            for name in ["a", "b"] {
                let link = folder.path().join(format!("{depth}/{name}"));
                std::os::unix::fs::symlink(format!("../{}", depth + 1), link).expect("linked");
            }
        }
        let root = folder.path().join("0");
        let way = vec![root.clone()];
        let walked = Walk { way, seen: 0, limit: 1000, each: &mut |_| () }.visit(&root);
        let error = walked.expect_err("a million folders").to_string();
        assert!(error.starts_with("there are more than 1000 files and folders"), "{error}");
    }

    #[test]
    fn names_are_alike_whatever_their_case_and_accents() {
        let (one, two) = ("caf\u{e9}.png", "cafe\u{301}.png");
        assert_eq!(folded(two), one);
        assert_eq!(folded("CAFE\u{301}.PNG"), one);
        // Hangul, and a character that is another one's canonical equal.
        assert_eq!(folded("\u{1112}\u{1161}\u{11ab}"), folded("\u{d55c}"));
        assert_eq!(folded("\u{212b}"), "\u{e5}");
        let capital = "CAFE\u{301}.png";
        assert_eq!(nearest(one, &[one, two, capital]), [one]);
        assert_eq!(nearest(one, &[two, capital]), [two]);
        assert_eq!(nearest(one, &[capital]), [capital]);
        assert_eq!(nearest("Cafe\u{301}.png", &[one, two]), [one, two]);
    }
}
