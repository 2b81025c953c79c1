//! LIVE's image quality data set, release 2.

use std::path::Path;

use super::ratings::{Images, Rating, Ratings, annotation, images_below};
use super::releases;
use super::variables::Variables;
use crate::dataset::direction::Direction;
use crate::dataset::files::file_in;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level, Release};
use crate::remedy::Choice;

/// The files of scores: as they were published first, and after realignment of the sessions.
const SCORES: [&str; 2] = ["dmos.mat", "dmos_realigned.mat"];

/// The file with the reference of each image.
const REFERENCES: &str = "refnames_all.mat";

/// The folders of distorted images, and how many are in each, in the order of the scores.
const KINDS: [(&str, usize); 5] =
    [("jp2k", 227), ("jpeg", 233), ("wn", 174), ("gblur", 174), ("fastfading", 174)];

/// LIVE's layout.
pub(in crate::dataset) struct Live;

impl Format for Live {
    fn name(&self) -> &'static str {
        "live-like"
    }

    fn description(&self) -> &'static str {
        "rated pairs in LIVE's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Live]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        file_in(folder, REFERENCES).map(|_| Release::Live.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (root, path) = annotation(data, |name| SCORES.contains(&name))?;
    let nothing = |expected| DatasetError::nothing_of(Live.name(), &root, expected);
    let path = path.ok_or_else(|| nothing("`dmos.mat` or `dmos_realigned.mat`"))?;
    let references = file_in(&root, REFERENCES)
        .ok_or_else(|| nothing("`refnames_all.mat` beside the scores"))?;
    let (scores, references) = (Variables::read(&path)?, Variables::read(&references)?);
    let is_realigned = scores.has("dmos_new");
    let (rows, copies) = ratings(&scores, &references, is_realigned)?;
    let found = releases::of_live(
        is_realigned,
        rows.iter().map(|row| releases::Row {
            reference: &row.reference,
            kind: &row.labels[0],
            level: &row.distorted,
            score: row.score,
        }),
    );
    let what = format!("{} pairs", rows.len());
    let notes = vec![
        found.note(&path.display().to_string(), &what),
        format!("{copies} of its entries are left out: they are copies of references"),
    ];
    let files = images_below(&root, options)?;
    Ratings {
        path: &path,
        scores: format!("the DMOS of {}", path.display()),
        direction: Direction::LowerIsCloser,
        labels: ["distortion_type"],
        rows,
        left_out: 0,
        sources: vec![scores.hashed_path(), references.hashed_path()],
        notes,
    }
    .into_dataset(&Live, found.release, &Images { files: &files, prefer: &[] }, options)
}

/// The ratings of distorted images, and how many entries are copies of references.
fn ratings(
    scores: &Variables,
    references: &Variables,
    is_realigned: bool,
) -> Result<(Vec<Rating<1>>, usize), DatasetError> {
    let names = references.texts("refnames_all")?;
    let variable = if is_realigned { "dmos_new" } else { "dmos" };
    let (dmos, copies) = (scores.numbers(variable)?, scores.numbers("orgs")?);
    let images: usize = KINDS.iter().map(|(_, images)| images).sum();
    let expected = format!("{images}, one for each image");
    for (file, variable, found) in [
        (references, "refnames_all", names.len()),
        (scores, variable, dmos.len()),
        (scores, "orgs", copies.len()),
    ] {
        if found != images {
            return Err(file.wrong(variable, &format!("{found} entries"), &expected));
        }
    }
    let places = KINDS.iter().flat_map(|(kind, images)| (1..=*images).map(move |n| (*kind, n)));
    let mut ratings = Vec::new();
    for (entry, (kind, number)) in places.enumerate() {
        // Nothing published says whether `dmos_std` is of single ratings or of their mean.
        let rating = Rating {
            id: entry as u64,
            line: entry as u64 + 1,
            reference: format!("refimgs/{}", names[entry]),
            distorted: format!("{kind}/img{number}.bmp"),
            score: dmos[entry],
            std: None,
            labels: [kind.to_owned()],
        };
        if copies[entry] == 0.0 {
            ratings.push(rating);
        }
    }
    let copies = images - ratings.len();
    Ok((ratings, copies))
}
