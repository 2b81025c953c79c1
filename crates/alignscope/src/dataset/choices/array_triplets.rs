//! Triplets in `.npy` and `.npz` files.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::named_images::{ANY_IMAGE, NamedImages, listed_images};
use crate::dataset::builder::{Builder, Found};
use crate::dataset::error::shown;
use crate::dataset::files::{Names, file_in, folder_of};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, OddOneOut, Trials};
use crate::input_file::{HashedPath, InputFile};
use crate::numpy_file::{Cell, NpzArchive, NumpyArray, NumpyError};

/// The triplets of an array.
pub(in crate::dataset) struct ArrayTriplets {
    /// What is shown, by number, if the array has names: in order of first use.
    pub(in crate::dataset) names: Option<Vec<String>>,
    /// Three different numbers for each triplet.
    pub(in crate::dataset) rows: Vec<[u32; 3]>,
    /// The file.
    pub(in crate::dataset) source: HashedPath,
}

/// Whether a file is an array by its name.
pub(in crate::dataset) fn is_array(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ["npy", "npz"].contains(&ending.as_str()))
}

/// `triplets.npy` or `triplets.npz` in a folder.
pub(in crate::dataset) fn array_in(folder: &Path) -> Option<PathBuf> {
    ["triplets.npy", "triplets.npz"].iter().find_map(|name| file_in(folder, name))
}

/// More triplets are refused: they take 12 bytes each, and as much again as trials.
const MAX_ROWS: usize = 1 << 26;

const EXPECTED: &str = "an array of the shape [n, 3], whole numbers from 0 or names";

impl ArrayTriplets {
    /// Reads the array of a `.npy` file; of a `.npz` archive the one called `triplets` or
    /// `filenames`, else the only one with three columns.
    ///
    /// `most` — so many rows are read, of more the first; all by default
    ///
    /// # Errors
    /// It is no such array, has more than [`MAX_ROWS`], or the same image twice in a row. [`check`](Self::check) holds its
    /// numbers against how many images there are.
    pub(in crate::dataset) fn read(path: &Path, most: Option<usize>) -> Result<Self, DatasetError> {
        let error = |source| DatasetError::Read { path: path.to_owned(), source };
        let file = InputFile::open(path).map_err(error)?;
        let mut array = open(&file, path)?;
        let [count, 3] = *array.shape() else {
            return Err(wrong(path, format!("an array of the shape {:?}", array.shape())));
        };
        let most = most.unwrap_or(usize::MAX).min(count);
        if most > MAX_ROWS {
            return Err(too_many(path, count));
        }
        let mut interner = Interner::default();
        let mut rows = Vec::new();
        while (rows.len() < most || most == count)
            && let Some(cells) = array.next_row().map_err(|e| array_error(path, e))?
        {
            let row = interner.row(&cells).ok_or_else(|| DatasetError::Row {
                path: path.to_owned(),
                row: rows.len(),
                found: shown(&cells.iter().map(text).collect::<Vec<_>>().join(", ")),
                expected: "three different whole numbers from 0, or three different names".into(),
            })?;
            rows.push(row);
        }
        let names = interner.names;
        Ok(Self { names: (!names.is_empty()).then_some(names), rows, source: file.hashed_path() })
    }

    /// Holds the numbers against how many images there are.
    pub(in crate::dataset) fn check(&self, count: usize) -> Result<(), DatasetError> {
        let is_outside = |row: &[u32; 3]| row.iter().any(|i| *i as usize >= count);
        match self.rows.iter().position(is_outside) {
            None => Ok(()),
            Some(row) => Err(DatasetError::Row {
                path: self.source.path.clone(),
                row,
                found: self.rows[row].map(|i| i.to_string()).join(", "),
                expected: format!("numbers from 0 to {}, as there are {count} names", count - 1),
            }),
        }
    }
}

/// The array of triplets in a file.
fn open<'a>(file: &'a InputFile, path: &Path) -> Result<NumpyArray<'a>, DatasetError> {
    let error = |source| DatasetError::Read { path: path.to_owned(), source };
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
        return NumpyArray::read(Box::new(file.reader())).map_err(|e| array_error(path, e));
    }
    let archive = NpzArchive::open(file).map_err(error)?;
    let named = ["triplets", "filenames"].iter().find_map(|name| archive.array(name));
    if let Some(array) = named {
        return array.map_err(|e| array_error(path, e));
    }
    let names: Vec<&str> = archive.names().collect();
    let has_three = |name: &&&str| {
        let array = archive.array(name).and_then(Result::ok);
        array.is_some_and(|array| matches!(array.shape(), [_, 3]))
    };
    match names.iter().filter(has_three).collect::<Vec<_>>()[..] {
        [one] => {
            let array = archive.array(one).expect("it is one of the names");
            array.map_err(|e| array_error(path, e))
        }
        _ => Err(wrong(path, format!("arrays called `{}`", shown(&names.join("`, `"))))),
    }
}

