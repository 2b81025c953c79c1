//! What is wrong with a data set's folder, told before anything is run on it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;

use crate::dataset::{
    Dataset, DatasetError, DatasetFormat, DatasetOptions, Format, Release, ReleaseCounts, Trials,
};
use crate::image::{
    DecodingBudget, Examined, ImageError, PROGRAM_BYTES, for_decoding_alone, notes_on_reading,
};
use crate::input_file::ContentHash;
use crate::listing::for_each_file;
use crate::paradigm::Answer;
use crate::progress::Progress;
use crate::remedy::Remedy;

/// What was found in a data set's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The name of the release that it was found to be, or of its format.
    pub name: String,
    /// The release, what was left out, and the like; a sentence each.
    pub notes: Vec<String>,
    /// Counts, beside those of published releases.
    pub counts: Vec<Count>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A number beside the published ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What was counted.
    pub what: &'static str,
    /// How many there are.
    pub found: usize,
    /// How many published releases have, by their names; empty for one's own data.
    pub published: Vec<(&'static str, usize)>,
}

impl Count {
    /// The release that has as many.
    pub fn release(&self) -> Option<&'static str> {
        self.published.iter().find(|(_, count)| *count == self.found).map(|(name, _)| *name)
    }
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What, as a sentence.
    pub what: String,
    /// The first few that it is about.
    pub examples: Vec<String>,
    /// What to do.
    pub fix: String,
    /// What would help besides.
    pub remedies: Vec<Remedy>,
}

/// So many examples are shown.
const SHOWN: usize = 5;

/// Extensions of image files.
const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "gif"];

impl Problem {
    fn new(what: String, all: impl IntoIterator<Item = String>, fix: &str) -> Self {
        let mut examples: Vec<String> = Vec::new();
        for example in all {
            if examples.len() == SHOWN {
                examples.push("…".to_owned());
                break;
            }
            examples.push(example);
        }
        Self { what, examples, fix: fix.to_owned(), remedies: vec![] }
    }

    /// The same, with something else that would help.
    fn or(self, remedy: Remedy) -> Self {
        Self { remedies: vec![remedy], ..self }
    }
}

/// Looks through a data set: counts against the published releases, missing and unused files, images that cannot be decoded,
/// equal images under different names, trials twice, answers out of range. Images are decoded within
/// `memory_bytes`.
///
/// # Errors
/// The annotations cannot be read; the error says where, and what to do.
pub fn inspect(
    asked: DatasetFormat,
    data: &Path,
    options: &DatasetOptions,
    memory_bytes: u64,
    progress: &dyn Progress,
) -> Result<Inspection, DatasetError> {
    let options = DatasetOptions { skip_missing: true, ..options.clone() };
    progress.begin(&format!("{asked}: reading trials"), 0);
    let dataset = Dataset::open(asked, data, &options)?;
    progress.end();
    let format = asked.found_in(data).format();
    let mut problems = Vec::new();
    if !dataset.missing.is_empty() {
        let what = format!(
            "{} images are missing, and with them {} of {} trials",
            dataset.missing.len(),
            dataset.skipped_trials,
            dataset.skipped_trials + dataset.trials.len()
        );
        let problem = Problem::new(what, dataset.missing.iter().cloned(), "fetch them");
        problems.push(problem.or(Remedy::LeaveOutMissing));
    }
    let Looked { bad, beyond, needed, equal, sizes, notes_on_images } =
        look_at_images(&dataset, memory_bytes, progress);
    if !bad.is_empty() {
        let what = format!("{} images cannot be decoded", bad.len());
        problems.push(Problem::new(what, bad, "fetch them again").or(Remedy::LeaveOutImages));
    }
    if !beyond.is_empty() {
        let what = format!("{} images need more memory than the budget", beyond.len());
        let more = Remedy::MoreMemory { bytes: Some(needed + PROGRAM_BYTES) };
        problems.push(Problem::new(what, beyond, "make them smaller").or(more));
    }
    if !equal.is_empty() {
        let what = format!("{} groups of images have the very same bytes", equal.len());
        let fix = "if they should differ, fetch them again; their distance is 0 in every model";
        problems.push(Problem::new(what, equal, fix));
    }
    let twice = trials_twice(&dataset);
    if !twice.is_empty() {
        let what = format!("{} trials stand there again, with the same images", twice.len());
        let fix = "if that is not meant, remove all but one of each";
        problems.push(Problem::new(what, twice, fix));
    }
    if let (Some(release), None) = (asked.release(), dataset.release) {
        let what = format!("this is not {}, but {}", release.title(), dataset.name);
        let why = dataset.notes.first().cloned();
        let fix = format!(
            "fetch the annotations of {} again; or, if this is data of your own, ask for it as {}",
            release.title(),
            dataset.name
        );
        problems.push(Problem::new(what, why, &fix));
    }
    problems.extend(odd_place(&dataset, &options));
    let out_of_range = out_of_range(asked, &dataset);
    if !out_of_range.is_empty() {
        let what = format!("{} scores are not from 0 to 9", out_of_range.len());
        let fix = "look whether the file is of another data set, or damaged";
        problems.push(Problem::new(what, out_of_range, fix));
    }
    let mut notes = dataset.notes.clone();
    // What is told as a problem is not told as a note too.
    notes.retain(|note| problems.iter().all(|problem| problem.what != *note));
    notes.extend(note_on_sizes(&sizes));
    notes.extend(notes_on_images);
    notes.extend(note_on_ties(&dataset.trials));
    notes.extend(note_on_unused(format, &dataset, data));
    Ok(Inspection { name: dataset.name.clone(), counts: counts(format, &dataset), notes, problems })
}

