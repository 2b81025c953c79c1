//! TID2013, and the data sets that share its layout: TID2008 and KADID-10k.

use std::path::{Path, PathBuf};

use super::builder::{Builder, Found};
use super::error::shown;
use super::files::{Files, Names, file_in, folder_of, note_on_others};
use super::format::Format;
use super::lines::lines;
use super::release::{self, Release, TidRow};
use super::table::Table;
use super::{Dataset, DatasetError, DatasetOptions, Level, RatedPair, Trials};
use crate::input_file::HashedPath;
use crate::remedy::Choice;

/// The endings of the annotation files' names, in lower case.
const LIST: &str = "mos_with_names.txt";
const TABLES: [&str; 3] = ["image_pairs_mos.csv", "dmos.csv", "mos.csv"];

/// The folders of the release, whose images come before others of the same name.
const FOLDERS: [&str; 3] = ["reference_images", "distorted_images", "images"];

/// A rating as an annotation file has it.
struct Rating {
    line: u64,
    /// Name of the reference; none where it follows from the distorted image's.
    reference: Option<String>,
    distorted: String,
    score: f64,
    std: Option<f64>,
}

impl Rating {
    /// What tells a release; `None` for a name that is not of the layout.
    fn of_release(&self) -> Option<TidRow<'_>> {
        let (base, kind, level) = parts(&self.distorted)?;
        let reference = match &self.reference {
            Some(name) => name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem),
            None => base,
        };
        Some(TidRow { reference, base, kind, level, score: self.score })
    }
}

/// TID2013's layout.
pub(super) struct Tid;

impl Format for Tid {
    fn name(&self) -> &'static str {
        "tid-like"
    }

    fn description(&self) -> &'static str {
        "rated pairs in TID2013's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Tid2013, Release::Tid2008, Release::Kadid10k]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let has = |name: &str| folder.join(name).exists();
        if has(LIST) || has("distorted_images") {
            return Some(Release::Tid2013.name());
        }
        has("dmos.csv").then_some(Release::Kadid10k.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (root, annotation) = match data.is_file() {
        true => (folder_of(data), data.to_owned()),
        false => (data.to_owned(), find_annotation(data)?),
    };
    let is_list = annotation.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt"));
    let mut sources = Vec::new();
    let (ratings, std_of_ratings) = match is_list {
        true => (read_list(&annotation, &mut sources)?, false),
        false => read_table(&annotation, &mut sources)?,
    };
    let files = Files::images(&root, options)
        .map_err(|source| DatasetError::Read { path: root.clone(), source })?;

    let labels = ["distortion_type", "distortion_level"];
    let mut builder = Builder::new(&annotation, options, &labels);
    let found = release::of_tid(ratings.iter().map(Rating::of_release));
    let what = format!("{} pairs", ratings.len());
    let mut notes = vec![found.note(&annotation.display().to_string(), &what)];
    let mut passed_over = 0;
    for (record, rating) in ratings.into_iter().enumerate() {
        if builder.is_full() {
            break;
        }
        let (stem, kind, level) = parts(&rating.distorted).ok_or_else(|| DatasetError::Line {
            path: annotation.clone(),
            line: rating.line,
            found: shown(&rating.distorted),
            expected: "a name such as i01_01_1.bmp: reference, distortion type, level",
        })?;
        let extension = rating.distorted.rsplit('.').next().unwrap_or_default();
        let reference = rating.reference.unwrap_or_else(|| format!("{stem}.{extension}"));
        builder.add(
            record as u64,
            rating.line,
            [&reference, &rating.distorted],
            |name| match files.named(name, &FOLDERS) {
                Some((path, others)) => {
                    passed_over += usize::from(others);
                    Found::Image { id: path.to_owned(), path: files.full(path) }
                }
                None => Found::Missing { looked: files.full(name) },
            },
            |[reference, distorted]| RatedPair {
                reference,
                distorted,
                score: rating.score,
                std: rating.std,
            },
            &[&kind.to_string(), &level.to_string()],
        )?;
    }
    notes.extend(note_on_others(passed_over));
    let dataset = builder.finish(&Tid, found.release, Trials::RatedPairs, sources, notes)?;
    Ok(Dataset { std_of_ratings, ..dataset })
}

