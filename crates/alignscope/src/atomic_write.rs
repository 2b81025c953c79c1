//! Files that are whole or not there: written beside their place, then renamed.

use std::io;
use std::path::Path;

use crate::process_name::process_name;

/// How the names of unfinished files begin.
pub(crate) const UNFINISHED: &str = ".alignscope-";

/// Whether there is anything of this name, be it a link to nothing: what is there but cannot be
/// read is an error, not a file that was never written.
pub(crate) fn is_there(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// A temporary file in the folder of `path`, removed unless it is kept. Its name has the machine
/// and the process in it: others may write to the same folder.
pub(crate) fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let prefix = format!("{UNFINISHED}{}-", process_name());
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        // A temporary file is private by default; results are as open as any new file.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path))
}

/// Gives a finished temporary file its name.
pub(crate) fn keep(file: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    sync_folder(folder_of(path))
}

/// The folder that a path lies in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings new names, and those that went, to the disk, in the order in which they changed.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file.
    #[cfg(unix)]
    match std::fs::File::open(folder)?.sync_all() {
        // Some network file systems cannot.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {}
        other => other?,
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Writes bytes beside their place and renames the file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    io::Write::write_all(&mut file, bytes)?;
    keep(file, path)
}
