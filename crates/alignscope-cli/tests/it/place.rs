//! A folder for a test, and the files that tests put there.

use std::fs;
use std::path::{Path, PathBuf};

use alignscope::image::RgbImage;
use assert_cmd::Command;
use tempfile::TempDir;

use crate::program;

/// The images of the small data sets.
pub const IMAGES: [&str; 3] = ["a.png", "b.png", "c.png"];

/// A temporary folder, which is removed when it is dropped.
pub struct Place(TempDir);

impl Place {
    /// An empty folder.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Three images of different widths and two rated pairs of them, in a folder of the place.
    pub fn with_pairs(folder: &str) -> Self {
        let images = [20, 21, 22].map(|width| png(width, 17));
        Self::with_rows(folder, images, "a.png,b.png,3\na.png,c.png,2\n")
    }

    /// Three images of the same size and three rated pairs of them, in a folder of the place.
    pub fn with_equal_pairs(folder: &str) -> Self {
        let images = [3, 4, 5].map(|step| stepped_png(20, 17, step));
        Self::with_rows(folder, images, "a.png,b.png,3\na.png,c.png,2\nb.png,c.png,1\n")
    }

    fn with_rows(folder: &str, images: [Vec<u8>; 3], rows: &str) -> Self {
        let place = Self::new();
        for (name, image) in IMAGES.iter().zip(images) {
            place.write(&format!("{folder}/{name}"), image);
        }
        place.write(&format!("{folder}/pairs.csv"), format!("reference,distorted,score\n{rows}"));
        place
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// The path of what lies in the folder, or will.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Reads a text file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    /// Writes a file, and makes the folders in which it lies.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// Replaces an entry of a text file, which must be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{from} is not in {text}");
        self.write(name, text.replace(from, to));
    }

    /// Copies the small golden checkpoint into a folder, whose path it returns.
    pub fn checkpoint(&self, name: &str) -> String {
        let folder = self.path(name);
        fs::create_dir_all(&folder).expect("made");
        for entry in fs::read_dir(golden("clip/base")).expect("the golden checkpoint") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), folder.join(entry.file_name())).expect("copied");
        }
        text(&folder).to_owned()
    }

    /// A command of the program without arguments: it starts in the folder, has its cache there,
    /// and does not go to the network.
    pub fn command(&self) -> Command {
        let mut command = program::command();
        command
            .current_dir(self.root())
            .env("ALIGNSCOPE_CACHE", self.path("kept"))
            .env("HF_HUB_OFFLINE", "1");
        command
    }
}

/// A golden file or folder of the library.
pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/tests/golden").join(name)
}

/// A path as it is typed.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("Unicode")
}

/// A PNG that looks like noise.
pub fn png(width: usize, height: usize) -> Vec<u8> {
    stepped_png(width, height, 7)
}

/// A PNG in which each value is `step` more than the one before it, modulo 251.
pub fn stepped_png(width: usize, height: usize, step: usize) -> Vec<u8> {
    let pixels = (0..3 * width * height).map(|i| (i * step % 251) as u8).collect();
    RgbImage::new(width, height, pixels).to_png()
}

/// A `.npy` file of f32, as `numpy.save` writes it.
///
/// `order` — what the header says of Fortran's order, `True` or `False`
pub fn npy(shape: &[usize], order: &str, values: &[f32]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    // Python writes a tuple of one as `(3,)`.
    let sizes = sizes.join(", ") + if shape.len() == 1 { "," } else { "" };
    let header = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': ({sizes}), }}");
    // The numbers begin at byte 128.
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Makes a FIFO, on which a reader waits without end.
#[cfg(unix)]
pub fn fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success());
}
