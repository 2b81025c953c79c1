//! A run read back: its trials, and the distances of some of its models.

use std::collections::HashMap;
use std::path::Path;

use super::bounds::{MAX_TRIALS, shortened};
use super::distances::{DistanceRow, check_distance};
use super::judgements::{Judged, read_judgements};
use super::table::{ParquetRow, batches};
use super::trials::TrialRow;
use super::{ResultsError, wrong};
use crate::comparison::Side;
use crate::dataset::{Clusters, ImageIndex, Pairs, Trials};
use crate::distance::Distance;
use crate::paradigm::Answer;
use crate::score::TrialFacts;

/// The trials of a data set as they were run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDataset {
    /// The name of the data set.
    pub name: String,
    /// The images' ids, in order of first use.
    pub images: Vec<String>,
    /// The trials.
    pub trials: Trials,
    /// Their ids.
    pub trial_ids: Vec<u64>,
    /// What an interval resamples together.
    pub clusters: Clusters,
    /// The same by default, of each trial.
    pub default_clusters: Vec<u32>,
    /// How long people took to answer each trial, if the data set says so; NaN where it does not.
    pub response_times: Option<Vec<f64>>,
}

/// Images by their ids.
#[derive(Default)]
struct Images {
    ids: Vec<String>,
    known: HashMap<String, ImageIndex>,
}

impl Images {
    /// The number of an image.
    ///
    /// # Panics
    /// There are 2^32 images; of [`MAX_TRIALS`] trials there are fewer.
    fn intern(&mut self, id: &str) -> ImageIndex {
        if let Some(index) = self.known.get(id) {
            return *index;
        }
        let index = u32::try_from(self.ids.len()).expect("fewer than 2^32 images");
        self.ids.push(id.to_owned());
        self.known.insert(id.to_owned(), index);
        index
    }
}

/// The trials of a data set, as they are read.
#[derive(Default)]
struct Found {
    name: String,
    images: Images,
    given: Vec<([Option<ImageIndex>; 4], Answer)>,
    ids: Vec<u64>,
    clusters: Vec<u32>,
    default_clusters: Vec<u32>,
    response_times: Vec<f64>,
}

impl Found {
    fn add(&mut self, row: &TrialRow<'_>) {
        let images = [Some(row.image_a), Some(row.image_b), row.image_c, row.image_d];
        let images = images.map(|id| id.map(|id| self.images.intern(id)));
        self.given.push((images, row.answer()));
        self.ids.push(row.trial);
        self.clusters.push(row.cluster);
        self.default_clusters.push(row.default_cluster);
        self.response_times.push(row.response_time.unwrap_or(f64::NAN));
    }

    /// The data set; or which of its trials is not whole.
    fn dataset(self) -> Result<RunDataset, String> {
        let trials = Trials::of_answers(&self.given).map_err(|trial| {
            format!(
                "trial {} of {} lacks an image, or its answer is none that people can give",
                trial + 1,
                shortened(&self.name)
            )
        })?;
        Ok(RunDataset {
            name: self.name,
            images: self.images.ids,
            trials,
            trial_ids: self.ids,
            clusters: Clusters::of_keys(self.clusters.into_iter()),
            default_clusters: Clusters::of_keys(self.default_clusters.into_iter()).codes,
            response_times: Some(self.response_times).filter(|of| of.iter().any(|t| !t.is_nan())),
        })
    }
}

/// Reads `trials.parquet`: the data sets of a run, in their order; of people's matrices
/// `judgements.parquet` beside it too.
///
/// # Errors
/// The file cannot be read, lacks a column, or holds a trial that is not whole.
pub fn read_trials(path: &Path) -> Result<Vec<RunDataset>, ResultsError> {
    let mut found: Vec<Found> = Vec::new();
    let mut read = 0;
    for batch in batches(path, TrialRow::COLUMNS)? {
        let batch = batch?;
        read += batch.len() as u64;
        if read > MAX_TRIALS {
            return Err(wrong(path, "the table", "longer", format!("at most {MAX_TRIALS} trials")));
        }
        for row in TrialRow::rows(&batch)? {
            if found.last().is_none_or(|last| last.name != row.dataset) {
                if found.iter().any(|other| other.name == row.dataset) {
                    let name = shortened(row.dataset);
                    let why = format!("the trials of {name} do not stand together");
                    return Err(mismatch(path, "itself", why));
                }
                found.push(Found { name: row.dataset.to_owned(), ..Found::default() });
            }
            found.last_mut().expect("just pushed").add(&row);
        }
    }
    let dataset = |found: Found| found.dataset().map_err(|why| mismatch(path, "itself", why));
    let mut datasets: Vec<RunDataset> = found.into_iter().map(dataset).collect::<Result<_, _>>()?;
    let judged: Vec<Judged<'_>> = datasets.iter_mut().filter_map(RunDataset::judged).collect();
    if !judged.is_empty() {
        read_judgements(&path.with_file_name("judgements.parquet"), judged)?;
    }
    Ok(datasets)
}

