//! Reading the golden files.
#![allow(dead_code, reason = "each test uses a part of this")]

use std::io::Write;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

/// The folder of a golden set.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Says that a test was skipped, and why; fails it where `ALIGNSCOPE_NO_SKIP` is set and not empty.
pub fn skipped(why: &str) {
    // Not by a macro, whose words are not shown of a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    let refused = std::env::var_os("ALIGNSCOPE_NO_SKIP").is_some_and(|value| !value.is_empty());
    assert!(!refused, "ALIGNSCOPE_NO_SKIP is set, but a test was skipped: {why}");
}

/// A folder beside the project that only some machines have; without it, the test is [`skipped`].
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if path.is_dir() {
        return Some(path);
    }
    skipped(&format!("{} is not there", path.display()));
    None
}

/// A file of golden tensors.
pub struct Tensors(Vec<u8>);

impl Tensors {
    /// Reads the file.
    pub fn open(path: &Path) -> Self {
        Self(std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    fn parsed(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a safetensors file")
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.parsed().names().into_iter().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Shape and values of an 8-bit tensor.
    pub fn bytes(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = self.parsed();
        let tensor = file.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    /// Shape and values of an f32 tensor.
    pub fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.bytes(name);
        let (numbers, rest) = bytes.as_chunks::<4>();
        assert!(rest.is_empty(), "{name} is of f32");
        (shape, numbers.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    /// Shape and values of an f64 tensor.
    pub fn doubles(&self, name: &str) -> (Vec<usize>, Vec<f64>) {
        let (shape, bytes) = self.bytes(name);
        let (numbers, rest) = bytes.as_chunks::<8>();
        assert!(rest.is_empty(), "{name} is of f64");
        (shape, numbers.iter().map(|b| f64::from_le_bytes(*b)).collect())
    }
}
