//! Models of torch libraries, by the names that those have for them.

use std::fmt;
use std::path::{Path, PathBuf};

use super::whole_path::whole_path;
use super::{ModelSpecError, folder_at};

/// A library of Python that makes models of torch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TorchLibrary {
    /// timm.
    Timm,
    /// transformers.
    Transformers,
    /// open_clip.
    OpenClip,
    /// torchvision.
    Torchvision,
}

impl TorchLibrary {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Timm, Self::Transformers, Self::OpenClip, Self::Torchvision];

    /// Its name in Python, which stands before its models' names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timm => "timm",
            Self::Transformers => "transformers",
            Self::OpenClip => "open_clip",
            Self::Torchvision => "torchvision",
        }
    }

    /// The package that brings it, as `pip` knows it.
    pub fn package(self) -> &'static str {
        match self {
            Self::OpenClip => "open_clip_torch",
            Self::Timm | Self::Transformers | Self::Torchvision => self.name(),
        }
    }

    /// Keys of the papers to cite, in `assets/references.bib`.
    pub fn references(self) -> &'static [&'static str] {
        match self {
            Self::Timm => &["wightman2019timm"],
            Self::Transformers => &["wolf2020transformers"],
            Self::OpenClip => &["ilharco2021openclip"],
            Self::Torchvision => &["torchvision2016"],
        }
    }

    /// How its models are written, without its name.
    pub fn forms(self) -> &'static [&'static str] {
        match self {
            Self::Timm => &["NAME", "hf-hub:OWNER/NAME", "local-dir:FOLDER"],
            Self::Transformers => &["OWNER/NAME", "FOLDER"],
            Self::OpenClip => &["NAME/PRETRAINED", "hf-hub:OWNER/NAME", "local-dir:FOLDER"],
            Self::Torchvision => &["NAME[/WEIGHTS]"],
        }
    }

    /// What stands before a folder; `None` if it reads none.
    fn before_folder(self) -> Option<&'static str> {
        match self {
            Self::Transformers => Some(""),
            Self::Timm | Self::OpenClip => Some("local-dir:"),
            Self::Torchvision => None,
        }
    }
}

choice!(TorchLibrary, "library of torch models");

/// Where a library finds a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TorchPlace {
    /// By a name that the library knows, such as `resnet50` or `hf-hub:OWNER/NAME`.
    Name(String),
    /// In a folder.
    Folder(PathBuf),
}

/// A model of a torch library.
///
/// As text it is `LIBRARY:NAME`; a folder stands behind `transformers:`, `timm:local-dir:` and
/// `open_clip:local-dir:`. `random:LIBRARY:NAME[@seed=N]` is its untrained control.
///
/// ```
/// use alignscope::{ModelSpec, TorchLibrary};
///
/// let spec: ModelSpec = "random:timm:test_vit@seed=3".parse()?;
/// let ModelSpec::Torch(model) = spec else { panic!("a torch model") };
/// assert_eq!((model.library, model.seed), (TorchLibrary::Timm, Some(3)));
/// # Ok::<(), alignscope::ModelSpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TorchName {
    /// The library.
    pub library: TorchLibrary,
    /// Where the library finds it.
    pub place: TorchPlace,
    /// The seed of its weights, if it is an untrained control.
    pub seed: Option<u64>,
}

impl TorchName {
    /// The model in a folder.
    pub fn in_folder(library: TorchLibrary, folder: PathBuf) -> Self {
        Self { library, place: TorchPlace::Folder(folder), seed: None }
    }

    /// Reads `LIBRARY:NAME`; `None` if no library stands before the name. Folders lie relative to
    /// `base`, if there is one.
    ///
    /// # Errors
    /// Nothing follows the library, or there is no such folder.
    pub(super) fn read(name: &str, base: Option<&Path>) -> Result<Option<Self>, ModelSpecError> {
        let behind = |library: TorchLibrary| {
            Some((library, name.strip_prefix(library.name())?.strip_prefix(':')?))
        };
        let Some((library, rest)) = TorchLibrary::ALL.into_iter().find_map(behind) else {
            return Ok(None);
        };
        if rest.trim().is_empty() {
            let (name, found) = (name.to_owned(), format!("{library}:"));
            return Err(ModelSpecError::EmptyModifier { name, found });
        }
        let folder = library.before_folder().and_then(|before| rest.strip_prefix(before));
        let place = match folder.map(|folder| (folder, folder_at(folder, base))) {
            Some((_, Some(found))) => TorchPlace::Folder(found),
            Some((folder, None)) if folder != rest || is_path(folder) => {
                return Err(ModelSpecError::NoTorchFolder {
                    name: name.to_owned(),
                    folder: folder.to_owned(),
                });
            }
            Some((_, None)) | None => TorchPlace::Name(rest.to_owned()),
        };
        Ok(Some(Self { library, place, seed: None }))
    }

    /// Its untrained control; of a control the same with another seed.
    #[must_use]
    pub fn untrained(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The folder that it lies in, if it does.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.place {
            TorchPlace::Folder(folder) => Some(folder),
            TorchPlace::Name(_) => None,
        }
    }

    /// What stands before the folder in its text.
    pub(super) fn before_folder(&self) -> String {
        let control = if self.seed.is_some() { "random:" } else { "" };
        let before = self.library.before_folder().unwrap_or_default();
        format!("{control}{}:{before}", self.library)
    }

