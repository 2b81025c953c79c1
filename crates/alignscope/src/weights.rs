//! The tensors of a model: from a checkpoint's files, or drawn at random.

mod adapter;
mod names;
mod checkpoint_files;
mod dtype;
mod pickle;
mod random;
mod safetensors_file;
mod state_dictionary;
mod torch_file;
mod torch_zip;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

pub use adapter::AdapterError;
pub(crate) use adapter::{ADAPTER_CONFIG, ADAPTER_WEIGHTS, Adapter};
pub(crate) use checkpoint_files::{Format, Needed};
pub(crate) use names::{Renaming, TowerNames};
pub use random::RandomWeights;
use safetensors_file::SafetensorsFile;
use torch_file::TorchFile;

use crate::input_file::{self, HashedPath, InputFile};

/// How an untrained model's tensor is filled. Only [`RandomWeights`] looks at it; a checkpoint
/// has its own values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All 0: biases.
    Zeros,
    /// All 1: the gains of norms.
    Ones,
    /// All this number: the gains of LayerScale.
    Constant(f64),
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
    source: TensorSource,
    /// What is merged into the tensors.
    adapter: Option<Box<Adapter>>,
    /// What takes the place of the files' values, of which then only names and shapes count.
    drawn: Option<RandomWeights>,
}

#[derive(Debug)]
enum TensorSource {
    Files(Box<Files>),
    Random(RandomWeights),
}

/// The files of a checkpoint.
#[derive(Debug)]
struct Files {
    files: Vec<WeightFile>,
    /// The list of shards, where there are several files.
    index: Option<HashedPath>,
    /// Where each tensor is, by the name that a model asks for.
    places: BTreeMap<String, Place>,
    /// What stands before those names in the files, behind wrappers of the whole.
    before: String,
    /// The names of tensors that do not begin so.
    left_out: Vec<String>,
    /// Which of several models in the files it is.
    part: Option<String>,
    /// The first tensor that was asked for, as its file calls it, and whether it was wrapped.
    first: OnceLock<(String, bool)>,
}

/// Where a tensor is.
#[derive(Debug)]
struct Place {
    /// Which of the files.
    file: usize,
    /// Its name there.
    stored: String,
}

impl Place {
    /// Whether a wrapper stands before its name.
    fn is_wrapped(&self) -> bool {
        !names::unwrap(&self.stored).0.is_empty()
    }
}

/// A file of tensors.
#[derive(Debug)]
enum WeightFile {
    Safetensors(SafetensorsFile),
    Torch(TorchFile),
}

impl WeightFile {
    /// Opens a file, and hashes it.
    fn open(path: &Path) -> Result<Self, WeightsError> {
        let file = InputFile::open(path)
            .map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
        Self::of(file, None)
    }

    /// Reads what tensors a file has; its content tells of which kind it is, where its name's
    /// ending does not. `part` names one of several models in it.
    fn of(file: InputFile, part: Option<&str>) -> Result<Self, WeightsError> {
        let path = file.path();
        let mut start = vec![0; file.bytes().min(START_BYTES) as usize];
        file.read_exact_at(&mut start, 0)
            .map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
        // Safetensors begin with the length of a header, and its brace.
        match path.extension().is_some_and(|e| e == "safetensors") || start.get(8) == Some(&b'{') {
            true => SafetensorsFile::open(file, &start).map(Self::Safetensors),
            false => TorchFile::open(file, &start, part).map(Self::Torch),
        }
    }

    fn file(&self) -> &InputFile {
        match self {
            Self::Safetensors(file) => file.file(),
            Self::Torch(file) => file.file(),
        }
    }

    fn path(&self) -> &Path {
        self.file().path()
    }

    /// What makes the value of this name, which is no tensor that can be read.
    fn opaque(&self, name: &str) -> Option<&str> {
        match self {
            Self::Safetensors(_) => None,
            Self::Torch(file) => file.opaque().get(name).map(String::as_str),
        }
    }

