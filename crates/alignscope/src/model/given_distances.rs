//! Distances that were made elsewhere, as a model: a perceptual metric of another library, or a model
//! of behaviour.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::given_error::GivenError;
use super::{Cell, CellWork, Facts, Measurement, Model, ModelError, Role, StageDistances};
use crate::cache::CacheEntry;
use crate::dataset::{Dataset, ImageIndex};
use crate::distance::Distance;
use crate::features::rows_of_images;
use crate::input_file::ContentHash;
use crate::plan::{Coverage, Expected, WorkCost};
use crate::progress::Progress;
use crate::remedy::Advice;
use crate::stage::{Stage, depths};
use crate::weights::hex;

/// Two numbers of a square matrix that should be one differ by rounding alone if they differ by less
/// than this part of the larger: a hundred times the precision of f32.
const ROUNDING: f64 = 1e-5;

/// Distances that were made elsewhere.
#[derive(Debug)]
pub struct GivenDistances<'a> {
    /// What kind of distance they are; [`Distance::Own`] if of none that alignscope knows.
    pub kind: Distance,
    /// Those of each data set.
    pub datasets: Vec<GivenOn<'a>>,
    /// The image of each row and column of square matrices, by the end of its path (see
    /// [`rows_of_images`]); `None` if they are the data set's images in its own order.
    pub file_names: Option<Vec<String>>,
}

/// Distances on a data set.
#[derive(Debug)]
pub struct GivenOn<'a> {
    /// What results call the data set; `None` if they are for any.
    pub dataset: Option<String>,
    /// The stages, in order of depth.
    pub stages: Vec<(Stage, GivenValues<'a>)>,
}

/// Distances at a stage.
#[derive(Debug)]
pub struct GivenValues<'a> {
    /// The numbers, row after row.
    pub values: &'a [f64],
    /// `[pairs]`, in the order of the data set's pairs; or `[images, images]`, a symmetric matrix of
    /// which what no trial compares is not looked at.
    pub shape: Vec<usize>,
}

/// Distances that were made elsewhere, as a model.
#[derive(Debug)]
pub struct GivenModel<'a> {
    name: String,
    given: GivenDistances<'a>,
    /// What they are, by what that is called.
    made_of: Vec<(String, String)>,
    /// What is probably wrong with them.
    warnings: Vec<Advice>,
}

impl<'a> GivenModel<'a> {
    pub(super) fn new(name: String, given: GivenDistances<'a>) -> Self {
        let made_of = given.hashes();
        Self { name, given, made_of, warnings: vec![] }
    }

    fn refused(&self, cell: &Cell<'_>, source: GivenError) -> ModelError {
        let (model, dataset) = (self.name.clone(), cell.dataset.name());
        ModelError::Given { model, dataset, source: Box::new(source) }
    }

    /// The stages with the distances of all pairs.
    fn distances(&self, cell: &Cell<'_>) -> Result<Vec<(Stage, Vec<f64>)>, GivenError> {
        let found = self.given.on(&cell.dataset.dataset.name)?;
        let rows = self.given.rows(&cell.dataset.dataset)?;
        let pairs = &cell.dataset.pairs.images;
        let images = Images { dataset: &cell.dataset.dataset, pairs, rows: &rows };
        let all = |(stage, values): &(Stage, GivenValues<'_>)| {
            let names = self.given.file_names.as_ref();
            Ok((*stage, images.of_pairs(*stage, values, names.map(Vec::len))?))
        };
        found.stages.iter().map(all).collect()
    }

    /// Says where a matrix looks like one of similarities.
    fn warn(&mut self, cell: &Cell<'_>, progress: &dyn Progress) -> Result<(), GivenError> {
        let found = self.given.on(&cell.dataset.dataset.name)?;
        let rows = self.given.rows(&cell.dataset.dataset)?;
        let pairs = &cell.dataset.pairs.images;
        let images = Images { dataset: &cell.dataset.dataset, pairs, rows: &rows };
        let alike = found.stages.iter().find(|(_, values)| images.look_alike(values));
        let Some((stage, _)) = alike else { return Ok(()) };
        let text = format!(
            "{} on {}: at {stage} every image is farther from itself than from any other, as \
             similarities are; distances are smaller where images are more alike",
            self.name,
            cell.dataset.name()
        );
        progress.note(&text);
        self.warnings.push(Advice { text, remedies: vec![] });
        Ok(())
    }
}

