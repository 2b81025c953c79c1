//! Matrices of dissimilarity or similarity, one of each person: one's own and published ones.

mod array;
mod csv;
mod npy;
mod order;
mod published;

use std::path::{Path, PathBuf};

pub(super) use published::Published;

use super::files::{Files, Names, folder_of, inner_path};
use super::format::Format;
use super::tid::lines;
use super::{Dataset, DatasetError, DatasetOptions, ImageEntry, Level, SimilarityMatrices, Trials};
use crate::input_file::{self, HashedPath};
use crate::matlab::{MatFile, MatValue};
use crate::remedy::Choice;
use array::{Array, Given, Meaning};

/// What a file of matrices is called, before its ending.
const STEM: &str = "rdm";

/// The images in the order of the matrices.
const IMAGES: &str = "images.txt";

/// What says whether the numbers are similarities.
const MEANING: &str = "rdm.toml";

/// One's own matrices: `rdm.npy`, `.npz`, `.csv` or `.mat`, or `rdm_<person>.npy` or `.csv`.
pub(super) struct RdmManifest;

impl Format for RdmManifest {
    fn name(&self) -> &'static str {
        "rdm"
    }

    fn description(&self) -> &'static str {
        "people's matrices of your own: rdm.npy, .npz, .csv or .mat (or rdm_PERSON.npy, .csv) and \
         images.txt; rdm.toml says whether they are similarities"
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
        let names = order::listed(&root, &mut sources)?.ok_or_else(|| {
            let expected = format!("`{IMAGES}` with the images in the order of the matrices");
            DatasetError::nothing_of(self.name(), &root, &expected)
        })?;
        let said = meaning(&root, &mut sources)?;
        let mut given = Vec::new();
        for path in &files {
            given.extend(read(path, names.len(), &mut sources)?);
        }
        dataset(Found { format: self, root: &root, names, given, said, sources }, options)
    }
}

/// The files of matrices in a folder, in order of name.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let is_one = |name: &&str| {
        let lower = name.to_lowercase();
        let Some((stem, ending)) = lower.rsplit_once('.') else { return false };
        match ending {
            "npz" | "mat" => stem == STEM,
            "npy" | "csv" => stem == STEM || stem.starts_with("rdm_"),
            _ => false,
        }
    };
    let names = Names::of(folder);
    let mut names: Vec<&str> = names.iter().filter(is_one).collect();
    names.sort_by_key(|name| order::natural(name));
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Refuses `rdm.npy` beside another file of matrices: which is meant?
fn check_one_kind(root: &Path, files: &[PathBuf]) -> Result<(), DatasetError> {
    let is_whole = |path: &&PathBuf| path.file_stem().is_some_and(|s| s.eq_ignore_ascii_case(STEM));
    if files.len() < 2 || files.iter().all(|path| !is_whole(&path)) {
        return Ok(());
    }
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let files = files.iter().map(name).collect();
    Err(DatasetError::Ambiguous { path: root.to_owned(), files })
}

/// What `rdm.toml` says; `None` if it is not there.
fn meaning(root: &Path, sources: &mut Vec<HashedPath>) -> Result<Option<Meaning>, DatasetError> {
    let path = root.join(MEANING);
    if !path.exists() {
        return Ok(None);
    }
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
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let person = match stem.split_at_checked(STEM.len()) {
        Some((_, rest)) if rest.len() > 1 => rest[1..].to_owned(),
        _ => String::new(),
    };
    let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
    let arrays: Vec<(String, Array)> = match ending.to_str() {
        Some("npy") => vec![(person, npy::read(path, sources)?)],
        Some("npz") => npy::read_all(path, sources)?,
        Some("mat") => of_mat(path, sources)?,
        Some("csv") => vec![(person, csv::read(path, sources)?)],
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
    for (name, array) in arrays {
        given.extend(array.matrices(path, &name, images)?);
    }
    Ok(given)
}

/// All arrays of numbers of a `.mat`.
fn of_mat(
    path: &Path,
    sources: &mut Vec<HashedPath>,
) -> Result<Vec<(String, Array)>, DatasetError> {
    let file = open_mat(path, sources)?;
    let mut found = Vec::new();
    for name in file.names() {
        match file.get(name) {
            Some(MatValue::Numbers { shape, values }) => {
                found.push((name.to_owned(), Array::of_columns(shape, values)));
            }
            other => {
                let kind = other.map_or_else(String::new, MatValue::kind);
                return Err(DatasetError::Layout {
                    path: path.to_owned(),
                    found: format!("the variable `{name}`, {kind}"),
                    expected: "matrices of numbers alone".to_owned(),
                    fix: "save the matrices by themselves".to_owned(),
                });
            }
        }
    }
    // One variable is no name of a person.
    if let [(name, _)] = &mut found[..] {
        name.clear();
    }
    Ok(found)
}

fn open_mat(path: &Path, sources: &mut Vec<HashedPath>) -> Result<MatFile, DatasetError> {
    let file =
        MatFile::read(path).map_err(|source| DatasetError::Matlab { source: Box::new(source) })?;
    sources.push(file.source().clone());
    Ok(file)
}

/// What was found of a data set.
struct Found<'a> {
    format: &'a dyn Format,
    root: &'a Path,
    /// The images in the order of the matrices: paths below the root, or names.
    names: Vec<String>,
    given: Vec<Given>,
    /// Whether the numbers are similarities, if that is said.
    said: Option<Meaning>,
    sources: Vec<HashedPath>,
}