    /// Dictionaries of tensors beside the tensors, which are not looked into.
    fn nested(&self) -> &[String] {
        match self {
            Self::Safetensors(_) => &[],
            Self::Torch(file) => file.nested(),
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

/// Bytes at the beginning of a file that tell what it is.
const START_BYTES: u64 = 64;

/// What a file is that begins so, where it stands in for weights or is those of another program.
fn stand_in(start: &[u8]) -> Option<&'static str> {
    let text = start.trim_ascii_start();
    Some(match () {
        () if start.is_empty() => "it is empty",
        () if text.starts_with(b"<") => {
            "it is a page of the web or an answer of a server, not the file itself"
        }
        () if text.starts_with(b"/annex/") || text.starts_with(b"../.git/annex/") => {
            "it is a pointer of git-annex, not the file itself; run `git annex get`"
        }
        () if start.starts_with(b"\x89HDF") => "it is an HDF5 file, as Keras writes weights",
        () if start.starts_with(b"GGUF") => "it is a GGUF file",
        () if start.starts_with(&[0x1f, 0x8b]) => "it is packed by gzip; unpack it",
        () if start.get(..4) == Some(&[0x28, 0xb5, 0x2f, 0xfd]) => {
            "it is packed by zstd; unpack it"
        }
        () => return None,
    })
}

/// A file of `torch.save` that cannot be read.
fn damaged(file: &InputFile, found: impl Into<String>) -> WeightsError {
    WeightsError::DamagedTorch { path: file.path().to_owned(), found: found.into() }
}

/// The names that transformers gives to weights, and open_clip.
pub(crate) const TRANSFORMERS_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];
pub(crate) const OPEN_CLIP_FILES: [&str; 2] =
    ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"];

impl Weights {
    /// The weights in a folder that transformers wrote: `model.safetensors` or
    /// `pytorch_model.bin`, or the shards that `….index.json` names; safetensors where both are
    /// there. Files are hashed and headers read here, tensors when asked for.
    ///
    /// # Errors
    /// No such file, or one that is damaged, or is missing a shard.
    pub fn open_transformers(folder: &Path) -> Result<Self, WeightsError> {
        Self::open(folder, Format::Transformers)
    }

    /// The weights in a folder that open_clip wrote: `open_clip_model.safetensors` or
    /// `open_clip_pytorch_model.bin`.
    ///
    /// # Errors
    /// As for [`open_transformers`](Self::open_transformers).
    pub fn open_open_clip(folder: &Path) -> Result<Self, WeightsError> {
        Self::open(folder, Format::OpenClip)
    }

    /// The weights in a folder of this format.
    ///
    /// # Errors
    /// As for [`open_transformers`](Self::open_transformers).
    pub(crate) fn open(folder: &Path, format: Format) -> Result<Self, WeightsError> {
        Self::open_first(folder, format.weights())
    }

    /// The weights in one file, `.safetensors` or a file of `torch.save`.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn open_file(path: &Path) -> Result<Self, WeightsError> {
        Self::open_part(path, None)
    }

    /// The weights in one file, or in the shards that a list `….index.json` names; of several
    /// models in it, such as a teacher and a student, the one that `part` names: a key of the file's
    /// dictionaries (`state_dict.teacher`), or how the names of its tensors begin.
    ///
    /// # Errors
    /// The file is damaged, or holds no such model, or several of which none is named.
    pub fn open_part(path: &Path, part: Option<&str>) -> Result<Self, WeightsError> {
        let is_index = path.to_string_lossy().ends_with(INDEX_END);
        let (weights, rest) = match is_index {
            true => {
                let folder = path.parent().unwrap_or(Path::new(""));
                (Self::open_shards(folder, path)?, part.map(str::to_owned))
            }
            false => {
                let file = InputFile::open(path)
                    .map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
                let file = WeightFile::of(file, part)?;
                let rest = match &file {
                    WeightFile::Safetensors(_) => part,
                    WeightFile::Torch(file) => file.part(),
                };
                let rest = rest.map(str::to_owned);
                (Self::of_files(path, vec![file], None)?, rest)
            }
        };
        weights.of_part(path, part, rest)
    }

    /// Leaves those tensors whose names begin with `rest`, of the part that was asked for.
    fn of_part(
        mut self,
        path: &Path,
        part: Option<&str>,
        rest: Option<String>,
    ) -> Result<Self, WeightsError> {
        let TensorSource::Files(files) = &mut self.source else { return Ok(self) };
        files.part = part.map(str::to_owned);
        let Some(rest) = rest else { return Ok(self) };
        let before = format!("{}.", rest.trim_end_matches('.'));
        if !files.places.keys().any(|name| name.starts_with(&before)) {
            let first = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
            let begin: BTreeSet<String> = files.places.keys().map(first).collect();
            let found = begin.into_iter().take(8).map(|name| format!("`{name}.`"));
            return Err(WeightsError::NoPart {
                path: path.to_owned(),
                part: part.unwrap_or_default().to_owned(),
                found: found.collect::<Vec<_>>().join(", "),
            });
        }
        files.restrict(&before);
        // What is of another model is not spoken of again.
        files.left_out.clear();
        Ok(self)
    }