impl Facts for GivenModel<'_> {
    fn reads_images(&self) -> bool {
        false
    }

    fn role(&self) -> Role {
        Role::Distances
    }

    fn fingerprint(&self) -> Value {
        json!({ "distances": self.made_of })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        self.made_of.clone()
    }

    fn compared(&self, _: &Cell<'_>) -> (&'static str, String) {
        ("compared", "what the user gives".to_owned())
    }

    fn cost(&self, _: &Cell<'_>) -> WorkCost {
        WorkCost::NOTHING
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        depths(stages)
    }
}

impl Model for GivenModel<'_> {
    fn facts(&self) -> &dyn Facts {
        self
    }

    fn prepare(&mut self, cells: &[Cell<'_>], progress: &dyn Progress) -> Result<(), ModelError> {
        for cell in cells {
            let kind = self.given.kind;
            if kind != Distance::Own && !cell.distances.contains(&kind) {
                let names: Vec<&str> = cell.distances.iter().map(|kind| kind.name()).collect();
                let expected = format!("`{}`", names.join("`, `"));
                return Err(self.refused(cell, GivenError::Kind { found: kind, expected }));
            }
            self.distances(cell).map_err(|source| self.refused(cell, source))?;
            self.warn(cell, progress).map_err(|source| self.refused(cell, source))?;
        }
        Ok(())
    }

    /// They are there: nothing is read from what is kept, nor kept.
    fn measure(
        &mut self,
        cell: &Cell<'_>,
        _: Option<CacheEntry>,
        _: &dyn Progress,
    ) -> Result<Measurement, ModelError> {
        let found = self.distances(cell).map_err(|source| self.refused(cell, source))?;
        let kind = self.given.kind;
        let stage = |(stage, values)| StageDistances {
            stage,
            scale: None,
            distances: vec![(kind, values)],
            energy: None,
        };
        let stages = found.into_iter().map(stage).collect();
        let warnings = self.warnings.clone();
        Ok(Measurement { warnings, ..Measurement::new(stages, None) })
    }

    /// There is nothing to compute.
    fn fill(
        &mut self,
        _: &Cell<'_>,
        _: Option<CacheEntry>,
        _: &Coverage,
        _: &dyn Progress,
    ) -> Result<Option<CellWork>, ModelError> {
        Ok(None)
    }

    /// None: distances are there.
    fn compared_numbers(&self, _: &Cell<'_>) -> Vec<u64> {
        vec![0; self.given.stages().len()]
    }

    fn kept(&self, cell: &Cell<'_>, _: Option<&CacheEntry>) -> Coverage {
        Coverage::Pairs(vec![true; cell.dataset.pairs.len()])
    }

    fn expected(
        &mut self,
        _: &Cell<'_>,
        _: &Coverage,
        _: bool,
        _: &dyn Progress,
    ) -> Result<Expected, ModelError> {
        Ok(Expected { columns: self.given.stages().len(), ..Expected::default() })
    }
}

