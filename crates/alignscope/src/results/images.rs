//! The images of a run, found again: where they lie, and whether they are those of the run.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::RunDataset;
use crate::progress::Progress;
use crate::weights::file_sha256;

/// A file of more bytes is no image of a data set.
pub(crate) const MAX_IMAGE_BYTES: u64 = 2 << 30;

/// Where the images of a data set lie.
///
/// `data` and `root` — the data set and the folder of its images, as the manifest has them
/// `now` — the data set's folder or file, if not there
pub(crate) fn images_root(data: &Path, root: &Path, now: Option<&Path>) -> PathBuf {
    match now {
        None => root.to_owned(),
        // A manifest by its own name.
        Some(file) if file.is_file() => file.parent().map_or_else(PathBuf::new, Path::to_owned),
        Some(folder) => moved(data, folder, root),
    }
}

/// Where a file of a data set lies now.
pub(crate) fn moved(before: &Path, now: &Path, file: &Path) -> PathBuf {
    match file.strip_prefix(before) {
        // The data set is named by its manifest.
        Ok(rest) if rest.as_os_str().is_empty() => now.to_owned(),
        Ok(rest) => now.join(rest),
        Err(_) => file.to_owned(),
    }
}

/// SHA-256 of the images of a data set, in their order; or which cannot be read, and why. Of those
/// that are left when the user stops none is read.
pub(crate) fn hash_images(
    dataset: &RunDataset,
    root: &Path,
    progress: &dyn Progress,
) -> Result<Vec<String>, String> {
    progress.begin(&format!("{}: hashing images", dataset.name), dataset.images.len() as u64);
    let hash = |id: &String| {
        if progress.is_stopped() {
            return Err("stopped before all images were hashed".to_owned());
        }
        progress.advance(1);
        hash_image(&root.join(id)).map_err(|why| format!("{}: {why}", root.join(id).display()))
    };
    let hashes = dataset.images.par_iter().map(hash).collect();
    progress.end();
    hashes
}

fn hash_image(path: &Path) -> Result<String, String> {
    let bytes = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > MAX_IMAGE_BYTES {
        return Err(format!("it has {bytes} bytes, expected at most {MAX_IMAGE_BYTES}"));
    }
    file_sha256(path).map_err(|error| error.to_string())
}