    /// The same, of which those tensors are left that lie where the tower is, without what stands
    /// around it: `module.`, `model.`, `backbone.` and others (`names.rs`).
    ///
    /// # Errors
    /// There are several towers, and none stands by itself.
    pub(crate) fn within(mut self, tower: &TowerNames) -> Result<Self, WeightsError> {
        let TensorSource::Files(files) = &mut self.source else { return Ok(self) };
        let found: BTreeSet<String> =
            files.places.keys().filter_map(|name| tower.before(name)).map(str::to_owned).collect();
        if found.contains("") || !found.iter().any(|before| names::is_around(before)) {
            files.rename(tower.in_memory)?;
            return Ok(self);
        }
        let path = files.files[0].path().to_owned();
        if found.len() > 1 {
            let models = found.iter().map(|name| name.trim_end_matches('.').to_owned()).collect();
            return Err(WeightsError::SeveralModels { path, models });
        }
        let before = found.first().expect("one of them");
        files.restrict(before);
        let twice = files.left_out.iter().find(|name| files.places.contains_key(*name));
        match twice {
            None => {
                files.rename(tower.in_memory)?;
                Ok(self)
            }
            Some(name) => {
                let second = format!("`{before}{name}` in {}", path.display());
                let first = format!("`{name}`");
                Err(WeightsError::Twice { name: name.clone(), first, second })
            }
        }
    }

    /// Refuses a file without a tower of these names.
    ///
    /// # Errors
    /// The tensor that tells is missing.
    pub(crate) fn check_tower(&self, tower: &TowerNames) -> Result<(), WeightsError> {
        let TensorSource::Files(files) = &self.source else { return Ok(()) };
        let named =
            |anchor: &str| tower.own.iter().any(|own| self.contains(&format!("{own}{anchor}")));
        match tower.anchors.iter().any(|anchor| named(tower.in_files(anchor).as_str())) {
            true => Ok(()),
            false => Err(self.missing(tower.anchors[0], files)),
        }
    }

    /// Whether the tower is a part of a language model that sees, such as LLaVA.
    pub(crate) fn is_within_another_model(&self) -> bool {
        match &self.source {
            TensorSource::Random(_) => false,
            TensorSource::Files(files) => names::is_vision_tower(&files.before),
        }
    }

    /// Which of several models in its file it is, if one was named.
    pub fn part(&self) -> Option<&str> {
        match &self.source {
            TensorSource::Random(_) => None,
            TensorSource::Files(files) => files.part.as_deref(),
        }
    }

    /// The same with an adapter merged into each tensor that it changes. What lies outside of the
    /// vision tower, whose names begin with one of `outside`, is left alone; `in_memory` is how
    /// modules call what files call otherwise.
    ///
    /// # Errors
    /// The adapter is of another model.
    pub(crate) fn with_adapter(
        self,
        mut adapter: Adapter,
        outside: &[&str],
        in_memory: &[Renaming],
    ) -> Result<Self, WeightsError> {
        adapter.aim(&self.names(), outside, in_memory, &self.model)?;
        Ok(Self { adapter: Some(Box::new(adapter)), ..self })
    }

    /// The weights in a file that is open.
    pub(crate) fn of_input(file: InputFile) -> Result<Self, WeightsError> {
        let path = file.path().to_owned();
        Self::of_files(&path, vec![WeightFile::of(file, None)?], None)
    }

    fn of_files(
        model: &Path,
        files: Vec<WeightFile>,
        index: Option<HashedPath>,
    ) -> Result<Self, WeightsError> {
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        for (file, of) in files.iter().enumerate() {
            for stored in of.names() {
                let name = names::unwrap(&stored).1.to_owned();
                let place = Place { file, stored };
                if let Some(other) = places.insert(name.clone(), place) {
                    let tell = |place: &Place| {
                        format!("`{}` in {}", place.stored, files[place.file].path().display())
                    };
                    let (first, second) = (tell(&other), tell(&places[&name]));
                    return Err(WeightsError::Twice { name, first, second });
                }
            }
        }
        let files = Files {
            files,
            index,
            places,
            before: String::new(),
            left_out: Vec::new(),
            part: None,
            first: OnceLock::new(),
        };
        let source = TensorSource::Files(Box::new(files));
        Ok(Self { model: model.display().to_string(), source, adapter: None, drawn: None })
    }

