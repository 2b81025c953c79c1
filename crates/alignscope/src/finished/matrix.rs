//! The distances of a model of a run as a square matrix.

use std::path::Path;

use super::compare::ComparedRun;
use super::compare_error::CompareError;
use crate::comparison::Side;
use crate::dataset::Pairs;
use crate::distance::Distance;
use crate::results::{RunDataset, read_distances};
use crate::stage::Stage;

/// Which distances of a run are wanted; what is not said must be the only one there is, but the stage, which
/// is then the model's last.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MatrixRequest {
    /// The data set.
    pub dataset: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The stage.
    pub stage: Option<Stage>,
    /// The kind of distance.
    pub distance: Option<Distance>,
}

/// The distances of the images of a data set at a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct DistanceMatrix {
    /// The data set.
    pub dataset: String,
    /// Whose distances, where, and of which kind.
    pub side: Side,
    /// The images, in order of first use by trials.
    pub images: Vec<String>,
    /// `[images, images]`, row after row, symmetric: NaN for what no trial compares, and 0 from an image to
    /// itself.
    pub values: Vec<f64>,
}

/// Reads distances of a finished run.
///
/// # Errors
/// The run cannot be read; it has no such data set, model, stage or kind of distance; or several, of which
/// none is named.
pub fn read_matrix(run: &Path, request: &MatrixRequest) -> Result<DistanceMatrix, CompareError> {
    let compared = ComparedRun::read(run)?;
    let dataset = dataset(&compared, request.dataset.as_deref())?;
    let name = dataset.name.as_str();
    let MatrixRequest { model, stage, distance, .. } = request;
    let models = compared.choose(name, model.as_deref(), None, None)?;
    let model = only("model", name, models.iter().map(|side| side.model.clone()))?;
    let sides = compared.choose(name, Some(&model), *stage, *distance)?;
    let kind = only("distance", name, sides.iter().map(|side| side.distance.to_string()))?;
    let side = sides.into_iter().find(|side| side.distance.to_string() == kind);
    let side = side.expect("the only one");
    let of_trials =
        read_distances(&run.join("distances.parquet"), dataset, std::slice::from_ref(&side))?;
    let values = square(dataset, &of_trials[0]);
    Ok(DistanceMatrix { dataset: name.to_owned(), side, images: dataset.images.clone(), values })
}

fn dataset<'r>(
    run: &'r ComparedRun<'_>,
    wanted: Option<&str>,
) -> Result<&'r RunDataset, CompareError> {
    let names = || run.datasets.iter().map(|dataset| dataset.name.clone());
    let name = match wanted {
        Some(name) => name.to_owned(),
        None => only("data set", "this run", names())?,
    };
    let found = run.datasets.iter().find(|dataset| dataset.name == name);
    found.ok_or(CompareError::UnknownDataset { dataset: name, found: names().collect() })
}

/// The only one of some names.
fn only(
    what: &'static str,
    dataset: &str,
    names: impl Iterator<Item = String>,
) -> Result<String, CompareError> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    match <[String; 1]>::try_from(found) {
        Ok([name]) => Ok(name),
        Err(found) => {
            let found = found.iter().map(|name| format!("`{name}`")).collect();
            Err(CompareError::Several { what, dataset: dataset.to_owned(), found })
        }
    }
}

/// The distances as trials use them, as a matrix.
fn square(dataset: &RunDataset, of_trials: &[f64]) -> Vec<f64> {
    let (pairs, count) = (Pairs::of(&dataset.trials), dataset.images.len());
    let mut values = vec![f64::NAN; count * count];
    (0..count).for_each(|image| values[image * count + image] = 0.0);
    for (pair, value) in pairs.of_trials.iter().zip(of_trials) {
        let [a, b] = pairs.images[*pair as usize].map(|image| image as usize);
        values[a * count + b] = *value;
        values[b * count + a] = *value;
    }
    values
}
