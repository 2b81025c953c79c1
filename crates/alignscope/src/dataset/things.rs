//! THINGS: odd-one-out triplets over 1,854 concepts.

mod concepts;
mod triplets;

use std::path::{Path, PathBuf};

use super::builder::Builder;
use super::choices::{ConceptImages, OddPlace, is_array};
use super::files::{Names, entry, file_in, folder_of};
use super::format::Format;
use super::release::{self, Found, Release};
use super::{Dataset, DatasetError, DatasetOptions, Level, OddOneOut, Trials};
use crate::remedy::Choice;
use triplets::{Triplets, subjects_beside};

/// The split that the study scores.
pub(crate) const THINGS_SPLIT: &str = "testset1";

/// Files and folders that tell the layout: THINGS's own, DreamSim's, UniSim's.
const FILES: [&str; 4] =
    ["unique_id.txt", "triplet_dataset", "things_valset.txt", "things_first_imgs_idx.txt"];

/// Whether gLocal's folder of triplets has an array.
fn has_arrays(folder: &Path) -> bool {
    let triplets = entry(folder, "triplets").filter(|path| path.is_dir());
    triplets.is_some_and(|path| Names::of(&path).iter().any(|name| is_array(Path::new(name))))
}

/// A triplet file of which layout.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Three 0-based indices a row, the odd one last; or, as DreamSim has them, three names.
    Text,
    /// The study's table `…_paths.csv`: row numbers, the odd one last.
    Paths,
    /// The large table: 1-based indices and the position of the odd one.
    Large,
    /// An array of NumPy, as gLocal has them: 0-based indices or names, the odd one last.
    Array,
}

impl Layout {
    /// The one of a file, by its name.
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        match name {
            _ if is_array(path) => Self::Array,
            name if name.ends_with("_paths.csv") => Self::Paths,
            name if name.ends_with(".csv") => Self::Large,
            _ => Self::Text,
        }
    }
}

/// THINGS's layout.
pub(super) struct Things;

impl Format for Things {
    fn name(&self) -> &'static str {
        "things-like"
    }

    fn description(&self) -> &'static str {
        "odd-one-out triplets in THINGS's layout; the name in results of those of no known release"
    }

    fn level(&self) -> Level {
        Level::High
    }

    fn releases(&self) -> &'static [Release] {
        &[Release::Things]
    }

    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split, Choice::ThingsImages, Choice::Odd]
    }

    fn has_more_images(&self) -> bool {
        true
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        let has = |name: &str| entry(folder, name).is_some();
        let is_here = FILES.into_iter().any(has) || has_arrays(folder);
        is_here.then_some(Release::Things.name())
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(data, options)
    }
}

fn open(data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
    let Place { root, path, split } = Place::find(data, options)?;
    let layout = Layout::of(&path);
    let Triplets { concepts, rows, subjects, times, mut sources } =
        Triplets::read(&root, &path, layout, options)?;
    let subjects = match subjects {
        Some(subjects) => Some(subjects),
        None => subjects_beside(&path, &split, rows.len(), &mut sources)?,
    };
    let which = options.things_images.unwrap_or_default();
    let mut images = match (options.without_images, concepts.are_files) {
        (true, _) => ConceptImages::Absent(root.clone()),
        (false, true) => ConceptImages::named(&root, which, options)?,
        (false, false) => ConceptImages::of_concepts(&root, &concepts.names, which, options)?,
    };

    let triplets = rows.iter().map(|triplet| triplet.concepts);
    let own_order = layout == Layout::Paths;
    let found = release::of_things(&split, &concepts.in_release(), own_order, triplets);
    let found = with_place(found, options);
    let labels: &[&str] = if subjects.is_some() { &["subject"] } else { &[] };
    let mut builder = Builder::new(&path, options, labels);
    for (record, triplet) in rows.iter().enumerate() {
        if builder.is_full() {
            break;
        }
        let names = triplet.concepts.map(|concept| concepts.names[concept as usize].as_str());
        let label: Option<[&str; 1]> = subjects.as_ref().map(|s| [s[record].as_str()]);
        let is_added = builder.add(
            record as u64,
            record as u64 + 1,
            names,
            |concept| images.find(concept),
            |images| OddOneOut { images, odd: triplet.odd },
            label.as_ref().map_or(&[], |label| label.as_slice()),
        )?;
        let time = times.as_ref().map(|times| times[record]);
        time.filter(|_| is_added).into_iter().for_each(|time| builder.answered_in(time));
    }
    let mut notes = images.notes(concepts.names.len(), which);
    let what = format!("{} answers", rows.len());
    notes.insert(0, found.note(&path.display().to_string(), &what));
    if root.join("sortind.mat").is_file() {
        notes.push(
            "sortind.mat is here: triplets of the 2020 release number the concepts in another order than unique_id.txt; these are read in the order of unique_id.txt"
                .to_owned(),
        );
    }
    let place = options.odd.unwrap_or_default();
    notes.extend(place.note(&path));
    let dataset = builder.finish(&Things, found.release, Trials::OddOneOut, sources, notes)?;
    // The large table says it of each triplet.
    let odd_taken_as = (layout != Layout::Large).then_some(place);
    Ok(Dataset { odd_taken_as, ..dataset })
}

