//! Published sets of matrices, as they are kept.

use std::path::Path;

use super::array::{Array, Given, Meaning};
use super::{Found, IMAGES, dataset, open_mat, order};
use crate::dataset::files::{Files, Names, file_in};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Level};
use crate::input_file::HashedPath;
use crate::matlab::MatValue;
use crate::remedy::Choice;

/// A layout in which matrices were published, each with its images in the order of their names, or
/// of `images.txt` where it is there.
///
/// # Source
/// The public code that reads each of them: rsatoolbox's demos (`92_brainRDMs.mat`), the evaluation
/// scripts of Algonauts 2019 (`target_fmri.mat`), and the data sets of gLocal (the others).
pub(in crate::dataset) enum Published {
    /// `92_brainRDMs.mat`: `RDMs`, a structure of subjects and sessions. Needs `images.txt`.
    Images92,
    /// `target_fmri.mat`: `IT_RDMs` and `EVC_RDMs`, `[15, n, n]`, and a folder `118images`.
    Algonauts,
    /// `sim_judgements/judgments_general.mat`: `judgments`, one matrix a person.
    MultiArrangement,
    /// `sim_judgements/BEHAVIOR.mat`: `BEHAVIOR.set1.pairwisedistances`. Needs `images.txt`.
    FreeArrangement,
    /// `sim_judgements/*sim*.mat`: one matrix of similarities.
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
                "matrices: King et al.'s arrangements (sim_judgements/BEHAVIOR.mat, images.txt)"
            }
            Self::Peterson => {
                "matrices: a category of Peterson et al. (sim_judgements/*sim*.mat, images)"
            }
        }
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn choices(&self) -> &'static [Choice] {
        match self {
            Self::Algonauts | Self::FreeArrangement => &[Choice::Split],
            Self::Images92 | Self::MultiArrangement | Self::Peterson => &[],
        }
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        self.file(folder).map(|_| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let Some(path) = self.file(data) else {
            return Err(DatasetError::nothing_of(self.name(), data, self.expected()));
        };
        let mut sources = Vec::new();
        let file = open_mat(&data.join(&path), &mut sources)?;
        let names = self.images(data, &mut sources)?;
        let reading = Reading { path: &data.join(&path), images: names.len() };
        let (given, said) = match self {
            Self::Images92 => (reading.sessions(file.get("RDMs"))?, Meaning::Dissimilarity),
            Self::Algonauts => {
                let variable = match options.split.as_deref() {
                    None | Some("it") => "IT_RDMs",
                    Some("evc") => "EVC_RDMs",
                    Some(_) => return Err(self.no_split(options, &["it", "evc"])),
                };
                (reading.numbers(variable, file.get(variable))?, Meaning::Dissimilarity)
            }
            Self::MultiArrangement => {
                (reading.numbers("judgments", file.get("judgments"))?, Meaning::Dissimilarity)
            }
            Self::FreeArrangement => {
                let set = options.split.as_deref().unwrap_or("set1");
                let of_set = first_of(file.get("BEHAVIOR"), set);
                let found = first_of(of_set, "pairwisedistances");
                let name = format!("BEHAVIOR.{set}.pairwisedistances");
                (reading.numbers(&name, found)?, Meaning::Dissimilarity)
            }
            Self::Peterson => {
                let name = file.names().find(|name| name.to_lowercase().contains("sim"));
                let name = name.unwrap_or("*sim*");
                (reading.numbers(name, file.get(name))?, Meaning::Similarity)
            }
        };
        let said = Some(said);
        let found = Found { format: self, root: data, names, given, said, sources };
        let mut dataset = dataset(found, options)?;
        if let (Self::Algonauts, None) = (self, &options.split) {
            dataset
                .notes
                .push("the matrices are of IT; the split `evc` takes those of EVC".to_owned());
        }
        Ok(dataset)
    }
}

/// The field of a structure, of its first element.
fn first_of<'a>(value: Option<&'a MatValue>, field: &str) -> Option<&'a MatValue> {
    value?.field(field)?.first()
}

impl Published {
    /// The file of the matrices, below a folder.
    fn file(&self, folder: &Path) -> Option<String> {
        let inner = |name: &str| {
            let path = format!("sim_judgements/{name}");
            folder.join(&path).is_file().then_some(path)
        };
        let plain = |name: &str| file_in(folder, name).map(|_| name.to_owned());
        match self {
            Self::Images92 => plain("92_brainRDMs.mat"),
            Self::Algonauts => plain("target_fmri.mat"),
            Self::MultiArrangement => inner("judgments_general.mat"),
            Self::FreeArrangement => inner("BEHAVIOR.mat"),
            Self::Peterson => {
                let names = Names::of(&folder.join("sim_judgements"));
                let is_one = |name: &&str| {
                    let lower = name.to_lowercase();
                    lower.contains("sim") && lower.ends_with(".mat")
                };
                names.iter().find(is_one).and_then(inner)
            }
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Images92 => "`92_brainRDMs.mat`",
            Self::Algonauts => "`target_fmri.mat`",
            Self::MultiArrangement => "`sim_judgements/judgments_general.mat`",
            Self::FreeArrangement => "`sim_judgements/BEHAVIOR.mat`",
            Self::Peterson => "`sim_judgements/` with a `.mat` that has `sim` in its name",
        }
    }

