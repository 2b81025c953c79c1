//! AligNet: odd-one-out triplets of ImageNet's images, answered by a model.

use std::path::{Path, PathBuf};

use super::array_triplets::{ArrayTriplets, rows_needed};
use super::imagenet::ImageNet;
use crate::dataset::builder::Builder;
use crate::dataset::files::{Names, between, file_in, folder_of};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Level, OddOneOut, Trials};
use crate::remedy::Choice;

/// AligNet's layout: `alignet_train.npz` and `alignet_valid.npz`, with `filenames` of the shape
/// `[n, 3]`, the odd one last; and ImageNet's training images below the folder.
///
/// # Source
/// The page of the code of Muttenthaler et al. (2025), *Aligning machine and human visual
/// representations across abstraction levels*.
pub(in crate::dataset) struct AligNet;

/// The split that is read by default: 10,000 triplets, where the other has ten million.
const SPLIT: &str = "valid";

const BEGINNING: &str = "alignet_";

const ENDING: &str = ".npz";

impl Format for AligNet {
    fn name(&self) -> &'static str {
        "alignet"
    }

    fn description(&self) -> &'static str {
        "odd-one-out triplets: AligNet (alignet_valid.npz, alignet_train.npz), whose answers are a \
         model's, with ImageNet's training images"
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn references(&self) -> &'static [&'static str] {
        &["muttenthaler2025aligning"]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        (!splits(folder).is_empty()).then(|| self.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let (root, path) = match data.is_file() {
            true => (folder_of(data), data.to_owned()),
            false => (data.to_owned(), find_split(data, options)?),
        };
        let triplets = ArrayTriplets::read(&path, rows_needed(options))?;
        let Some(names) = &triplets.names else {
            return Err(DatasetError::Layout {
                path,
                found: "triplets of numbers".to_owned(),
                expected: "the array `filenames`, as AligNet has it".to_owned(),
                fix: "fetch the file again, or read its triplets as `oddoneout`".to_owned(),
            });
        };
        let mut images = ImageNet::list(&root, options)?;
        let mut builder = Builder::new(&path, options, &[]);
        for (row, triplet) in (0..).zip(&triplets.rows) {
            if builder.is_full() {
                break;
            }
            let shown = triplet.map(|number| names[number as usize].as_str());
            let find = |name: &str| images.find(name);
            builder.add(row, row + 1, shown, find, |images| OddOneOut { images, odd: 2 }, &[])?;
        }
        let mut notes = vec![
            "the answers of AligNet are those of a model that was fitted to people's, not people's"
                .to_owned(),
        ];
        notes.extend(images.note());
        let sources = vec![triplets.source.clone()];
        builder.finish(&AligNet, None, Trials::OddOneOut, sources, notes)
    }
}

/// The splits in a folder.
fn splits(folder: &Path) -> Vec<String> {
    let names = Names::of(folder);
    let split = |name: &str| Some(between(BEGINNING, name, ENDING)?.to_owned());
    let mut splits: Vec<String> = names.iter().filter_map(split).collect();
    splits.sort();
    splits
}

fn find_split(data: &Path, options: &DatasetOptions) -> Result<PathBuf, DatasetError> {
    let split = options.split.as_deref().unwrap_or(SPLIT);
    if let Some(path) = file_in(data, &format!("{BEGINNING}{split}{ENDING}")) {
        return Ok(path);
    }
    let found: Vec<String> = splits(data).iter().map(|split| format!("`{split}`")).collect();
    match found.is_empty() {
        true => {
            let expected = format!("`{BEGINNING}{split}{ENDING}`");
            Err(DatasetError::nothing_of(AligNet.name(), data, &expected))
        }
        false => {
            let (path, split) = (data.to_owned(), split.to_owned());
            Err(DatasetError::Split { path, split, found })
        }
    }
}