/// What is wrong with an array, and which would do.
fn array_error(path: &Path, error: NumpyError) -> DatasetError {
    let source = match error {
        NumpyError::Type { .. } => io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{error}, expected whole numbers or texts; write it with `numpy.save(PATH, \
                 array.astype(\"int64\"))`, or `.astype(str)`"
            ),
        ),
        error => error.into(),
    };
    DatasetError::Read { path: path.to_owned(), source }
}

fn too_many(path: &Path, rows: usize) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found: format!("{rows} triplets"),
        expected: format!("at most {MAX_ROWS}"),
        fix: "save a part of them, as with `numpy.save(PATH, triplets[:1000000])`".to_owned(),
    }
}

/// How many rows of an array are needed, if no release is told by all of them.
pub(super) fn rows_needed(options: &DatasetOptions) -> Option<usize> {
    // Where trials without their images are left out, later ones take their places.
    options.limit.filter(|_| !options.skip_missing)
}

fn wrong(path: &Path, found: String) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found,
        expected: EXPECTED.to_owned(),
        fix: "save such a one with `numpy.save(PATH, triplets)`, in an archive as `triplets`"
            .to_owned(),
    }
}

/// Numbers for names, in order of first use.
#[derive(Default)]
struct Interner {
    known: HashMap<String, u32>,
    names: Vec<String>,
    /// Whether rows have numbers.
    has_numbers: bool,
}

impl Interner {
    /// The numbers of a row; `None` if they are not three different ones.
    fn row(&mut self, cells: &[Cell]) -> Option<[u32; 3]> {
        let mut row = [0; 3];
        for (number, cell) in row.iter_mut().zip(cells) {
            *number = match cell {
                Cell::Whole(whole) => {
                    self.has_numbers = true;
                    u32::try_from(*whole).ok()?
                }
                Cell::Text(name) if !name.is_empty() => self.number(name),
                Cell::Text(_) | Cell::Fraction(_) => return None,
            };
        }
        let [a, b, c] = row;
        (a != b && a != c && b != c).then_some(row)
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.known.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.known.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Whole(whole) => whole.to_string(),
        Cell::Fraction(fraction) => fraction.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

/// Reads an array of triplets whose images a list beside it names, or that has names itself.
///
/// # Errors
/// There is no list for numbers; or as for [`ArrayTriplets::read`].
pub(in crate::dataset) fn open_with_list(
    format: &dyn Format,
    path: &Path,
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    let root = folder_of(path);
    let triplets = ArrayTriplets::read(path, rows_needed(options))?;
    let mut sources = vec![triplets.source.clone()];
    let names = match &triplets.names {
        Some(names) => names.clone(),
        None => {
            let (names, source) = listed_images(std::slice::from_ref(&root), options)?
                .ok_or_else(|| no_list(&root, path))?;
            sources.push(source);
            names
        }
    };
    triplets.check(names.len())?;
    let mut images = match options.without_images {
        false => Some(NamedImages::list(&root, ANY_IMAGE, options)?),
        true => None,
    };
    let place = options.odd.unwrap_or_default();
    let odd = place.position();
    let mut builder = Builder::new(path, options, &[]);
    for (row, triplet) in (0..).zip(&triplets.rows) {
        if builder.is_full() {
            break;
        }
        let shown = triplet.map(|number| names[number as usize].as_str());
        let find = |name: &str| match &mut images {
            Some(images) => images.find(name),
            None => Found::Image { id: name.to_owned(), path: root.join(name) },
        };
        builder.add(row, row + 1, shown, find, |images| OddOneOut { images, odd }, &[])?;
    }
    let notes = place.note(path).into_iter().chain(images.and_then(|images| images.note()));
    let notes = notes.collect();
    let dataset = builder.finish(format, None, Trials::OddOneOut, sources, notes)?;
    Ok(Dataset { odd_taken_as: Some(place), ..dataset })
}

fn no_list(root: &Path, path: &Path) -> DatasetError {
    let others = Names::of(root);
    let mut texts: Vec<&str> = others.iter().filter(|name| name.ends_with(".txt")).collect();
    texts.sort_unstable();
    let beside = match texts.is_empty() {
        true => String::new(),
        false => format!(" beside `{}`", shown(&texts.join("`, `"))),
    };
    DatasetError::Layout {
        path: path.to_owned(),
        found: format!("triplets of numbers{beside}"),
        expected: "a list of the images beside them, `images.txt` or `file_names.txt`, one a line"
            .to_owned(),
        fix: "write one, in the order in which the triplets number them".to_owned(),
    }
}
