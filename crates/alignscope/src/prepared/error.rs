//! A data set that cannot be made ready, or an image that cannot be read.

use std::path::PathBuf;

use crate::dataset::DatasetError;
use crate::image::ImageError;
use crate::memory::TooLittleMemory;
use crate::remedy::Remedy;

/// A data set cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreparedError {
    /// A data set cannot be read.
    #[error("cannot read the data set {dataset} from {data}")]
    Dataset {
        /// Which one.
        dataset: String,
        /// Its folder or file.
        data: PathBuf,
        /// Why.
        #[source]
        source: Box<DatasetError>,
    },
    /// Images cannot be read; found before the first is encoded.
    #[error(
        "{count} of the {total} images of {dataset} cannot be read; fetch them again. The first is {id}"
    )]
    Images {
        /// The data set.
        dataset: String,
        /// How many cannot.
        count: usize,
        /// Of how many.
        total: usize,
        /// Whether trials of such images can be left out here.
        can_leave_out: bool,
        /// The id of the first.
        id: String,
        /// Why the first cannot.
        #[source]
        source: Box<ImageError>,
    },
    /// An image cannot be read.
    #[error("cannot read the image {id} of {dataset}")]
    Image {
        /// The data set.
        dataset: String,
        /// The image.
        id: String,
        /// Why.
        #[source]
        source: Box<ImageError>,
    },
    /// An image is not what it was earlier in the run.
    #[error("the image {id} of {dataset} changed during the run; run again")]
    ImageChanged {
        /// The data set.
        dataset: String,
        /// The image.
        id: String,
    },
    /// The memory budget does not hold an image while it is decoded; found before it is.
    #[error(transparent)]
    Memory(Box<TooLittleMemory>),
    /// The user stopped the run.
    #[error("stopped; the same command goes on from here")]
    Stopped,
}

impl PreparedError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Images { can_leave_out: true, .. } => vec![Remedy::LeaveOutImages],
            Self::Memory(error) => error.remedies(),
            _ => vec![],
        }
    }
}

impl From<TooLittleMemory> for PreparedError {
    fn from(error: TooLittleMemory) -> Self {
        Self::Memory(Box::new(error))
    }
}