    /// What stands behind the name in its text.
    pub(super) fn behind(&self) -> String {
        match self.seed {
            None | Some(0) => String::new(),
            Some(seed) => format!("@seed={seed}"),
        }
    }

    /// How the library itself names it: `resnet50`, `local-dir:/models/mine`.
    pub fn of_library(&self) -> String {
        match &self.place {
            TorchPlace::Name(name) => name.clone(),
            TorchPlace::Folder(folder) => {
                format!("{}{}", self.library.before_folder().unwrap_or_default(), folder.display())
            }
        }
    }

    /// The same, the folder by its whole path.
    pub(super) fn whole(&self) -> Self {
        self.with_folder(whole_path)
    }

    /// The same, the folder without links.
    pub(super) fn real(&self) -> Self {
        self.with_folder(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }

    fn with_folder(&self, change: impl Fn(&Path) -> PathBuf) -> Self {
        let place = match &self.place {
            TorchPlace::Folder(folder) => TorchPlace::Folder(change(folder)),
            TorchPlace::Name(name) => TorchPlace::Name(name.clone()),
        };
        Self { place, ..*self }
    }
}

/// Whether a word cannot be an id, which has one `/` at most, and none at its beginning.
fn is_path(word: &str) -> bool {
    word.starts_with(['.', '/', '~']) || word.matches('/').count() > 1
}

impl fmt::Display for TorchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let control = if self.seed.is_some() { "random:" } else { "" };
        let text = format!("{control}{}:{}{}", self.library, self.of_library(), self.behind());
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ModelSpec, NamedModel, names_of};
    use super::*;

    #[test]
    fn a_torch_model_is_read_back_from_its_name() {
        for (name, library, of_library) in [
            ("timm:vit_base_patch14_dinov2.lvd142m", TorchLibrary::Timm, None),
            ("timm:hf-hub:timm/resnet50.a1_in1k", TorchLibrary::Timm, None),
            ("transformers:facebook/dinov2-base", TorchLibrary::Transformers, None),
            ("open_clip:ViT-B-32/laion2b_s34b_b79k", TorchLibrary::OpenClip, None),
            ("open_clip:ViT-B-32//weights/last.pt", TorchLibrary::OpenClip, None),
            ("open_clip:hf-hub:laion/CLIP-ViT-B-32", TorchLibrary::OpenClip, None),
            ("torchvision:resnet50/IMAGENET1K_V2", TorchLibrary::Torchvision, None),
            ("random:timm:test_vit", TorchLibrary::Timm, Some("test_vit")),
            ("random:timm:test_vit@seed=7", TorchLibrary::Timm, Some("test_vit")),
        ] {
            let spec: ModelSpec = name.parse().expect("a model");
            assert_eq!(spec.to_string(), name);
            let ModelSpec::Torch(found) = spec else { panic!("{name} is a torch model") };
            let expected = of_library.unwrap_or(&name[library.name().len() + 1..]);
            assert_eq!((found.library, found.of_library().as_str()), (library, expected));
        }
    }

    #[test]
    fn a_folder_of_a_torch_model_is_that_of_the_experiment() {
        let place = tempfile::tempdir().expect("a temporary folder");
        for folder in ["a/vit", "b/vit"] {
            std::fs::create_dir_all(place.path().join(folder)).expect("made");
        }
        let read = |text: &str| NamedModel::read(text, Some(place.path())).expect("a model");
        let whole = |text: &str| format!("{text}{}", place.path().join("a/vit").display());
        for (text, before) in [
            ("transformers:a/vit", "transformers:"),
            ("timm:local-dir:a/vit", "timm:local-dir:"),
            ("open_clip:local-dir:a/vit", "open_clip:local-dir:"),
            ("random:transformers:a/vit", "random:transformers:"),
        ] {
            let model = read(text);
            assert_eq!(model.spec.place(), whole(before));
            assert!(read(&whole(before)).spec.is_same_as(&model.spec));
            assert_eq!(names_of(&[model]).expect("a name"), [format!("{before}vit")]);
        }
        let two = [read("transformers:a/vit"), read("transformers:b/vit")];
        let names = names_of(&two).expect("names");
        assert_eq!(names, ["transformers:a/vit", "transformers:b/vit"]);
        // What is there is a folder, what is not an id.
        let id = read("transformers:a/other").spec;
        assert_eq!(id.to_string(), "transformers:a/other");
    }

    #[test]
    fn a_name_stands_before_a_torch_model() {
        let named: NamedModel = "mine=timm:resnet50.a1_in1k".parse().expect("a model");
        assert_eq!(named.name.as_deref(), Some("mine"));
        assert_eq!(named.spec.to_string(), "timm:resnet50.a1_in1k");
    }

    #[test]
    fn a_torch_model_that_cannot_be_is_an_error() {
        for (name, words) in [
            ("timm:", "nothing follows `timm:`"),
            ("timm:local-dir:no/such", "names no folder"),
            ("transformers:./no/such", "names no folder"),
            ("random:random:timm:test_vit", "no untrained control"),
            ("random:timm:test_vit@seed=x", "`@seed=x`"),
            ("random:timm:test_vit@bare-patches", "`@bare-patches`"),
        ] {
            let said = name.parse::<ModelSpec>().expect_err("no model").to_string();
            assert!(said.contains(words), "{name}: {said}");
        }
    }
}
