//! CSIQ, with its scores in the texts that people make of its workbook.

use std::path::Path;

use super::ratings::{Images, Rating, Ratings, annotation, images_below, last_name};
use super::releases;
use crate::dataset::direction::Direction;
use crate::dataset::error::shown;
use crate::dataset::files::Names;
use crate::dataset::lines::lines;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level, Release};
use crate::remedy::Choice;

/// The folders of the release.
const FOLDERS: [&str; 2] = ["src_imgs", "dst_imgs"];

/// A distortion: as it stands in files' names, in lower case, and in the workbook.
const KINDS: [(&str, &str); 6] = [
    ("awgn", "noise"),
    ("jpeg", "jpeg"),
    ("jpeg2000", "jpeg 2000"),
    ("fnoise", "fnoise"),
    ("blur", "blur"),
    ("contrast", "contrast"),
];

/// So many lines may stand above the header, as they do in the workbook.
const ABOVE_HEADER: usize = 10;

/// CSIQ's layout.
pub(in crate::dataset) struct Csiq;

impl Format for Csiq {
    fn name(&self) -> &'static str {
        "csiq-like"
    }

    fn description(&self) -> &'static str {
        "rated pairs in CSIQ's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Csiq]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let names = Names::of(folder);
        let has_scores = names.iter().any(|name| is_scores(&name.to_lowercase()));
        let has_folders = FOLDERS.iter().all(|name| folder.join(name).is_dir());
        (has_scores || has_folders).then_some(Release::Csiq.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (root, path) = annotation(data, is_scores)?;
    let path = path.ok_or_else(|| no_scores(&root))?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx")) {
        return Err(workbook(&path));
    }
    let (text, source) = lines(&path)?;
    let rows = ratings(&path, &text)?;
    let files = images_below(&root, options)?;
    let found = releases::of_csiq(rows.iter().map(|row| releases::Row {
        reference: &row.reference,
        kind: &row.labels[0],
        level: &row.labels[1],
        score: row.score,
    }));
    let what = format!("{} pairs", rows.len());
    Ratings {
        path: &path,
        scores: format!("the DMOS of {}", path.display()),
        direction: Direction::LowerIsCloser,
        labels: ["distortion_type", "distortion_level"],
        rows,
        left_out: 0,
        sources: vec![source],
        notes: vec![found.note(&path.display().to_string(), &what)],
    }
    .into_dataset(&Csiq, found.release, &Images { files: &files, prefer: &FOLDERS }, options)
}

/// Whether a file's name, in lower case, is one that people give the scores.
fn is_scores(name: &str) -> bool {
    name.starts_with("csiq") && (name.ends_with(".txt") || name.ends_with(".csv"))
}

/// There is no text with scores in the folder: the workbook is there alone, or nothing.
fn no_scores(root: &Path) -> DatasetError {
    let names = Names::of(root);
    let is_workbook = |name: &&str| {
        let name = name.to_lowercase();
        name.starts_with("csiq") && name.ends_with(".xlsx")
    };
    match names.iter().filter(is_workbook).min() {
        Some(name) => workbook(&root.join(name)),
        None => {
            let expected = "scores in `csiq.csv`, `csiq.txt`, `csiq_label.txt` or another text \
                            whose name begins with `csiq`";
            DatasetError::nothing_of(Csiq.name(), root, expected)
        }
    }
}

/// The scores are in the workbook that their authors publish.
fn workbook(path: &Path) -> DatasetError {
    DatasetError::Layout {
        path: path.to_owned(),
        found: "a workbook of Excel".to_owned(),
        expected: "its scores as text".to_owned(),
        fix: "save the sheet `all_by_image` as `CSV UTF-8`, as `csiq.csv` beside it".to_owned(),
    }
}

