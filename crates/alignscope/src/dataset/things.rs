//! THINGS: odd-one-out triplets over 1,854 concepts.

use std::path::{Path, PathBuf};

use super::builder::{Builder, Found};
use super::files::{entry, file_in};
use super::release;
use super::table::Table;
use super::tid::lines;
use super::{Dataset, DatasetError, DatasetKind, DatasetOptions, OddOneOut, ThingsImages, Trials};

/// The split that the study scores.
const SPLIT: &str = "testset1";

/// A triplet file of which layout.
enum Layout {
    /// Three 0-based indices a row, the odd one last.
    Text,
    /// The study's table `…_paths.csv`: row numbers, the odd one last.
    Paths,
    /// The large table: 1-based indices and the position of the odd one.
    Large,
}

pub(super) fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let split = options.split.as_deref().unwrap_or(SPLIT);
    let (path, layout) = find_split(data, split)?;
    let (concepts, concepts_path) = read_concepts(data, &layout)?;
    check_concepts(&concepts, &concepts_path)?;
    let which = options.things_images.unwrap_or_default();
    let images = ConceptImages::list(data, &concepts, which)?;
    let mut sources = vec![path.clone(), concepts_path];

    let own_order = matches!(layout, Layout::Paths);
    let triplets = match layout {
        Layout::Text => read_text(&path, concepts.len())?,
        Layout::Paths => read_paths(&path, concepts.len())?,
        Layout::Large => read_large(&path, concepts.len())?,
    };
    let subjects_path = path.with_file_name(format!("{split}_subjects.txt"));
    let subjects = match triplets.subjects {
        Some(subjects) => Some(subjects),
        None if subjects_path.is_file() => {
            let subjects: Vec<String> =
                lines(&subjects_path)?.into_iter().map(|(_, text)| text).collect();
            if subjects.len() != triplets.rows.len() {
                return Err(DatasetError::Length {
                    path: subjects_path,
                    found: subjects.len(),
                    expected: triplets.rows.len(),
                    other: path,
                });
            }
            sources.push(subjects_path);
            Some(subjects)
        }
        None => None,
    };

    let found = {
        let triplets = triplets.rows.iter().map(|triplet| triplet.concepts);
        release::of_things(split, &concepts, own_order, triplets)
    };
    let labels: &[&str] = if subjects.is_some() { &["subject"] } else { &[] };
    let mut builder = Builder::new(&path, options, labels);
    for (record, triplet) in triplets.rows.iter().enumerate() {
        if builder.is_full() {
            break;
        }
        let names = triplet.concepts.map(|concept| concepts[concept as usize].as_str());
        let label: Option<[&str; 1]> = subjects.as_ref().map(|s| [s[record].as_str()]);
        builder.add(
            record as u64,
            record as u64 + 1,
            names,
            |concept| images.find(concept),
            |images| OddOneOut { images, odd: triplet.odd },
            label.as_ref().map_or(&[], |label| label.as_slice()),
        )?;
    }
    let mut notes = images.notes(concepts.len(), which);
    let what = format!("{} answers", triplets.rows.len());
    notes.insert(0, found.note(&path.display().to_string(), &what));
    if data.join("sortind.mat").is_file() {
        notes.push(
            "sortind.mat is here: triplets of the 2020 release number the concepts in another order than unique_id.txt; these are read in the order of unique_id.txt"
                .to_owned(),
        );
    }
    builder.finish(found.kind, Trials::OddOneOut, sources, notes)
}

/// Where triplet files may lie.
fn triplet_folders(data: &Path) -> [PathBuf; 3] {
    [data.join("triplet_dataset"), data.join("triplets"), data.to_owned()]
}

fn find_split(data: &Path, split: &str) -> Result<(PathBuf, Layout), DatasetError> {
    // A split is a name, not a path.
    let is_name = !split.contains(['/', '\\']);
    for folder in triplet_folders(data).into_iter().filter(|_| is_name) {
        for (name, layout) in [
            (format!("{split}.txt"), Layout::Text),
            (format!("{split}_paths.csv"), Layout::Paths),
            (format!("{split}.csv"), Layout::Large),
        ] {
            if let Some(path) = file_in(&folder, &name) {
                return Ok((path, layout));
            }
        }
    }
    let found = splits(data);
    Err(match found.is_empty() {
        true => DatasetError::NotFound {
            path: data.to_owned(),
            dataset: DatasetKind::Things,
            expected: format!(
                "`triplet_dataset/{split}.txt`, `unique_id.txt` and `object_images/`"
            ),
            looks_like: super::looks_like(data),
        },
        false => DatasetError::Split { path: data.to_owned(), split: split.to_owned(), found },
    })
}

