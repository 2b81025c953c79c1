//! THINGS: odd-one-out triplets over 1,854 concepts.

use std::path::{Path, PathBuf};

use super::builder::Builder;
use super::choices::{
    ArrayTriplets, ConceptImages, are_numbers, is_array, listed_images, read_names,
};
use super::error::shown;
use super::files::{Names, entry, file_in, folder_of};
use super::format::Format;
use super::release::{self, Release};
use super::table::Table;
use super::tid::lines;
use super::{Dataset, DatasetError, DatasetOptions, Level, OddOneOut, Trials};
use crate::input_file::{HashedPath, InputFile};
use crate::remedy::Choice;
use crate::text::Lines;

/// The split that the study scores.
pub(crate) const THINGS_SPLIT: &str = "testset1";

/// A triplet file of which layout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Three 0-based indices a row, the odd one last; or, as DreamSim has them, three names.
    Text,
    /// The study's table `…_paths.csv`: row numbers, the odd one last.
    Paths,
    /// The large table: 1-based indices and the position of the odd one.
    Large,
    /// An array of NumPy, as gLocal has them: 0-based indices or names, the odd one last.
    Array,
}

impl Layout {
    /// The one of a file, by its name.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match name {
            _ if is_array(path) => Self::Array,
            name if name.ends_with("_paths.csv") => Self::Paths,
            name if name.ends_with(".csv") => Self::Large,
            _ => Self::Text,
        }
    }
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
        &[Choice::Split, Choice::ThingsImages, Choice::Odd]
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
    let Place { root, path, split } = Place::find(data, options)?;
    let layout = Layout::of(&path);
    let Triplets { concepts, rows, subjects, mut sources } =
        Triplets::read(&root, &path, layout, options)?;
    check_concepts(&concepts.names, sources.last().map_or(&path, |source| &source.path))?;
    let subjects = match subjects {
        Some(subjects) => Some(subjects),
        None => subjects_beside(&path, &split, rows.len(), &mut sources)?,
    };
    let which = options.things_images.unwrap_or_default();
    let images = match (options.without_images, concepts.are_files) {
        (true, _) => ConceptImages::Absent(root.clone()),
        (false, true) => ConceptImages::named(&root, which)?,
        (false, false) => ConceptImages::of_concepts(&root, &concepts.names, which)?,
    };

    let triplets = rows.iter().map(|triplet| triplet.concepts);
    let own_order = layout == Layout::Paths;
    let found = release::of_things(&split, &concepts.in_release(), own_order, triplets);
    let labels: &[&str] = if subjects.is_some() { &["subject"] } else { &[] };
    let mut builder = Builder::new(&path, options, labels);
    for (record, triplet) in rows.iter().enumerate() {
        if builder.is_full() {
            break;
        }
        let names = triplet.concepts.map(|concept| concepts.names[concept as usize].as_str());
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
    let mut notes = images.notes(concepts.names.len(), which);
    let what = format!("{} answers", rows.len());
    notes.insert(0, found.note(&path.display().to_string(), &what));
    if root.join("sortind.mat").is_file() {
        notes.push(
            "sortind.mat is here: triplets of the 2020 release number the concepts in another order than unique_id.txt; these are read in the order of unique_id.txt"
                .to_owned(),
        );
    }
    builder.finish(&Things, found.release, Trials::OddOneOut, sources, notes)
}

/// Where the triplets are.
struct Place {
    /// The data set's folder.
    root: PathBuf,
    /// The file of triplets.
    path: PathBuf,
    split: String,
}

impl Place {
    /// Of the data set's folder, or of the file of triplets in it.
    fn find(data: &Path, options: &DatasetOptions) -> Result<Self, DatasetError> {
        if !data.is_file() {
            let split = options.split.as_deref().unwrap_or(THINGS_SPLIT);
            let path = find_split(data, split)?;
            return Ok(Self { root: data.to_owned(), path, split: split.to_owned() });
        }
        if options.split.is_some() {
            let dataset = format!("{}, which is one", data.display());
            return Err(DatasetError::NotApplicable { choice: Choice::Split, dataset });
        }
        let folder = folder_of(data);
        let is_of_triplets = folder.file_name().is_some_and(|name| {
            TRIPLET_FOLDERS.iter().any(|folder| name.eq_ignore_ascii_case(folder))
        });
        let root = if is_of_triplets { folder_of(&folder) } else { folder };
        let stem = data.file_stem().unwrap_or_default().to_string_lossy();
        let split = stem.strip_suffix("_paths").unwrap_or(&stem).to_owned();
        Ok(Self { root, path: data.to_owned(), split })
    }
}

