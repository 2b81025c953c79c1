//! What a table calls the images of a data set.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

use super::{ORDER, README, matrices};
use crate::dataset::files::inner_path;
use crate::dataset::{Dataset, DatasetFormat};
use crate::listing::is_left_by_system;

/// A name for each image: its own, unless no table can have it. A note says how many have others.
pub(super) fn names(dataset: &Dataset, notes: &mut Vec<String>) -> Vec<String> {
    let fit: HashSet<&str> =
        dataset.images.iter().map(|image| image.id.as_str()).filter(|id| fits(id)).collect();
    let mut others = 0;
    let names = dataset.images.iter().enumerate().map(|(number, image)| {
        if fit.contains(image.id.as_str()) {
            return image.id.clone();
        }
        others += 1;
        let ending = image.path.extension().map(OsStr::to_string_lossy);
        let ending = ending.filter(|ending| ending.chars().all(char::is_alphanumeric));
        let ending = ending.map_or(String::new(), |ending| format!(".{ending}"));
        // Another image may have that name of its own.
        (0..)
            .map(|again| format!("renamed{}/{number:06}{ending}", "_".repeat(again)))
            .find(|name| !fit.contains(name.as_str()))
            .expect("names without end")
    });
    let names: Vec<String> = names.collect();
    if others > 0 {
        notes.push(format!(
            "{others} images are called `renamed/…`, as a table cannot have their paths"
        ));
    }
    names
}

/// Whether a table can have a name, and is read with it again.
fn fits(id: &str) -> bool {
    let is_hidden = |part: &str| part.starts_with('.') || is_left_by_system(OsStr::new(part));
    let is_taken = [ORDER, README].contains(&id)
        || matrices::is_taken(id)
        || DatasetFormat::ALL.iter().any(|format| id == format!("{}.csv", format.name()));
    inner_path(id).as_deref() == Some(id)
        && id.trim() == id
        && !id.contains(|c: char| c.is_control() || c == '\u{feff}')
        && !id.split('/').any(is_hidden)
        && !is_taken
        && !Path::new(id).is_absolute()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_if_it_is_read_again_as_it_is() {
        for id in ["a.png", "b/ä c.png", "with,comma \"and\" quotes.png", "x"] {
            assert!(fits(id), "{id}");
        }
        for id in [
            "",
            " a.png",
            "../a.png",
            "/a.png",
            "a//b.png",
            "./a.png",
            "a\\b.png",
            "a\nb.png",
            ".hidden/a.png",
            "pairs.csv",
            "image_order.txt",
            "README.txt",
            "images.txt",
            "rdm.toml",
            "RDM_anna.npy",
            "._a.png",
        ] {
            assert!(!fits(id), "{id}");
        }
    }
}
