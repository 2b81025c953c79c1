//! Activations as arrays: of an encoder, in memory or as files that the Python tools of this field
//! read (`features.npy` and `file_names.txt`, in a folder for each stage), and read back.

mod folder;
mod layout;
mod npy;
mod rows;

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

pub use folder::{FeatureFolder, FeatureFolderError};
pub use layout::{ArrayAxes, Layout, LayoutError, Layouts, Reading};
pub use npy::{NpyError, NpyFile};
pub use rows::{RowsError, rows_of_images};

use crate::encoder::{Encoder, Tokens, encode_stages, passes};
use crate::image::{self, DecodingBudget, Header, ImageError, RgbImage, decoding_share, prefetch};
use crate::memory::TooLittleMemory;
use crate::pair_statistics::{Activations, find_unusable, is_suspect};
use crate::plan::{ahead_limit, fixed_bytes, more_ahead_bytes};
use crate::preprocess::{NotSquare, Preprocessing};
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::results::{OutputFolder, ResultsError, write_whole};
use crate::stage::Stage;
use crate::text::MAX_LINE_BYTES;

/// An image to be encoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// In a file.
    File(PathBuf),
    /// In memory, with a name for messages.
    Pixels(RgbImage, String),
    /// As the model takes it, `[3, size, size]`, with a name for messages.
    Preprocessed(Vec<f32>, String),
}

impl Picture {
    /// What the header of its file says; none where it has none, or none that can be looked at.
    fn header(&self) -> Option<Header> {
        match self {
            Self::File(path) => image::header_of(path).ok(),
            Self::Pixels(..) | Self::Preprocessed(..) => None,
        }
    }

    /// Writes its pixels, which were decoded, as the model takes them.
    ///
    /// # Errors
    /// [`FeatureError::NotSquare`].
    pub fn preprocess(
        &self,
        image: &RgbImage,
        recipe: &Preprocessing,
        out: &mut [f32],
    ) -> Result<(), FeatureError> {
        self.check_size((image.width(), image.height()), recipe)?;
        recipe.apply_into(image, out);
        Ok(())
    }

    fn check_size(
        &self,
        (width, height): (usize, usize),
        recipe: &Preprocessing,
    ) -> Result<(), FeatureError> {
        let error = |source| FeatureError::NotSquare { image: self.to_string(), source };
        recipe.check_size(width, height).map_err(error)
    }

    /// Bytes of its file; none where it has none, or none that can be looked at.
    fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::File(path) => Some(std::fs::metadata(path).ok()?.len()),
            Self::Pixels(..) | Self::Preprocessed(..) => None,
        }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Pixels(_, name) | Self::Preprocessed(_, name) => f.pad(name),
        }
    }
}

/// What to encode.
#[derive(Debug, Clone, Copy)]
pub struct FeatureRequest<'a> {
    /// The encoder.
    pub encoder: &'a Encoder,
    /// The images, in the order of the rows.
    pub images: &'a [Picture],
    /// Which tokens; `[images, channels]` where one is left of each image, else
    /// `[images, tokens, channels]`.
    pub tokens: Tokens,
    /// The stages; all where there is none.
    pub stages: &'a [Stage],
    /// Bytes of memory to stay within, the features that are returned aside.
    pub memory_bytes: u64,
}

/// Features could not be made.
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
    /// A name that is no line of text.
    #[error(
        "the image {image} cannot stand in file_names.txt, where each line is a name in UTF-8; \
         rename the file"
    )]
    Name {
        /// The image, as Rust quotes a text.
        image: String,
    },
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] Box<ImageError>),
    /// An image has another grid of patches than a square has.
    #[error("the model cannot take the image {image}")]
    NotSquare {
        /// The image.
        image: String,
        /// What its size comes to.
        #[source]
        source: NotSquare,
    },
    /// A preprocessed image is of another size.
    #[error("the preprocessed image {image} has {found} numbers, the model takes {expected}")]
    Preprocessed {
        /// The image.
        image: String,
        /// Its numbers.
        found: usize,
        /// Numbers that the model takes.
        expected: usize,
    },
    /// An activation is NaN, infinite or too large.
    #[error(
        "the model gives {value} for the image {image} at {stage}, expected finite activations; check its weights"
    )]
    Unusable {
        /// The image.
        image: String,
        /// The stage.
        stage: Stage,
        /// The number.
        value: f32,
    },
    /// Not even one image fits.
    #[error(transparent)]
    Memory(Box<TooLittleMemory>),
    /// A file could not be written.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

impl FeatureError {
    /// What would help.
    pub fn remedies(&self) -> Vec<Remedy> {
        match self {
            Self::Image(error) => error.remedies(),
            Self::Memory(error) => error.remedies(),
            Self::Results(error) => error.remedies(),
            _ => vec![],
        }
    }
}