    fn open_first(folder: &Path, names: &[&'static str]) -> Result<Self, WeightsError> {
        for name in names {
            let single = folder.join(name);
            let index = folder.join(format!("{name}.index.json"));
            // Whatever it is: what is no file is an error when it is opened.
            let is_there = |path: &Path| path.symlink_metadata().is_ok();
            if is_there(&single) {
                return Self::of_files(folder, vec![WeightFile::open(&single)?], None);
            }
            if is_there(&index) {
                return Self::open_shards(folder, &index);
            }
        }
        Err(WeightsError::NoFile { folder: folder.to_owned(), names: names.to_vec() })
    }

    /// The shards that an index names, in order of name.
    fn open_shards(folder: &Path, index: &Path) -> Result<Self, WeightsError> {
        let (listed, hashed) = read_index(index)?;
        let names = shards_of(index, &listed)?;
        let open = |name: &String| match folder.join(name) {
            path if path.symlink_metadata().is_ok() => WeightFile::open(&path),
            _ => Err(WeightsError::Shard { index: index.to_owned(), name: name.clone() }),
        };
        let files = names.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        for (tensor, shard) in &listed.weight_map {
            let file = names.iter().position(|name| name == shard).expect("a name of the index");
            if files[file].shape(tensor).is_none() && files[file].opaque(tensor).is_none() {
                return Err(WeightsError::ShardTensor {
                    index: index.to_owned(),
                    tensor: tensor.clone(),
                    shard: shard.clone(),
                });
            }
        }
        Self::of_files(folder, files, Some(hashed))
    }

    /// Weights of an untrained model, drawn from `seed`.
    pub fn random(model: &str, seed: u64) -> Self {
        let source = TensorSource::Random(RandomWeights::new(seed));
        Self { model: model.to_owned(), source, adapter: None, drawn: None }
    }

    /// Weights of these names and shapes that are drawn from `seed`: those of the model before its
    /// training, without an adapter.
    pub(crate) fn drawn_anew(self, seed: u64) -> Self {
        Self { adapter: None, drawn: Some(RandomWeights::new(seed)), ..self }
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
            TensorSource::Random(random) => Ok(random.tensor(name, shape, init)),
            TensorSource::Files(files) => {
                let (place, file) = files.place(name).ok_or_else(|| self.missing(name, files))?;
                let found = file.shape(&place.stored).expect("a name of the file");
                if found != shape {
                    return Err(WeightsError::Shape {
                        name: name.to_owned(),
                        path: file.path().to_owned(),
                        found: found.to_vec(),
                        expected: shape.to_vec(),
                    });
                }
                files.check_wrapped(place)?;
                if let Some(random) = &self.drawn {
                    return Ok(random.tensor(name, shape, init));
                }
                let mut values = file.tensor(&place.stored)?;
                if let Some(adapter) = &self.adapter {
                    adapter.merge(name, shape, &mut values)?;
                }
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
            TensorSource::Random(_) => true,
            TensorSource::Files(files) => files.places.contains_key(name),
        }
    }

    /// The shape of a tensor; `None` where it is not there, or the model is untrained.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match &self.source {
            TensorSource::Random(_) => None,
            TensorSource::Files(files) => {
                files.place(name).and_then(|(place, file)| file.shape(&place.stored))
            }
        }
    }

    /// The names of all tensors, in order, without what `DataParallel` and `torch.compile` put
    /// before them; none for an untrained model.
    pub fn names(&self) -> Vec<String> {
        match &self.source {
            TensorSource::Random(_) => Vec::new(),
            TensorSource::Files(files) => files.places.keys().cloned().collect(),
        }
    }

    /// Why a tensor is not there, where the files tell more of it than that: it has another name
    /// there, or is something that cannot be read.
    ///
    /// # Errors
    /// Then.
    pub(crate) fn check_absent(&self, name: &str) -> Result<(), WeightsError> {
        match &self.source {
            TensorSource::Files(files)
                if files.hint(name).is_some() || files.opaque(name).is_some() =>
            {
                Err(self.missing(name, files))
            }
            _ => Ok(()),
        }
    }

    fn missing(&self, name: &str, files: &Files) -> WeightsError {
        if let Some((path, made_by)) = files.opaque(name) {
            let (name, made_by) = (name.to_owned(), made_by.to_owned());
            return WeightsError::Opaque { name, path: path.to_owned(), made_by };
        }
        WeightsError::Missing {
            name: format!("{}{name}", files.before),
            model: self.model.clone(),
            files: files.files.iter().map(|f| f.path().to_owned()).collect(),
            hint: files.hint(name).unwrap_or_else(|| files.other_names(name)),
        }
    }

    /// The files of tensors, and of the adapter if there is one, with the hashes of what was read;
    /// empty for an untrained model.
    pub fn files(&self) -> Vec<HashedPath> {
        match &self.source {
            TensorSource::Random(_) => Vec::new(),
            TensorSource::Files(files) => {
                let own = files.files.iter().map(|f| f.file().hashed_path());
                own.chain(self.adapter.iter().flat_map(|adapter| adapter.files())).collect()
            }
        }
    }

    /// The modules that the adapter changes, as it calls them; none without an adapter.
    pub(crate) fn adapted_modules(&self) -> BTreeSet<String> {
        self.adapter.as_ref().map(|adapter| adapter.modules()).unwrap_or_default()
    }

    /// The list of shards, where the tensors lie in several files.
    pub fn index(&self) -> Option<&HashedPath> {
        match &self.source {
            TensorSource::Random(_) => None,
            TensorSource::Files(files) => files.index.as_ref(),
        }
    }

    /// Whether names and shapes of the tensors are those of files.
    pub(crate) fn has_files(&self) -> bool {
        matches!(self.source, TensorSource::Files(_))
    }

    /// The seed of random weights.
    pub fn seed(&self) -> Option<u64> {
        match &self.source {
            TensorSource::Random(random) => Some(random.seed()),
            TensorSource::Files(_) => self.drawn.map(|random| random.seed()),
        }
    }
}