/// What triplets are whose odd one is read at another place than THINGS has it.
fn with_place(found: Found, options: &DatasetOptions) -> Found {
    match options.odd.filter(|odd| *odd != OddPlace::Last && found.release.is_some()) {
        None => found,
        Some(odd) => {
            let why = format!("the odd one of its triplets is read as the {odd}, not as the last");
            Found { release: None, why: Some(why) }
        }
    }
}

/// Where the triplets are.
struct Place {
    /// The data set's folder.
    root: PathBuf,
    /// The file of triplets.
    path: PathBuf,
    split: String,
}

impl Place {
    /// Of the data set's folder, or of the file of triplets in it.
    fn find(data: &Path, options: &DatasetOptions) -> Result<Self, DatasetError> {
        if !data.is_file() {
            let split = options.split.as_deref().unwrap_or(THINGS_SPLIT);
            let path = find_split(data, split)?;
            return Ok(Self { root: data.to_owned(), path, split: split.to_owned() });
        }
        if options.split.is_some() {
            let dataset = format!("{}, which is one", data.display());
            return Err(DatasetError::NotApplicable { choice: Choice::Split, dataset });
        }
        let folder = folder_of(data);
        let is_of_triplets = folder.file_name().is_some_and(|name| {
            TRIPLET_FOLDERS.iter().any(|folder| name.eq_ignore_ascii_case(folder))
        });
        let root = if is_of_triplets { folder_of(&folder) } else { folder };
        let stem = data.file_stem().unwrap_or_default().to_string_lossy();
        let split = stem.strip_suffix("_paths").unwrap_or(&stem).to_owned();
        Ok(Self { root, path: data.to_owned(), split })
    }
}

/// Folders of triplet files: THINGS's own, and gLocal's.
const TRIPLET_FOLDERS: [&str; 2] = ["triplet_dataset", "triplets"];

/// Where triplet files may lie.
fn triplet_folders(data: &Path) -> [PathBuf; 3] {
    let [own, glocal] = TRIPLET_FOLDERS;
    [data.join(own), data.join(glocal), data.to_owned()]
}

fn find_split(data: &Path, split: &str) -> Result<PathBuf, DatasetError> {
    // A split is a name, not a path.
    let is_name = !split.contains(['/', '\\']);
    for folder in triplet_folders(data).into_iter().filter(|_| is_name) {
        for ending in [".txt", "_paths.csv", ".csv", ".npy", ".npz"] {
            if let Some(path) = file_in(&folder, &format!("{split}{ending}")) {
                return Ok(path);
            }
        }
    }
    let found = splits(data);
    match found.is_empty() {
        false => Err(DatasetError::Split { path: data.to_owned(), split: split.to_owned(), found }),
        true => {
            let expected =
                format!("`triplet_dataset/{split}.txt`, `unique_id.txt` and `object_images/`");
            Err(DatasetError::nothing_of(Things.name(), data, &expected))
        }
    }
}

/// The splits whose files are there.
fn splits(data: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in triplet_folders(data) {
        // Beside the images lie other texts too.
        let of_triplets = folder != data;
        for name in Names::of(&folder).iter() {
            let stem = ["_paths.csv", ".txt", ".npy", ".npz"]
                .iter()
                .find_map(|ending| name.strip_suffix(ending));
            let split = match stem {
                Some(split) => split,
                None if name.starts_with("triplets_large") => name.trim_end_matches(".csv"),
                None => continue,
            };
            let is_split = split.starts_with("testset")
                || split.starts_with("triplets_large")
                || ["trainset", "validationset", "things_valset"].contains(&split)
                || is_array(Path::new(name))
                || of_triplets && split != "unique_id" && !split.eq_ignore_ascii_case("readme");
            if is_split && !split.ends_with("_subjects") {
                found.push(format!("`{split}`"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
