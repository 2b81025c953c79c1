//! What THINGS's triplets number: concepts, or images that a list names.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Layout, Things, triplet_folders};
use crate::dataset::choices::listed_images;
use crate::dataset::error::shown;
use crate::dataset::files::file_in;
use crate::dataset::format::Format;
use crate::dataset::lines::lines;
use crate::dataset::table::Table;
use crate::dataset::{DatasetError, DatasetOptions};
use crate::input_file::HashedPath;

/// What triplets number, in the order of the numbers.
pub(super) struct Concepts {
    pub(super) names: Vec<String>,
    /// Whether they are named by the files of their images.
    pub(super) are_files: bool,
}

impl Concepts {
    /// Where another list, which is not one of files, has each of the names; `None` if it lacks one.
    pub(super) fn places_in(&self, listed: &Self) -> Option<Vec<u32>> {
        let places: HashMap<&str, u32> = listed.names.iter().map(String::as_str).zip(0..).collect();
        let place = |name: &String| places.get(name.as_str()).copied();
        self.names.iter().map(place).collect::<Option<_>>().filter(|_| !listed.are_files)
    }

    /// The names as THINGS has them.
    pub(super) fn in_release(&self) -> Vec<String> {
        match self.are_files {
            false => self.names.clone(),
            true => self.names.iter().map(|file| concept_of(file)).collect(),
        }
    }
}

/// The concept that a file shows: the folder it is in, else its name without ending and number.
fn concept_of(file: &str) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let folder = folder.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let stem = ["_01b", "_plus"].iter().find_map(|after| stem.strip_suffix(after)).unwrap_or(stem);
    if folder.is_empty() { stem.to_owned() } else { folder.to_owned() }
}

/// The concepts in the order of the indices, and the file that gives it.
pub(super) fn read_concepts(
    data: &Path,
    layout: Layout,
    options: &DatasetOptions,
) -> Result<(Concepts, HashedPath), DatasetError> {
    concept_list(data, layout, options)?.ok_or_else(|| {
        let expected = "`unique_id.txt`, `things_concepts.tsv`, or a list of the images in \
                        `images.txt` or `file_names.txt`";
        DatasetError::nothing_of(Things.name(), data, expected)
    })
}

/// As [`read_concepts`]; `None` if there is no such file.
pub(super) fn concept_list(
    data: &Path,
    layout: Layout,
    options: &DatasetOptions,
) -> Result<Option<(Concepts, HashedPath)>, DatasetError> {
    let found = unchecked_list(data, layout, options)?;
    if let Some((concepts, source)) = &found {
        check_concepts(&concepts.names, &source.path)?;
    }
    Ok(found)
}

fn unchecked_list(
    data: &Path,
    layout: Layout,
    options: &DatasetOptions,
) -> Result<Option<(Concepts, HashedPath)>, DatasetError> {
    let of = |(names, source)| (Concepts { names, are_files: false }, source);
    let folders = triplet_folders(data).into_iter().chain([data.join("concepts")]);
    let folders: Vec<PathBuf> = folders.collect();
    let table = |name: &str, column: &'static str| -> Result<Option<_>, DatasetError> {
        let Some(path) = folders.iter().find_map(|f| file_in(f, name)) else {
            return Ok(None);
        };
        let table = Table::open(&path)?;
        let source = table.hashed_path();
        let column = table.column(column)?;
        let mut concepts = Vec::new();
        table.for_each(|_, row| {
            concepts.push(row.name(column)?.to_owned());
            Ok(true)
        })?;
        Ok(Some((concepts, source)))
    };
    if layout == Layout::Paths
        && let Some(found) = table("class_name_number.csv", "ClassID")?
    {
        return Ok(Some(of(found)));
    }
    if let Some(list) = file_in(data, "unique_id.txt") {
        let (concepts, source) = lines(&list)?;
        let names = concepts.into_iter().map(|(_, name)| name).collect();
        return Ok(Some(of((names, source))));
    }
    if let Some(found) = table("things_concepts.tsv", "uniqueID")? {
        return Ok(Some(of(found)));
    }
    let listed = listed_images(&triplet_folders(data), options)?;
    Ok(listed.map(|(names, source)| (Concepts { names, are_files: true }, source)))
}

/// There are concepts, and no two of the same name.
fn check_concepts(concepts: &[String], path: &Path) -> Result<(), DatasetError> {
    if concepts.is_empty() {
        let why = "it names no concepts".to_owned();
        return Err(DatasetError::NoTrials { path: path.to_owned(), why });
    }
    let mut known = HashSet::new();
    for (record, concept) in concepts.iter().enumerate() {
        if !known.insert(concept) {
            return Err(DatasetError::Line {
                path: path.to_owned(),
                line: record as u64 + 1,
                found: shown(concept),
                expected: "each concept once",
            });
        }
    }
    Ok(())
}
