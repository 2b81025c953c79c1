//! The file of one stage of a data set whose pairs are reduced all at once.

use std::io;

use serde::{Deserialize, Serialize};

use super::error::CacheError;
use super::format::{CacheFile, FileKind, Trouble, Unfinished, name_of};
use super::store::{EntryFiles, StoredFile};
use crate::dense_pairs::StageSums;
use crate::distance::Scale;
use crate::energy::EnergyAccumulator;
use crate::pair_statistics::ImageProducts;

/// A stage's sums that are kept.
#[derive(Debug)]
pub(super) struct StageFile {
    file: CacheFile,
    header: StageHeader,
}

/// What stands in the file: squares and scaled squares of the pairs, products of the images, the
/// scale of the channels, and their energy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StageHeader {
    /// Its position among the model's stages.
    stage: usize,
    /// Tokens times channels.
    numbers: usize,
    channels: usize,
    images: usize,
    pairs: usize,
}

impl FileKind for StageHeader {
    const EXTENSION: &'static str = "stage";

    fn body_bytes(&self) -> Option<u64> {
        let of_pairs = self.pairs.checked_mul(2)?;
        let of_images = self.images.checked_mul(2)?;
        let numbers = of_pairs.checked_add(of_images)?.checked_add(self.channels)?;
        let energy = self.channels.checked_mul(EnergyAccumulator::CHANNEL_BYTES)?;
        let energy = energy.checked_add(size_of::<u64>())?;
        u64::try_from(numbers.checked_mul(size_of::<f64>())?.checked_add(energy)?).ok()
    }
}

impl StageFile {
    /// The name of the file of a stage, by its position.
    pub(super) fn name(stage: usize) -> String {
        name_of::<StageHeader>(&(stage as u64).to_le_bytes())
    }

    /// Opens and checks a file of an entry of `pairs` pairs.
    pub(super) fn open(
        files: &dyn EntryFiles,
        file: &StoredFile,
        pairs: usize,
    ) -> Result<Self, Trouble> {
        let (file, header) = CacheFile::open::<StageHeader>(files, file)?;
        match header.pairs == pairs {
            true => Ok(Self { file, header }),
            false => {
                let what = format!("it has {} pairs, expected {pairs}", header.pairs);
                Err(Trouble::Damaged(what))
            }
        }
    }

    /// The stage's position.
    pub(super) fn stage(&self) -> usize {
        self.header.stage
    }

    /// Its sums, and the energy of its activations.
    pub(super) fn read(&self) -> Result<(StageSums, EnergyAccumulator), CacheError> {
        let StageHeader { numbers, channels, images, pairs, .. } = self.header;
        let body = self.header.body_bytes().expect("checked when it was opened");
        let mut bytes = vec![0; usize::try_from(body).expect("what fitted into memory")];
        self.file.read(0, &mut bytes)?;
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
            return Err(CacheError::Read { path: self.file.path().to_owned(), source });
        }
        let sums = StageSums { numbers, scale: Scale::new(scale), images, squares, scaled };
        Ok((sums, EnergyAccumulator::from_bytes(energy)))
    }

    /// Keeps the sums of a stage.
    pub(super) fn write(
        files: &dyn EntryFiles,
        stage: usize,
        sums: &StageSums,
        energy: &EnergyAccumulator,
    ) -> Result<Self, CacheError> {
        let header = StageHeader {
            stage,
            numbers: sums.numbers,
            channels: sums.scale.values().len(),
            images: sums.images.len(),
            pairs: sums.squares.len(),
        };
        let products = sums.images.iter().flat_map(|image| [image.aa, image.a1]);
        let of_pairs = sums.squares.iter().chain(&sums.scaled).copied();
        let numbers = of_pairs.chain(products).chain(sums.scale.values().iter().copied());
        let mut bytes: Vec<u8> = numbers.flat_map(f64::to_le_bytes).collect();
        bytes.extend(energy.to_bytes());
        let file = Unfinished::create(files, Self::name(stage), &header)?;
        file.write(0, &bytes)?;
        let (file, header) = file.finish(files)?;
        Ok(Self { file, header })
    }
}
