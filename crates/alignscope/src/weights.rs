//! The tensors of a model: from a checkpoint's files, or drawn at random.

mod random;
mod safetensors_file;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use random::RandomWeights;
use safetensors_file::SafetensorsFile;

/// How an untrained model's tensor is filled. Only [`RandomWeights`] looks at it; a checkpoint
/// has its own values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All 0: biases.
    Zeros,
    /// All 1: the gains of layer norms.
    Ones,
    /// Independent normal numbers of mean 0 and this standard deviation.
    Normal(f64),
}

/// The tensors of one model.
#[derive(Debug)]
pub struct Weights {
    /// The model's name in messages.
    model: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Files(Vec<SafetensorsFile>),
    Random(RandomWeights),
}

impl Weights {
    /// The weights in a checkpoint's folder: `model.safetensors`, or the shards that
    /// `model.safetensors.index.json` names. Headers are read here, tensors when asked for.
    ///
    /// # Errors
    /// No such file, or one that is no safetensors file, is truncated, or is missing a shard.
    pub fn open(folder: &Path) -> Result<Self, WeightsError> {
        let single = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        let paths = if single.is_file() {
            vec![single]
        } else if index.is_file() {
            shards(folder, &index)?
        } else {
            return Err(WeightsError::NoFile { folder: folder.to_owned() });
        };
        let files = paths.iter().map(|p| SafetensorsFile::open(p)).collect::<Result<_, _>>()?;
        Ok(Self { model: folder.display().to_string(), source: Source::Files(files) })
    }

    /// Weights of an untrained model, drawn from `seed`.
    pub fn random(model: &str, seed: u64) -> Self {
        Self { model: model.to_owned(), source: Source::Random(RandomWeights::new(seed)) }
    }

    /// The tensor `name` in f32, checked to have `shape` and finite values; f16 and bf16 are
    /// widened. `init` is what an untrained model has there.
    ///
    /// # Errors
    /// [`WeightsError::Missing`], [`WeightsError::Shape`], [`WeightsError::NonFinite`],
    /// [`WeightsError::Dtype`] or [`WeightsError::Read`], each naming the tensor and the file.
    pub fn tensor(
        &self,
        name: &str,
        shape: &[usize],
        init: Init,
    ) -> Result<Vec<f32>, WeightsError> {
        match &self.source {
            Source::Random(random) => Ok(random.tensor(name, shape, init)),
            Source::Files(files) => {
                let file = files.iter().find(|file| file.contains(name)).ok_or_else(|| {
                    WeightsError::Missing {
                        name: name.to_owned(),
                        model: self.model.clone(),
                        files: files.iter().map(|f| f.path().to_owned()).collect(),
                    }
                })?;
                let values = file.tensor(name, shape)?;
                match values.iter().position(|v| !v.is_finite()) {
                    None => Ok(values),
                    Some(index) => Err(WeightsError::NonFinite {
                        name: name.to_owned(),
                        path: file.path().to_owned(),
                        value: values[index],
                        index,
                    }),
                }
            }
        }
    }

    /// Whether the checkpoint has the tensor; an untrained model has every one.
    pub fn contains(&self, name: &str) -> bool {
        match &self.source {
            Source::Random(_) => true,
            Source::Files(files) => files.iter().any(|file| file.contains(name)),
        }
    }

    /// The files read, for the manifest; empty for an untrained model.
    pub fn paths(&self) -> Vec<&Path> {
        match &self.source {
            Source::Random(_) => Vec::new(),
            Source::Files(files) => files.iter().map(SafetensorsFile::path).collect(),
        }
    }
}

/// The shards that an index names, each once, in order of name.
fn shards(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let text = std::fs::read_to_string(index)
        .map_err(|source| WeightsError::Read { path: index.to_owned(), source })?;
    let parsed: Index = serde_json::from_str(&text)
        .map_err(|source| WeightsError::Index { path: index.to_owned(), source })?;
    let names: std::collections::BTreeSet<String> = parsed.weight_map.into_values().collect();
    let mut paths = Vec::with_capacity(names.len());
    for name in names {
        let leaves_the_folder =
            Path::new(&name).components().any(|c| !matches!(c, std::path::Component::Normal(_)));
        let path = folder.join(&name);
        if leaves_the_folder || !path.is_file() {
            return Err(WeightsError::Shard { index: index.to_owned(), name });
        }
        paths.push(path);
    }
    Ok(paths)
}

/// SHA-256 of a file, as `sha256sum` prints it.
///
/// # Errors
/// The file cannot be read.
pub fn file_sha256(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}")).expect("a string takes all");
        text
    })
}

/// The weights of a model could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The folder holds no weights.
    #[error(
        "no weights in {folder}: expected `model.safetensors`, or `model.safetensors.index.json` with its shards"
    )]
    NoFile {
        /// The checkpoint's folder.
        folder: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read weights from {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not a safetensors file, or is damaged.
    #[error("{path} is not a whole safetensors file: {found}; download it again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The index of a sharded checkpoint does not parse.
    #[error("cannot read the list of shards in {path}")]
    Index {
        /// The index file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A shard that the index names is not there.
    #[error("{index} names the shard `{name}`, which is not a file beside it")]
    Shard {
        /// The index file.
        index: PathBuf,
        /// The shard's name.
        name: String,
    },
    /// A tensor that the architecture needs is not in the checkpoint.
    #[error("tensor `{name}` is missing from {} (needed by {model})", list(files))]
    Missing {
        /// The tensor.
        name: String,
        /// The files looked through.
        files: Vec<PathBuf>,
        /// The model.
        model: String,
    },
    /// A tensor is there with another shape.
    #[error("tensor `{name}` in {path} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// The file.
        path: PathBuf,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor's numbers are of a kind that weights are not kept in.
    #[error("tensor `{name}` in {path} is of type {found}, expected F32, F16, BF16 or F64")]
    Dtype {
        /// The tensor.
        name: String,
        /// The file.
        path: PathBuf,
        /// The type found.
        found: String,
    },
    /// A tensor holds NaN or an infinite number.
    #[error("tensor `{name}` in {path} holds {value} at element {index}, expected finite numbers")]
    NonFinite {
        /// The tensor.
        name: String,
        /// The file.
        path: PathBuf,
        /// The number.
        value: f32,
        /// Its index in the flattened tensor.
        index: usize,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