impl GivenDistances<'_> {
    /// The stages, in order of depth.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let first = self.datasets.first().map_or(&[][..], |of_first| &of_first.stages);
        first.iter().map(|(stage, _)| *stage).collect()
    }

    /// Those of a data set.
    fn on(&self, dataset: &str) -> Result<&GivenOn<'_>, GivenError> {
        let is_it = |given: &&GivenOn<'_>| given.dataset.as_deref().is_none_or(|of| of == dataset);
        let Some(given) = self.datasets.iter().find(is_it) else {
            let found = self.datasets.iter().filter_map(|given| given.dataset.clone()).collect();
            return Err(GivenError::NoDataset { found });
        };
        let names = |stages: &[Stage]| {
            let names: Vec<String> = stages.iter().map(|stage| format!("`{stage}`")).collect();
            names.join(", ")
        };
        let (stages, expected) = (given.stages(), self.stages());
        match stages == expected {
            true => Ok(given),
            false => {
                let [found, expected] = [stages, expected].map(|stages| names(&stages));
                Err(GivenError::Stages { found, expected })
            }
        }
    }

    /// The row and column of each image in square matrices.
    fn rows(&self, dataset: &Dataset) -> Result<Vec<u32>, GivenError> {
        match &self.file_names {
            Some(names) => rows_of_images(&dataset.images, names).map_err(GivenError::Rows),
            None => Ok((0..).take(dataset.images.len()).collect()),
        }
    }

    /// Hashes of the numbers, by what they are called.
    fn hashes(&self) -> Vec<(String, String)> {
        let mut hashes = vec![("kind of distance".to_owned(), self.kind.to_string())];
        for given in &self.datasets {
            let on = given.dataset.as_ref().map_or(String::new(), |name| format!(" on {name}"));
            hashes.extend(given.stages.iter().map(|(stage, values)| {
                let text = format!("{:?}, SHA-256 {}", values.shape, values.sha256());
                (format!("distances at {stage}{on}"), text)
            }));
        }
        if let Some(names) = &self.file_names {
            let names = ContentHash::of(names.join("\n").as_bytes()).to_string();
            hashes.push(("images of the rows".to_owned(), names));
        }
        hashes
    }
}

impl GivenOn<'_> {
    fn stages(&self) -> Vec<Stage> {
        self.stages.iter().map(|(stage, _)| *stage).collect()
    }
}

impl GivenValues<'_> {
    fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.values.iter().for_each(|value| hash.update(value.to_le_bytes()));
        hex(&hash.finalize())
    }

    /// The number of a row and a column of a square matrix.
    fn at(&self, [row, column]: [usize; 2]) -> f64 {
        self.values[row * self.shape[1] + column]
    }
}

/// The images of a data set, and where each stands in a square matrix.
struct Images<'a> {
    dataset: &'a Dataset,
    pairs: &'a [[ImageIndex; 2]],
    rows: &'a [u32],
}

