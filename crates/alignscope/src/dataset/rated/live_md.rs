//! LIVE's multiply distorted images: blur and JPEG in the first part, blur and noise in the second.

use std::path::{Path, PathBuf};

use super::ratings::{Images, Rating, Ratings, images_below, last_name};
use super::releases;
use super::variables::Variables;
use crate::dataset::direction::Direction;
use crate::dataset::files::{entry, file_in};
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Format, Level, Release};
use crate::input_file::HashedPath;
use crate::remedy::Choice;

/// A part of the data set.
struct Part {
    /// Its number, the label `part`.
    number: &'static str,
    /// The names of its folder.
    folders: [&'static str; 3],
    /// The folder of its images.
    images: &'static str,
}

/// The parts, which had observers of their own.
const PARTS: [Part; 2] = [
    Part { number: "1", folders: ["Part 1", "Part1", "Part_1"], images: "blurjpeg" },
    Part { number: "2", folders: ["Part 2", "Part2", "Part_2"], images: "blurnoise" },
];

/// The folders that references are taken from: both parts have a copy of each, and trials of one
/// reference cluster.
const REFERENCES: [&str; 2] = ["blurjpeg", "Ref_Images"];

/// LIVE-MD's layout.
pub(in crate::dataset) struct LiveMd;

impl Format for LiveMd {
    fn name(&self) -> &'static str {
        "live-md-like"
    }

    fn description(&self) -> &'static str {
        "rated pairs in LIVE-MD's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::LiveMd]
    }

    fn choices(&self) -> &'static [Choice] {
        &[]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let mut parts = PARTS.iter();
        parts.any(|part| part.folder(folder).is_some()).then(|| Release::LiveMd.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

impl Part {
    /// Its folder, if that holds its lists: in the folder of the data set, or in `To_Release` there.
    fn folder(&self, root: &Path) -> Option<PathBuf> {
        let around = [Some(root.to_owned()), entry(root, "To_Release")];
        let mut folders =
            around.into_iter().flatten().flat_map(|a| self.folders.map(|name| entry(&a, name)));
        folders.find_map(|folder| folder.filter(|f| file_in(f, "Imagelists.mat").is_some()))
    }
}

fn open(root: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let (mut rows, mut sources, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for part in &PARTS {
        match part.folder(root) {
            Some(folder) => read(part, root, &folder, &mut rows, &mut sources)?,
            None => notes.push(format!("part {} is not there", part.number)),
        }
    }
    if sources.is_empty() {
        let expected = "`Part 1` and `Part 2` with `Imagelists.mat` and `Scores.mat`";
        return Err(DatasetError::nothing_of(LiveMd.name(), root, expected));
    }
    let found = releases::of_live_md(rows.iter().map(|row| releases::Row {
        reference: &row.reference,
        kind: &row.labels[0],
        level: &row.distorted,
        score: row.score,
    }));
    let what = format!("{} pairs", rows.len());
    notes.insert(0, found.note(&root.display().to_string(), &what));
    let files = images_below(root, options)?;
    Ratings {
        path: root,
        scores: format!("the DMOS of {}", root.display()),
        direction: Direction::LowerIsCloser,
        labels: ["part", "distortion_type"],
        rows,
        left_out: 0,
        sources,
        notes,
    }
    .into_dataset(
        &LiveMd,
        found.release,
        &Images { files: &files, prefer: &REFERENCES },
        options,
    )
}

/// Adds the ratings of a part.
fn read(
    part: &Part,
    root: &Path,
    folder: &Path,
    rows: &mut Vec<Rating<2>>,
    sources: &mut Vec<HashedPath>,
) -> Result<(), DatasetError> {
    let file = |name: &str| {
        let path = file_in(folder, name);
        let path = path.ok_or_else(|| DatasetError::NotThere { path: folder.join(name) })?;
        Variables::read(&path)
    };
    let (lists, scores) = (file("Imagelists.mat")?, file("Scores.mat")?);
    sources.extend([lists.hashed_path(), scores.hashed_path()]);
    let (references, distorted) = (lists.texts("refimgs")?, lists.texts("distimgs")?);
    let (of_each, dmos) = (lists.numbers("ref4dist")?, scores.numbers("DMOSscores")?);
    let expected = format!("{}, as many as `distimgs`", distorted.len());
    for (file, variable, found) in
        [(&lists, "ref4dist", of_each.len()), (&scores, "DMOSscores", dmos.len())]
    {
        if found != distorted.len() {
            return Err(file.wrong(variable, &format!("{found} entries"), &expected));
        }
    }
    // The part's folder, as a path below that of the data set.
    let below = folder.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or_default();
    let below = below.replace('\\', "/");
    for (at, name) in distorted.iter().enumerate() {
        let reference = (of_each[at] >= 1.0)
            .then(|| references.get(of_each[at] as usize - 1))
            .flatten()
            .ok_or_else(|| {
                let expected = format!("numbers from 1 to {}", references.len());
                lists.wrong("ref4dist", &format!("{} at {}", of_each[at], at + 1), &expected)
            })?;
        let kind = kind(name, reference).ok_or_else(|| {
            let expected = format!("a name such as {}_blur1.bmp", stem(reference));
            lists.wrong("distimgs", &format!("`{name}` at {}", at + 1), &expected)
        })?;
        rows.push(Rating {
            id: rows.len() as u64,
            line: at as u64 + 1,
            reference: last_name(reference).to_owned(),
            distorted: format!("{below}/{}/{name}", part.images),
            score: dmos[at],
            std: None,
            labels: [part.number.to_owned(), kind],
        });
    }
    Ok(())
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The distortions that a name tells, without their levels: `cows_blur2_jpeg1.bmp` has `blur jpeg`.
fn kind(name: &str, reference: &str) -> Option<String> {
    let distortions = stem(name).strip_prefix(stem(reference))?.strip_prefix('_')?;
    let kinds: Vec<&str> = distortions
        .split('_')
        .map(|distortion| distortion.trim_end_matches(|c: char| c.is_ascii_digit()))
        .collect();
    let are_names = kinds.iter().all(|kind| !kind.is_empty() && !kind.contains('/'));
    are_names.then(|| kinds.join(" "))
}
