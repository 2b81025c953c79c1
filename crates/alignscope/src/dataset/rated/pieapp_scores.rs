//! PieAPP's test set: how far each distorted image is from its reference, estimated from choices.

use std::path::Path;

use super::pieapp::{Places, file_name, labels_of, tables, tables_of};
use super::ratings::{Images, Rating, Ratings, images_below};
use crate::dataset::direction::Direction;
use crate::dataset::table::Table;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level};
use crate::remedy::Choice;

/// The split that has scores.
const SPLIT: &str = "test";

/// What ends the names of the tables of scores.
const SCORES: &str = "_per_image_score.csv";

/// PieAPP's layout: scores.
pub(in crate::dataset) struct PieAppScores;

impl Format for PieAppScores {
    fn name(&self) -> &'static str {
        "pieapp-scores"
    }

    fn description(&self) -> &'static str {
        "rated pairs: the scores of PieAPP's test set (labels/test/*_per_image_score.csv)"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn references(&self) -> &'static [&'static str] {
        &["prashnani2018pieapp"]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        tables_of(folder, SPLIT, SCORES).map(|_| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(root: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let folder = labels_of(root, SPLIT, SCORES, &PieAppScores)?;
    let (mut rows, mut sources) = (Vec::new(), Vec::new());
    for (stem, path) in tables(&folder, SCORES) {
        let table = Table::open(&path)?;
        sources.push(table.hashed_path());
        read(table, &Places::new(SPLIT, &stem), &mut rows)?;
    }
    let files = images_below(root, options)?;
    let notes = vec![format!("{} has scores of {} images", folder.display(), rows.len())];
    Ratings {
        path: &folder,
        scores: format!("the scores of {}", folder.display()),
        direction: Direction::LowerIsCloser,
        labels: [],
        rows,
        left_out: 0,
        sources,
        notes,
    }
    .into_dataset(&PieAppScores, None, &Images { files: &files, prefer: &[] }, options)
}

/// Adds the scores of one table; the reference's own, which is 0 for each, is none of a pair.
fn read(table: Table, places: &Places<'_>, rows: &mut Vec<Rating<0>>) -> Result<(), DatasetError> {
    let reference = table.column("ref. image")?;
    let distorted = table.first_of(&["distorted image", "distorted image A"])?;
    let score = table.first_of(&["score for distorted image", "score for image A"])?;
    table.for_each(|_, row| {
        let (from, to) = (file_name(row, reference)?, file_name(row, distorted)?);
        let score = row.number(score)?;
        if from != to {
            rows.push(Rating {
                id: rows.len() as u64,
                line: row.line(),
                reference: places.reference(from),
                distorted: places.distorted(to),
                score,
                std: None,
                labels: [],
            });
        }
        Ok(true)
    })
}
