//! Where the weights of baselines are published, and where they are looked for.

use std::path::{Path, PathBuf};

use super::{MetricError, MetricKind};
use crate::hub::download;
use crate::input_file::{HashedPath, InputFile};
use crate::progress::Progress;
use crate::user_folders;

/// A file of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricFile {
    /// Its name as published, and others under which the same tensors are kept.
    pub names: &'static [&'static str],
    /// Where the first is published.
    pub url: &'static str,
    /// How the SHA-256 of the first begins.
    pub sha256: &'static str,
}

pub(super) const LPIPS_ALEX: [MetricFile; 2] = [
    MetricFile {
        names: &["alexnet-owt-7be5be79.pth", "alexnet-owt-4df8aa71.pth"],
        url: "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        sha256: "7be5be79",
    },
    MetricFile {
        names: &["lpips_v0.1_alex.pth", "v0.1/alex.pth"],
        url: "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
        sha256: "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    },
];

pub(super) const LPIPS_VGG: [MetricFile; 2] = [
    MetricFile {
        names: &["vgg16-397923af.pth"],
        url: "https://download.pytorch.org/models/vgg16-397923af.pth",
        sha256: "397923af",
    },
    MetricFile {
        names: &["lpips_v0.1_vgg.pth", "v0.1/vgg.pth"],
        url: "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/vgg.pth",
        sha256: "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    },
];

pub(super) const LPIPS_SQUEEZE: [MetricFile; 2] = [
    MetricFile {
        names: &["squeezenet1_1-b8a52dc0.pth", "squeezenet1_1-f364aa15.pth"],
        url: "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
        sha256: "b8a52dc0",
    },
    MetricFile {
        names: &["lpips_v0.1_squeeze.pth", "v0.1/squeeze.pth"],
        url: "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/squeeze.pth",
        sha256: "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    },
];

pub(super) const PERCEPTNET: [MetricFile; 1] = [MetricFile {
    names: &["percept_colour_tid2008.pth"],
    url: "https://raw.githubusercontent.com/alexhepburn/perceptnet/master/saved_networks/percept_colour_tid2008.pth",
    sha256: "c8780e6859906cd1abc54e64d5a579448c43de0abe008590074c0caeb8174973",
}];

/// A file of weights that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricWeights {
    /// Where.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Whether that is the hash of a file as it was published.
    pub published: bool,
}

impl MetricFile {
    /// Its name as published.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// What is at a path that has one of its names, hashed, and the file itself.
    fn open(&self, path: PathBuf) -> Result<(MetricWeights, InputFile), MetricError> {
        let file = InputFile::open(&path)
            .map_err(|source| MetricError::Hash { path: path.clone(), source })?;
        let HashedPath { path, sha256 } = file.hashed_path();
        // torchvision ends a name with the first eight digits of the hash.
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let named = stem
            .rsplit_once('-')
            .is_some_and(|(_, digits)| digits.len() == 8 && sha256.starts_with(digits));
        let published = named || sha256.starts_with(self.sha256);
        Ok((MetricWeights { path, sha256, published }, file))
    }
}

/// The folders in which weights are looked for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricFolders {
    /// What is looked through.
    folders: Vec<PathBuf>,
    /// Where fetched files go: the last.
    cache: PathBuf,
}

impl MetricFolders {
    /// `named` (`--weights`), then `$ALIGNSCOPE_WEIGHTS`, then PyTorch's own cache of torchvision's
    /// files, then our cache: `alignscope` in `$XDG_CACHE_HOME` or `~/.cache`.
    ///
    /// # Errors
    /// `named` is not a folder.
    pub fn new(named: Option<&Path>) -> Result<Self, MetricError> {
        if let Some(path) = named.filter(|path| !path.is_dir()) {
            return Err(MetricError::NoFolder { path: path.to_owned() });
        }
        let caches = user_folders::of_user().unwrap_or_else(|| PathBuf::from(".cache"));
        let torch = user_folders::variable("TORCH_HOME").unwrap_or_else(|| caches.join("torch"));
        let cache = caches.join("alignscope");
        let folders = named
            .map(Path::to_owned)
            .into_iter()
            .chain(user_folders::variable("ALIGNSCOPE_WEIGHTS"))
            .chain([torch.join("hub/checkpoints"), cache.clone()])
            .collect();
        Ok(Self { folders, cache })
    }

    /// The folders, in the order in which they are searched.
    pub(crate) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The first place that has each file of a baseline, whether it is the one that was published,
    /// and the file itself.
    pub(super) fn find(
        &self,
        baseline: MetricKind,
    ) -> Result<Vec<(MetricWeights, InputFile)>, MetricError> {
        let found: Vec<_> = baseline.files().iter().map(|file| (file, self.look(file))).collect();
        let missing: Vec<_> = found.iter().filter(|(_, path)| path.is_none()).collect();
        if !missing.is_empty() {
            let list = |of: &dyn Fn(&MetricFile) -> &'static str| {
                missing.iter().map(|(file, _)| of(file)).collect::<Vec<_>>().join(" and ")
            };
            let folders = self.folders.iter().map(|f| f.display().to_string());
            return Err(MetricError::NoFile {
                baseline,
                names: list(&MetricFile::name),
                urls: list(&|file| file.url),
                searched: folders.collect::<Vec<_>>().join(", "),
            });
        }
        found.into_iter().filter_map(|(file, path)| Some(file.open(path?))).collect()
    }

    fn look(&self, file: &MetricFile) -> Option<PathBuf> {
        let places = |folder: &PathBuf| file.names.iter().map(|n| folder.join(n)).collect();
        self.folders.iter().flat_map(|f| -> Vec<PathBuf> { places(f) }).find(|p| p.exists())
    }

    /// Fetches to our cache what a baseline needs and no folder has; a file in our cache that is not
    /// what was published is fetched again. Returns where its files are.
    ///
    /// # Errors
    /// A file cannot be downloaded, or is not what was published.
    pub fn fetch(
        &self,
        baseline: MetricKind,
        progress: &dyn Progress,
    ) -> Result<Vec<PathBuf>, MetricError> {
        let fetch = |file: &MetricFile| {
            if let Some(path) = self.look(file) {
                let (found, _) = file.open(path)?;
                if found.published {
                    return Ok(found.path);
                }
                if !found.path.starts_with(&self.cache) {
                    let MetricWeights { path, sha256, .. } = found;
                    return Err(MetricError::Other { path, found: sha256, expected: file.sha256 });
                }
            }
            let path = self.cache.join(file.name());
            download(file.url, &path, file.sha256, progress)?;
            Ok(path)
        };
        baseline.files().iter().map(fetch).collect()
    }
}
