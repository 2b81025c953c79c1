//! How often each pair of images is there.

/// How often each pair of a group is there: as often as one of its images times the other.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    /// How often each image is drawn.
    pub(super) counts: Vec<f64>,
    /// Of each pair of the group; 0 of one that is not there.
    all: Vec<f64>,
    /// Positions of the pairs that are there.
    pub(super) there: Vec<u32>,
    /// Where each pair of the group stands among those.
    places: Vec<Option<u32>>,
    /// Their weights.
    pub(super) picked: Vec<f64>,
    /// The roots of those.
    pub(super) roots: Vec<f64>,
    total: f64,
}

impl Weights {
    /// `ends` — the images of each pair; `counts` — how often each image is drawn
    pub(super) fn new(ends: &[[u32; 2]], counts: &[f64]) -> Self {
        let all: Vec<f64> =
            ends.iter().map(|[a, b]| counts[*a as usize] * counts[*b as usize]).collect();
        let there: Vec<u32> =
            (0..all.len() as u32).filter(|pair| all[*pair as usize] > 0.0).collect();
        let mut places = vec![None; all.len()];
        (0..).zip(&there).for_each(|(place, pair)| places[*pair as usize] = Some(place));
        let picked: Vec<f64> = there.iter().map(|pair| all[*pair as usize]).collect();
        let roots = picked.iter().map(|weight| weight.sqrt()).collect();
        let total = picked.iter().sum();
        Self { counts: counts.to_vec(), all, there, places, picked, roots, total }
    }

    /// The weight of each pair of the group.
    pub(super) fn all(&self) -> &[f64] {
        &self.all
    }

    /// Where a pair of the group stands among those that are there; `None` if it is not.
    pub(super) fn place(&self, pair: u32) -> Option<u32> {
        self.places[pair as usize]
    }

    /// The values of the pairs that are there.
    pub(super) fn pick(&self, values: &[f64]) -> Vec<f64> {
        self.there.iter().map(|pair| values[*pair as usize]).collect()
    }

    /// The mean of values of the pairs that are there.
    pub(super) fn mean(&self, values: &[f64]) -> f64 {
        values.iter().zip(&self.picked).map(|(v, weight)| v * weight).sum::<f64>() / self.total
    }
}
