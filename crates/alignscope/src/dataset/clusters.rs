//! Which trials are not independent of each other.

use std::collections::HashMap;

use super::{Dataset, Trials};

/// The cluster of each trial: trials of one cluster share an image or are the same question, so
/// that an interval must resample them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Number of clusters.
    pub count: usize,
    /// The cluster of each trial, numbered by first use.
    pub codes: Vec<u32>,
}

impl Dataset {
    /// The clusters: the reference image of rated pairs and of two-alternative choices; the three
    /// images, in any order, of odd-one-out triplets.
    pub fn clusters(&self) -> Clusters {
        match &self.trials {
            Trials::RatedPairs(trials) => number(trials.iter().map(|t| t.reference)),
            Trials::TwoAlternatives(trials) => number(trials.iter().map(|t| t.reference)),
            Trials::OddOneOut(trials) => number(trials.iter().map(|t| {
                let mut images = t.images;
                images.sort_unstable();
                images
            })),
        }
    }
}

fn number<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> Clusters {
    let mut known = HashMap::new();
    let codes = keys
        .map(|key| {
            let next = u32::try_from(known.len()).expect("fewer than 2^32 clusters");
            *known.entry(key).or_insert(next)
        })
        .collect();
    Clusters { count: known.len(), codes }
}
