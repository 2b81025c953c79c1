//! Which row of an array is which image of a data set.

use std::collections::HashMap;

use crate::dataset::ImageEntry;
use crate::listing::folded;

/// The names of the rows do not tell which image each is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// Images have no row.
    #[error(
        "{missing} of the {total} images of the data set are in no row of the features, the first \
         is `{first}`; a row is known by its file name, which must end in the image's path below \
         the data set's folder (the first row is `{row}`); {}",
        if missing == total {
            "are these the features of this data set?"
        } else {
            "add their rows, or take the trials of those images out of the data set"
        }
    )]
    Missing {
        /// How many images.
        missing: usize,
        /// Of how many.
        total: usize,
        /// The id of the first.
        first: String,
        /// The name of the first row.
        row: String,
    },
    /// An image could be either of two rows.
    #[error(
        "the image `{id}` of the data set could be row {} (`{first_name}`) or row {} (`{second_name}`) of the features; give names that end in the image's path below the data set's folder",
        rows[0], rows[1]
    )]
    Ambiguous {
        /// The image.
        id: String,
        /// The two rows, from 0.
        rows: [usize; 2],
        /// The name of the first.
        first_name: String,
        /// The name of the second.
        second_name: String,
    },
    /// Two images could be one row.
    #[error(
        "row {row} of the features (`{name}`) could be the image `{first}` of the data set or `{second}`; give names that end in the image's path below the data set's folder"
    )]
    Shared {
        /// The row, from 0.
        row: usize,
        /// Its name.
        name: String,
        /// An image.
        first: String,
        /// Another image.
        second: String,
    },
    /// There are no names, and not as many rows as images.
    #[error(
        "the features have {rows} rows, the data set {images} images; give a row for each image in the data set's own order, or the file name of each row"
    )]
    Count {
        /// Rows.
        rows: usize,
        /// Images.
        images: usize,
    },
}

/// A row of that name, or two.
#[derive(Debug, Clone, Copy)]
enum Rows {
    One(u32),
    More(u32, u32),
}

/// The row of each image: that whose file name is the image's id, or ends in it, or is the end of it
/// (where the names begin further down than the data set's folder). Whole parts of a path count,
/// `/` and `\` alike. A name as it is spelled comes before one that differs in case, or in how
/// accents are composed.
///
/// # Errors
/// An image has no row, or could be either of two.
pub fn rows_of_images(images: &[ImageEntry], names: &[String]) -> Result<Vec<u32>, RowsError> {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let ids: Vec<String> = images.iter().map(|image| plain(&image.id)).collect();
    // No longer end of a name can be an id.
    let parts = ids.iter().map(|id| id.matches('/').count() + 1).max().unwrap_or(0);
    let exact = ByName::of(names.iter().map(String::as_str), parts);
    let folded_names: Vec<String> = names.iter().map(|name| folded(name)).collect();
    let alike = ByName::of(folded_names.iter().map(String::as_str), parts);
    let mut taken: HashMap<u32, &String> = HashMap::new();
    let mut missing = Vec::new();
    let mut found = Vec::with_capacity(images.len());
    for (image, id) in images.iter().zip(&ids) {
        let row = exact.find(id).or_else(|| alike.find(&folded(id)));
        match row {
            Some(Rows::One(row)) => {
                if let Some(first) = taken.insert(row, &image.id) {
                    return Err(RowsError::Shared {
                        row: row as usize,
                        name: names[row as usize].clone(),
                        first: first.clone(),
                        second: image.id.clone(),
                    });
                }
                found.push(row);
            }
            Some(Rows::More(first, second)) => {
                let rows = [first as usize, second as usize];
                let [first_name, second_name] = rows.map(|row| names[row].clone());
                let id = image.id.clone();
                return Err(RowsError::Ambiguous { id, rows, first_name, second_name });
            }
            None => missing.push(image),
        }
    }
    match missing.first() {
        None => Ok(found),
        Some(first) => Err(RowsError::Missing {
            missing: missing.len(),
            total: images.len(),
            first: first.id.clone(),
            row: names.first().cloned().unwrap_or_default(),
        }),
    }
}

/// The rows by their names, and by the ends of those.
struct ByName<'a> {
    whole: HashMap<&'a str, Rows>,
    by_end: HashMap<&'a str, Rows>,
}

