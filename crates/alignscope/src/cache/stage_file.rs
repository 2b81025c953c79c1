//! The file of one stage of a data set whose pairs are reduced all at once.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::CacheError;
use super::file::{CacheFile, Trouble, Unfinished};
use crate::dense_pairs::StageSums;
use crate::distance::Scale;
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::ImageProducts;

/// A stage's sums that are kept.
#[derive(Debug)]
pub(super) struct StageFile {
    path: PathBuf,
    file: CacheFile,
    header: StageHeader,
}

/// What stands in the file: squares and scaled squares of the pairs, products of the images, the
/// scale of the channels, and their energy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StageHeader {
    /// Its position among the model's stages.
    stage: usize,
    /// Tokens times channels.
    numbers: usize,
    channels: usize,
    images: usize,
    pairs: usize,
}

impl StageHeader {
    fn body(&self) -> Option<u64> {
        let of_pairs = self.pairs.checked_mul(2)?;
        let of_images = self.images.checked_mul(2)?;
        let numbers = of_pairs.checked_add(of_images)?.checked_add(self.channels)?;
        let energy = self.channels.checked_mul(EnergyAccumulator::CHANNEL_BYTES)?;
        let energy = energy.checked_add(size_of::<u64>())?;
        u64::try_from(numbers.checked_mul(size_of::<f64>())?.checked_add(energy)?).ok()
    }
}

impl StageFile {
    /// Opens the file of a stage and checks all of it.
    pub(super) fn open(path: &Path, pairs: usize) -> Result<Self, Trouble> {
        let (file, header) = CacheFile::open(path, StageHeader::body)?;
        if header.pairs != pairs {
            let what = format!("it has {} pairs, expected {pairs}", header.pairs);
            return Err(Trouble::Damaged(what));
        }
        Ok(Self { path: path.to_owned(), file, header })
    }

    /// The stage's position.
    pub(super) fn stage(&self) -> usize {
        self.header.stage
    }

    /// Its sums, and the energy of its activations.
    pub(super) fn read(&self) -> Result<(StageSums, EnergyAccumulator), CacheError> {
        let StageHeader { numbers, channels, images, pairs, .. } = self.header;
        let body = self.header.body().expect("checked when it was opened");
        let mut bytes = vec![0; usize::try_from(body).expect("what fitted into memory")];
        self.file.read(0, &mut bytes).map_err(CacheError::read(&self.path))?;
        let (sums, energy) = bytes.split_at((2 * pairs + 2 * images + channels) * size_of::<f64>());
        let mut all = sums.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
        let mut take = |count: usize| all.by_ref().take(count).collect::<Vec<f64>>();
        let (squares, scaled) = (take(pairs), take(pairs));
        let products = take(2 * images);
        let of_image = |p: &[f64; 2]| ImageProducts { aa: p[0], a1: p[1] };
        let images = products.as_chunks().0.iter().map(of_image).collect();
        let scale = take(channels);
        if scale.iter().any(|s| !(*s >= 0.0 && s.is_finite())) {
            let source = io::Error::other("its scale is no scale; remove it");
            return Err(CacheError::Read { path: self.path.clone(), source });
        }
        let sums = StageSums { numbers, scale: Scale::new(scale), images, squares, scaled };
        Ok((sums, EnergyAccumulator::from_bytes(energy)))
    }

    /// Writes the sums of a stage beside `path`, and gives the file its name.
    pub(super) fn write(
        path: &Path,
        stage: usize,
        sums: &StageSums,
        energy: &EnergyAccumulator,
    ) -> io::Result<()> {
        let header = StageHeader {
            stage,
            numbers: sums.numbers,
            channels: sums.scale.values().len(),
            images: sums.images.len(),
            pairs: sums.squares.len(),
        };
        let body = header.body().expect("what is in memory can be counted");
        let products = sums.images.iter().flat_map(|image| [image.aa, image.a1]);
        let of_pairs = sums.squares.iter().chain(&sums.scaled).copied();
        let numbers = of_pairs.chain(products).chain(sums.scale.values().iter().copied());
        let mut bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        bytes.extend(energy.to_bytes());
        let file = Unfinished::create(path, &header, body)?;
        file.write(0, &bytes)?;
        file.finish(path)
    }
}
