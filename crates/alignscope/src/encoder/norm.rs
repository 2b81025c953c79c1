//! A norm over channels, with its gain and offset.

use alignscope_kernel::{Lhs, huge_pages, layer_norm, rms_norm};
use serde::Serialize;

/// What a norm does to a row before its gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NormKind {
    /// Takes the mean away, and divides by the standard deviation: a layer norm.
    Layer,
    /// Divides by the root of the mean square.
    Rms,
}

/// Normalisation over the channels of each row.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) kind: NormKind,
    /// Gain of each channel.
    pub(super) weight: Vec<f32>,
    /// Offset of each channel; not looked at by [`NormKind::Rms`].
    pub(super) bias: Vec<f32>,
    /// Added to the variance, or the mean square.
    pub(super) eps: f32,
}

impl Norm {
    /// Channels of a row.
    pub(super) fn channels(&self) -> usize {
        self.weight.len()
    }

    /// Normalises one row into `out`, both `[channels]`.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let Self { kind, weight, bias, eps } = self;
        match kind {
            NormKind::Layer => {
                layer_norm(x, alignscope_kernel::Norm { weight, bias, eps: *eps }, out);
            }
            NormKind::Rms => rms_norm(x, weight, *eps, out),
        }
    }

    /// Normalises each row of `rows`, `[rows, channels]`, where it stands; `wide` is working memory.
    pub(super) fn apply_in_place(&self, rows: &mut [f32], wide: &mut Vec<f32>) {
        let copy = huge_pages::first(wide, self.channels(), 0.0);
        for row in rows.chunks_exact_mut(self.channels()) {
            copy.copy_from_slice(row);
            self.apply(copy, row);
        }
    }

    /// Normalises each row of `x` into the left side of a product, both `[rows, channels]`.
    pub(super) fn fill(&self, x: &[f32], out: &mut Lhs) {
        for (row, x) in x.chunks_exact(self.channels()).enumerate() {
            out.fill_row(row, |out| self.apply(x, out));
        }
    }
}