/// The data set of some matrices: pairs that nobody judged are not in it.
fn dataset(found: Found<'_>, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let Found { format, root, names, given, said, sources } = found;
    let mut people = Vec::new();
    let mut of_people = Vec::new();
    for (number, matrix) in given.into_iter().enumerate() {
        of_people.push(matrix.dissimilarities(said)?);
        people.push(match matrix.person.is_empty() {
            true => format!("person {}", number + 1),
            false => matrix.person,
        });
    }
    let (images, places, missing) = find_images(root, &names, options)?;
    let mut pairs = Vec::new();
    let mut kept = Vec::new();
    let all = (0..names.len()).flat_map(|a| (a + 1..names.len()).map(move |b| [a, b]));
    for (pair, ends) in all.enumerate() {
        let [Some(a), Some(b)] = ends.map(|end| places[end]) else { continue };
        if of_people.iter().any(|d| !d[pair].is_nan()) {
            pairs.push([a, b]);
            kept.push(pair);
        }
    }
    let pick = |d: &Vec<f64>| -> Vec<f64> { kept.iter().map(|pair| d[*pair]).collect() };
    let dissimilarities: Vec<Vec<f64>> = of_people.iter().map(pick).collect();
    let matrices = SimilarityMatrices { pairs, people, dissimilarities }.limited(options.limit);
    check_vary(root, &matrices.people, &matrices.dissimilarities)?;
    let skipped = match missing.is_empty() {
        true => 0,
        false => {
            names.len() * (names.len() - 1) / 2
                - places.iter().flatten().count()
                    * places.iter().flatten().count().saturating_sub(1)
                    / 2
        }
    };
    let (people, used) = (counted(&matrices.people), matrices.image_count());
    let mut notes = vec![format!("matrices of {people} on {used} images")];
    if skipped > 0 {
        notes.push(format!(
            "{skipped} pairs are left out because {} images are missing",
            missing.len()
        ));
    }
    let dataset = Dataset::new(format.name(), format.level(), images, Trials::Matrices(matrices));
    Ok(Dataset { sources, notes, missing, skipped_trials: skipped, ..dataset })
}

fn counted(people: &[String]) -> String {
    match people.len() {
        1 => "one person".to_owned(),
        n => format!("{n} people"),
    }
}

/// Refuses matrices of which no measure is defined.
fn check_vary(
    root: &Path,
    people: &[String],
    dissimilarities: &[Vec<f64>],
) -> Result<(), DatasetError> {
    for (person, values) in people.iter().zip(dissimilarities) {
        let mut judged = values.iter().filter(|value| !value.is_nan());
        let first = judged.next();
        if !judged.any(|value| Some(value) != first) {
            let judged = values.iter().filter(|value| !value.is_nan()).count();
            return Err(DatasetError::Layout {
                path: root.to_owned(),
                found: format!("{judged} pairs of {person} with one value"),
                expected: "dissimilarities that differ, as all measures need".to_owned(),
                fix: "leave that matrix out".to_owned(),
            });
        }
    }
    Ok(())
}

/// The images that are there, where each of the list stands among them, and those that are missing.
type Images = (Vec<ImageEntry>, Vec<Option<u32>>, Vec<String>);

fn find_images(
    root: &Path,
    names: &[String],
    options: &DatasetOptions,
) -> Result<Images, DatasetError> {
    let files = Files::images(root, options)
        .map_err(|source| DatasetError::Read { path: root.to_owned(), source })?;
    let mut images: Vec<ImageEntry> = Vec::new();
    let (mut places, mut missing) = (Vec::new(), Vec::new());
    for (line, name) in (1..).zip(names) {
        let Some(inner) = inner_path(name) else {
            let (path, found) = (root.join(IMAGES), name.clone());
            return Err(DatasetError::Outside { path, line, found });
        };
        let found = files.at(&inner).or_else(|| files.named(&inner, &["images"]).map(|(n, _)| n));
        let Some(id) = found else {
            missing.push(name.clone());
            places.push(None);
            continue;
        };
        if images.iter().any(|other| other.id == id) {
            let (path, image) = (root.join(IMAGES), id.to_owned());
            return Err(DatasetError::SameImage { path, line, image });
        }
        places.push(Some(images.len() as u32));
        images.push(ImageEntry { id: id.to_owned(), path: files.full(id) });
    }
    if !missing.is_empty() && !options.skip_missing {
        let first = missing.iter().take(3).cloned().collect();
        let n = names.len();
        let left = n - missing.len();
        let trials = n * (n - 1) / 2 - left * left.saturating_sub(1) / 2;
        let path = root.join(IMAGES);
        return Err(DatasetError::Missing { path, images: missing.len(), trials, first });
    }
    if images.len() < 3 {
        let why = format!("{} of its images are there, a matrix needs three", images.len());
        return Err(DatasetError::NoTrials { path: root.to_owned(), why });
    }
    Ok((images, places, missing))
}
