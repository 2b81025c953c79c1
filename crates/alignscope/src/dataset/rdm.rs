//! Matrices of dissimilarity or similarity, one of each person: one's own and published ones.

mod array;
mod csv;
mod images;
mod mat;
mod npy;
mod order;
mod published;
mod trials;

use std::path::{Path, PathBuf};

pub(super) use published::Published;
pub(super) use trials::do_differ;

use super::files::{Names, file_in, folder_of};
use super::format::Format;
use super::{Dataset, DatasetError, DatasetOptions, Level};
use crate::input_file::{self, HashedPath};
use crate::numpy_file::Numbers;
use crate::remedy::Choice;
use array::{Given, Meaning};
use order::Order;
use trials::Found;

/// Noise ceilings, and correlations with each person's matrix.
const METHOD: &[&str] = &["nili2014toolbox"];

/// What a file of matrices is called, before its ending.
pub(super) const STEM: &str = "rdm";

/// How the file of a person's matrix begins.
pub(super) const OF_PERSON: &str = "rdm_";

/// The images in the order of the matrices.
pub(super) const IMAGES: &str = "images.txt";

/// What says whether the numbers are similarities.
pub(super) const MEANING: &str = "rdm.toml";

/// One's own matrices: `rdm.npy`, `.npz`, `.csv` or `.mat`, or `rdm_<person>.npy` or `.csv`.
pub(super) struct RdmManifest;

impl Format for RdmManifest {
    fn name(&self) -> &'static str {
        STEM
    }

    fn description(&self) -> &'static str {
        "people's matrices of your own: rdm.npy, .npz, .csv or .mat (or rdm_PERSON.npy, .csv) and \
         images.txt; rdm.toml says whether they are similarities"
    }

    fn method_references(&self) -> &'static [&'static str] {
        METHOD
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        (!files_of(folder).is_empty()).then(|| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let root = if data.is_file() { folder_of(data) } else { data.to_owned() };
        let files = match data.is_file() {
            true => vec![data.to_owned()],
            false => files_of(data),
        };
        if files.is_empty() {
            let expected = "`rdm.npy`, `rdm.npz`, `rdm.csv`, `rdm.mat` or `rdm_<person>.npy`";
            return Err(DatasetError::nothing_of(self.name(), &root, expected));
        }
        check_one_kind(&root, &files)?;
        let mut sources = Vec::new();
        let folders = vec!["images/".to_owned()];
        let order = Order::listed(&root, folders, options, &mut sources)?.ok_or_else(|| {
            let expected = format!("`{IMAGES}` with the images in the order of the matrices");
            DatasetError::nothing_of(self.name(), &root, &expected)
        })?;
        let said = meaning(&root, &mut sources)?;
        let mut given = Vec::new();
        for path in &files {
            given.extend(read(path, order.names.len(), &mut sources)?);
        }
        Found { format: self, root: &root, order, given, said, sources }.dataset(options)
    }
}

/// Whether a file is one of matrices by its name.
pub(super) fn is_of_matrices(name: &str) -> bool {
    let lower = name.to_lowercase();
    let Some((stem, ending)) = lower.rsplit_once('.') else { return false };
    match ending {
        "npz" | "mat" => stem == STEM,
        "npy" | "csv" => stem == STEM || stem.starts_with(OF_PERSON),
        _ => false,
    }
}

/// The files of matrices in a folder, in order of name.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let names = Names::of(folder);
    let mut names: Vec<&str> = names.iter().filter(|name| is_of_matrices(name)).collect();
    names.sort_by_key(|name| order::natural(name));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Refuses `rdm.npy` beside another file of matrices: which is meant?
fn check_one_kind(root: &Path, files: &[PathBuf]) -> Result<(), DatasetError> {
    let is_whole = |path: &PathBuf| path.file_stem().is_some_and(|s| s.eq_ignore_ascii_case(STEM));
    if files.len() < 2 || !files.iter().any(is_whole) {
        return Ok(());
    }
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = files.iter().map(name).collect();
    Err(DatasetError::Ambiguous { path: root.to_owned(), files })
}

/// What `rdm.toml` says; `None` if it is not there.
fn meaning(root: &Path, sources: &mut Vec<HashedPath>) -> Result<Option<Meaning>, DatasetError> {
    let Some(path) = file_in(root, MEANING) else { return Ok(None) };
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        similarity: bool,
    }
    let (text, source) = input_file::read_text(&path)
        .map_err(|source| DatasetError::Read { path: path.clone(), source })?;
    let said: Said = toml::from_str(&text).map_err(|error| DatasetError::Layout {
        path,
        found: error.message().to_owned(),
        expected: "`similarity = true` or `similarity = false`".to_owned(),
        fix: "write that line and no other".to_owned(),
    })?;
    sources.push(source);
    Ok(Some(if said.similarity { Meaning::Similarity } else { Meaning::Dissimilarity }))
}

/// The matrices of a file: one, or one a person.
fn read(
    path: &Path,
    images: usize,
    sources: &mut Vec<HashedPath>,
) -> Result<Vec<Given>, DatasetError> {
    let person = person_of(path);
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let arrays: Vec<(String, Numbers)> = match ending.to_str() {
        Some("npy") => vec![(person, npy::read(path, images, sources)?)],
        Some("npz") => npy::read_all(path, images, sources)?,
        Some("mat") => mat::read_all(path, sources)?,
        Some("csv") => vec![(person, csv::read(path, images, sources)?)],
        _ => {
            return Err(DatasetError::Layout {
                path: path.to_owned(),
                found: "a file of another kind".to_owned(),
                expected: "a file ending in .npy, .npz, .csv or .mat".to_owned(),
                fix: "write the matrices with numpy.save".to_owned(),
            });
        }
    };
    let mut given = Vec::new();
    for (name, numbers) in arrays {
        given.extend(array::matrices(numbers, path, &name, images)?);
    }
    Ok(given)
}

/// Whose matrix a file is by its name, `rdm_<person>.npy`; empty if that does not say it.
fn person_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match stem.split_at_checked(OF_PERSON.len()) {
        Some((begin, person)) if begin.eq_ignore_ascii_case(OF_PERSON) => person.to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_a_person_only_as_it_should() {
        for (file, person) in [
            ("rdm_anna.npy", "anna"),
            ("RDM_é.csv", "é"),
            ("rdm.npy", ""),
            ("matrices.npy", ""),
            ("été.npy", ""),
            ("rdmé.npy", ""),
            ("rdm_.npy", ""),
        ] {
            assert_eq!(person_of(Path::new(file)), person, "{file}");
        }
    }
}
