//! The tensors of a model: from a checkpoint's files, or drawn at random.

mod needed;
mod numbers;
mod pickle;
mod random;
mod safetensors_file;
mod torch_file;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub(crate) use needed::{Format, Needed, is_known_type};
pub use random::RandomWeights;
use safetensors_file::SafetensorsFile;
use torch_file::TorchFile;

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
    /// The same, but none beyond two deviations; the deviation is that before the tails are cut.
    TruncatedNormal(f64),
    /// Independent uniform numbers from minus to plus this limit.
    Uniform(f64),
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
    Files(Vec<WeightFile>),
    Random(RandomWeights),
}

/// A file of tensors.
#[derive(Debug)]
enum WeightFile {
    Safetensors(SafetensorsFile),
    Torch(TorchFile),
}

impl WeightFile {
    /// Opens a file; its content tells of which kind it is, where its name's ending does not.
    fn open(path: &Path) -> Result<Self, WeightsError> {
        match path.extension().is_some_and(|e| e == "safetensors") || is_safetensors(path)? {
            true => SafetensorsFile::open(path).map(Self::Safetensors),
            false => TorchFile::open(path).map(Self::Torch),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Safetensors(file) => file.path(),
            Self::Torch(file) => file.path(),
        }
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            Self::Safetensors(file) => file.shape(name),
            Self::Torch(file) => file.shape(name),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Safetensors(file) => file.names(),
            Self::Torch(file) => file.names(),
        }
    }

    fn tensor(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        match self {
            Self::Safetensors(file) => file.tensor(name),
            Self::Torch(file) => file.tensor(name),
        }
    }
}

/// Whether a file begins as safetensors do: the length of a header, and its brace.
fn is_safetensors(path: &Path) -> Result<bool, WeightsError> {
    let read_error = |source| WeightsError::Read { path: path.to_owned(), source };
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(read_error)?;
    io::Read::read_to_end(&mut io::Read::take(file, 9), &mut start).map_err(read_error)?;
    Ok(start.len() == 9 && start[8] == b'{')
}

/// The names that transformers gives to weights, and open_clip.
pub(crate) const TRANSFORMERS_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
pub(crate) const OPEN_CLIP_FILES: [&str; 2] =
    ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"];

impl Weights {
    /// The weights in a folder that transformers wrote: `model.safetensors` or
    /// `pytorch_model.bin`, or the shards that `….index.json` names; safetensors where both are
    /// there. Headers are read here, tensors when asked for.
    ///
    /// # Errors
    /// No such file, or one that is damaged, or is missing a shard.
    pub fn open_transformers(folder: &Path) -> Result<Self, WeightsError> {
        Self::open_first(folder, &TRANSFORMERS_FILES)
    }

    /// The weights in a folder that open_clip wrote: `open_clip_model.safetensors` or
    /// `open_clip_pytorch_model.bin`.
    ///
    /// # Errors
    /// As for [`open_transformers`](Self::open_transformers).
    pub fn open_open_clip(folder: &Path) -> Result<Self, WeightsError> {
        Self::open_first(folder, &OPEN_CLIP_FILES)
    }

    /// The weights in one file, `.safetensors` or a file of `torch.save`.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn open_file(path: &Path) -> Result<Self, WeightsError> {
        let file = WeightFile::open(path)?;
        Ok(Self { model: path.display().to_string(), source: Source::Files(vec![file]) })
    }

    fn open_first(folder: &Path, names: &[&'static str]) -> Result<Self, WeightsError> {
        for name in names {
            let single = folder.join(name);
            let index = folder.join(format!("{name}.index.json"));
            let paths = if single.is_file() {
                vec![single]
            } else if index.is_file() {
                shards(folder, &index)?
            } else {
                continue;
            };
            let files = paths.iter().map(|p| WeightFile::open(p)).collect::<Result<_, _>>()?;
            let model = folder.display().to_string();
            return Ok(Self { model, source: Source::Files(files) });
        }
        Err(WeightsError::NoFile { folder: folder.to_owned(), names: names.to_vec() })
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
                let found = files.iter().find_map(|file| Some((file, file.shape(name)?)));
                let (file, found) = found.ok_or_else(|| WeightsError::Missing {
                    name: name.to_owned(),
                    model: self.model.clone(),
                    files: files.iter().map(|f| f.path().to_owned()).collect(),
                })?;
                if found != shape {
                    return Err(WeightsError::Shape {
                        name: name.to_owned(),
                        path: file.path().to_owned(),
                        found: found.to_vec(),
                        expected: shape.to_vec(),
                    });
                }
                let values = file.tensor(name)?;
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
            Source::Files(files) => files.iter().any(|file| file.shape(name).is_some()),
        }
    }

    /// The shape of a tensor; `None` where it is not there, or the model is untrained.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.source {
            Source::Random(_) => None,
            Source::Files(files) => files.iter().find_map(|file| file.shape(name)),
        }
    }

    /// The names of all tensors; none for an untrained model.
    pub fn names(&self) -> Vec<String> {
        match &self.source {
            Source::Random(_) => Vec::new(),
            Source::Files(files) => files.iter().flat_map(WeightFile::names).collect(),
        }
    }

    /// The files read, for the manifest; empty for an untrained model.
    pub fn paths(&self) -> Vec<&Path> {
        match &self.source {
            Source::Random(_) => Vec::new(),
            Source::Files(files) => files.iter().map(WeightFile::path).collect(),
        }
    }

    /// The seed of random weights.
    pub fn seed(&self) -> Option<u64> {
        match &self.source {
            Source::Random(random) => Some(random.seed()),
            Source::Files(_) => None,
        }
    }
}

/// The shards that an index names, checked to be there, each once, in order of name.
fn shards(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, WeightsError> {
    let mut paths = Vec::new();
    for name in shard_names(index)? {
        let path = folder.join(&name);
        if !path.is_file() {
            return Err(WeightsError::Shard { index: index.to_owned(), name });
        }
        paths.push(path);
    }
    Ok(paths)
}

/// The names of the shards that an index names, each a path within the index's folder.
pub(crate) fn shard_names(index: &Path) -> Result<BTreeSet<String>, WeightsError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read_to_string(index)
        .map_err(|source| WeightsError::Read { path: index.to_owned(), source })?;
    let parsed: Index = serde_json::from_str(&text)
        .map_err(|source| WeightsError::Index { path: index.to_owned(), source })?;
    let names: BTreeSet<String> = parsed.weight_map.into_values().collect();
    let leaves = |name: &String| {
        Path::new(name).components().any(|c| !matches!(c, std::path::Component::Normal(_)))
    };
    match names.iter().find(|name| leaves(name)) {
        Some(name) => Err(WeightsError::Shard { index: index.to_owned(), name: name.clone() }),
        None => Ok(names),
    }
}

/// SHA-256 of a file, as `sha256sum` prints it.
///
/// # Errors
/// The file cannot be read.
pub fn file_sha256(path: &Path) -> io::Result<String> {
    let mut file = crate::input_file::open(path)?;
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
    #[error("no weights in {folder}: expected {}, or their shards with an index", or(names))]
    NoFile {
        /// The checkpoint's folder.
        folder: PathBuf,
        /// The files that would do.
        names: Vec<&'static str>,
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
    /// The file is not one of `torch.save`, is damaged, or asks for more than tensors.
    #[error("cannot read {path} as PyTorch weights: {found}")]
    DamagedTorch {
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

fn or(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" or ")
}
