//! The order of the images of a matrix: that of a list, or of a folder.

use std::path::{Path, PathBuf};

use super::{DatasetError, DatasetOptions, HashedPath, IMAGES};
use crate::dataset::files::file_in;
use crate::dataset::image_list::ImageList;

/// Images in the order of the matrices.
pub(super) struct Order {
    /// The list, or the folder of the images.
    pub(super) path: PathBuf,
    /// Paths below the data set's folder, or names; three or more.
    pub(super) names: Vec<String>,
    /// The line of each in the list; of a folder, its place from 1.
    pub(super) lines: Vec<u64>,
    /// Folders, each with a `/` at its end, whose images are meant before others of the same name.
    pub(super) folders: Vec<String>,
}

impl Order {
    /// That of `images.txt`; `None` if there is no such file.
    ///
    /// # Errors
    /// It cannot be read, or names fewer than three images.
    pub(super) fn listed(
        root: &Path,
        folders: Vec<String>,
        options: &DatasetOptions,
        sources: &mut Vec<HashedPath>,
    ) -> Result<Option<Self>, DatasetError> {
        let Some(path) = file_in(root, IMAGES) else { return Ok(None) };
        let ImageList { names, lines, source } = ImageList::read(&path, options.allow_outside)?;
        sources.push(source);
        Self { path, names, lines, folders }.checked().map(Some)
    }

    /// That of the names of images in a folder.
    ///
    /// `inner` — the folder's path below `root`
    ///
    /// # Errors
    /// The names are in another order by their letters, as Python sorts them, than by the numbers in
    /// them: nothing tells which is meant. Or they are fewer than three.
    pub(super) fn of_folder(
        root: &Path,
        inner: &str,
        mut names: Vec<String>,
    ) -> Result<Self, DatasetError> {
        let path = root.join(inner);
        names.sort_unstable();
        let mut by_numbers = names.clone();
        by_numbers.sort_by_key(|name| natural(name));
        if let Some((by_letters, by_number)) = names.iter().zip(&by_numbers).find(|(a, b)| a != b) {
            return Err(DatasetError::Layout {
                path,
                found: format!(
                    "images of which `{by_letters}` comes first by its letters, `{by_number}` by \
                     its number"
                ),
                expected: format!("`{IMAGES}` with the images in the order of the matrices"),
                fix: format!("write it into {}", root.display()),
            });
        }
        let lines = (1..=names.len() as u64).collect();
        Self { path, names, lines, folders: vec![] }.checked()
    }

    fn checked(self) -> Result<Self, DatasetError> {
        match self.names.len() {
            count @ 0..3 => {
                let why = format!("it names {count} images, a matrix needs three");
                Err(DatasetError::NoTrials { path: self.path, why })
            }
            _ => Ok(self),
        }
    }
}

/// A key that sorts numbers in names by their value: `image_2` before `image_10`.
pub(super) fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(words);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        parts.push((0, word.to_lowercase()));
        parts.push((number.parse().unwrap_or(u64::MAX), number.to_owned()));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_sorted_by_their_value() {
        let mut names = ["image_10.jpg", "image_2.jpg", "b.png", "image_2b.jpg"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["b.png", "image_2.jpg", "image_2b.jpg", "image_10.jpg"]);
    }

    #[test]
    fn names_in_two_orders_need_a_list() {
        let of = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Order::of_folder(Path::new("set"), "images", names)
        };
        let order = of(&["image_10.jpg", "image_02.jpg", "image_01.jpg"]).expect("one order");
        assert_eq!(order.names, ["image_01.jpg", "image_02.jpg", "image_10.jpg"]);
        for names in [["image_1.jpg", "image_2.jpg", "image_10.jpg"], ["a.jpg", "B.jpg", "c.jpg"]] {
            let message = of(&names).err().expect("two orders").to_string();
            assert!(message.contains("images.txt"), "{message}");
        }
        let message = of(&["a.jpg", "b.jpg"]).err().expect("two images").to_string();
        assert!(message.contains("2 images, a matrix needs three"), "{message}");
    }
}
