//! Activations as files that the Python tools of this field read: `features.npy` and
//! `file_names.txt`, in a folder for each stage.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::budget::{ahead_limit, fixed_bytes, more_ahead_bytes};
use crate::difference::{Activations, find_unusable, is_suspect};
use crate::encoder::{Encoder, Tokens, encode_stages, passes};
use crate::image::{self, ImageError, RgbImage, read_ahead};
use crate::progress::Progress;
use crate::results::{OutputFolder, ResultsError, write_whole};
use crate::stage::Stage;

/// What to write.
#[derive(Debug, Clone, Copy)]
pub struct FeatureRequest<'a> {
    /// The encoder.
    pub encoder: &'a Encoder,
    /// The images, in the order of the rows.
    pub images: &'a [PathBuf],
    /// Which tokens; `[images, channels]` where one is left of each image, else
    /// `[images, tokens, channels]`.
    pub tokens: Tokens,
    /// The stages; all where there is none.
    pub stages: &'a [Stage],
    /// Bytes of memory to stay within.
    pub memory_bytes: u64,
}

/// Features could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureError {
    /// The user stopped the work.
    #[error("stopped; nothing was written")]
    Stopped,
    /// There is no image.
    #[error("there is no image to encode")]
    NoImages,
    /// A stage that the model has not.
    #[error("the model has no stage `{stage}`, its last block is {blocks}")]
    NoStage {
        /// The stage.
        stage: Stage,
        /// Number of blocks of the model.
        blocks: usize,
    },
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] Box<ImageError>),
    /// An activation is NaN, infinite or too large.
    #[error(
        "the model gives {value} for the image {path} at {stage}, expected finite activations; check its weights"
    )]
    Unusable {
        /// The image.
        path: PathBuf,
        /// The stage.
        stage: Stage,
        /// The number.
        value: f32,
    },
    /// Not even one image fits.
    #[error(
        "one image needs {needed} bytes of memory, the budget is {budget}; allow more with `--memory`"
    )]
    Memory {
        /// Bytes that would do.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// A file could not be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

/// The name of a stage's folder: `embedding`, `block-01`, …, `projection`.
pub fn stage_folder(stage: Stage) -> String {
    match stage {
        Stage::Block(i) => format!("block-{i:02}"),
        other => other.to_string(),
    }
}

/// A `.npy` file that is written from its beginning to its end.
type NpyFile = BufWriter<tempfile::NamedTempFile>;

/// Encodes the images, as many at a time as the memory budget holds, and writes their activations
/// at each stage.
///
/// # Errors
/// See [`FeatureError`]. No file has its final name then.
pub fn write_features(
    request: FeatureRequest<'_>,
    out: &OutputFolder,
    progress: &dyn Progress,
) -> Result<(), FeatureError> {
    let FeatureRequest { encoder, images, tokens, memory_bytes, .. } = request;
    if images.is_empty() {
        return Err(FeatureError::NoImages);
    }
    let all = encoder.stages();
    let wanted = |stage: Stage| request.stages.is_empty() || request.stages.contains(&stage);
    if let Some(stage) = request.stages.iter().find(|s| !all.contains(s)) {
        let blocks = encoder.architecture().blocks;
        return Err(FeatureError::NoStage { stage: *stage, blocks });
    }
    let mut files: Vec<(Stage, PathBuf, NpyFile)> = Vec::new();
    for stage in all.iter().copied().filter(|s| wanted(*s)) {
        let path = out.file(&stage_folder(stage)).join("features.npy");
        let file = begin(&path, shape(encoder, stage, tokens, images.len()))
            .map_err(|source| ResultsError::Write { path: path.clone(), source })?;
        files.push((stage, path, file));
    }

    // An image that cannot be read is told of when its turn comes.
    let sizes = images.par_iter().filter_map(|path| RgbImage::dimensions(path).ok());
    let largest_px = sizes.map(|(w, h)| (w * h) as u64).max().unwrap_or(0);
    let lengths = images.iter().filter_map(|path| Some(std::fs::metadata(path).ok()?.len()));
    let largest_file = lengths.max().unwrap_or(0);
    let fixed = fixed_bytes(encoder, largest_px, largest_file);
    let one_token = (encoder.architecture().channels * size_of::<f32>()) as u64;
    let per_image = encoder.bytes_per_image() as u64 + one_token;
    let left = memory_bytes.saturating_sub(fixed);
    if left < per_image {
        return Err(FeatureError::Memory { needed: fixed + per_image, budget: memory_bytes });
    }
    // Reading ahead can wait where an image hardly fits.
    let more_ahead = more_ahead_bytes(left - per_image);
    let at_a_time = usize::try_from((left - more_ahead) / per_image).unwrap_or(usize::MAX);
    progress.begin("encoding", (images.len() * all.len()) as u64);
    let groups = images.chunks(at_a_time);
    let needed: Vec<&PathBuf> =
        groups.clone().flat_map(|g| std::iter::repeat_n(g, passes(encoder)).flatten()).collect();
    let read = |position: usize| image::read(needed[position]);
    read_ahead(needed.len(), ahead_limit(more_ahead), read, |ahead| {
        let mut first = 0;
        for group in groups {
            // All images are asked for once, before any is asked for again.
            let asked = AtomicUsize::new(0);
            encode_stages::<FeatureError>(
                encoder,
                group.len(),
                |i, pixels| {
                    let pass = asked.fetch_add(1, Ordering::Relaxed) / group.len();
                    let bytes = ahead.take(first + pass * group.len() + i).map_err(Box::new)?;
                    let image = RgbImage::decode(&bytes, &group[i]).map_err(Box::new)?;
                    encoder.preprocessing().apply_into(&image, pixels);
                    Ok(())
                },
                |stage, activations| {
                    if activations.squared_norms().iter().copied().any(is_suspect)
                        && let Some(found) = find_unusable(activations)
                    {
                        let path = group[found.image].clone();
                        return Err(FeatureError::Unusable { path, stage, value: found.value });
                    }
                    match files.iter_mut().find(|(s, ..)| *s == stage) {
                        None => Ok(()),
                        Some((_, path, file)) => append(file, activations, tokens, encoder)
                            .map_err(|source| {
                                ResultsError::Write { path: path.clone(), source }.into()
                            }),
                    }
                },
                |n| {
                    progress.advance(n as u64);
                    match progress.is_stopped() {
                        true => Err(FeatureError::Stopped),
                        false => Ok(()),
                    }
                },
            )?;
            first += passes(encoder) * group.len();
        }
        Ok::<(), FeatureError>(())
    })?;
    progress.end();

    let mut names = String::new();
    for image in images {
        names.push_str(&format!("{}\n", image.display()));
    }
    for (_, path, file) in files {
        finish(file, &path).map_err(|source| ResultsError::Write { path: path.clone(), source })?;
        write_whole(&path.with_file_name("file_names.txt"), names.as_bytes())?;
    }
    Ok(())
}

/// The shape of a stage's file.
fn shape(encoder: &Encoder, stage: Stage, tokens: Tokens, images: usize) -> Vec<usize> {
    let [count, channels] = encoder.shape(stage);
    let left = match tokens {
        _ if count == 1 => 1,
        Tokens::All => count,
        Tokens::Class | Tokens::Mean => 1,
        Tokens::Patches => count - usize::from(encoder.has_class_token()),
    };
    match left {
        1 => vec![images, channels],
        _ => vec![images, left, channels],
    }
}

/// Begins a `.npy` file of f32 (NumPy's format, version 1.0): magic, length of the header, the
/// header, and then the numbers in order of rows.
fn begin(path: &Path, shape: Vec<usize>) -> io::Result<NpyFile> {
    let folder = path.parent().expect("a stage's file lies in its folder");
    std::fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(crate::whole::beside(path)?);
    let sizes: String = shape.iter().map(|n| format!("{n}, ")).collect();
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    // The numbers begin at a multiple of 64, and the header ends in a new line.
    let before = 10 + header.len() + 1;
    header.push_str(&" ".repeat(before.next_multiple_of(64) - before));
    header.push('\n');
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&u16::try_from(header.len()).expect("a short header").to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    Ok(file)
}

fn append(
    file: &mut NpyFile,
    activations: Activations<'_>,
    tokens: Tokens,
    encoder: &Encoder,
) -> io::Result<()> {
    let selected = tokens.select(activations, encoder.has_class_token());
    let chosen = selected.activations();
    (0..chosen.images())
        .flat_map(|image| chosen.image(image))
        .try_for_each(|value| file.write_all(&value.to_le_bytes()))
}

fn finish(file: NpyFile, path: &Path) -> io::Result<()> {
    crate::whole::keep(file.into_inner()?, path)
}