fn mismatch(path: &Path, other: &'static str, why: String) -> ResultsError {
    ResultsError::Mismatch { path: path.to_owned(), other, why }
}

impl RunDataset {
    /// What is known of its trials. What deviations of ratings are of is not: it changes no score.
    pub fn facts(&self) -> TrialFacts {
        TrialFacts {
            default_clusters: Some(self.default_clusters.clone()),
            response_times: self.response_times.clone(),
            has_deviations_of_ratings: false,
        }
    }

    /// Its matrices, whose people are to be read; `None` if it is of other trials.
    fn judged(&mut self) -> Option<Judged<'_>> {
        let Self { name, images, trials: Trials::Matrices(matrices), .. } = self else {
            return None;
        };
        Some(Judged { dataset: name, images, matrices })
    }

    /// What the first trial that is not the same in another run is in either; none where all are.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let (n, m) = (self.trials.len(), other.trials.len());
        for i in 0..n.min(m) {
            let (a, b) = (self.describe(i), other.describe(i));
            if a != b {
                return Some(format!("trial {} of the first is {a}, of the second {b}", i + 1));
            }
        }
        if n != m {
            return Some(format!("the first has {n} trials, the second {m}"));
        }
        if !same_matrices(&self.trials, &other.trials) {
            return Some("the matrices of their people are not the same".to_owned());
        }
        if self.clusters != other.clusters {
            return Some("they were resampled by other clusters".to_owned());
        }
        let same = self.default_clusters == other.default_clusters;
        (!same).then(|| "they are in other clusters by default".to_owned())
    }

    fn describe(&self, i: usize) -> String {
        let image = |index: ImageIndex| self.images[index as usize].as_str();
        let id = self.trial_ids[i];
        let trials = self.trials.paradigm();
        let images: Vec<&str> = trials.images(i).into_iter().map(image).collect();
        format!("{id} ({}: {})", images.join(", "), trials.answer(i))
    }
}

/// Whether both have no matrices, or the same of the same people; a pair that was not judged is the
/// same as itself.
fn same_matrices(a: &Trials, b: &Trials) -> bool {
    let bits = |trials: &Trials| {
        let Trials::Matrices(matrices) = trials else { return None };
        let values = matrices.dissimilarities.iter().flatten().map(|d| d.to_bits());
        Some((matrices.people.clone(), values.collect::<Vec<u64>>()))
    };
    bits(a) == bits(b)
}

/// Reads from `distances.parquet` the distances of those sides that `wanted` says, as trials use
/// them: one for each comparison of every trial.
///
/// # Errors
/// The file cannot be read, lacks a column, or holds other pairs than the trials compare.
pub fn read_distances(
    path: &Path,
    dataset: &RunDataset,
    wanted: &[Side],
) -> Result<Vec<Vec<f64>>, ResultsError> {
    let (pairs, found) = read_pair_distances(path, dataset, wanted)?;
    let of_trials =
        |values: Vec<f64>| pairs.of_trials.iter().map(|pair| values[*pair as usize]).collect();
    Ok(found.into_iter().map(of_trials).collect())
}

