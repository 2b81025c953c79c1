//! How torch models run.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::name::UnknownName;

/// What is chosen of how torch models run; `None` is as the library of torch models has it: on the
/// CPU, in float32 without TF32, not compiled, 32 images at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TorchOptions {
    /// The device.
    pub device: Option<TorchDevice>,
    /// The number format of weights and images.
    pub dtype: Option<TorchDtype>,
    /// Whether products of float32 may be made in TF32.
    pub tf32: Option<bool>,
    /// Whether they are compiled before they run.
    pub compile: Option<bool>,
    /// Images at a time, at most.
    pub batch: Option<NonZeroUsize>,
}

impl TorchOptions {
    /// What is chosen here, and else there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            device: self.device.or(other.device),
            dtype: self.dtype.or(other.dtype),
            tf32: self.tf32.or(other.tf32),
            compile: self.compile.or(other.compile),
            batch: self.batch.or(other.batch),
        }
    }

    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A device as torch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TorchDevice {
    /// The processor.
    Cpu,
    /// A GPU of CUDA: the first, or that of a number.
    Cuda(Option<u16>),
    /// The GPU of a Mac.
    Mps,
}

impl fmt::Display for TorchDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(None) => f.pad("cuda"),
            Self::Cuda(Some(number)) => f.pad(&format!("cuda:{number}")),
            Self::Mps => f.pad("mps"),
        }
    }
}

impl FromStr for TorchDevice {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        let number = |word: &str| word.strip_prefix("cuda:")?.parse().ok();
        match (word, number(word)) {
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(None)),
            ("mps", _) => Ok(Self::Mps),
            (_, Some(number)) => Ok(Self::Cuda(Some(number))),
            _ => Err(UnknownName {
                what: "device",
                found: word.to_owned(),
                meant: None,
                expected: "`cpu`, `cuda`, `cuda:1` (the second GPU), `mps`".to_owned(),
            }),
        }
    }
}

/// A number format of torch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TorchDtype {
    /// 32 bits.
    Float32,
    /// 16 bits, 8 of them of the exponent, as in float32.
    Bfloat16,
    /// 16 bits, 5 of them of the exponent.
    Float16,
}

impl TorchDtype {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Float32, Self::Bfloat16, Self::Float16];

    /// Its name in torch.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
        }
    }
}

choice!(TorchDtype, "number format");

/// What runs the encoders that alignscope knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Backend {
    /// alignscope itself, on the processor.
    #[default]
    Own,
    /// torch, by the library that the checkpoint is of.
    Torch,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Own, Self::Torch];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Torch => "torch",
        }
    }
}

choice!(Backend, "backend");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_those_of_torch() {
        for word in ["cpu", "cuda", "cuda:0", "cuda:12", "mps"] {
            assert_eq!(word.parse::<TorchDevice>().expect("a device").to_string(), word);
        }
        for word in ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA", "cpu:0"] {
            let said = word.parse::<TorchDevice>().expect_err("no device").to_string();
            assert!(said.contains(&format!("unknown device `{word}`, expected one of")), "{said}");
        }
    }

    #[test]
    fn what_is_chosen_here_comes_before_what_is_chosen_there() {
        let here = TorchOptions { device: Some(TorchDevice::Cpu), ..TorchOptions::default() };
        let there = TorchOptions {
            device: Some(TorchDevice::Mps),
            tf32: Some(true),
            ..TorchOptions::default()
        };
        let both = here.or(there.clone());
        assert_eq!((both.device, both.tf32), (Some(TorchDevice::Cpu), Some(true)));
        assert!(!both.is_empty() && TorchOptions::default().is_empty());
        assert_eq!(TorchOptions::default().or(there.clone()), there);
    }
}
