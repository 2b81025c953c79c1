//! The left side of a product, in the form that the product takes.

use crate::huge_pages;
use crate::precision::Precision;
use crate::tile::{BLOCK, EMPTY, STEP, Tile, parts};
use crate::tile_packing::put_rows;

/// In which form a product takes its left side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Rows of f32.
    Rows,
    /// Tiles of bf16, of one precision.
    Tiles(Precision),
}

/// The left side of a product, `[rows, inputs]`: filled row by row, or by the product before.
///
/// [`PackedWeights::shape`](crate::PackedWeights::shape) gives it rows, inputs and the form that
/// the weights take; a new one has no rows. It grows once and is then used again, as long as its
/// form stays the same.
#[derive(Debug, Default)]
pub struct Lhs {
    rows: usize,
    inputs: usize,
    form: Form,
    /// A row on its way to tiles.
    row: Vec<f32>,
}

#[derive(Debug)]
enum Form {
    Rows(Vec<f32>),
    /// `[blocks of 32 rows, steps of 32 inputs, parts]`, each tile `[16 rows, 32 inputs]`; zeros
    /// beyond the last input, anything beyond the last row.
    Tiles(Precision, Vec<Tile>),
}

impl Default for Form {
    fn default() -> Self {
        Self::Rows(Vec::new())
    }
}

/// How far apart rows of `inputs` numbers begin: not a multiple of 4 KiB, at which the rows of a
/// tile would fall into the same few lines of the first cache.
fn stride(inputs: usize) -> usize {
    const PAGE: usize = 4096 / size_of::<f32>();
    match inputs.next_multiple_of(16) + 16 {
        stride if stride.is_multiple_of(PAGE) => stride + 16,
        stride => stride,
    }
}

impl Format {
    /// Products that take this form are of this precision.
    pub(crate) fn precision(self) -> Precision {
        match self {
            Self::Rows => Precision::F32,
            Self::Tiles(precision) => precision,
        }
    }

    /// Bytes of `[rows, inputs]` in this form.
    pub(crate) fn bytes(self, rows: usize, inputs: usize) -> usize {
        match self {
            Self::Rows => size_of::<f32>() * rows * stride(inputs),
            Self::Tiles(precision) => size_of::<Tile>() * tiles(precision, rows, inputs),
        }
    }
}

/// Tiles of `[rows, inputs]`.
fn tiles(precision: Precision, rows: usize, inputs: usize) -> usize {
    rows.div_ceil(BLOCK) * inputs.div_ceil(STEP) * parts(precision)
}

impl Lhs {
    /// Makes it `[rows, inputs]` in a form. What it held is lost; its numbers are yet to be set.
    pub(crate) fn shape(&mut self, format: Format, rows: usize, inputs: usize) {
        (self.rows, self.inputs) = (rows, inputs);
        match (format, &mut self.form) {
            (Format::Rows, Form::Rows(values)) => {
                huge_pages::grow(values, rows * stride(inputs), 0.0);
            }
            (Format::Rows, form) => *form = Form::Rows(huge_pages::vec(rows * stride(inputs), 0.0)),
            (Format::Tiles(precision), form) => {
                let count = tiles(precision, rows, inputs);
                match form {
                    Form::Tiles(p, tiles) if *p == precision => {
                        huge_pages::grow(tiles, count, EMPTY);
                    }
                    form => *form = Form::Tiles(precision, huge_pages::vec(count, EMPTY)),
                }
            }
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Sets a row, `[inputs]`, which `fill` writes: what it finds there has no meaning.
    ///
    /// # Panics
    /// There is no such row.
    pub fn fill_row(&mut self, row: usize, fill: impl FnOnce(&mut [f32])) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        match &mut self.form {
            Form::Rows(values) => {
                fill(&mut values[row * stride(self.inputs)..][..self.inputs]);
            }
            Form::Tiles(precision, tiles) => {
                let numbers = huge_pages::first(&mut self.row, self.inputs, 0.0);
                fill(numbers);
                put_row(tiles, *precision, row, numbers);
            }
        }
    }

    /// Sets a row to these numbers, `[inputs]`.
    ///
    /// # Panics
    /// There is no such row, or it has another length.
    pub fn set_row(&mut self, row: usize, numbers: &[f32]) {
        assert!(row < self.rows && numbers.len() == self.inputs, "row {row} of {}", self.rows);
        match &mut self.form {
            Form::Rows(values) => {
                values[row * stride(self.inputs)..][..self.inputs].copy_from_slice(numbers);
            }
            Form::Tiles(precision, tiles) => put_row(tiles, *precision, row, numbers),
        }
    }

    /// The rows, and how far apart they begin.
    ///
    /// # Panics
    /// It has another form.
    pub(crate) fn as_rows(&self) -> (&[f32], usize) {
        match &self.form {
            Form::Rows(values) => (values, stride(self.inputs)),
            Form::Tiles(..) => panic!("rows are asked of tiles"),
        }
    }

    /// As [`as_rows`](Self::as_rows), to be written.
    pub(crate) fn as_rows_mut(&mut self) -> (&mut [f32], usize) {
        match &mut self.form {
            Form::Rows(values) => (values, stride(self.inputs)),
            Form::Tiles(..) => panic!("rows are asked of tiles"),
        }
    }

    /// The tiles.
    ///
    /// # Panics
    /// It has another form.
    pub(crate) fn as_tiles(&self) -> &[Tile] {
        match &self.form {
            Form::Tiles(_, tiles) => tiles,
            Form::Rows(_) => panic!("tiles are asked of rows"),
        }
    }

    /// As [`as_tiles`](Self::as_tiles), to be written.
    pub(crate) fn as_tiles_mut(&mut self) -> &mut [Tile] {
        match &mut self.form {
            Form::Tiles(_, tiles) => tiles,
            Form::Rows(_) => panic!("tiles are asked of rows"),
        }
    }

    pub(crate) fn format(&self) -> Format {
        match &self.form {
            Form::Rows(_) => Format::Rows,
            Form::Tiles(precision, _) => Format::Tiles(*precision),
        }
    }
}

/// Puts a row into its block's tiles.
fn put_row(tiles: &mut [Tile], precision: Precision, row: usize, numbers: &[f32]) {
    let parts = parts(precision);
    let width = numbers.len().div_ceil(STEP) * parts;
    let block = &mut tiles[row / BLOCK * width..][..width];
    let line = row % BLOCK;
    put_rows(block, parts, line..line + 1, numbers, numbers.len(), numbers.len());
}