/// Folders of triplet files: THINGS's own, and gLocal's.
const TRIPLET_FOLDERS: [&str; 2] = ["triplet_dataset", "triplets"];

/// Where triplet files may lie.
fn triplet_folders(data: &Path) -> [PathBuf; 3] {
    let [own, glocal] = TRIPLET_FOLDERS;
    [data.join(own), data.join(glocal), data.to_owned()]
}

fn find_split(data: &Path, split: &str) -> Result<PathBuf, DatasetError> {
    // A split is a name, not a path.
    let is_name = !split.contains(['/', '\\']);
    for folder in triplet_folders(data).into_iter().filter(|_| is_name) {
        for ending in [".txt", "_paths.csv", ".csv", ".npy", ".npz"] {
            if let Some(path) = file_in(&folder, &format!("{split}{ending}")) {
                return Ok(path);
            }
        }
    }
    let found = splits(data);
    match found.is_empty() {
        false => {
            Err(DatasetError::Split { path: data.to_owned(), split: split.to_owned(), found })
        }
        true => {
            let expected =
                format!("`triplet_dataset/{split}.txt`, `unique_id.txt` and `object_images/`");
            Err(DatasetError::nothing_of(Things.name(), data, &expected))
        }
    }
}

/// The splits whose files are there.
fn splits(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in triplet_folders(data) {
        // Beside the images lie other texts too.
        let of_triplets = folder != data;
        for name in Names::of(&folder).iter() {
            let stem = ["_paths.csv", ".txt", ".npy", ".npz"]
                .iter()
                .find_map(|ending| name.strip_suffix(ending));
            let split = match stem {
                Some(split) => split,
                None if name.starts_with("triplets_large") => name.trim_end_matches(".csv"),
                None => continue,
            };
            let is_split = split.starts_with("testset")
                || split.starts_with("triplets_large")
                || ["trainset", "validationset", "things_valset"].contains(&split)
                || is_array(Path::new(name))
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

/// What triplets number, in the order of the numbers.
struct Concepts {
    names: Vec<String>,
    /// Whether they are named by the files of their images.
    are_files: bool,
}

impl Concepts {
    /// The names as THINGS has them.
    fn in_release(&self) -> Vec<String> {
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
fn read_concepts(data: &Path, layout: Layout) -> Result<(Concepts, HashedPath), DatasetError> {
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
        return Ok(of(found));
    }
    if let Some(list) = file_in(data, "unique_id.txt") {
        let (concepts, source) = lines(&list)?;
        return Ok(of((concepts.into_iter().map(|(_, name)| name).collect(), source)));
    }
    if let Some(found) = table("things_concepts.tsv", "uniqueID")? {
        return Ok(of(found));
    }
    match listed_images(&triplet_folders(data))? {
        Some((names, source)) => Ok((Concepts { names, are_files: true }, source)),
        None => {
            let expected = "`unique_id.txt`, `things_concepts.tsv`, or a list of the images in \
                            `images.txt` or `file_names.txt`";
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

/// All of a file, and what they number.
struct Triplets {
    concepts: Concepts,
    rows: Vec<Triplet>,
    subjects: Option<Vec<String>>,
    /// The file of triplets, and the list of concepts if there is one.
    sources: Vec<HashedPath>,
}

/// The rows of a file of numbers.
struct Rows {
    rows: Vec<Triplet>,
    subjects: Option<Vec<String>>,
    source: HashedPath,
}

impl Triplets {
    fn read(
        data: &Path,
        path: &Path,
        layout: Layout,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let odd = options.odd.unwrap_or_default().position();
        if layout == Layout::Large && options.odd.is_some() {
            let dataset = format!("{}, which says it of each triplet", path.display());
            return Err(DatasetError::NotApplicable { choice: Choice::Odd, dataset });
        }
        if layout == Layout::Array {
            return Self::of_array(data, ArrayTriplets::read(path)?, odd);
        }
        if layout == Layout::Text && has_names(data, path)? {
            let (names, rows, source) = read_names(path)?;
            return Ok(Self::of_names(names, rows, odd, source));
        }
        let (concepts, list) = read_concepts(data, layout)?;
        let count = concepts.names.len();
        let Rows { rows, subjects, source } = match layout {
            Layout::Paths => read_paths(path, count, odd)?,
            Layout::Large => read_large(path, count)?,
            Layout::Text | Layout::Array => read_text(path, count, odd)?,
        };
        Ok(Self { concepts, rows, subjects, sources: vec![source, list] })
    }

    fn of_array(data: &Path, array: ArrayTriplets, odd: u8) -> Result<Self, DatasetError> {
        if let Some(names) = array.names {
            return Ok(Self::of_names(names, array.rows, odd, array.source));
        }
        let (concepts, list) = read_concepts(data, Layout::Array)?;
        array.check(concepts.names.len())?;
        let rows = array.rows.into_iter().map(|concepts| Triplet { concepts, odd }).collect();
        Ok(Self { concepts, rows, subjects: None, sources: vec![array.source, list] })
    }

    fn of_names(names: Vec<String>, rows: Vec<[u32; 3]>, odd: u8, source: HashedPath) -> Self {
        let rows = rows.into_iter().map(|concepts| Triplet { concepts, odd }).collect();
        let concepts = Concepts { names, are_files: true };
        Self { concepts, rows, subjects: None, sources: vec![source] }
    }
}

/// Whether a text has names for images: words, or in DreamSim's folder also numbers.
fn has_names(data: &Path, path: &Path) -> Result<bool, DatasetError> {
    let is_dreamsims = entry(data, "things_src_images").is_some();
    Ok(is_dreamsims && file_in(data, "unique_id.txt").is_none() || !are_numbers(path)?)
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

fn read_text(path: &Path, concepts: usize, odd: u8) -> Result<Rows, DatasetError> {
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
            _ => {
                return Err(DatasetError::Line {
                    path: path.to_owned(),
                    line,
                    found: shown(text),
                    expected: "three whole numbers with spaces between them",
                });
            }
        };
        if let Some(index) = triplet.iter().find(|i| **i as usize >= concepts) {
            return Err(out_of_range(path, line, "index", index, 0, concepts - 1));
        }
        rows.push(Triplet::new(triplet, odd, path, line)?);
    }
    Ok(Rows { rows, subjects: None, source: file.hashed_path() })
}

/// Who answered each triplet, from the file beside that of the triplets, if it is there.
fn subjects_beside(
    path: &Path,
    split: &str,
    rows: usize,
    sources: &mut Vec<HashedPath>,
) -> Result<Option<Vec<String>>, DatasetError> {
    let beside = path.with_file_name(format!("{split}_subjects.txt"));
    if !beside.exists() {
        return Ok(None);
    }
    let (subjects, source) = read_subjects(&beside)?;
    if subjects.len() != rows {
        return Err(DatasetError::Length {
            path: beside,
            found: subjects.len(),
            expected: rows,
            other: path.to_owned(),
        });
    }
    sources.push(source);
    Ok(Some(subjects))
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

fn read_paths(path: &Path, concepts: usize, odd: u8) -> Result<Rows, DatasetError> {
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
        rows.push(Triplet::new(triplet, odd, path, row.line())?);
        Ok(true)
    })?;
    Ok(Rows { rows, subjects: None, source })
}

fn read_large(path: &Path, concepts: usize) -> Result<Rows, DatasetError> {
    let table = Table::open(path)?;
    let columns = [table.column("image1")?, table.column("image2")?, table.column("image3")?];
    let choice = table.column("choice")?;
    let subject = table.find("subject_id");
    let expected = format!("the number of a concept, 1 to {concepts}");
    let subjects = subject.map(|_| Vec::new());
    let mut triplets = Rows { rows: Vec::new(), subjects, source: table.hashed_path() };
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
