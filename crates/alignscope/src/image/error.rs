//! Why an image could not be read.

use std::io;
use std::path::PathBuf;

use super::{MAX_PIXELS, MAX_SCANS};
use crate::remedy::Remedy;

/// An image could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{path} is empty; copy or download it again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The content is of no format that is read.
    #[error("{path} is not a PNG, JPEG, BMP, WebP or TIFF image but {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// The header asks for no pixels, or for too many.
    #[error("{path} says that it has {width} × {height} pixels, expected 1 to {MAX_PIXELS} in all")]
    Size {
        /// The file.
        path: PathBuf,
        /// Width in its header.
        width: u64,
        /// Height in its header.
        height: u64,
    },
    /// The file ends before the image does.
    #[error("{path} is truncated: the file ends before the image does; copy or download it again")]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// The content contradicts its format.
    #[error("cannot decode {path}: {found}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        found: String,
    },
    /// A kind of image that is not read.
    #[error("{path} is {found}, which is not read; save it as PNG in 8-bit RGB")]
    Kind {
        /// The file.
        path: PathBuf,
        /// The kind, as "a TIFF with JPEG inside".
        found: String,
    },
    /// A JPEG goes over its image more often than any encoder does.
    #[error(
        "{path} has {scans} scans, expected {MAX_SCANS} at most, as each takes the time of a whole \
         image; save it again as a JPEG that is not progressive"
    )]
    Scans {
        /// The file.
        path: PathBuf,
        /// Its scans.
        scans: usize,
    },
    /// The memory budget does not hold the image while it is decoded.
    #[error(
        "{path} needs {} of memory while it is decoded ({width} × {height} pixels), {} of the \
         budget are for that",
        megabytes(*needed),
        megabytes(*budget)
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

impl ImageError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Memory { .. } => vec![Remedy::MoreMemory { bytes: None }, Remedy::SmallerImage],
            _ => vec![],
        }
    }

    /// The error with its causes, in a line.
    pub(crate) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        text
    }
}