/// The same with one distance for each different pair, and these pairs: of many trials much less.
///
/// # Errors
/// As for [`read_distances`].
pub(crate) fn read_pair_distances(
    path: &Path,
    dataset: &RunDataset,
    wanted: &[Side],
) -> Result<(Pairs, Vec<Vec<f64>>), ResultsError> {
    let pairs = Pairs::of(&dataset.trials);
    let mut found = vec![Vec::with_capacity(pairs.len()); wanted.len()];
    for batch in batches(path, DistanceRow::COLUMNS)? {
        let batch = batch?;
        // Rows of one side stand together.
        let (mut before, mut side) = (None, None);
        for row in DistanceRow::rows(&batch)? {
            let key = (row.dataset, row.model, row.stage, row.distance);
            if before.replace(key) != Some(key) {
                side = wanted.iter().position(|side| {
                    row.dataset == dataset.name
                        && row.model == side.model
                        && row.stage == side.stage.to_string()
                        && Distance::in_results(row.distance) == Ok(side.distance)
                });
            }
            let Some(side) = side else { continue };
            let place = found[side].len();
            let expected = pairs
                .images
                .get(place)
                .map(|pair| pair.map(|image| dataset.images[image as usize].as_str()));
            let pair = [row.image_a, row.image_b];
            if expected != Some(pair) {
                let why = format!("its pair {} is {} and {}", place + 1, pair[0], pair[1]);
                return Err(mismatch(path, "trials.parquet", why));
            }
            check_distance(path, row.value)?;
            found[side].push(row.value);
        }
    }
    for (side, values) in wanted.iter().zip(&found) {
        if values.len() != pairs.len() {
            let why = format!(
                "it has {} distances of {} at {}, the trials compare {} pairs",
                values.len(),
                side.model,
                side.stage,
                pairs.len()
            );
            return Err(mismatch(path, "trials.parquet", why));
        }
    }
    Ok((pairs, found))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, StringArray, UInt8Array, UInt32Array, UInt64Array};

    use super::super::bounds::MAX_NAME_BYTES;
    use super::super::table::TableWriter;
    use super::*;

    /// A trial of `trials.parquet`: its id, an image and its cluster.
    type Trial<'a> = (Option<u64>, Option<&'a str>, Option<u32>);

    /// Writes trials of rated pairs and reads them back.
    fn read_back(trials: &[Trial<'_>]) -> Result<Vec<RunDataset>, ResultsError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trials.parquet");
        let n = trials.len();
        let texts = |text: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![text; n])) };
        let number = |x: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![x; n])) };
        let column = |name: &&str| -> ArrayRef {
            match *name {
                "dataset" => texts(Some("pairs")),
                "trial" => Arc::new(trials.iter().map(|trial| trial.0).collect::<UInt64Array>()),
                "image_a" => texts(Some("a.png")),
                "image_b" => Arc::new(trials.iter().map(|trial| trial.1).collect::<StringArray>()),
                "image_c" | "image_d" => texts(None),
                "score" => number(Some(0.5)),
                "odd" => Arc::new(UInt8Array::new_null(n)),
                "cluster" => Arc::new(trials.iter().map(|trial| trial.2).collect::<UInt32Array>()),
                "default_cluster" => Arc::new(UInt32Array::from(vec![0; n])),
                "response_time" => number(Some(1.5)),
                _ => number(None),
            }
        };
        let columns: Vec<ArrayRef> = TrialRow::COLUMNS.iter().map(column).collect();
        let fields = TrialRow::fields().into_iter().map(|field| field.with_nullable(true));
        let mut writer = TableWriter::create(&path, fields.collect()).expect("created");
        writer.write(columns).expect("written");
        writer.finish().expect("finished");
        read_trials(&path)
    }

    #[test]
    fn a_trial_without_id_image_or_cluster_or_with_a_long_image_is_an_error() {
        let fits = "y".repeat(MAX_NAME_BYTES);
        let first = (Some(1), Some(fits.as_str()), Some(0));
        let found = read_back(&[first, (Some(2), Some("b.png"), Some(1))]).expect("read");
        assert_eq!((found[0].trial_ids.as_slice(), found[0].images.len()), (&[1, 2][..], 3));
        assert_eq!(
            (&found[0].clusters.codes[..], &found[0].default_clusters[..]),
            (&[0, 1][..], &[0, 0][..])
        );
        assert_eq!(found[0].response_times, Some(vec![1.5; 2]));
        let long = "y".repeat(MAX_NAME_BYTES + 1);
        for (second, said) in [
            ((None, Some("b.png"), Some(1)), "`trial` is null in row 2"),
            ((Some(2), None, Some(1)), "`image_b` is null in row 2"),
            ((Some(2), Some("b.png"), None), "`cluster` is null in row 2"),
            ((Some(2), Some(long.as_str()), Some(1)), "`image_b` is a name of 4097 bytes in row 2"),
        ] {
            let error = read_back(&[first, second]).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