/// The one annotation file in a folder.
fn find_annotation(folder: &Path) -> Result<PathBuf, DatasetError> {
    std::fs::read_dir(folder)
        .map_err(|source| DatasetError::Read { path: folder.to_owned(), source })?;
    let is_annotation = |name: &&str| {
        let name = name.to_lowercase();
        name.ends_with(LIST) || TABLES.iter().any(|table| name.ends_with(table))
    };
    let names = Names::of(folder);
    let mut names: Vec<String> = names.iter().filter(is_annotation).map(str::to_owned).collect();
    names.sort();
    match names.as_slice() {
        [] => Err(DatasetError::nothing_of(
            Tid.name(),
            folder,
            "`mos_with_names.txt`, `image_pairs_mos.csv`, `dmos.csv` or `mos.csv`",
        )),
        [one] => Ok(folder.join(one)),
        _ => Err(DatasetError::Ambiguous { path: folder.to_owned(), files: names }),
    }
}

/// `5.51429 I01_01_1.bmp` a line, and the deviations of `mos_std.txt` where it is there.
fn read_list(path: &Path, sources: &mut Vec<HashedPath>) -> Result<Vec<Rating>, DatasetError> {
    let mut ratings = Vec::new();
    let (list, source) = lines(path)?;
    sources.push(source);
    for (line, text) in list {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let score = match fields.as_slice() {
            [score, _] => score.parse().ok().filter(|s: &f64| s.is_finite()),
            _ => None,
        };
        let score = score.ok_or_else(|| DatasetError::Line {
            path: path.to_owned(),
            line,
            found: shown(&text),
            expected: "a score, a space, and the name of an image",
        })?;
        let distorted = fields[1].to_owned();
        ratings.push(Rating { line, reference: None, distorted, score, std: None });
    }
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    // What stands before the published name stands before that of the deviations too.
    let start = name.len().checked_sub(LIST.len()).and_then(|at| name.split_at_checked(at));
    let deviations = match start {
        Some((start, end)) if end.eq_ignore_ascii_case(LIST) => {
            file_in(&folder_of(path), &format!("{start}mos_std.txt"))
        }
        _ => None,
    };
    if let Some(deviations) = deviations {
        let (stds, source) = lines(&deviations)?;
        if stds.len() != ratings.len() {
            return Err(DatasetError::Length {
                path: deviations,
                found: stds.len(),
                expected: ratings.len(),
                other: path.to_owned(),
            });
        }
        for (rating, (line, text)) in ratings.iter_mut().zip(stds) {
            let std = text.trim().parse().ok().filter(|s: &f64| *s >= 0.0 && s.is_finite());
            rating.std = Some(std.ok_or_else(|| DatasetError::Line {
                path: deviations.clone(),
                line,
                found: shown(&text),
                expected: "a standard deviation, 0 or more",
            })?);
        }
        sources.push(source);
    }
    Ok(ratings)
}

/// The study's own table, KADID-10k's, or one with `ref_name,dist_name,mos,std`; and whether its
/// deviations are those of single ratings.
fn read_table(
    path: &Path,
    sources: &mut Vec<HashedPath>,
) -> Result<(Vec<Rating>, bool), DatasetError> {
    let table = Table::open(path)?;
    sources.push(table.hashed_path());
    let reference = table.first_of(&["Reference", "ref_name", "ref_img"])?;
    let distorted = table.first_of(&["Distorted", "dist_name", "dist_img"])?;
    let score = table.first_of(&["MOS", "dmos"])?;
    // KADID-10k's `var` is a standard deviation, of single ratings: of 30 ratings, all 4 or 5, with
    // the mean 4.57 it has 0.496, and their variance is 0.245.
    let (of_mean, of_ratings) = (table.find("std"), table.find("var"));
    let std = of_mean.or(of_ratings);
    let mut ratings = Vec::new();
    table.for_each(|_, row| {
        let accept = |n: &f64| *n >= 0.0 && n.is_finite();
        let spread = |column| row.parse(column, "a number, 0 or more", accept);
        ratings.push(Rating {
            line: row.line(),
            reference: Some(row.name(reference)?.to_owned()),
            distorted: row.name(distorted)?.to_owned(),
            score: row.number(score)?,
            std: std.map(spread).transpose()?,
        });
        Ok(true)
    })?;
    Ok((ratings, of_mean.is_none() && of_ratings.is_some()))
}

/// Reference, distortion type and level of a name such as `i01_01_1.bmp`.
fn parts(name: &str) -> Option<(&str, u32, u32)> {
    let (stem, _) = name.rsplit_once('.')?;
    let mut fields = stem.split('_');
    let (reference, kind, level) = (fields.next()?, fields.next()?, fields.next()?);
    match fields.next() {
        None => Some((reference, kind.parse().ok()?, level.parse().ok()?)),
        Some(_) => None,
    }
}
