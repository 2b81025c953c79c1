//! Published sets of matrices, as they are kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::array::{self, Meaning};
use super::mat::Mat;
use super::order::Order;
use super::trials::Found;
use super::{DatasetError, DatasetOptions, HashedPath, IMAGES};
use crate::dataset::files::{Files, Names, entry, file_in, folder_of};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, Level};
use crate::listing::folded;
use crate::matlab::MatValue;
use crate::numpy_file::Numbers;
use crate::remedy::Choice;

/// The folder of matrices in gLocal's layouts, and in that of Peterson's categories.
const FOLDERS: [&str; 2] = ["sim_judgements", "sim_judgments"];

/// A layout in which matrices were published, each with its images in the order of `images.txt`, or
/// else of their names. Names of files and folders may differ in case.
///
/// # Source
/// The public code that reads each of them: rsatoolbox's demos (`92_brainRDMs.mat`), the evaluation
/// scripts of Algonauts 2019 (`target_fmri.mat`), and the data sets of gLocal (`data/peterson.py`,
/// `multi_arrangement.py`, `free_arrangement.py`), which sort names as Python does.
pub(in crate::dataset) enum Published {
    /// `92_brainRDMs.mat`: `RDMs`, a structure of subjects and sessions. Needs `images.txt`.
    Images92,
    /// `target_fmri.mat`: `IT_RDMs` and `EVC_RDMs`, `[15, n, n]`, and a folder `118images`.
    Algonauts,
    /// `sim_judgements/judgments_general.mat`: `judgments`, one matrix a person.
    MultiArrangement,
    /// `sim_judgements/BEHAVIOR.mat`: `BEHAVIOR.set1.pairwisedistances`, and a folder `images/set1`.
    FreeArrangement,
    /// `sim_judgments/*sim*.mat`: one matrix of similarities.
    Peterson,
}

impl Format for Published {
    fn name(&self) -> &'static str {
        match self {
            Self::Images92 => "92-images",
            Self::Algonauts => "algonauts2019",
            Self::MultiArrangement => "multi-arrangement",
            Self::FreeArrangement => "free-arrangement",
            Self::Peterson => "peterson",
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Self::Images92 => {
                "matrices: 92 images in human IT (92_brainRDMs.mat of rsatoolbox's demos, images.txt)"
            }
            Self::Algonauts => {
                "matrices: Algonauts 2019, Cichy's 92 or 118 images in IT or EVC (target_fmri.mat)"
            }
            Self::MultiArrangement => {
                "matrices: multi-arrangement (sim_judgements/judgments_general.mat, images)"
            }
            Self::FreeArrangement => {
                "matrices: King et al.'s arrangements (sim_judgements/BEHAVIOR.mat, images)"
            }
            Self::Peterson => {
                "matrices: a category of Peterson et al. (sim_judgments/*sim*.mat, images)"
            }
        }
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn method_references(&self) -> &'static [&'static str] {
        super::METHOD
    }

    fn references(&self) -> &'static [&'static str] {
        match self {
            Self::Images92 => &["kriegeskorte2008matching"],
            Self::Algonauts => &["cichy2019algonauts", "cichy2014resolving", "cichy2016fusion"],
            Self::MultiArrangement => &["mur2013human"],
            Self::FreeArrangement => &["king2019similarity"],
            Self::Peterson => &["peterson2018evaluating"],
        }
    }

    fn choices(&self) -> &'static [Choice] {
        match self {
            Self::Algonauts | Self::FreeArrangement => &[Choice::Split],
            Self::Images92 | Self::MultiArrangement | Self::Peterson => &[],
        }
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        (!self.files(folder).is_empty()).then(|| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let (root, path) = self.find(data)?;
        let mut sources = Vec::new();
        let file = Mat::open(&path, &mut sources)?;
        let arrays = self.arrays(&file, options)?;
        let shape = arrays.first().map_or(&[][..], |(_, numbers)| &numbers.shape);
        let order = self.order(&root, shape, options, &mut sources)?;
        let mut given = Vec::new();
        for (name, numbers) in arrays {
            given.extend(array::matrices(numbers, &path, &name, order.names.len())?);
        }
        let said = Some(self.meaning());
        let found = Found { format: self, root: &root, order, given, said, sources };
        let mut dataset = found.dataset(options)?;
        if let (Self::Algonauts, None) = (self, &options.split) {
            dataset
                .notes
                .push("the matrices are of IT; the split `evc` takes those of EVC".to_owned());
        }
        Ok(dataset)
    }
}

