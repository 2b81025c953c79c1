//! THINGS: odd-one-out triplets over 1,854 concepts.

use std::path::{Path, PathBuf};

use super::builder::{Builder, Found};
use super::error::shown;
use super::files::{Names, entry, file_in};
use super::format::Format;
use super::release::{self, Release};
use super::table::{Column, Row, Table};
use super::tid::lines;
use super::{Dataset, DatasetError, DatasetOptions, Level, OddOneOut, ThingsImages, Trials};
use crate::input_file::{HashedPath, InputFile};
use crate::listing::{folded, is_image};
use crate::remedy::Choice;
use crate::text::Lines;

/// The split that the study scores.
pub(crate) const THINGS_SPLIT: &str = "testset1";

/// A triplet file of which layout.
enum Layout {
    /// Three 0-based indices a row, the odd one last.
    Text,
    /// The study's table `…_paths.csv`: row numbers, the odd one last.
    Paths,
    /// The large table: 1-based indices and the position of the odd one.
    Large,
}

/// THINGS's layout.
pub(super) struct Things;

impl Format for Things {
    fn name(&self) -> &'static str {
        "things-like"
    }

    fn description(&self) -> &'static str {
        "odd-one-out triplets in THINGS's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Things]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::ThingsImages]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let has = |name: &str| folder.join(name).exists();
        (has("unique_id.txt") || has("triplet_dataset")).then_some(Release::Things.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let split = options.split.as_deref().unwrap_or(THINGS_SPLIT);
    let (path, layout) = find_split(data, split)?;
    let (concepts, concepts_source) = read_concepts(data, &layout)?;
    check_concepts(&concepts, &concepts_source.path)?;
    let which = options.things_images.unwrap_or_default();
    let images = match options.without_images {
        false => Some(ConceptImages::list(data, &concepts, which)?),
        true => None,
    };

    let own_order = matches!(layout, Layout::Paths);
    let triplets = match layout {
        Layout::Text => read_text(&path, &concepts)?,
        Layout::Paths => read_paths(&path, concepts.len())?,
        Layout::Large => read_large(&path, concepts.len())?,
    };
    let mut sources = vec![triplets.source, concepts_source];
    let subjects_path = path.with_file_name(format!("{split}_subjects.txt"));
    let subjects = match triplets.subjects {
        Some(subjects) => Some(subjects),
        None if subjects_path.exists() => {
            let (subjects, source) = read_subjects(&subjects_path)?;
            if subjects.len() != triplets.rows.len() {
                return Err(DatasetError::Length {
                    path: subjects_path,
                    found: subjects.len(),
                    expected: triplets.rows.len(),
                    other: path,
                });
            }
            sources.push(source);
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
        let is_added = builder.add(
            record as u64,
            record as u64 + 1,
            names,
            |concept| match &images {
                Some(images) => images.find(concept),
                None => without_image(data, concept),
            },
            |images| OddOneOut { images, odd: triplet.odd },
            label.as_ref().map_or(&[], |label| label.as_slice()),
        )?;
        let time = triplets.times.as_ref().map(|times| times[record]);
        time.filter(|_| is_added).into_iter().for_each(|time| builder.answered_in(time));
    }
    let mut notes = images.map_or_else(Vec::new, |images| images.notes(concepts.len(), which));
    let what = format!("{} answers", triplets.rows.len());
    notes.insert(0, found.note(&path.display().to_string(), &what));
    if data.join("sortind.mat").is_file() {
        notes.push(
            "sortind.mat is here: triplets of the 2020 release number the concepts in another order than unique_id.txt; these are read in the order of unique_id.txt"
                .to_owned(),
        );
    }
    builder.finish(&Things, found.release, Trials::OddOneOut, sources, notes)
}

/// A concept whose images are not at hand: by its own name.
fn without_image(data: &Path, concept: &str) -> Found {
    Found::Image { id: concept.to_owned(), path: data.join("object_images").join(concept) }
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
    if !found.is_empty() {
        return Err(DatasetError::Split { path: data.to_owned(), split: split.to_owned(), found });
    }
    match triplet_folders(data).iter().find_map(|folder| array_of_triplets(folder)) {
        Some(path) => Err(DatasetError::Layout {
            fix: format!(
                "write them with `numpy.savetxt(\"{split}.txt\", numpy.load(PATH), fmt=\"%d\")`"
            ),
            path,
            found: "triplets as an array of NumPy".to_owned(),
            expected: "text with three 0-based numbers of concepts a line, the odd one last"
                .to_owned(),
        }),
        None => {
            let expected =
                format!("`triplet_dataset/{split}.txt`, `unique_id.txt` and `object_images/`");
            Err(DatasetError::nothing_of(Things.name(), data, &expected))
        }
    }
}

/// The first `.npy` file in a folder.
fn array_of_triplets(folder: &Path) -> Option<PathBuf> {
    let names = Names::of(folder);
    let arrays = names.iter().filter(|name| name.to_lowercase().ends_with(".npy"));
    arrays.min().map(|name| folder.join(name))
}

/// The splits whose files are there.
fn splits(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in triplet_folders(data) {
        // Beside the images lie other texts too.
        let of_triplets = folder != data;
        for name in Names::of(&folder).iter() {
            let split = match name.strip_suffix(".txt").or(name.strip_suffix("_paths.csv")) {
                Some(split) => split,
                None if name.starts_with("triplets_large") => name.trim_end_matches(".csv"),
                None => continue,
            };
            let is_split = split.starts_with("testset")
                || split.starts_with("triplets_large")
                || ["trainset", "validationset"].contains(&split)
                || of_triplets && split != "unique_id" && !split.eq_ignore_ascii_case("readme");
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
fn read_concepts(data: &Path, layout: &Layout) -> Result<(Vec<String>, HashedPath), DatasetError> {
    let table = |name: &str, column: &'static str| -> Result<Option<_>, DatasetError> {
        let Some(path) = triplet_folders(data).iter().find_map(|f| file_in(f, name)) else {
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
    if matches!(layout, Layout::Paths)
        && let Some(found) = table("class_name_number.csv", "ClassID")?
    {
        return Ok(found);
    }
    if let Some(list) = file_in(data, "unique_id.txt") {
        let (concepts, source) = lines(&list)?;
        return Ok((concepts.into_iter().map(|(_, name)| name).collect(), source));
    }
    match table("things_concepts.tsv", "uniqueID")? {
        Some(found) => Ok(found),
        None => {
            let expected = "`unique_id.txt` or `things_concepts.tsv`";
            Err(DatasetError::nothing_of(Things.name(), data, expected))
        }
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
                found: shown(concept),
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
    /// How long people took to answer each.
    times: Option<Vec<f64>>,
    source: HashedPath,
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

fn read_text(path: &Path, concepts: &[String]) -> Result<Triplets, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    let mut lines = Lines::of(&file).map_err(error)?;
    let mut rows = Vec::new();
    while let Some((line, text)) = lines.next().map_err(error)? {
        if text.trim().is_empty() {
            continue;
        }
        let mut fields = text.split_ascii_whitespace();
        let mut next = || fields.next().and_then(|field| field.parse::<u32>().ok());
        let triplet = match [next(), next(), next()] {
            [Some(a), Some(b), Some(c)] if fields.next().is_none() => [a, b, c],
            _ if are_names(text, concepts) => {
                return Err(DatasetError::Layout {
                    path: path.to_owned(),
                    found: format!("names in line {line} (`{}`)", shown(text)),
                    expected: "three 0-based numbers of concepts a line, the odd one last"
                        .to_owned(),
                    fix: "lists of names, as DreamSim's `things_valset.txt`, are not read yet: \
                          write each name as its position in the list of concepts, from 0"
                        .to_owned(),
                });
            }
            _ => {
                return Err(DatasetError::Line {
                    path: path.to_owned(),
                    line,
                    found: shown(text),
                    expected: "three whole numbers with spaces between them",
                });
            }
        };
        if let Some(index) = triplet.iter().find(|i| **i as usize >= concepts.len()) {
            return Err(out_of_range(path, line, "index", index, 0, concepts.len() - 1));
        }
        rows.push(Triplet::new(triplet, 2, path, line)?);
    }
    Ok(Triplets { rows, subjects: None, times: None, source: file.hashed_path() })
}

/// Whether a line names concepts, or images of them, instead of numbering them.
fn are_names(text: &str, concepts: &[String]) -> bool {
    let names: Vec<String> = text.split_ascii_whitespace().map(folded).collect();
    let is_concept = |name: &String| {
        let stem = name.rsplit('/').next().unwrap_or_default();
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        concepts.iter().map(|concept| folded(concept)).any(|concept| {
            stem.strip_prefix(&concept).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
    };
    names.len() == 3 && names.iter().all(is_concept)
}

/// Who answered each triplet.
fn read_subjects(path: &Path) -> Result<(Vec<String>, HashedPath), DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(error)?;
    let mut lines = Lines::of(&file).map_err(error)?;
    let mut subjects = Vec::new();
    while let Some((_, line)) = lines.next().map_err(error)? {
        if !line.trim().is_empty() {
            subjects.push(line.trim().to_owned());
        }
    }
    Ok((subjects, file.hashed_path()))
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
    let source = table.hashed_path();
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
    Ok(Triplets { rows, subjects: None, times: None, source })
}

fn read_large(path: &Path, concepts: usize) -> Result<Triplets, DatasetError> {
    let table = Table::open(path)?;
    let columns = [table.column("image1")?, table.column("image2")?, table.column("image3")?];
    let choice = table.column("choice")?;
    let subject = table.find("subject_id");
    let expected = format!("the number of a concept, 1 to {concepts}");
    let time = table.find("RT");
    let mut triplets = Triplets {
        rows: Vec::new(),
        subjects: subject.map(|_| Vec::new()),
        times: time.map(|_| Vec::new()),
        source: table.hashed_path(),
    };
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
        if let (Some(times), Some(column)) = (&mut triplets.times, time) {
            times.push(response_time(row, column)?);
        }
        Ok(true)
    })?;
    Ok(triplets)
}

/// A response time in ms; NaN where the table has none that can be.
fn response_time(row: &Row<'_>, column: Column) -> Result<f64, DatasetError> {
    if matches!(row.text(column), "" | "NA" | "NaN") {
        return Ok(f64::NAN);
    }
    let time = row.number(column)?;
    Ok(if time > 0.0 { time } else { f64::NAN })
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
            .ok_or_else(|| no_images(data))?;
        let mut images = Self {
            folder,
            folder_name,
            by_concept: std::collections::HashMap::new(),
            without_reference: 0,
            substitutes: 0,
        };
        let entries = Names::of(&images.folder);
        let mut has_folders = false;
        for concept in concepts {
            let folder = entries.find(concept).map(|name| images.folder.join(name));
            let folder = folder.filter(|folder| folder.is_dir());
            has_folders |= folder.is_some();
            let names = folder.as_deref().map_or_else(Vec::new, image_names);
            let is_reference = |name: &&String| {
                name.rsplit_once('.')
                    .is_some_and(|(stem, _)| folded(stem) == folded(&format!("{concept}_01b")))
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
        match entries.iter().filter(|name| is_image(name)).min() {
            Some(first) if !has_folders => Err(flat(&images.folder, first)),
            _ => Ok(images),
        }
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

/// The error for a folder without the folder of images.
fn no_images(data: &Path) -> DatasetError {
    let names = Names::of(data);
    let mut parts: Vec<&str> =
        names.iter().filter(|name| name.to_lowercase().starts_with("object_images")).collect();
    parts.sort_unstable();
    match parts.first() {
        Some(first) => {
            let folder = data.join(first);
            let images = Names::of(&folder);
            match images.iter().filter(|name| is_image(name)).min() {
                Some(image) => flat(&folder, image),
                None => DatasetError::Layout {
                    path: data.to_owned(),
                    found: format!("`{}`", shown(&parts.join("`, `"))),
                    expected: "one folder `object_images` with a folder for each concept"
                        .to_owned(),
                    fix: "unpack what is packed, and move the concepts' folders of all of them \
                          into `object_images`"
                        .to_owned(),
                },
            }
        }
        None => {
            let expected = "`object_images/` with a folder for each concept";
            DatasetError::nothing_of(Things.name(), data, expected)
        }
    }
}

/// The error for images that do not lie in the folders of their concepts.
fn flat(folder: &Path, first: &str) -> DatasetError {
    let concept = first.rsplit_once('.').map_or(first, |(stem, _)| stem);
    let concept = concept.strip_suffix("_01b").or(concept.strip_suffix("_plus")).unwrap_or(concept);
    DatasetError::Layout {
        path: folder.to_owned(),
        found: format!("images without folders (`{}`)", shown(first)),
        expected: "a folder for each concept".to_owned(),
        fix: format!(
            "one folder of images, as THINGSplus and gLocal have it, is not read yet: move each \
             into a folder of its concept, as `{}`",
            shown(&format!("{concept}/{first}"))
        ),
    }
}

/// The images in a concept's folder, sorted; none where there is no folder.
fn image_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && is_image(name))
        .collect();
    names.sort_unstable();
    names
}
