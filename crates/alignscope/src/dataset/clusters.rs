//! Which trials are not independent of each other.

use std::collections::HashMap;

use super::{Dataset, DatasetError, LabelColumn};
use crate::paradigm::key;
use crate::resample::ClusterBy;

/// The labels that say who answered.
pub(super) const OBSERVERS: [&str; 2] = ["subject", "observer"];

/// The cluster of each trial: trials of one cluster share an image or are the same question, so
/// that an interval must resample them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Number of clusters.
    pub count: usize,
    /// The cluster of each trial, numbered by first use.
    pub codes: Vec<u32>,
}

impl Clusters {
    /// Numbers the clusters that `keys` name, one for each trial, by first use.
    pub fn of_keys<K: std::hash::Hash + Eq>(keys: impl Iterator<Item = K>) -> Self {
        let mut known = HashMap::new();
        let codes = keys
            .map(|key| {
                let next = u32::try_from(known.len()).expect("fewer than 2^32 clusters");
                *known.entry(key).or_insert(next)
            })
            .collect();
        Self { count: known.len(), codes }
    }
}

impl Dataset {
    /// The clusters. By default the reference image of rated pairs and of two-alternative choices;
    /// the three images, in any order, of odd-one-out triplets; the label `group` of quadruplets and
    /// of same-or-different trials, if there is one, else the question and the first image.
    ///
    /// Of people's matrices each pair is one by itself: people and images are drawn, not pairs.
    ///
    /// # Errors
    /// The observer is asked for, and the data set does not name one for every trial; images are
    /// asked for, and it is not of matrices; or each trial of a matrix by itself is.
    pub fn clusters(&self, by: ClusterBy) -> Result<Clusters, DatasetError> {
        if self.trials.paradigm().matrices().is_some() {
            return match by {
                ClusterBy::None => Err(self.not_resampled_by(by, "its pairs share images")),
                _ => Ok(Clusters::of_keys(0..self.trials.len())),
            };
        }
        Ok(match by {
            ClusterBy::Image => {
                let why = "only people's matrices are resampled over images";
                return Err(self.not_resampled_by(by, why));
            }
            ClusterBy::None => Clusters::of_keys(0..self.trials.len()),
            ClusterBy::Observer => {
                let Some(observer) = self.observers() else {
                    return Err(DatasetError::NoObserver {
                        dataset: self.name.clone(),
                        labels: self.labels.iter().map(|l| format!("`{}`", l.name)).collect(),
                    });
                };
                Clusters::of_keys(observer.codes.iter())
            }
            ClusterBy::Default => {
                let trials = self.trials.paradigm();
                match self.groups().filter(|_| trials.clusters_by_group()) {
                    Some(groups) => Clusters::of_keys(groups.codes.iter()),
                    None => Clusters::of_keys((0..trials.count()).map(|i| key(trials.cluster(i)))),
                }
            }
        })
    }

    fn not_resampled_by(&self, by: ClusterBy, why: &'static str) -> DatasetError {
        DatasetError::NotResampledBy { dataset: self.name.clone(), by, why }
    }

    /// The label `group`, if it is of all trials.
    fn groups(&self) -> Option<&LabelColumn> {
        let groups = self.labels.iter().find(|label| label.name == "group")?;
        groups.values.iter().all(|value| !value.is_empty()).then_some(groups)
    }

    /// The label that says of all trials who answered: `subject` or `observer`.
    pub(super) fn observers(&self) -> Option<&LabelColumn> {
        let named = |name: &&str| self.labels.iter().find(|label| label.name == *name);
        let observers = OBSERVERS.iter().find_map(named)?;
        observers.values.iter().all(|value| !value.is_empty()).then_some(observers)
    }
}
