//! The header of a `.npy` file: a Python dictionary with the type of the values and the shape.

use std::io::Read;

/// A header is no longer than this, even one that NumPy pads.
const MAX_HEADER: usize = 1 << 16;

/// Bytes in which magic, length and header stand.
pub(crate) const MAX_BEGINNING: u64 = 6 + 2 + 4 + MAX_HEADER as u64;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NpyHeader {
    /// The type of the values, as NumPy writes it: `<i8`, `<U20`, `|O`, ….
    pub(crate) descr: String,
    /// Whether the values stand in order of columns.
    pub(crate) fortran_order: bool,
    /// The sizes of the axes.
    pub(crate) shape: Vec<usize>,
    /// Bytes before the first value.
    pub(crate) bytes: u64,
}

impl NpyHeader {
    /// Reads the header with which `file` begins.
    ///
    /// # Errors
    /// It is none: what is wrong with it.
    pub(crate) fn read(file: &mut dyn Read) -> Result<Self, &'static str> {
        let mut begin = [0; 8];
        file.read_exact(&mut begin).map_err(|_| "it ends before its header")?;
        let (magic, [major, _]) = begin.split_at(6) else { unreachable!("eight bytes") };
        if magic != b"\x93NUMPY" {
            return Err("it does not begin as one");
        }
        let mut size = [0; 4];
        // Version 1 has two bytes for the length of the header, later ones four.
        let size_bytes = if *major == 1 { 2 } else { 4 };
        file.read_exact(&mut size[..size_bytes]).map_err(|_| "it ends before its header")?;
        let size = u32::from_le_bytes(size) as usize;
        if size > MAX_HEADER {
            return Err("its header is too long");
        }
        let mut text = vec![0; size];
        file.read_exact(&mut text).map_err(|_| "it ends before its header does")?;
        let text = String::from_utf8(text).map_err(|_| "its header is no text")?;
        let descr = value(&text, "descr").and_then(quoted).ok_or("its header has no plain `descr`");
        let fortran_order = match value(&text, "fortran_order") {
            Some(order) if order.starts_with("False") => Ok(false),
            Some(order) if order.starts_with("True") => Ok(true),
            _ => Err("its header has no `fortran_order`"),
        };
        let shape = value(&text, "shape").and_then(sizes).ok_or("its header has no `shape`");
        Ok(Self {
            descr: descr?.to_owned(),
            fortran_order: fortran_order?,
            shape: shape?,
            bytes: (6 + 2 + size_bytes + size) as u64,
        })
    }
}

/// What follows a key of the header, which is a Python dictionary.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    Some(text.strip_prefix('\'')?.split_once('\'')?.0)
}

/// The sizes of `(3, 4, 5)` or `(3,)`.
fn sizes(text: &str) -> Option<Vec<usize>> {
    let (inner, _) = text.strip_prefix('(')?.split_once(')')?;
    inner.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect()
}