/// Counts beside those of the releases.
fn counts(format: &dyn Format, dataset: &Dataset) -> Vec<Count> {
    let trials = dataset.trials.len() + dataset.skipped_trials;
    let images = dataset.images.len() + dataset.missing.len();
    let published = |counts: fn(&ReleaseCounts) -> &'static [(&'static str, usize)]| {
        let releases = format.releases().iter().map(|release| release.counts());
        releases.flat_map(|of_release| counts(&of_release).to_vec()).collect::<Vec<_>>()
    };
    let (of_trials, of_images) = (published(|c| c.trials), published(|c| c.images));
    let mut counts = vec![
        Count { what: "trials", found: trials, published: of_trials },
        Count { what: "trials that can be run", found: dataset.trials.len(), published: vec![] },
        Count { what: "images that trials name", found: images, published: of_images },
    ];
    let trials = dataset.trials.paradigm();
    if trials.asks_again() {
        let triplets: HashSet<Vec<u32>> =
            (0..trials.count()).map(|trial| trials.question(trial)).collect();
        let published = published(|c| c.triplets);
        counts.push(Count {
            what: "different triplets among them",
            found: triplets.len(),
            published,
        });
    }
    counts
}

/// What is known of images once they are decoded.
#[derive(Default)]
struct Looked {
    /// Those that cannot be.
    bad: Vec<String>,
    /// Those that the budget does not hold.
    beyond: Vec<String>,
    /// What the largest of these needs.
    needed: u64,
    /// Groups of equal ones.
    equal: Vec<String>,
    /// How many have which size.
    sizes: BTreeMap<(usize, usize), usize>,
    /// What is to be told of how they are read.
    notes_on_images: Vec<String>,
}

/// Decodes all images.
fn look_at_images(dataset: &Dataset, memory_bytes: u64, progress: &dyn Progress) -> Looked {
    progress.begin(&format!("{}: decoding images", dataset.name), dataset.images.len() as u64);
    let budget = DecodingBudget::new(for_decoding_alone(memory_bytes));
    let found: Vec<_> = dataset
        .images
        .par_iter()
        .map(|entry| {
            let found = budget.examine(&entry.path);
            progress.advance(1);
            found
        })
        .collect();
    progress.end();
    let notes_on_images = notes_on_reading(found.iter().flatten());
    let mut looked = Looked { notes_on_images, ..Looked::default() };
    let mut by_hash: HashMap<ContentHash, Vec<&str>> = HashMap::new();
    let mut order = Vec::new();
    for (entry, found) in dataset.images.iter().zip(found) {
        match found {
            Ok(Examined { hash, size, .. }) => {
                *looked.sizes.entry(size).or_default() += 1;
                let equal = by_hash.entry(hash).or_default();
                if equal.is_empty() {
                    order.push(hash);
                }
                equal.push(&entry.id);
            }
            Err(error) => match error {
                ImageError::Memory { needed, .. } => {
                    looked.needed = looked.needed.max(needed);
                    looked.beyond.push(error.with_causes());
                }
                _ => looked.bad.push(error.with_causes()),
            },
        }
    }
    let groups = order.iter().map(|hash| &by_hash[hash]).filter(|group| group.len() > 1);
    looked.equal = groups.map(|group| group.join(" = ")).collect();
    looked
}

/// Trials whose images are those of an earlier one; of triplets that is how they are published.
fn trials_twice(dataset: &Dataset) -> Vec<String> {
    let id = |image: u32| dataset.images[image as usize].id.as_str();
    let trials = dataset.trials.paradigm();
    if trials.asks_again() {
        return vec![];
    }
    let images: Vec<Vec<u32>> = (0..trials.count()).map(|i| trials.question(i)).collect();
    let mut seen = BTreeSet::new();
    let again = images.iter().filter(|images| !seen.insert((*images).clone()));
    again.map(|images| images.iter().map(|i| id(*i)).collect::<Vec<_>>().join(", ")).collect()
}

/// Triplets whose odd one seems to stand at another place than it was taken to; what the user says
/// of it is known.
fn odd_place(dataset: &Dataset, options: &DatasetOptions) -> Option<Problem> {
    let found = dataset.odd_place().filter(|_| options.odd.is_none())?;
    let problem = |fix| Problem::new(found.to_string(), [], fix);
    match dataset.odd_taken_as {
        Some(_) => {
            let say = Remedy::SayOdd { place: found.found.name() };
            Some(problem("look at how the file was written").or(say))
        }
        None => Some(problem(
            "look at how the file was written; if it does, change what the file says of it (the \
             column `odd` of a table)",
        )),
    }
}

