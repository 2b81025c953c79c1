//! Triplets in the files of THINGS, and in those of others.

use std::path::Path;

use super::Layout;
use super::concepts::{Concepts, concept_list, read_concepts};
use crate::dataset::choices::{ArrayTriplets, are_numbers, read_names};
use crate::dataset::error::shown;
use crate::dataset::files::{entry, file_in};
use crate::dataset::table::{Column, Row, Table};
use crate::dataset::{DatasetError, DatasetOptions};
use crate::input_file::{HashedPath, InputFile};
use crate::remedy::Choice;
use crate::text::Lines;

/// A triplet by its concepts, and which of them was chosen as odd.
pub(super) struct Triplet {
    pub(super) concepts: [u32; 3],
    pub(super) odd: u8,
}

/// All of a file, and what they number.
pub(super) struct Triplets {
    pub(super) concepts: Concepts,
    pub(super) rows: Vec<Triplet>,
    pub(super) subjects: Option<Vec<String>>,
    /// How long people took to answer each.
    pub(super) times: Option<Vec<f64>>,
    /// The file of triplets, and the list of concepts if there is one.
    pub(super) sources: Vec<HashedPath>,
}

/// The rows of a file of numbers.
struct Rows {
    rows: Vec<Triplet>,
    subjects: Option<Vec<String>>,
    times: Option<Vec<f64>>,
    source: HashedPath,
}

impl Triplets {
    /// Reads a file of triplets, and what they number.
    ///
    /// # Errors
    /// It cannot be read, or numbers what is not there; the error says where.
    pub(super) fn read(
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
            // A release is told by all of its triplets.
            let array = ArrayTriplets::read(path, None)?;
            return Self::of_array(data, array, odd, options);
        }
        if layout == Layout::Text && has_names(data, path)? {
            let (names, rows, source) = read_names(path)?;
            return Self::of_names(data, names, rows, odd, source, options);
        }
        let (concepts, list) = read_concepts(data, layout, options)?;
        let count = concepts.names.len();
        let Rows { rows, subjects, times, source } = match layout {
            Layout::Paths => read_paths(path, count, odd)?,
            Layout::Large => read_large(path, count)?,
            Layout::Text | Layout::Array => read_text(path, count, odd)?,
        };
        Ok(Self { concepts, rows, subjects, times, sources: vec![source, list] })
    }

    fn of_array(
        data: &Path,
        array: ArrayTriplets,
        odd: u8,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        if let Some(names) = array.names {
            return Self::of_names(data, names, array.rows, odd, array.source, options);
        }
        let (concepts, list) = read_concepts(data, Layout::Array, options)?;
        array.check(concepts.names.len())?;
        let rows = array.rows.into_iter().map(|concepts| Triplet { concepts, odd }).collect();
        let sources = vec![array.source, list];
        Ok(Self { concepts, rows, subjects: None, times: None, sources })
    }

    /// Of names: those of concepts, if there is a list that has them all, else of images.
    fn of_names(
        data: &Path,
        names: Vec<String>,
        mut rows: Vec<[u32; 3]>,
        odd: u8,
        source: HashedPath,
        options: &DatasetOptions,
    ) -> Result<Self, DatasetError> {
        let (mut concepts, mut sources) = (Concepts { names, are_files: true }, vec![source]);
        if let Some((listed, list)) = concept_list(data, Layout::Text, options)?
            && let Some(places) = concepts.places_in(&listed)
        {
            rows.iter_mut().flatten().for_each(|name| *name = places[*name as usize]);
            concepts = listed;
            sources.push(list);
        }
        let rows = rows.into_iter().map(|concepts| Triplet { concepts, odd }).collect();
        Ok(Self { concepts, rows, subjects: None, times: None, sources })
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
    Ok(Rows { rows, subjects: None, times: None, source: file.hashed_path() })
}

/// Who answered each triplet, from the file beside that of the triplets, if it is there.
pub(super) fn subjects_beside(
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
    Ok(Rows { rows, subjects: None, times: None, source })
}

fn read_large(path: &Path, concepts: usize) -> Result<Rows, DatasetError> {
    let table = Table::open(path)?;
    let columns = [table.column("image1")?, table.column("image2")?, table.column("image3")?];
    let choice = table.column("choice")?;
    let subject = table.find("subject_id");
    let expected = format!("the number of a concept, 1 to {concepts}");
    let time = table.find("RT");
    let mut triplets = Rows {
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
