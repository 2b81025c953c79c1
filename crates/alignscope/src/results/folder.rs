//! The folder of a run.

use std::io;
use std::path::{Path, PathBuf};

use super::ResultsError;

/// How the names of unfinished files begin.
pub(crate) const UNFINISHED: &str = ".alignscope-";

/// A folder that a run may fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFolder {
    path: PathBuf,
    /// Whether it was made here, rather than found empty.
    made: bool,
}

impl OutputFolder {
    /// Takes a folder that is new or empty; it is made where it does not exist, and a file is
    /// written and removed there, so that a run does not end hours later at a full or read-only
    /// disk.
    ///
    /// # Errors
    /// The path is a file, the folder holds anything (but unfinished files of a run that was killed, which are
    /// removed), or nothing can be written to it.
    pub fn claim(path: &Path) -> Result<Self, ResultsError> {
        let error = |source| ResultsError::Write { path: path.to_owned(), source };
        if path.exists() && !path.is_dir() {
            return Err(ResultsError::NotAFolder { path: path.to_owned() });
        }
        let made = !path.exists();
        std::fs::create_dir_all(path).map_err(error)?;
        let mut entries: Vec<String> = std::fs::read_dir(path)
            .and_then(|entries| {
                entries.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
            })
            .map_err(error)?;
        // A run that was killed leaves its unfinished files; they are nobody's.
        entries.retain(|name| {
            let leftover = name.starts_with(UNFINISHED);
            if leftover {
                let path = path.join(name);
                // One that cannot be removed does no harm: it is never read.
                let _ = std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path));
            }
            !leftover
        });
        entries.sort();
        if entries.iter().any(|name| name == "manifest.json") {
            return Err(ResultsError::HoldsRun { path: path.to_owned() });
        }
        if let Some(found) = entries.into_iter().next() {
            return Err(ResultsError::NotEmpty { path: path.to_owned(), found });
        }
        tempfile::NamedTempFile::new_in(path).map_err(error)?;
        Ok(Self { path: path.to_owned(), made })
    }

    /// Gives the folder up after a run that could not be done: it is removed where it was made
    /// here and nothing was put into it.
    pub fn abandon(self) {
        if self.made {
            // A folder that is not empty, or not there any more, is left as it is.
            let _ = std::fs::remove_dir(&self.path);
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Writes a file beside its place and renames it, so that nobody ever sees half of it.
///
/// # Errors
/// The folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ResultsError> {
    let write = || -> io::Result<()> {
        let mut file = beside(path)?;
        io::Write::write_all(&mut file, bytes)?;
        keep(file, path)
    };
    write().map_err(|source| ResultsError::Write { path: path.to_owned(), source })
}

/// A temporary file in the folder of `path`, removed unless it is kept.
pub(crate) fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        // A temporary file is private by default; results are as open as any new file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Gives a finished temporary file its name.
pub(crate) fn keep(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
