//! The order of the images of a matrix.

use std::path::Path;

use super::{DatasetError, HashedPath, IMAGES, lines};

/// The names in `images.txt`, one a line; `None` if there is no such file.
pub(super) fn listed(
    root: &Path,
    sources: &mut Vec<HashedPath>,
) -> Result<Option<Vec<String>>, DatasetError> {
    let path = root.join(IMAGES);
    if !path.exists() {
        return Ok(None);
    }
    let (found, source) = lines(&path)?;
    sources.push(source);
    Ok(Some(found.into_iter().map(|(_, name)| name).collect()))
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
}
