//! BAPPS: the same kind of question as NIGHTS, one file an answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::builder::{Builder, Found};
use super::files::Files;
use super::nights::find as find_image;
use super::release;
use super::{Dataset, DatasetError, DatasetKind, DatasetOptions, Trials, TwoAlternatives};

/// The split that BAPPS's scores are told of.
const SPLIT: &str = "val";

/// The folder that holds BAPPS's splits, at or below `root`.
pub(super) fn find(root: &Path) -> Option<PathBuf> {
    let folder = root.join("2afc");
    [folder, root.to_owned()]
        .into_iter()
        .find(|f| f.join("val").is_dir() || f.join("train").is_dir())
}

/// Reads `<split>/<kind>/{ref,p0,p1}/NNNNNN.png` and `judge/NNNNNN.npy`, the share of people who
/// chose `p1`.
///
/// `asked` — the name that it was asked for by, for messages
pub(super) fn open(
    asked: DatasetKind,
    data: &Path,
    options: &DatasetOptions,
) -> Result<Dataset, DatasetError> {
    let Some(folder) = find(data) else {
        return Err(DatasetError::NotFound {
            path: data.to_owned(),
            dataset: asked,
            expected: "the folder `2afc` with `val` or `train` in it".to_owned(),
            looks_like: super::looks_like(data),
        });
    };
    if options.min_votes.is_some() {
        let dataset = DatasetKind::Bapps;
        return Err(DatasetError::NotApplicable { option: "--min-votes", dataset });
    }
    let read_error = |path: &Path| {
        let path = path.to_owned();
        move |source| DatasetError::Read { path, source }
    };
    let split = options.split.as_deref().unwrap_or(SPLIT);
    let root = folder.join(split);
    if !root.is_dir() {
        let splits = ["train", "val"].iter().filter(|s| folder.join(s).is_dir());
        return Err(DatasetError::Split {
            path: folder.clone(),
            split: split.to_owned(),
            found: splits.map(|s| format!("`{s}`")).collect(),
        });
    }
    let files = Files::list(&root).map_err(read_error(&root))?;
    let judgements: Vec<&str> =
        files.iter().filter(|f| f.contains("/judge/") && f.ends_with(".npy")).collect();
    let mut counts = BTreeMap::<String, usize>::new();
    for (kind, _) in judgements.iter().filter_map(|path| path.split_once("/judge/")) {
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    let found = release::of_bapps(split, &counts);
    let what = format!("split {split}, {} trials", judgements.len());
    let notes = vec![found.note(&folder.display().to_string(), &what)];
    let mut builder = Builder::new(&root, options, &["kind"]);
    let mut sources: Vec<PathBuf> = Vec::new();
    for (record, judgement) in judgements.into_iter().enumerate() {
        if builder.is_full() {
            break;
        }
        let (kind, name) = judgement.split_once("/judge/").expect("the filter saw it");
        let name = name.trim_end_matches(".npy");
        let path = files.full(judgement);
        let bytes = std::fs::read(&path).map_err(read_error(&path))?;
        let folder = path.parent().expect("it lies in a folder");
        if sources.last().is_none_or(|last| last != folder) {
            sources.push(folder.to_owned());
        }
        let right = share(&bytes).ok_or_else(|| DatasetError::Line {
            path: path.clone(),
            line: 1,
            found: format!("{} bytes", bytes.len()),
            expected: "a NumPy array of one float from 0 to 1",
        })?;
        let image = |part: &str| format!("{kind}/{part}/{name}.png");
        let (reference, left, right_image) = (image("ref"), image("p0"), image("p1"));
        builder.add(
            record as u64,
            1,
            [&reference, &left, &right_image],
            |name| -> Found { find_image(&files, name) },
            |[reference, left, right_image]| TwoAlternatives {
                reference,
                left,
                right: right_image,
                left_votes: 1.0 - right,
                right_votes: right,
            },
            &[kind],
        )?;
    }
    builder.finish(found.kind, Trials::TwoAlternatives, sources, notes)
}

/// The one number of a `.npy` file, version 1, `<f4` or `<f8`, shape `(1,)`.
fn share(bytes: &[u8]) -> Option<f64> {
    let header_len = usize::from(u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?));
    let header = std::str::from_utf8(bytes.get(10..10 + header_len)?).ok()?;
    let data = bytes.get(10 + header_len..)?;
    if !bytes.starts_with(b"\x93NUMPY\x01") || !header.contains("(1,)") {
        return None;
    }
    let value = if header.contains("'<f4'") {
        f64::from(f32::from_le_bytes(data.try_into().ok()?))
    } else if header.contains("'<f8'") {
        f64::from_le_bytes(data.try_into().ok()?)
    } else {
        return None;
    };
    (0.0..=1.0).contains(&value).then_some(value)
}