impl Published {
    /// The data set's folder and the file of the matrices, which may itself be what is asked for.
    fn find(&self, data: &Path) -> Result<(PathBuf, PathBuf), DatasetError> {
        if data.is_file() {
            let folder = folder_of(data);
            let name = folder.file_name().map(|name| folded(&name.to_string_lossy()));
            let is_inner = name.is_some_and(|name| FOLDERS.contains(&name.as_str()));
            let root = if is_inner { folder_of(&folder) } else { folder };
            return Ok((root, data.to_owned()));
        }
        let mut files = self.files(data);
        match files.len() {
            0 => Err(DatasetError::nothing_of(self.name(), data, self.expected())),
            1 => Ok((data.to_owned(), files.remove(0))),
            _ => {
                let name = |path: &PathBuf| {
                    path.strip_prefix(data).unwrap_or(path).to_string_lossy().into_owned()
                };
                let files = files.iter().map(name).collect();
                Err(DatasetError::Ambiguous { path: data.to_owned(), files })
            }
        }
    }

    /// The files in a folder that can be those of the matrices, sorted.
    fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let inner = || FOLDERS.iter().filter_map(|name| entry(folder, name));
        match self {
            Self::Images92 => file_in(folder, "92_brainRDMs.mat").into_iter().collect(),
            Self::Algonauts => file_in(folder, "target_fmri.mat").into_iter().collect(),
            Self::MultiArrangement => {
                inner().filter_map(|folder| file_in(&folder, "judgments_general.mat")).collect()
            }
            Self::FreeArrangement => {
                inner().filter_map(|folder| file_in(&folder, "BEHAVIOR.mat")).collect()
            }
            Self::Peterson => {
                let mut files: Vec<PathBuf> =
                    inner().flat_map(|f| files_of_similarity(&f)).collect();
                files.sort();
                files
            }
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Images92 => "`92_brainRDMs.mat`",
            Self::Algonauts => "`target_fmri.mat`",
            Self::MultiArrangement => "`sim_judgements/judgments_general.mat`",
            Self::FreeArrangement => "`sim_judgements/BEHAVIOR.mat`",
            Self::Peterson => "`sim_judgments/` with a `.mat` that has `sim` in its name",
        }
    }

    fn meaning(&self) -> Meaning {
        match self {
            Self::Peterson => Meaning::Similarity,
            Self::Images92 | Self::Algonauts | Self::MultiArrangement | Self::FreeArrangement => {
                Meaning::Dissimilarity
            }
        }
    }

    /// The arrays of matrices, each with the name of its person if it has one.
    fn arrays(
        &self,
        file: &Mat,
        options: &DatasetOptions,
    ) -> Result<Vec<(String, Numbers)>, DatasetError> {
        let (name, value) = match self {
            Self::Images92 => return file.sessions(),
            Self::Algonauts => {
                let split = options.split.as_deref().unwrap_or("it");
                let of_split = [("it", "IT_RDMs"), ("evc", "EVC_RDMs")];
                let Some((_, variable)) = of_split.iter().find(|(known, _)| *known == split) else {
                    return Err(no_split(file, split, of_split.iter().map(|(known, _)| *known)));
                };
                ((*variable).to_owned(), file.get(variable))
            }
            Self::MultiArrangement => ("judgments".to_owned(), file.get("judgments")),
            Self::FreeArrangement => return Ok(vec![(String::new(), of_set(file, options)?)]),
            Self::Peterson => {
                let name = variable_of_similarity(file)?;
                (name.to_owned(), file.get(name))
            }
        };
        Ok(vec![(String::new(), file.numbers(&name, value)?)])
    }

    /// The images in the order of the matrices.
    ///
    /// `shape` — of the matrices
    fn order(
        &self,
        root: &Path,
        shape: &[usize],
        options: &DatasetOptions,
        sources: &mut Vec<HashedPath>,
    ) -> Result<Order, DatasetError> {
        let of_set = format!("images/{}", set(options));
        let first = match self {
            Self::FreeArrangement => vec![format!("{of_set}/"), "images/".to_owned()],
            Self::Images92 | Self::MultiArrangement | Self::Peterson => vec!["images/".to_owned()],
            Self::Algonauts => vec![],
        };
        if let Some(listed) = Order::listed(root, first, options, sources)? {
            return Ok(listed);
        }
        let mut folders = match self {
            Self::Images92 => BTreeMap::new(),
            Self::Algonauts | Self::MultiArrangement | Self::FreeArrangement | Self::Peterson => {
                folders_of_images(root)?
            }
        };
        folders.retain(|folder, _| match self {
            Self::FreeArrangement => folded(folder) == folded(&of_set),
            _ => folded(folder).ends_with("images"),
        });
        if folders.is_empty() {
            let expected = match self {
                Self::FreeArrangement => format!("`{IMAGES}`, or the images in `{of_set}`"),
                Self::Images92 => {
                    format!("`{IMAGES}` with the images in the order of the matrices")
                }
                Self::Algonauts | Self::MultiArrangement | Self::Peterson => {
                    format!("`{IMAGES}`, or the images in a folder `images`")
                }
            };
            return Err(DatasetError::nothing_of(self.name(), root, &expected));
        }
        let (folder, names) = fitting(root, folders, shape)?;
        Order::of_folder(root, &folder, names)
    }
}