/// The name of a stage's folder: `embedding`, `block-01`, …, `projection`.
pub fn stage_folder(stage: Stage) -> String {
    match stage {
        Stage::Block(i) => format!("block-{i:02}"),
        other => other.to_string(),
    }
}

/// The stage of a folder of that name.
fn stage_of_folder(name: &str) -> Stage {
    match name.strip_prefix("block-").and_then(|number| number.parse().ok()) {
        Some(block) if block >= 1 => Stage::Block(block),
        _ => Stage::in_results(name),
    }
}

/// The features of all images at one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct StageFeatures {
    /// The stage.
    pub stage: Stage,
    /// `[images, channels]`, or `[images, tokens, channels]`.
    pub shape: Vec<usize>,
    /// The numbers, in order of rows.
    pub values: Vec<f32>,
}

/// Encodes the images and returns their activations at each stage.
///
/// # Errors
/// See [`FeatureError`].
pub fn features(
    request: FeatureRequest<'_>,
    progress: &dyn Progress,
) -> Result<Vec<StageFeatures>, FeatureError> {
    let stages = request.wanted_stages()?;
    let mut found: Vec<StageFeatures> = stages
        .into_iter()
        .map(|stage| {
            let shape = shape(request.encoder, stage, request.tokens, request.images.len());
            let values = Vec::with_capacity(shape.iter().product());
            StageFeatures { stage, shape, values }
        })
        .collect();
    encode(request, progress, |stage, activations| {
        if let Some(features) = found.iter_mut().find(|f| f.stage == stage) {
            let prefix = request.encoder.prefix();
            let selected = request.tokens.select(activations, prefix);
            let chosen = selected.activations();
            for image in 0..chosen.images() {
                features.values.extend_from_slice(chosen.image(image));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// A `.npy` file that is written from its beginning to its end.
type NpyWriter = BufWriter<tempfile::NamedTempFile>;

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
    let FeatureRequest { encoder, images, tokens, .. } = request;
    let names = lines_of_names(images)?;
    let mut files: Vec<(Stage, PathBuf, NpyWriter)> = Vec::new();
    for stage in request.wanted_stages()? {
        let path = out.file(&stage_folder(stage)).join("features.npy");
        let file = begin(&path, shape(encoder, stage, tokens, images.len()))
            .map_err(|source| ResultsError::Write { path: path.clone(), source })?;
        files.push((stage, path, file));
    }
    encode(request, progress, |stage, activations| {
        match files.iter_mut().find(|(s, ..)| *s == stage) {
            None => Ok(()),
            Some((_, path, file)) => append(file, activations, tokens, encoder)
                .map_err(|source| ResultsError::Write { path: path.clone(), source }.into()),
        }
    })?;

    for (_, path, file) in files {
        finish(file, &path).map_err(|source| ResultsError::Write { path: path.clone(), source })?;
        write_whole(&path.with_file_name("file_names.txt"), names.as_bytes())?;
    }
    Ok(())
}

/// The names of the images, a line each, which are read back as they are.
fn lines_of_names(images: &[Picture]) -> Result<String, FeatureError> {
    let mut names = String::new();
    for image in images {
        let name = match image {
            Picture::File(path) => path.to_str(),
            Picture::Pixels(_, name) | Picture::Preprocessed(_, name) => Some(name.as_str()),
        };
        let is_line = |name: &&str| {
            name.len() <= MAX_LINE_BYTES
                && !name.contains(['\n', '\r'])
                && (!names.is_empty() || !name.starts_with('\u{feff}'))
        };
        let Some(name) = name.filter(is_line) else {
            return Err(FeatureError::Name { image: format!("{:?}", image.to_string()) });
        };
        names.push_str(name);
        names.push('\n');
    }
    Ok(names)
}

impl FeatureRequest<'_> {
    /// The stages asked for, in the order of the model.
    fn wanted_stages(&self) -> Result<Vec<Stage>, FeatureError> {
        if self.images.is_empty() {
            return Err(FeatureError::NoImages);
        }
        let all = self.encoder.stages();
        if let Some(stage) = self.stages.iter().find(|s| !all.contains(s)) {
            let blocks = self.encoder.architecture().blocks;
            return Err(FeatureError::NoStage { stage: *stage, blocks });
        }
        let wanted = |stage: &Stage| self.stages.is_empty() || self.stages.contains(stage);
        Ok(all.into_iter().filter(wanted).collect())
    }
}

/// Encodes the images in groups that fit the memory budget, in order, and hands on each group's
/// activations at every stage of the model.
fn encode(
    request: FeatureRequest<'_>,
    progress: &dyn Progress,
    mut visit: impl FnMut(Stage, Activations<'_>) -> Result<(), FeatureError>,
) -> Result<(), FeatureError> {
    let FeatureRequest { encoder, images, memory_bytes, .. } = request;
    // An image that cannot be read is told of when its turn comes.
    let headers: Vec<Option<Header>> = images.par_iter().map(Picture::header).collect();
    let recipe = encoder.preprocessing();
    for (picture, header) in images.iter().zip(&headers) {
        match (picture, header) {
            (Picture::Pixels(image, _), _) => {
                picture.check_size((image.width(), image.height()), recipe)?;
            }
            (_, Some(header)) => picture.check_size(header.size, recipe)?,
            _ => {}
        }
    }
    let decoding = headers.iter().flatten().map(|header| header.decoding_bytes);
    let decoding = DecodingBudget::new(decoding_share(decoding.max().unwrap_or(0)));
    let lengths = images.iter().filter_map(Picture::file_bytes);
    let largest_file = lengths.max().unwrap_or(0);
    let fixed = fixed_bytes(encoder, decoding.bytes(), largest_file);
    let channels = encoder.stages().into_iter().map(|stage| encoder.shape(stage)[1]);
    let one_token = (channels.max().unwrap_or(0) * size_of::<f32>()) as u64;
    let per_image = encoder.bytes_per_image() as u64 + one_token;
    let left = memory_bytes.saturating_sub(fixed);
    if left < per_image {
        return Err(FeatureError::Memory(Box::new(TooLittleMemory {
            what: "encoding".to_owned(),
            how: "for one image".to_owned(),
            needed: fixed + per_image,
            budget: memory_bytes,
            remedies: vec![],
        })));
    }
    // Reading ahead can wait where an image hardly fits.
    let more_ahead = more_ahead_bytes(left - per_image);
    let at_a_time = usize::try_from((left - more_ahead) / per_image).unwrap_or(usize::MAX);
    progress.begin("encoding", (images.len() * encoder.stages().len()) as u64);
    let groups = images.chunks(at_a_time);
    let needed: Vec<&Picture> =
        groups.clone().flat_map(|g| std::iter::repeat_n(g, passes(encoder)).flatten()).collect();
    let read = |position: usize| match needed[position] {
        Picture::File(path) => image::read(path),
        Picture::Pixels(..) | Picture::Preprocessed(..) => Ok(vec![]),
    };
    prefetch(needed.len(), ahead_limit(more_ahead), read, |ahead| {
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
                    let picture = &group[i];
                    match picture {
                        Picture::File(path) => {
                            let prepare =
                                |image: RgbImage| picture.preprocess(&image, recipe, pixels);
                            decoding.decode(&bytes, path, prepare).map_err(Box::new)??;
                        }
                        Picture::Pixels(image, _) => picture.preprocess(image, recipe, pixels)?,
                        Picture::Preprocessed(values, name) => {
                            if values.len() != pixels.len() {
                                return Err(FeatureError::Preprocessed {
                                    image: name.clone(),
                                    found: values.len(),
                                    expected: pixels.len(),
                                });
                            }
                            pixels.copy_from_slice(values);
                        }
                    }
                    Ok(())
                },
                |stage, activations| {
                    if activations.image_products().iter().any(is_suspect)
                        && let Some(found) = find_unusable(activations)
                    {
                        let image = group[found.image].to_string();
                        return Err(FeatureError::Unusable { image, stage, value: found.value });
                    }
                    visit(stage, activations)
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
    Ok(())
}

/// The shape of a stage's file.
fn shape(encoder: &Encoder, stage: Stage, tokens: Tokens, images: usize) -> Vec<usize> {
    let [count, channels] = encoder.shape(stage);
    let left = tokens.range(count, encoder.prefix()).map_or(1, |range| range.len());
    match left {
        1 => vec![images, channels],
        _ => vec![images, left, channels],
    }
}

/// Begins a `.npy` file of f32 (NumPy's format, version 1.0): magic, length of the header, the
/// header, and then the numbers in order of rows.
fn begin(path: &Path, shape: Vec<usize>) -> io::Result<NpyWriter> {
    let folder = path.parent().expect("a stage's file lies in its folder");
    std::fs::create_dir_all(folder)?;
    let mut file = BufWriter::new(crate::atomic_write::beside(path)?);
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
    file: &mut NpyWriter,
    activations: Activations<'_>,
    tokens: Tokens,
    encoder: &Encoder,
) -> io::Result<()> {
    let selected = tokens.select(activations, encoder.prefix());
    let chosen = selected.activations();
    (0..chosen.images())
        .flat_map(|image| chosen.image(image))
        .try_for_each(|value| file.write_all(&value.to_le_bytes()))
}

fn finish(file: NpyWriter, path: &Path) -> io::Result<()> {
    crate::atomic_write::keep(file.into_inner()?, path)
}
