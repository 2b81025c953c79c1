//! Why an image could not be read.

use std::io;
use std::path::PathBuf;

use super::MAX_PIXELS;

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
    /// A kind of pixels that is not read.
    #[error("{path} has pixels of kind {found}, which is not supported; convert it to 8-bit RGB")]
    Kind {
        /// The file.
        path: PathBuf,
        /// The kind.
        found: String,
    },
}

impl ImageError {
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