impl Images<'_> {
    /// The distance of each pair.
    ///
    /// `names` — how many file names there are
    fn of_pairs(
        &self,
        stage: Stage,
        given: &GivenValues<'_>,
        names: Option<usize>,
    ) -> Result<Vec<f64>, GivenError> {
        let images = names.unwrap_or(self.dataset.images.len());
        let found: Vec<f64> = match given.shape[..] {
            [pairs] if pairs == self.pairs.len() => given.values.to_vec(),
            [rows, columns] if [rows, columns] == [images; 2] => {
                let of_pair = |pair: &[ImageIndex; 2]| self.of_pair(stage, given, *pair);
                self.pairs.iter().map(of_pair).collect::<Result<_, _>>()?
            }
            _ => {
                let (found, pairs) = (given.shape.clone(), self.pairs.len());
                let what = match names {
                    Some(_) => "the file names",
                    None => "its images in its order",
                };
                return Err(GivenError::Shape { stage, found, pairs, images, what });
            }
        };
        match found.iter().position(|value| !value.is_finite()) {
            None => Ok(found),
            Some(pair) => {
                let [a, b] = self.pairs[pair].map(|image| self.id(image));
                Err(GivenError::NotFinite { stage, a, b, pair, value: found[pair] })
            }
        }
    }

    /// The distance of a pair in a square matrix: what it says of both orders.
    fn of_pair(
        &self,
        stage: Stage,
        given: &GivenValues<'_>,
        pair: [ImageIndex; 2],
    ) -> Result<f64, GivenError> {
        let [a, b] = pair.map(|image| self.rows[image as usize] as usize);
        let (there, back) = (given.at([a, b]), given.at([b, a]));
        if !(there.is_finite() && back.is_finite()) {
            return Ok(if there.is_finite() { back } else { there });
        }
        match (there - back).abs() <= ROUNDING * there.abs().max(back.abs()) {
            true => Ok(0.5 * there + 0.5 * back),
            false => {
                let [a, b] = pair.map(|image| self.id(image));
                Err(GivenError::Asymmetric { stage, a, b, there, back })
            }
        }
    }

    fn id(&self, image: ImageIndex) -> String {
        self.dataset.images[image as usize].id.clone()
    }

    /// Whether a matrix says of every image that it is farther from itself than from any other.
    fn look_alike(&self, given: &GivenValues<'_>) -> bool {
        let farther = |[a, b]: &[ImageIndex; 2]| {
            let [a, b] = [a, b].map(|image| self.rows[*image as usize] as usize);
            given.at([a, a]).min(given.at([b, b])) > given.at([a, b])
        };
        given.shape.len() == 2 && self.pairs.iter().all(farther)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::dataset::{DatasetFormat, DatasetOptions, Pairs};

    /// Three images of which two pairs are rated.
    fn dataset() -> (tempfile::TempDir, Dataset) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["a.png", "b.png", "c.png"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let table = "reference,distorted,score\na.png,b.png,1\na.png,c.png,2\n";
        let path: PathBuf = folder.path().join("pairs.csv");
        std::fs::write(path, table).expect("written");
        let options = DatasetOptions::default();
        let dataset = Dataset::open(DatasetFormat::PAIRS, folder.path(), &options);
        (folder, dataset.expect("opened"))
    }

    fn of_pairs(
        dataset: &Dataset,
        rows: &[u32],
        values: &[f64],
        shape: &[usize],
    ) -> Result<Vec<f64>, GivenError> {
        let pairs = Pairs::of(&dataset.trials);
        let images = Images { dataset, pairs: &pairs.images, rows };
        images.of_pairs(Stage::Output, &GivenValues { values, shape: shape.to_vec() }, None)
    }

    #[test]
    fn a_matrix_and_a_list_say_the_same() {
        let (_folder, dataset) = dataset();
        let nan = f64::NAN;
        let square = [0.0, 1.0, 2.0, 1.0, 0.0, nan, 2.0, nan, 0.0];
        let found = of_pairs(&dataset, &[0, 1, 2], &square, &[3, 3]).expect("b and c are no pair");
        assert_eq!(found, [1.0, 2.0]);
        assert_eq!(of_pairs(&dataset, &[], &[1.0, 2.0], &[2]).expect("a list"), found);
        // Rows in another order.
        let turned = [0.0, nan, 2.0, nan, 0.0, 1.0, 2.0, 1.0, 0.0];
        assert_eq!(of_pairs(&dataset, &[2, 1, 0], &turned, &[3, 3]).expect("by rows"), found);
    }

    #[test]
    fn what_is_no_distance_of_the_pairs_is_refused() {
        let (_folder, dataset) = dataset();
        let message = |values: &[f64], shape: &[usize]| {
            of_pairs(&dataset, &[0, 1, 2], values, shape).expect_err("refused").to_string()
        };
        assert_eq!(
            message(&[1.0; 3], &[3]),
            "at output they have the shape [3], expected [2], a number for each pair of the data set \
             in its order, or [3, 3], those of its images in its order"
        );
        let found = message(&[1.0, f64::INFINITY], &[2]);
        assert!(found.contains("the distance of a.png and c.png is inf (pair 1)"), "{found}");
        let triangle = [0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0];
        let found = message(&triangle, &[3, 3]);
        assert!(found.contains("from a.png to b.png is 1, back it is 0"), "{found}");
        let half = [0.0, 1.0, 2.0, f64::NAN, 0.0, 3.0, 2.0, 0.0, 0.0];
        assert!(message(&half, &[3, 3]).contains("is NaN (pair 0)"));
    }

    #[test]
    fn similarities_are_told_from_distances() {
        let (_folder, dataset) = dataset();
        let pairs = Pairs::of(&dataset.trials);
        let images = Images { dataset: &dataset, pairs: &pairs.images, rows: &[0, 1, 2] };
        let alike = |values: &[f64]| {
            let shape = vec![3, 3];
            images.look_alike(&GivenValues { values, shape })
        };
        assert!(alike(&[1.0, 0.5, 0.4, 0.5, 1.0, 0.3, 0.4, 0.3, 1.0]));
        assert!(!alike(&[0.0, 0.5, 0.4, 0.5, 0.0, 0.3, 0.4, 0.3, 0.0]));
    }
}