/// The splits whose files are there.
fn splits(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in triplet_folders(data) {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()) {
            let split = match name.strip_suffix(".txt").or(name.strip_suffix("_paths.csv")) {
                Some(split) => split,
                None if name.starts_with("triplets_large") => name.trim_end_matches(".csv"),
                None => continue,
            };
            let is_split = split.starts_with("testset")
                || split.starts_with("triplets_large")
                || ["trainset", "validationset"].contains(&split);
            if is_split && !split.ends_with("_subjects") {
                found.push(format!("`{split}`"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The concepts in the order of the indices, and the file that gives it.
fn read_concepts(data: &Path, layout: &Layout) -> Result<(Vec<String>, PathBuf), DatasetError> {
    let table = |name: &str, column: &'static str| -> Result<Option<_>, DatasetError> {
        let Some(path) = triplet_folders(data).iter().find_map(|f| file_in(f, name)) else {
            return Ok(None);
        };
        let table = Table::open(&path)?;
        let column = table.column(column)?;
        let mut concepts = Vec::new();
        table.for_each(|_, row| {
            concepts.push(row.name(column)?.to_owned());
            Ok(true)
        })?;
        Ok(Some((concepts, path)))
    };
    if matches!(layout, Layout::Paths)
        && let Some(found) = table("class_name_number.csv", "ClassID")?
    {
        return Ok(found);
    }
    if let Some(list) = file_in(data, "unique_id.txt") {
        let concepts = lines(&list)?.into_iter().map(|(_, name)| name).collect();
        return Ok((concepts, list));
    }
    match table("things_concepts.tsv", "uniqueID")? {
        Some(found) => Ok(found),
        None => Err(DatasetError::NotFound {
            path: data.to_owned(),
            dataset: DatasetKind::Things,
            expected: "`unique_id.txt` or `things_concepts.tsv`".to_owned(),
            looks_like: super::looks_like(data),
        }),
    }
}

/// There are concepts, and no two of the same name.
fn check_concepts(concepts: &[String], path: &Path) -> Result<(), DatasetError> {
    if concepts.is_empty() {
        let why = "it names no concepts".to_owned();
        return Err(DatasetError::NoTrials { path: path.to_owned(), why });
    }
    let mut known = std::collections::HashSet::new();
    for (record, concept) in concepts.iter().enumerate() {
        if !known.insert(concept) {
            return Err(DatasetError::Line {
                path: path.to_owned(),
                line: record as u64 + 1,
                found: concept.clone(),
                expected: "each concept once",
            });
        }
    }
    Ok(())
}

/// A triplet by its concepts, and which of them was chosen as odd.
struct Triplet {
    concepts: [u32; 3],
    odd: u8,
}

struct Triplets {
    rows: Vec<Triplet>,
    subjects: Option<Vec<String>>,
}

impl Triplet {
    /// Three different concepts.
    fn new(concepts: [u32; 3], odd: u8, path: &Path, line: u64) -> Result<Self, DatasetError> {
        let [a, b, c] = concepts;
        match a == b || a == c || b == c {
            false => Ok(Self { concepts, odd }),
            true => Err(DatasetError::SameImage {
                path: path.to_owned(),
                line,
                image: format!("concept {}", if a == b { a } else { c }),
            }),
        }
    }
}

fn read_text(path: &Path, concepts: usize) -> Result<Triplets, DatasetError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| DatasetError::Read { path: path.to_owned(), source })?;
    let mut rows = Vec::new();
    for (line, text) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line as u64 + 1;
        if text.trim().is_empty() {
            continue;
        }
        let mut fields = text.split_ascii_whitespace();
        let mut next = || fields.next().and_then(|field| field.parse::<u32>().ok());
        let triplet = match [next(), next(), next()] {
            [Some(a), Some(b), Some(c)] if fields.next().is_none() => [a, b, c],
            _ => {
                return Err(DatasetError::Line {
                    path: path.to_owned(),
                    line,
                    found: text.to_owned(),
                    expected: "three whole numbers",
                });
            }
        };
        if let Some(index) = triplet.iter().find(|i| **i as usize >= concepts) {
            return Err(out_of_range(path, line, "index", index, 0, concepts - 1));
        }
        rows.push(Triplet::new(triplet, 2, path, line)?);
    }
    Ok(Triplets { rows, subjects: None })
}

fn out_of_range(
    path: &Path,
    line: u64,
    column: &str,
    found: &u32,
    first: usize,
    last: usize,
) -> DatasetError {
    DatasetError::Field {
        path: path.to_owned(),
        line,
        column: column.to_owned(),
        found: found.to_string(),
        expected: format!("the number of a concept, {first} to {last}"),
    }
}

fn read_paths(path: &Path, concepts: usize) -> Result<Triplets, DatasetError> {
    let table = Table::open(path)?;
    let columns = [table.column("Im1")?, table.column("Im2")?, table.column("Im3")?];
    let expected = format!("the number of a concept, 0 to {}", concepts - 1);
    let mut rows = Vec::new();
    table.for_each(|_, row| {
        let mut triplet = [0; 3];
        for (index, column) in triplet.iter_mut().zip(columns) {
            *index = row.parse(column, &expected, |i: &u32| (*i as usize) < concepts)?;
        }
        rows.push(Triplet::new(triplet, 2, path, row.line())?);
        Ok(true)
    })?;
    Ok(Triplets { rows, subjects: None })
}

fn read_large(path: &Path, concepts: usize) -> Result<Triplets, DatasetError> {
    let table = Table::open(path)?;
    let columns = [table.column("image1")?, table.column("image2")?, table.column("image3")?];
    let choice = table.column("choice")?;
    let subject = table.find("subject_id");
    let expected = format!("the number of a concept, 1 to {concepts}");
    let mut triplets = Triplets { rows: Vec::new(), subjects: subject.map(|_| Vec::new()) };
    table.for_each(|_, row| {
        let mut triplet = [0; 3];
        for (index, column) in triplet.iter_mut().zip(columns) {
            let number =
                row.parse(column, &expected, |i: &u32| (1..=concepts).contains(&(*i as usize)))?;
            *index = number - 1;
        }
        let odd = row.parse(choice, "1, 2 or 3", |n: &u8| (1..=3).contains(n))?;
        triplets.rows.push(Triplet::new(triplet, odd - 1, path, row.line())?);
        if let (Some(subjects), Some(column)) = (&mut triplets.subjects, subject) {
            subjects.push(row.text(column).to_owned());
        }
        Ok(true)
    })?;
    Ok(triplets)
}

/// The image that stands for each concept.
struct ConceptImages {
    folder: PathBuf,
    folder_name: &'static str,
    /// The image of each concept that has one.
    by_concept: std::collections::HashMap<String, PathBuf>,
    without_reference: usize,
    substitutes: usize,
}

impl ConceptImages {
    fn list(data: &Path, concepts: &[String], which: ThingsImages) -> Result<Self, DatasetError> {
        let (folder, folder_name) = ["object_images", "images"]
            .iter()
            .filter_map(|name| Some((entry(data, name)?, *name)))
            .find(|(folder, _)| folder.is_dir())
            .ok_or_else(|| DatasetError::NotFound {
                path: data.to_owned(),
                dataset: DatasetKind::Things,
                expected: "`object_images/` with a folder for each concept".to_owned(),
                looks_like: super::looks_like(data),
            })?;
        let mut images = Self {
            folder,
            folder_name,
            by_concept: std::collections::HashMap::new(),
            without_reference: 0,
            substitutes: 0,
        };
        for concept in concepts {
            let folder = entry(&images.folder, concept);
            let names = folder.as_deref().map_or_else(Vec::new, image_names);
            let is_reference = |name: &&String| {
                name.rsplit_once('.').is_some_and(|(stem, _)| {
                    stem.to_lowercase() == format!("{concept}_01b").to_lowercase()
                })
            };
            let reference = names.iter().find(is_reference);
            images.without_reference += usize::from(reference.is_none());
            let chosen = match which {
                ThingsImages::First => names.first(),
                ThingsImages::Reference01b => reference,
            };
            if let Some(name) = chosen {
                images.substitutes += usize::from(reference != Some(name));
                let folder = folder.expect("a folder that has an image");
                images.by_concept.insert(concept.clone(), folder.join(name));
            }
        }
        Ok(images)
    }

    fn find(&self, concept: &str) -> Found {
        match self.by_concept.get(concept) {
            Some(path) => {
                let below = path.strip_prefix(&self.folder).unwrap_or(path);
                let below = below.to_string_lossy().replace('\\', "/");
                Found::Image { id: format!("{}/{below}", self.folder_name), path: path.clone() }
            }
            None => Found::Missing,
        }
    }

    fn notes(&self, concepts: usize, which: ThingsImages) -> Vec<String> {
        let mut notes = vec![format!(
            "{} of {concepts} concepts have no `_01b` image, and {} have no image at all",
            self.without_reference,
            concepts - self.by_concept.len()
        )];
        if self.substitutes > 0 && which == ThingsImages::First {
            notes.push(format!(
                "{} concepts are shown by another image than `_01b`, the first in sorted order",
                self.substitutes
            ));
        }
        notes
    }
}

/// The images in a concept's folder, sorted; none where there is no folder.
fn image_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_lowercase();
            !name.starts_with('.')
                && ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff"]
                    .contains(&extension.as_str())
        })
        .collect();
    names.sort_unstable();
    names
}