/// Scores that cannot be, where TID2013 was asked for.
fn out_of_range(asked: DatasetFormat, dataset: &Dataset) -> Vec<String> {
    let trials = dataset.trials.paradigm();
    let Some(ratings) = trials.ratings() else { return vec![] };
    if asked.release() != Some(Release::Tid2013) {
        return vec![];
    }
    let image = |trial: usize| trials.images(trial).last().map(|i| &dataset.images[*i as usize].id);
    let outside = ratings.scores.iter().enumerate().filter(|(_, s)| !(0.0..=9.0).contains(*s));
    outside.filter_map(|(trial, score)| Some(format!("{}: {score}", image(trial)?))).collect()
}

fn note_on_sizes(sizes: &BTreeMap<(usize, usize), usize>) -> Option<String> {
    let most = sizes.iter().max_by_key(|(_, count)| **count)?;
    let ((width, height), count) = most;
    Some(match sizes.len() {
        1 => format!("all {count} images are {width} × {height}"),
        n => format!("images have {n} sizes; {count} of them are {width} × {height}"),
    })
}

fn note_on_ties(trials: &Trials) -> Option<String> {
    let trials = trials.paradigm();
    let is_tie = |trial: &usize| {
        let Answer { left_votes, right_votes, .. } = trials.answer(*trial);
        left_votes.is_some() && left_votes == right_votes
    };
    let ties = (0..trials.count()).filter(is_tie).count();
    (ties > 0).then(|| format!("in {ties} trials as many people chose one image as the other"))
}

/// Images below the folder that no trial uses; of THINGS a concept has many.
fn note_on_unused(format: &dyn Format, dataset: &Dataset, data: &Path) -> Option<String> {
    if format.has_more_images() || !data.is_dir() {
        return None;
    }
    let used: HashSet<&Path> = dataset.images.iter().map(|entry| entry.path.as_path()).collect();
    let mut unused = Vec::new();
    // A folder that cannot be read holds nothing that trials could use.
    let _ = for_each_file(data, &mut |path| {
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let is_image = ending.is_some_and(|e| EXTENSIONS.contains(&e.as_str()));
        if is_image && !used.contains(path) {
            unused.push(path.to_owned());
        }
    });
    unused.sort();
    let first = unused.first()?.strip_prefix(data).ok()?.display().to_string();
    Some(format!("{} images below the folder are in no trial, the first is {first}", unused.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::RgbImage;
    use crate::progress::Silent;

    fn png(value: u8) -> Vec<u8> {
        RgbImage::new(8, 6, vec![value; 8 * 6 * 3]).to_png()
    }

    fn inspected(folder: &Path) -> Inspection {
        let options = DatasetOptions::default();
        inspect(DatasetFormat::PAIRS, folder, &options, 1 << 30, &Silent).expect("read")
    }

    #[test]
    fn every_kind_of_problem_is_told_with_its_files() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, bytes: Vec<u8>| {
            std::fs::write(folder.path().join(name), bytes).expect("written");
        };
        for (name, value) in [("a.png", 1), ("b.png", 2), ("c.png", 3), ("same.png", 3)] {
            write(name, png(value));
        }
        write("pairs.csv", b"reference,distorted,score\na.png,b.png,1\na.png,c.png,2\n".to_vec());
        let fine = inspected(folder.path());
        assert_eq!(fine.problems, []);
        assert!(fine.notes.iter().any(|n| n.contains("the first is same.png")), "{:?}", fine.notes);

        let cut = png(9);
        write("cut.png", cut[..cut.len() / 2].to_vec());
        let rows =
            "a.png,b.png,1\na.png,b.png,2\na.png,cut.png,3\na.png,none.png,4\nc.png,same.png,5\n";
        write("pairs.csv", format!("reference,distorted,score\n{rows}").into_bytes());
        let found = inspected(folder.path());
        let told: Vec<String> =
            found.problems.iter().map(|p| format!("{} {}", p.what, p.examples.join(" "))).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        for (told, parts) in told.iter().zip([
            ["1 images are missing", "none.png"],
            ["1 images cannot be decoded", "cut.png"],
            ["1 groups of images", "c.png = same.png"],
            ["1 trials stand there again", "a.png, b.png"],
        ]) {
            assert!(parts.iter().all(|part| told.contains(part)), "{told} lacks {parts:?}");
        }
        assert_eq!((found.counts[0].found, found.counts[1].found), (5, 4));
    }

    #[test]
    fn a_release_is_known_by_its_count() {
        let published = vec![("TID2013", 3000), ("TID2008", 1700)];
        let count = |found| Count { what: "trials", found, published: published.clone() };
        assert_eq!(count(1700).release(), Some("TID2008"));
        assert_eq!(count(1699).release(), None);
    }
}
