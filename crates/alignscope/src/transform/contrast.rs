//! The local term of gLocal: images keep their neighbours.

use super::product::{dot, gram, product};

/// How alike images are without a transform, which a transformed space is held to.
///
/// ```text
/// L = −1/n Σ_i Σ_{j≠i} σ_ij log ŝ_ij,   σ, ŝ = softmax over j ≠ i of cos(i, j)/τ
/// ```
///
/// without and with the transform.
///
/// # Source
/// Muttenthaler et al., *Improving neural network representations using human similarity
/// judgements*, NeurIPS (2023), Eq. 4; there over batches of ImageNet, here over images of the data
/// set.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Rows of the features.
    images: Vec<usize>,
    temperature: f64,
    /// The share of the term in the loss, 0 to 1; that of the choices is the rest.
    pub(super) share: f64,
    /// σ, `[n, n]`; 0 on the diagonal.
    teacher: Vec<f64>,
}

impl Contrast {
    /// Holds a transform to what the features say of some images.
    ///
    /// `features` — `[all images, channels]`
    /// `images` — their rows
    ///
    /// # Panics
    /// There are fewer than two images.
    pub fn new(
        features: &[f64],
        channels: usize,
        images: Vec<usize>,
        share: f64,
        temperature: f64,
    ) -> Self {
        assert!(images.len() > 1, "neighbours of {} images", images.len());
        let rows = images.iter().flat_map(|image| &features[image * channels..][..channels]);
        let (units, _) = unit_rows(rows.copied().collect(), channels);
        let mut teacher = gram(&units, [images.len(), channels]);
        softmax_but_diagonal(&mut teacher, images.len(), temperature);
        Self { images, temperature, share, teacher }
    }

    /// Its value at transformed features, `[all images, outputs]`, whose gradient, times `scale`, is
    /// added to `gradient`.
    pub(super) fn add(
        &self,
        transformed: &[f64],
        outputs: usize,
        scale: f64,
        gradient: &mut [f64],
    ) -> f64 {
        let count = self.images.len();
        let rows = self.images.iter().flat_map(|image| &transformed[image * outputs..][..outputs]);
        let (units, norms) = unit_rows(rows.copied().collect(), outputs);
        let mut student = gram(&units, [count, outputs]);
        softmax_but_diagonal(&mut student, count, self.temperature);
        let off = |i: &usize| i / count != i % count;
        let terms = (0..count * count).filter(off);
        let value: f64 =
            terms.map(|i| self.teacher[i] * libm::log(student[i].max(f64::MIN_POSITIVE))).sum();
        // dL/d(cos_ij) = (ŝ_ij − σ_ij)/(nτ); both i and j move it.
        let of_cosine = |i: usize| student[i] - self.teacher[i];
        let both =
            (0..count * count).map(|i| of_cosine(i) + of_cosine(i % count * count + i / count));
        let factor = scale / (count as f64 * self.temperature);
        let slopes: Vec<f64> = both.map(|slope| slope * factor).collect();
        let of_units = product(&slopes, &units, [count, count, outputs]);
        for (i, image) in self.images.iter().enumerate() {
            let [slope, unit] = [&of_units, &units].map(|rows| &rows[i * outputs..][..outputs]);
            let along = dot(slope, unit);
            let to = &mut gradient[image * outputs..][..outputs];
            for ((to, slope), unit) in to.iter_mut().zip(slope).zip(unit) {
                *to += (slope - along * unit) / norms[i];
            }
        }
        -value / count as f64
    }
}

/// Rows of length 1, and the length that each had; one of no length stays 0.
fn unit_rows(mut rows: Vec<f64>, width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut norms = Vec::with_capacity(rows.len() / width);
    for row in rows.chunks_exact_mut(width) {
        let norm = dot(row, row).sqrt().max(1e-12);
        row.iter_mut().for_each(|x| *x /= norm);
        norms.push(norm);
    }
    (rows, norms)
}

/// The softmax of each row over the others than itself.
fn softmax_but_diagonal(matrix: &mut [f64], count: usize, temperature: f64) {
    for (i, row) in matrix.chunks_exact_mut(count).enumerate() {
        row[i] = f64::NEG_INFINITY;
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        row.iter_mut().for_each(|x| *x = libm::exp((*x - top) / temperature));
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= sum);
    }
}