impl Files {
    /// Leaves the tensors whose names begin with `before`, and takes it off.
    fn restrict(&mut self, before: &str) {
        let (mut places, mut left_out) = (BTreeMap::new(), Vec::new());
        for (name, place) in std::mem::take(&mut self.places) {
            match name.strip_prefix(before) {
                Some(rest) => drop(places.insert(rest.to_owned(), place)),
                None => left_out.push(name),
            }
        }
        (self.places, self.left_out) = (places, left_out);
        self.before.push_str(before);
    }

    /// Calls tensors as files have them, and not as modules in memory.
    fn rename(&mut self, renamings: &[Renaming]) -> Result<(), WeightsError> {
        if renamings.is_empty() {
            return Ok(());
        }
        let mut places: BTreeMap<String, Place> = BTreeMap::new();
        for (name, place) in std::mem::take(&mut self.places) {
            let renamed = names::as_in_files(&name, renamings);
            if let Some(other) = places.get(&renamed) {
                let [first, second] = [other, &place].map(|place| format!("`{}`", place.stored));
                return Err(WeightsError::Twice { name: renamed, first, second });
            }
            places.insert(renamed, place);
        }
        self.places = places;
        Ok(())
    }

    /// Where a tensor is, and its file.
    fn place(&self, name: &str) -> Option<(&Place, &WeightFile)> {
        self.places.get(name).map(|place| (place, &self.files[place.file]))
    }

    /// Refuses a model of which some tensors are wrapped and some not: they are of two models.
    fn check_wrapped(&self, place: &Place) -> Result<(), WeightsError> {
        let wrapped = place.is_wrapped();
        let (first, was) = self.first.get_or_init(|| (place.stored.clone(), wrapped));
        if *was == wrapped {
            return Ok(());
        }
        let (with, without) = match wrapped {
            true => (place.stored.clone(), first.clone()),
            false => (first.clone(), place.stored.clone()),
        };
        let path = self.files[place.file].path().to_owned();
        Err(WeightsError::Wrapped { path, with, without })
    }

    /// What makes the value of this name, which is no tensor that can be read, and its file.
    fn opaque(&self, name: &str) -> Option<(&Path, &str)> {
        let stored = format!("{}{name}", self.before);
        self.files.iter().find_map(|file| Some((file.path(), file.opaque(&stored)?)))
    }

    /// Some names, where none begins as `name` does: the file is of another model.
    fn other_names(&self, name: &str) -> String {
        let begin = name.split_once('.').map_or(name, |(begin, _)| begin);
        if self.places.keys().any(|other| other.split('.').next() == Some(begin)) {
            return String::new();
        }
        let some: Vec<_> = self.places.keys().take(3).map(|name| format!("`{name}`")).collect();
        format!("; its {} tensors are {}, …", self.places.len(), some.join(", "))
    }