    /// The images in the order of the matrices.
    fn images(
        &self,
        root: &Path,
        sources: &mut Vec<HashedPath>,
    ) -> Result<Vec<String>, DatasetError> {
        if let Some(listed) = order::listed(root, sources)? {
            return Ok(listed);
        }
        if let Self::Images92 | Self::FreeArrangement = self {
            let expected = format!("`{IMAGES}` with the images in the order of the matrices");
            return Err(DatasetError::nothing_of(self.name(), root, &expected));
        }
        let files = Files::list(root)
            .map_err(|source| DatasetError::Read { path: root.to_owned(), source })?;
        let is_image = |path: &&str| {
            let folder = path.rsplit('/').nth(1).unwrap_or_default();
            let ending = path.rsplit('.').next().unwrap_or_default().to_lowercase();
            folder.ends_with("images") && ["jpg", "jpeg", "png"].contains(&ending.as_str())
        };
        let mut names: Vec<String> = files.iter().filter(is_image).map(str::to_owned).collect();
        names.sort_by_key(|name| order::natural(name));
        Ok(names)
    }

    fn no_split(&self, options: &DatasetOptions, known: &[&str]) -> DatasetError {
        DatasetError::Layout {
            path: self.expected().trim_matches('`').into(),
            found: format!("no split `{}`", options.split.as_deref().unwrap_or_default()),
            expected: format!("one of {}", known.join(", ")),
            fix: "choose one of these".to_owned(),
        }
    }
}

/// A `.mat` whose matrices are read.
struct Reading<'a> {
    path: &'a Path,
    images: usize,
}

impl Reading<'_> {
    /// The matrices of a variable.
    fn numbers(&self, name: &str, value: Option<&MatValue>) -> Result<Vec<Given>, DatasetError> {
        match value {
            Some(MatValue::Numbers { shape, values }) => {
                Array::of_columns(shape, values).matrices(self.path, "", self.images)
            }
            other => Err(self.wrong(name, other, "numbers")),
        }
    }

    /// The mean over sessions of each subject's matrices: `RDMs(1, subject, session).RDM`.
    fn sessions(&self, value: Option<&MatValue>) -> Result<Vec<Given>, DatasetError> {
        let Some(found @ MatValue::Struct { shape, .. }) = value else {
            return Err(self.wrong("RDMs", value, "a structure of subjects and sessions"));
        };
        let Some(matrices) = found.field("RDM") else {
            return Err(self.wrong("RDMs.RDM", None, "a matrix each"));
        };
        let subjects = match shape[..] {
            [a, b] => a * b,
            [a, b, _] => a * b,
            _ => return Err(self.wrong("RDMs", value, "a structure of subjects and sessions")),
        };
        let mut given = Vec::new();
        for subject in 0..subjects {
            let mut sum: Vec<f64> = vec![];
            let sessions: Vec<&MatValue> =
                matrices.iter().skip(subject).step_by(subjects.max(1)).collect();
            for session in &sessions {
                let MatValue::Numbers { values, .. } = session else {
                    return Err(self.wrong("RDMs.RDM", Some(session), "numbers"));
                };
                sum.resize(values.len(), 0.0);
                sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            let values = sum.iter().map(|sum| sum / sessions.len() as f64).collect();
            let shape = sessions.first().and_then(|s| s.shape()).unwrap_or_default();
            let array = Array { shape, values };
            if array.shape.iter().product::<usize>() != array.values.len() {
                return Err(self.wrong("RDMs.RDM", None, "matrices of one size"));
            }
            let name = format!("subject {}", subject + 1);
            given.extend(array.matrices(self.path, &name, self.images)?);
        }
        Ok(given)
    }

    fn wrong(&self, name: &str, found: Option<&MatValue>, expected: &str) -> DatasetError {
        DatasetError::Layout {
            path: self.path.to_owned(),
            found: match found {
                Some(value) => format!("`{name}`, {}", value.kind()),
                None => format!("no `{name}`"),
            },
            expected: expected.to_owned(),
            fix: "look whether it is the published file".to_owned(),
        }
    }
}