impl<'a> ByName<'a> {
    /// `parts` — so many parts of a path has an end at most
    fn of(names: impl Iterator<Item = &'a str>, parts: usize) -> Self {
        let mut rows = Self { whole: HashMap::new(), by_end: HashMap::new() };
        for (row, name) in (0_u32..).zip(names) {
            add(&mut rows.whole, name, row);
            ends(name).take(parts).for_each(|end| add(&mut rows.by_end, end, row));
        }
        rows
    }

    fn find(&self, id: &str) -> Option<Rows> {
        let row = self.whole.get(id).or_else(|| self.by_end.get(id));
        let longest = || ends(id).filter_map(|end| self.whole.get(end)).last();
        row.or_else(longest).copied()
    }
}

fn add<'a>(map: &mut HashMap<&'a str, Rows>, name: &'a str, row: u32) {
    map.entry(name)
        .and_modify(|rows| {
            if let Rows::One(first) = *rows {
                *rows = Rows::More(first, row);
            }
        })
        .or_insert(Rows::One(row));
}

/// With `/` between parts, and nothing before the first.
fn plain(name: &str) -> String {
    let name = name.replace('\\', "/");
    name.trim_start_matches("./").trim_start_matches('/').to_owned()
}

/// The ends of a path that begin at a part, from the shortest.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.rmatch_indices('/').map(|(at, _)| &path[at + 1..]);
    ends.chain(std::iter::once(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(images: &[&str], names: &[&str]) -> Result<Vec<u32>, RowsError> {
        let entry = |id: &&str| ImageEntry { id: (*id).to_owned(), path: id.into() };
        let images: Vec<ImageEntry> = images.iter().map(entry).collect();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        rows_of_images(&images, &names)
    }

    #[test]
    fn a_row_is_known_by_the_end_of_its_path() {
        let images = ["ref/000/1.png", "distort/000/1.png"];
        for names in [
            ["distort/000/1.png", "ref/000/1.png"],
            ["/data/nights/distort/000/1.png", "/data/nights/ref/000/1.png"],
            ["C:\\nights\\distort\\000\\1.png", "C:\\nights\\ref\\000\\1.png"],
            ["./distort/000/1.png", "./ref/000/1.png"],
        ] {
            assert_eq!(rows(&images, &names).expect("found"), [1, 0], "{names:?}");
        }
        // Names that begin below the folder of the data set.
        let things = ["object_images/cat/cat_01b.jpg", "object_images/dog/dog_01b.jpg"];
        let names = ["x.jpg", "dog/dog_01b.jpg", "cat/cat_01b.jpg"];
        assert_eq!(rows(&things, &names).expect("found"), [2, 1]);
    }

    #[test]
    fn case_and_accents_count_only_where_two_names_differ_in_nothing_else() {
        let (one, two) = ("caf\u{e9}/1.png", "cafe\u{301}/1.PNG");
        assert_eq!(rows(&[one], &["x/b.png", two]).expect("found"), [1]);
        assert_eq!(rows(&[two], &["x/b.png", one]).expect("found"), [1]);
        // The very name comes first, whatever the order.
        assert_eq!(rows(&[one, two], &[two, one]).expect("found"), [1, 0]);
        let error = rows(&[one], &[two, "CAFE\u{301}/1.png"]).expect_err("either").to_string();
        assert!(error.contains("row 0") && error.contains("row 1"), "{error}");
    }

    #[test]
    fn a_name_of_many_parts_is_looked_through_once() {
        let long = "a/".repeat(1 << 19);
        let names = [format!("{long}1.png"), format!("{long}2.png")];
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let begun = std::time::Instant::now();
        assert_eq!(rows(&["2.png"], &names).expect("found"), [1]);
        assert!(begun.elapsed().as_secs() < 5);
    }

    #[test]
    fn parts_of_a_name_are_not_cut() {
        let error = rows(&["1.png"], &["11.png"]).expect_err("another image").to_string();
        assert!(error.contains("`1.png`") && error.contains("`11.png`"), "{error}");
    }

    #[test]
    fn two_rows_for_one_image_are_an_error_unless_one_is_its_very_name() {
        let error = rows(&["1.png"], &["a/1.png", "b/1.png"]).expect_err("either").to_string();
        assert!(error.contains("row 0 (`a/1.png`) or row 1 (`b/1.png`)"), "{error}");
        assert_eq!(rows(&["1.png"], &["a/1.png", "1.png"]).expect("found"), [1]);
    }

    #[test]
    fn one_row_for_two_images_is_an_error() {
        let error = rows(&["a/1.png", "b/1.png"], &["1.png"]).expect_err("both").to_string();
        assert!(error.contains("row 0 of the features (`1.png`)"), "{error}");
    }
}
