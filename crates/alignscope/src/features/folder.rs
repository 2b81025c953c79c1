//! A folder of features: `features.npy` and `file_names.txt`, or one such folder for each stage.

use std::io;
use std::path::{Path, PathBuf};

use super::npy::{NpyError, NpyFile};
use super::stage_of_folder;
use crate::input_file::InputFile;
use crate::listing::is_left_by_system;
use crate::stage::Stage;
use crate::text::Lines;

/// The two files of a stage.
const FEATURES: &str = "features.npy";
const NAMES: &str = "file_names.txt";

/// Features of some images at some stages, in files.
#[derive(Debug)]
pub struct FeatureFolder {
    /// The stages, in order of depth: those of an encoder first, then others in order of name,
    /// `layer2` before `layer10`.
    pub stages: Vec<(Stage, NpyFile)>,
    /// The images, in the order of the rows of every file.
    pub file_names: Vec<String>,
}

/// A folder does not hold features.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeatureFolderError {
    /// There is no such folder.
    #[error(
        "{path} is not a folder; name one that holds {FEATURES} and {NAMES}, or such folders for its stages"
    )]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// Nothing in it is features.
    #[error(
        "{path} holds no {FEATURES}, and no folder in it does; expected what `alignscope activations` writes"
    )]
    Nothing {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing says which image each row is.
    #[error(
        "{path} has no {NAMES}, expected one: a line for each row of {FEATURES} with the path of \
         its image below the data set's folder"
    )]
    NoNames {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not as many names as rows.
    #[error(
        "{path} has {}, expected one for each of the {rows} images of {FEATURES} beside it",
        lines(*names, *rows)
    )]
    Names {
        /// The list of names.
        path: PathBuf,
        /// Its lines; one more than `rows` where there are more, since no more are read.
        names: usize,
        /// Rows of the features.
        rows: usize,
    },
    /// Two stages are of other images.
    #[error(
        "{path} differs from {other} in line {line}; all stages must have the same images in the same order"
    )]
    Differ {
        /// The list of names of a stage.
        path: PathBuf,
        /// That of the first.
        other: PathBuf,
        /// The first line that differs, from 1.
        line: usize,
    },
    /// A file of features cannot be used.
    #[error(transparent)]
    Npy(#[from] NpyError),
}

impl FeatureFolder {
    /// Reads names and headers.
    ///
    /// # Errors
    /// See [`FeatureFolderError`].
    pub fn open(folder: &Path) -> Result<Self, FeatureFolderError> {
        if !folder.is_dir() {
            return Err(FeatureFolderError::NoFolder { path: folder.to_owned() });
        }
        let mut found = Vec::new();
        if folder.join(FEATURES).is_file() {
            let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
            let name =
                absolute.file_name().map_or("features".into(), |name| name.to_string_lossy());
            found.push((stage_of_folder(&name), folder.to_owned()));
        } else {
            let error = |source| FeatureFolderError::Read { path: folder.to_owned(), source };
            for entry in std::fs::read_dir(folder).map_err(error)? {
                let entry = entry.map_err(error)?;
                if is_left_by_system(&entry.file_name()) {
                    continue;
                }
                if entry.path().join(FEATURES).is_file() {
                    let name = entry.file_name();
                    found.push((stage_of_folder(&name.to_string_lossy()), entry.path()));
                }
            }
            found.sort_by_key(|(stage, _)| order(*stage));
        }
        let mut names: Option<(Vec<String>, PathBuf)> = None;
        let mut stages = Vec::new();
        for (stage, folder) in found {
            let npy = NpyFile::open(&folder.join(FEATURES))?;
            let path = folder.join(NAMES);
            let rows = npy.shape()[0];
            let of_stage = read_names(&path, rows)?;
            if of_stage.len() != rows {
                return Err(FeatureFolderError::Names { path, names: of_stage.len(), rows });
            }
            match &names {
                None => names = Some((of_stage, path)),
                Some((first, other)) => {
                    let same = first.iter().zip(&of_stage).take_while(|(a, b)| a == b).count();
                    if same < first.len().max(of_stage.len()) {
                        let (other, line) = (other.clone(), same + 1);
                        return Err(FeatureFolderError::Differ { path, other, line });
                    }
                }
            }
            stages.push((stage, npy));
        }
        match names {
            Some((file_names, _)) => Ok(Self { stages, file_names }),
            None => Err(FeatureFolderError::Nothing { path: folder.to_owned() }),
        }
    }
}

/// How many lines a list of names has that should have one for each row.
fn lines(names: usize, rows: usize) -> String {
    match names > rows {
        true => format!("more than {rows} lines"),
        false => format!("{names} lines"),
    }
}

/// The names of the images of `rows` rows; of a longer list one more.
fn read_names(path: &Path, rows: usize) -> Result<Vec<String>, FeatureFolderError> {
    let error = |source| FeatureFolderError::Read { path: path.to_owned(), source };
    let file = InputFile::open(path).map_err(|source| match (source.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            FeatureFolderError::NoNames { path: folder.to_owned() }
        }
        _ => error(source),
    })?;
    let mut lines = Lines::of(&file).map_err(error)?;
    let mut names = Vec::new();
    while let Some((_, line)) = lines.next().map_err(error)? {
        names.push(line.to_owned());
        if names.len() > rows {
            break;
        }
    }
    Ok(names)
}

/// Encoders' stages by depth, then names, in which numbers count as numbers.
fn order(stage: Stage) -> (bool, Option<Stage>, Vec<(u64, String)>) {
    let Stage::Named(name) = stage else { return (false, Some(stage), vec![]) };
    let mut parts = Vec::new();
    let mut rest = name.as_str();
    while !rest.is_empty() {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        parts.push((number.parse().unwrap_or(0), after[..end].to_owned()));
        rest = &after[end..];
    }
    (true, None, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_stand_in_order_of_depth_and_of_number() {
        let mut stages: Vec<Stage> = ["layer10", "projection", "layer2", "block 10", "block 9"]
            .map(Stage::in_results)
            .to_vec();
        stages.sort_by_key(|stage| order(*stage));
        let names: Vec<String> = stages.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["block 9", "block 10", "projection", "layer2", "layer10"]);
    }

    #[test]
    fn a_list_of_names_is_read_no_further_than_there_are_rows() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
        let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
        npy.extend_from_slice(format!("{header:<69}\n").as_bytes());
        npy.extend_from_slice(&[0; 8]);
        std::fs::write(folder.path().join(FEATURES), npy).expect("written");
        for (names, said) in [
            (&b"a\n"[..], "has 1 lines, expected one for each of the 2 images"),
            // The last line would be an error of its own.
            (b"a\nb\nc\n\xff\n", "has more than 2 lines, expected one for each of the 2 images"),
        ] {
            std::fs::write(folder.path().join(NAMES), names).expect("written");
            let error = FeatureFolder::open(folder.path()).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