/// The ratings of a text: a table with a header, or lines without one.
fn ratings(path: &Path, lines: &[(u64, String)]) -> Result<Vec<Rating<2>>, DatasetError> {
    let header = lines
        .iter()
        .take(ABOVE_HEADER)
        .enumerate()
        .find_map(|(at, (_, line))| Some((at + 1, Header::read(&fields(line))?)));
    let (first, header) = match header {
        Some((first, header)) => (first, Some(header)),
        None => (0, None),
    };
    let mut ratings = Vec::new();
    for (line, text) in &lines[first..] {
        let fields = fields(text);
        if fields.iter().all(|field| field.is_empty()) {
            continue; // The workbook has empty rows below its table.
        }
        let rating = match &header {
            Some(header) => header.rating(&fields),
            None => without_header(&fields),
        };
        let (name, score) = rating.ok_or_else(|| DatasetError::Line {
            path: path.to_owned(),
            line: *line,
            found: shown(text),
            expected: "`1600.AWGN.1.png 0.062`, or image, index, type, level, deviation and DMOS, \
                       or a row of a table with a header",
        })?;
        let Name { reference, kind, level } = name;
        ratings.push(Rating {
            id: ratings.len() as u64,
            line: *line,
            distorted: format!("{reference}.{kind}.{level}.png"),
            reference: format!("{reference}.png"),
            score,
            // Nothing published says whether `dmos_std` is of single ratings or of their mean.
            std: None,
            labels: [kind.to_owned(), level],
        });
    }
    Ok(ratings)
}

/// The fields of a line: between tabs, else commas, else spaces.
fn fields(line: &str) -> Vec<&str> {
    let separator = ['\t', ','].into_iter().find(|separator| line.contains(*separator));
    match separator {
        Some(separator) => line.split(separator).map(str::trim).collect(),
        None => line.split_whitespace().collect(),
    }
}

/// What the name of a distorted image says: `1600.AWGN.1.png`.
struct Name {
    reference: String,
    /// One of [`KINDS`], as in files' names.
    kind: &'static str,
    /// From 1 on.
    level: String,
}

impl Name {
    /// Of a file's name, with its ending or without.
    fn read(name: &str) -> Option<Self> {
        let name = last_name(name);
        let stem = match name.rsplit_once('.') {
            Some((stem, ending)) if ending.eq_ignore_ascii_case("png") => stem,
            _ => name,
        };
        let mut parts = stem.rsplitn(3, '.');
        let (level, kind, reference) = (parts.next()?, parts.next()?, parts.next()?);
        Self::new(reference, kind, level)
    }

    fn new(reference: &str, kind: &str, level: &str) -> Option<Self> {
        let named = |(in_names, in_workbook): &&(&'static str, &str)| {
            kind.eq_ignore_ascii_case(in_names) || kind.eq_ignore_ascii_case(in_workbook)
        };
        let (kind, _) = KINDS.iter().find(named)?;
        let level = level.parse::<u32>().ok()?.to_string();
        (!reference.is_empty()).then(|| Self { reference: reference.to_owned(), kind, level })
    }
}

/// A score that is a number.
fn score(text: &str) -> Option<f64> {
    text.parse().ok().filter(|score: &f64| score.is_finite())
}

/// Where the columns of a table stand.
enum Header {
    /// The workbook's: `image`, `dst_type`, `dst_lev`, `dmos`.
    Workbook([usize; 4]),
    /// IQA-Dataset's: `dis_img_path`, `score`.
    Paths([usize; 2]),
}

impl Header {
    fn read(fields: &[&str]) -> Option<Self> {
        let at = |name: &str| fields.iter().position(|field| field.eq_ignore_ascii_case(name));
        let workbook = || Some([at("image")?, at("dst_type")?, at("dst_lev")?, at("dmos")?]);
        let paths = || Some([at("dis_img_path")?, at("score")?]);
        workbook().map(Self::Workbook).or_else(|| paths().map(Self::Paths))
    }

    fn rating(&self, fields: &[&str]) -> Option<(Name, f64)> {
        match self {
            Self::Workbook([image, kind, level, dmos]) => {
                let name = Name::new(fields.get(*image)?, fields.get(*kind)?, fields.get(*level)?);
                Some((name?, score(fields.get(*dmos)?)?))
            }
            Self::Paths([path, dmos]) => {
                Some((Name::read(fields.get(*path)?)?, score(fields.get(*dmos)?)?))
            }
        }
    }
}

/// A line without a header: a name and its DMOS, or what stands in the workbook, where spaces cut
/// `jpeg 2000` in two.
fn without_header(fields: &[&str]) -> Option<(Name, f64)> {
    match *fields {
        [name, dmos] => Some((Name::read(name)?, score(dmos)?)),
        [image, _, kind, level, _, dmos] => Some((Name::new(image, kind, level)?, score(dmos)?)),
        [image, _, "jpeg", "2000", level, _, dmos] => {
            Some((Name::new(image, "jpeg2000", level)?, score(dmos)?))
        }
        _ => None,
    }
}
