//! RAID: which of two pairs of one image, distorted more or less, differs more.

use std::path::Path;

use super::builder::{Builder, Found};
use super::files::{Files, file_in, folder_of, note_on_others};
use super::format::Format;
use super::table::{Column, Row, Table};
use super::{Dataset, DatasetError, DatasetOptions, Level, Quadruplet, Trials};

/// RAID's layout: `answers.csv` with an answer a row, and the images in any folder.
///
/// # Source
/// Daudén-Oliver et al., *RAID-Dataset: human responses to affine image distortions and Gaussian
/// noise* (2026), and the repository of its authors.
pub(super) struct Raid;

/// The table of the answers.
const ANSWERS: &str = "answers.csv";

/// What the table calls each distortion, and what the names of its images begin with.
const DISTORTIONS: [(&str, &str); 4] =
    [("rotation", "rot"), ("translation", "trans"), ("scale", "scale"), ("gaussian_noise", "gn")];

/// Strengths of a distortion; the first is the undistorted image.
const LEVELS: u32 = 10;

impl Format for Raid {
    fn name(&self) -> &'static str {
        "raid"
    }

    fn description(&self) -> &'static str {
        "which of two pairs differs more: RAID (answers.csv and its images)"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn references(&self) -> &'static [&'static str] {
        &["dauden2024raid"]
    }

    fn choices(&self) -> &'static [crate::remedy::Choice] {
        &[]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let table = Table::open(&file_in(folder, ANSWERS)?).ok()?;
        table.find("distortion_level_11").map(|_| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let (root, path) = match data.is_file() {
            true => (folder_of(data), Some(data.to_owned())),
            false => (data.to_owned(), file_in(data, ANSWERS)),
        };
        let Some(path) = path else {
            return Err(DatasetError::nothing_of(self.name(), &root, &format!("`{ANSWERS}`")));
        };
        let files = Files::images(&root, options)
            .map_err(|source| DatasetError::Read { path: root.clone(), source })?;
        let table = Table::open(&path)?;
        let source = table.hashed_path();
        let columns = Columns::find(&table)?;
        let mut passed_over = 0;
        let mut builder =
            Builder::new(&path, options, &["group", "transformation"]).comparing(&[[0, 1], [2, 3]]);
        table.for_each(|record, row| {
            if builder.is_full() {
                return Ok(false);
            }
            let Answered { scene, distortion, names, first, time } = columns.read(row)?;
            let [first_votes, second_votes] = [first, !first].map(|vote| f64::from(u8::from(vote)));
            let is_added = builder.add(
                record,
                row.line(),
                names.each_ref().map(String::as_str),
                |name| find(&files, name, &mut passed_over),
                |[a, b, c, d]| Quadruplet {
                    first: [a, b],
                    second: [c, d],
                    first_votes,
                    second_votes,
                },
                &[&scene, distortion],
            )?;
            time.filter(|_| is_added).into_iter().for_each(|time| builder.answered_in(time));
            Ok(true)
        })?;
        let mut notes = vec!["the images of one scene are resampled together".to_owned()];
        notes.extend(note_on_others(passed_over));
        builder.finish(self, None, Trials::Quadruplets, vec![source], notes)
    }
}

/// The image of this name, in whatever folder; counts one that is there more than once.
fn find(files: &Files, name: &str, passed_over: &mut usize) -> Found {
    let Some((path, others)) = files.named(name, &[]) else {
        return Found::Missing { looked: files.full(name) };
    };
    *passed_over += usize::from(others);
    Found::Image { id: path.to_owned(), path: files.full(path) }
}

/// The columns of the table.
struct Columns {
    distortion: Column,
    scene: Column,
    levels: [Column; 4],
    answer: Column,
    /// In ms, where the table has it.
    time: Option<Column>,
}

/// A row of the table.
struct Answered {
    scene: String,
    distortion: &'static str,
    /// Of the four images.
    names: [String; 4],
    /// Whether the first pair was chosen.
    first: bool,
    /// How long that took, in ms.
    time: Option<f64>,
}

impl Columns {
    fn find(table: &Table) -> Result<Self, DatasetError> {
        Ok(Self {
            distortion: table.column("transformation")?,
            scene: table.column("image_id_01")?,
            levels: [
                table.column("distortion_level_11")?,
                table.column("distortion_level_12")?,
                table.column("distortion_level_21")?,
                table.column("distortion_level_22")?,
            ],
            answer: table.column("answer")?,
            time: table.find("reaction_time_ms"),
        })
    }

    fn read(&self, row: &Row<'_>) -> Result<Answered, DatasetError> {
        let found = row.text(self.distortion);
        let distortion = DISTORTIONS.iter().find(|(name, _)| *name == found);
        let Some((distortion, prefix)) = distortion else {
            let expected = "`rotation`, `translation`, `scale` or `gaussian_noise`";
            return Err(row.error(self.distortion, expected));
        };
        let scene: u32 = row.parse(self.scene, "a number of an image, 1 or more", |n| *n >= 1)?;
        let mut names = [const { String::new() }; 4];
        for (name, column) in names.iter_mut().zip(self.levels) {
            let level: u32 =
                row.parse(column, "a level from 1 to 10", |n| (1..=LEVELS).contains(n))?;
            *name = format!("{prefix}_img_{scene:02}_level_{level:02}.png");
        }
        let answer = row.parse(self.answer, "1 or 2", |n: &u8| (1..=2).contains(n))?;
        let is_time = |time: &f64| *time > 0.0 && time.is_finite();
        let time = self.time.map(|column| row.parse(column, "a number of ms above 0", is_time));
        Ok(Answered {
            scene: format!("img_{scene:02}"),
            distortion,
            names,
            first: answer == 1,
            time: time.transpose()?,
        })
    }
}
