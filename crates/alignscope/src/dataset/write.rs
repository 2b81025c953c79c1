//! A data set written as a manifest, which is read as any of one's own.

mod image_names;
mod matrices;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use super::formats::DatasetFormat;
use super::{Dataset, Trials};
use crate::atomic_write::UNFINISHED;

/// What stands for the images in a data set that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFiles {
    /// Links to the files; copies where the system lets its users make no links.
    Links,
    /// Copies, so that the folder needs no other.
    Copies,
    /// Nothing: the images are not at hand.
    Absent,
}

/// A data set that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenDataset {
    /// What asks for it.
    pub format: DatasetFormat,
    /// Where its table is, or the file of its matrices.
    pub table: PathBuf,
    /// Trials in it.
    pub trials: usize,
    /// Images that they show.
    pub images: usize,
    /// What a manifest does not say, and what has other names than before; a sentence each.
    pub notes: Vec<String>,
}

/// A data set could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteDatasetError {
    /// Something is at that place.
    #[error("{path} is there already, and is no empty folder; name a new one")]
    Exists {
        /// The place.
        path: PathBuf,
    },
    /// People's matrices of too few images or pairs.
    #[error(
        "{dataset} has people's matrices that could not be read again: expected three images or \
         more, and of each person pairs with different values"
    )]
    Matrices {
        /// The data set.
        dataset: String,
    },
    /// Two labels would have one column.
    #[error(
        "{dataset} has the labels `{first}` and `{second}`, which differ in case alone; a table \
         cannot have both"
    )]
    Labels {
        /// The data set.
        dataset: String,
        /// A label.
        first: String,
        /// Another.
        second: String,
    },
    /// An image cannot be brought along.
    #[error("cannot bring the image {path}")]
    Image {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The name of the text that says where a data set comes from.
const README: &str = "README.txt";

/// The list of images.
const ORDER: &str = "image_order.txt";

impl Dataset {
    /// Writes the data set into the new or empty folder `folder`: its table and `image_order.txt`, or
    /// people's matrices, `rdm.toml` and `images.txt`; a `README.txt` that says where it comes from,
    /// and its images. What is read there has the same trials, numbers of trials, response times,
    /// labels and clusters, and so the same scores. The folder gets its name when everything is in it.
    ///
    /// # Errors
    /// See [`WriteDatasetError`].
    pub fn write(
        &self,
        folder: &Path,
        images: ImageFiles,
    ) -> Result<WrittenDataset, WriteDatasetError> {
        check_is_new(folder)?;
        let format = self.manifest_format();
        let mut notes = self.said_nowhere(format);
        let names = image_names::names(self, &mut notes);
        let files = self.files(format, &names, &mut notes)?;

        let error = |source| WriteDatasetError::Write { path: folder.to_owned(), source };
        let parent = folder.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(error)?;
        let unfinished = new_folder(parent).map_err(error)?;
        for (name, bytes) in &files {
            std::fs::write(unfinished.path().join(name), bytes).map_err(error)?;
        }
        std::fs::write(unfinished.path().join(README), self.origin()).map_err(error)?;
        for (entry, name) in self.images.iter().zip(&names) {
            bring(&entry.path, &unfinished.path().join(name), images)
                .map_err(|source| WriteDatasetError::Image { path: entry.path.clone(), source })?;
        }
        name_folder(unfinished, folder).map_err(error)?;
        Ok(WrittenDataset {
            format,
            table: folder.join(&files[0].0),
            trials: self.trials.len(),
            images: self.images.len(),
            notes,
        })
    }

    /// The files of the manifest, but the images: first that of the answers.
    fn files(
        &self,
        format: DatasetFormat,
        names: &[String],
        notes: &mut Vec<String>,
    ) -> Result<Vec<(String, Vec<u8>)>, WriteDatasetError> {
        if let Trials::Matrices(matrices) = &self.trials {
            return matrices::files(self, matrices, names, notes);
        }
        let table = table::of(self, names)?;
        let order: String = names.iter().map(|name| format!("{name}\n")).collect();
        Ok(vec![
            (format!("{}.csv", format.name()), table.into_bytes()),
            (ORDER.to_owned(), order.into_bytes()),
        ])
    }

    /// The manifest that has such trials.
    fn manifest_format(&self) -> DatasetFormat {
        match self.trials {
            Trials::RatedPairs(_) => DatasetFormat::PAIRS,
            Trials::TwoAlternatives(_) => DatasetFormat::TWO_AFC,
            Trials::OddOneOut(_) => DatasetFormat::ODD_ONE_OUT,
            Trials::Quadruplets(_) => DatasetFormat::QUADRUPLETS,
            Trials::SameDifferent(_) => DatasetFormat::SAME_DIFFERENT,
            Trials::Matrices(_) => DatasetFormat::RDM,
        }
    }

    /// What a manifest does not say of the data set.
    fn said_nowhere(&self, format: DatasetFormat) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(release) = self.release {
            notes.push(format!(
                "a table does not say that it is {}: it is not held against published scores, and \
                 distortion types have numbers instead of names",
                release.title()
            ));
        }
        let level = format.format().format().level();
        if self.level != level {
            notes.push(format!(
                "its level is `{}`, that of `{format}` is `{level}`: give the level when it is read",
                self.level
            ));
        }
        if self.std_of_ratings && self.has_deviations() {
            notes.push(
                "its deviations are those of single ratings, where a table has those of mean \
                 scores: they are left out"
                    .to_owned(),
            );
        }
        notes
    }

    /// Whether any pair has a deviation.
    fn has_deviations(&self) -> bool {
        match &self.trials {
            Trials::RatedPairs(trials) => trials.iter().any(|trial| trial.std.is_some()),
            Trials::TwoAlternatives(_)
            | Trials::OddOneOut(_)
            | Trials::Quadruplets(_)
            | Trials::SameDifferent(_)
            | Trials::Matrices(_) => false,
        }
    }

    /// Where the data set comes from, for people who find the folder.
    fn origin(&self) -> String {
        let mut text = format!(
            "Written by alignscope {} from the data set {}: {} trials, {} images.\n",
            env!("CARGO_PKG_VERSION"),
            self.name,
            self.trials.len(),
            self.images.len()
        );
        for source in &self.sources {
            text.push_str(&format!("\n{}\n  SHA-256 {}\n", source.path.display(), source.sha256));
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

/// Nothing is at this place, or an empty folder.
fn check_is_new(folder: &Path) -> Result<(), WriteDatasetError> {
    let exists = || WriteDatasetError::Exists { path: folder.to_owned() };
    // A link to an empty folder is none: another folder cannot take its place.
    if folder.is_symlink() {
        return Err(exists());
    }
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| Err(exists())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(exists()),
        Err(source) => Err(WriteDatasetError::Write { path: folder.to_owned(), source }),
    }
}

/// Puts an image where the table names it.
fn bring(file: &Path, to: &Path, images: ImageFiles) -> io::Result<()> {
    if images == ImageFiles::Absent {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if images == ImageFiles::Links {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(std::path::absolute(file)?, to);
        #[cfg(windows)]
        if std::os::windows::fs::symlink_file(std::path::absolute(file)?, to).is_ok() {
            return Ok(());
        }
    }
    std::fs::copy(file, to).map(drop)
}

/// A folder for what is not finished. Temporary folders are private by default; this one is as open
/// as the user's mask lets any new folder be.
fn new_folder(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o777));
    }
    builder.prefix(UNFINISHED).tempdir_in(parent)
}

/// Gives a finished folder its name.
fn name_folder(unfinished: tempfile::TempDir, folder: &Path) -> io::Result<()> {
    // A name of an empty folder is not free everywhere.
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::rename(unfinished.path(), folder)?;
    // It has another name now: there is nothing to remove.
    let _ = unfinished.keep();
    Ok(())
}