    /// What is there instead of a tensor.
    fn hint(&self, name: &str) -> Option<String> {
        if self.left_out.iter().any(|other| other == name) {
            let before = &self.before;
            return Some(format!("; it is there as `{name}`, without `{before}` before its name"));
        }
        let end = format!(".{name}");
        if let Some(other) = self.places.keys().find(|other| other.ends_with(&end)) {
            let before = &other[..=other.len() - end.len()];
            return Some(format!("; it is there as `{other}`: take `{before}` off all names"));
        }
        let nested = self.files.iter().flat_map(|file| file.nested()).next();
        nested.map(|nested| {
            format!(
                "; `{nested}` in it is a dictionary of tensors of its own: if it is the model, \
                 name it as `FILE#{nested}`"
            )
        })
    }
}

/// How the name of a list of shards ends.
pub(crate) const INDEX_END: &str = ".index.json";

/// The list of shards.
#[derive(serde::Deserialize)]
struct Index {
    /// The shard of each tensor.
    weight_map: BTreeMap<String, String>,
}

fn read_index(index: &Path) -> Result<(Index, HashedPath), WeightsError> {
    let (text, hashed) = input_file::read_text(index)
        .map_err(|source| WeightsError::Read { path: index.to_owned(), source })?;
    let parsed = serde_json::from_str(&text)
        .map_err(|source| WeightsError::Index { path: index.to_owned(), source })?;
    Ok((parsed, hashed))
}

/// The names of the shards that an index names, each a path within the index's folder.
pub(crate) fn shard_names(index: &Path) -> Result<BTreeSet<String>, WeightsError> {
    shards_of(index, &read_index(index)?.0)
}

fn shards_of(index: &Path, listed: &Index) -> Result<BTreeSet<String>, WeightsError> {
    let names: BTreeSet<String> = listed.weight_map.values().cloned().collect();
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
    let mut file = input_file::open(path)?;
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
    #[error(
        "cannot read {path} as PyTorch weights: {found}; expected what torch.save writes of a \
         state_dict(): download or save it again"
    )]
    DamagedTorch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The file holds several models.
    #[error(
        "{path} holds several models, {}; name one of them behind the file, as in `{}#{}`",
        models.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and "),
        path.display(),
        models[0]
    )]
    SeveralModels {
        /// The file.
        path: PathBuf,
        /// What they are called in it.
        models: Vec<String>,
    },
    /// The file holds no such model.
    #[error("{path} holds nothing called `{part}`; the names of its tensors begin with {found}")]
    NoPart {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        part: String,
        /// How the names of its tensors begin.
        found: String,
    },
    /// An adapter cannot be merged.
    #[error(transparent)]
    Adapter(#[from] AdapterError),
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
    #[error("tensor `{name}` is missing from {} (needed by {model}){hint}", list(files))]
    Missing {
        /// The tensor.
        name: String,
        /// The files looked through.
        files: Vec<PathBuf>,
        /// The model.
        model: String,
        /// What is there instead, as the end of a sentence; or nothing.
        hint: String,
    },
    /// What is there under a tensor's name is no tensor that can be read.
    #[error(
        "`{name}` in {path} is made by {made_by}, which is not run; expected a plain tensor, as \
         torch.save writes those of a state_dict()"
    )]
    Opaque {
        /// The tensor.
        name: String,
        /// The file.
        path: PathBuf,
        /// What makes it.
        made_by: String,
    },
    /// Two tensors have one name, without what wrappers put before it.
    #[error("tensor `{name}` stands twice: as {first}, and as {second}; leave one of them out")]
    Twice {
        /// Its name, without what wrappers put before it.
        name: String,
        /// How the first is called, and where it is.
        first: String,
        /// How the second is called, and where it is.
        second: String,
    },
    /// Wrappers stand before the names of some of a model's tensors.
    #[error(
        "`{with}` in {path} has `module.` or `_orig_mod.` before its name, `{without}` has not; \
         expected all tensors of a model so, or none"
    )]
    Wrapped {
        /// The file.
        path: PathBuf,
        /// A tensor that is wrapped.
        with: String,
        /// One that is not.
        without: String,
    },
    /// A shard lacks a tensor that the index says is in it.
    #[error("{index} says that `{tensor}` is in `{shard}`, which has no such tensor")]
    ShardTensor {
        /// The index file.
        index: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shard's name.
        shard: String,
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