/// The files of similarities in a folder: `*sim*.mat`.
fn files_of_similarity(folder: &Path) -> Vec<PathBuf> {
    let is_one = |name: &&str| {
        let lower = name.to_lowercase();
        lower.contains("sim") && lower.ends_with(".mat")
    };
    let names = Names::of(folder);
    let paths = names.iter().filter(is_one).map(|name| folder.join(name));
    paths.filter(|path| path.is_file()).collect()
}

/// The only variable with `sim` in its name.
fn variable_of_similarity(file: &Mat) -> Result<&str, DatasetError> {
    let names: Vec<&str> =
        file.names().filter(|name| name.to_lowercase().contains("sim")).collect();
    match names[..] {
        [one] => Ok(one),
        [] => Err(file.wrong("*sim*", None, "a matrix of similarities")),
        _ => Err(DatasetError::Layout {
            path: file.path().to_owned(),
            found: format!("the variables `{}`", names.join("`, `")),
            expected: "one variable with `sim` in its name".to_owned(),
            fix: "save the matrix that is meant by itself".to_owned(),
        }),
    }
}

/// The set of King et al.'s images that is asked for.
fn set(options: &DatasetOptions) -> &str {
    options.split.as_deref().unwrap_or("set1")
}

/// `BEHAVIOR.<set>.pairwisedistances`.
fn of_set(file: &Mat, options: &DatasetOptions) -> Result<Numbers, DatasetError> {
    let set = set(options);
    let Some(behavior @ MatValue::Struct { fields, .. }) = file.get("BEHAVIOR") else {
        return Err(file.wrong("BEHAVIOR", file.get("BEHAVIOR"), "a structure of sets"));
    };
    let Some(of_set) = behavior.field(set) else {
        return Err(no_split(file, set, fields.iter().map(|(name, _)| name.as_str())));
    };
    let distances = of_set.first().and_then(|set| set.field("pairwisedistances"));
    let name = format!("BEHAVIOR.{set}.pairwisedistances");
    file.numbers(&name, distances.and_then(|values| values.first()))
}

fn no_split<'a>(file: &Mat, split: &str, known: impl Iterator<Item = &'a str>) -> DatasetError {
    DatasetError::Split {
        path: file.path().to_owned(),
        split: split.to_owned(),
        found: known.map(|name| format!("`{name}`")).collect(),
    }
}

/// The images in each folder below a data set's: paths below it, by that of their folder.
fn folders_of_images(root: &Path) -> Result<BTreeMap<String, Vec<String>>, DatasetError> {
    let files =
        Files::list(root).map_err(|source| DatasetError::Read { path: root.to_owned(), source })?;
    let mut folders = BTreeMap::<String, Vec<String>>::new();
    for path in files.iter() {
        let ending = path.rsplit('.').next().unwrap_or_default().to_lowercase();
        let Some((folder, _)) = path.rsplit_once('/') else { continue };
        if ["jpg", "jpeg", "png"].contains(&ending.as_str()) {
            folders.entry(folder.to_owned()).or_default().push(path.to_owned());
        }
    }
    Ok(folders)
}

/// The only folder, or the only one with as many images as matrices of some shape need.
fn fitting(
    root: &Path,
    folders: BTreeMap<String, Vec<String>>,
    shape: &[usize],
) -> Result<(String, Vec<String>), DatasetError> {
    let told: Vec<String> = folders
        .iter()
        .map(|(folder, names)| format!("`{folder}` with {} images", names.len()))
        .collect();
    let is_only = folders.len() == 1;
    let mut fitting: Vec<(String, Vec<String>)> = folders
        .into_iter()
        .filter(|(_, names)| is_only || array::fits(shape, names.len()))
        .collect();
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        _ => Err(DatasetError::Layout {
            path: root.to_owned(),
            found: told.join(", "),
            expected: format!("one folder with the images of the matrices, of the shape {shape:?}"),
            fix: format!("write `{IMAGES}` with the images in the order of the matrices"),
        }),
    }
}
