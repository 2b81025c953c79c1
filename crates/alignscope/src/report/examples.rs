//! Sample trials, and those that a model misses most clearly.

mod judge;

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use super::thumbnail::Thumbnails;
use super::{Images, Run, ToldDataset};
use crate::dataset::ImageIndex;
use crate::distance::Distance;
use crate::listing::sha256_of_all;
use crate::progress::Progress;
use crate::results::{
    ResultsError, RunDataset, hash_images, images_root, is_there, read_trials, visit_distances,
};
use crate::stage::Stage;
use judge::{Judged, Question, order_of_samples, questions};

/// Sample trials of a data set, and misses of each model on it.
const SAMPLES: usize = 6;
const MISSES: usize = 3;
/// Models beyond these have no list of misses.
const MOST_MODELS: usize = 16;
/// Each two of so many models are held against each other.
const MOST_COMPARED: usize = 6;
/// Trials on which two models disagree, of each way in which they can.
const DISAGREEMENTS: usize = 2;

/// Examples of one data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Examples {
    pub(super) dataset: String,
    pub(super) samples: Vec<Example>,
    /// For each model the trials whose answer it misses by most.
    pub(super) misses: Vec<(String, Vec<Example>)>,
    /// Why no image is shown, where none is.
    pub(super) without_images: Option<String>,
    /// Images that could not be found again, of those that were looked for.
    pub(super) missing_images: usize,
    pub(super) looked_for: usize,
    /// Models whose misses are left out.
    pub(super) models_left_out: usize,
    /// Where two models answer differently.
    pub(super) disagreements: Vec<Disagreement>,
}

/// Trials that two models answer differently.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Disagreement {
    /// The models.
    pub(super) models: [String; 2],
    /// Questions to which both have an answer.
    pub(super) questions: usize,
    /// How many of them they answer differently; `None` of ratings.
    pub(super) differ: Option<usize>,
    /// Some of them: those that only the first answers as people do, only the second, neither; the
    /// clearest first. Of ratings, those whose ranks differ most.
    pub(super) trials: Vec<Example>,
}

/// A trial with what was answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Example {
    pub(super) title: String,
    pub(super) images: Vec<ExampleImage>,
    pub(super) people: String,
    /// Each model with its answer, and whether that is people's.
    pub(super) answers: Vec<(String, String, Option<bool>)>,
}

/// An image of a trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExampleImage {
    pub(super) id: String,
    /// `reference`, `left`, ….
    pub(super) role: &'static str,
    /// The thumbnail, where the file is still there.
    pub(super) uri: Option<String>,
    /// Whether people chose it.
    pub(super) chosen: bool,
}

/// Distances of the pairs of one model on one data set, by the numbers of their images.
type PairDistances = HashMap<(u32, u32), f64>;

/// Finds examples for every data set of a run.
pub(super) fn gather(run: &Run, images: &Images<'_>) -> Result<Vec<Examples>, ResultsError> {
    let path = run.folder.join("trials.parquet");
    if !is_there(&path) {
        return Ok(vec![]);
    }
    let trials = read_trials(&path)?;
    let distances = last_distances(run, &trials)?;
    let mut thumbnails = Thumbnails::default();
    let mut all = Vec::new();
    for told in &run.told.datasets {
        let Some(dataset) = trials.iter().find(|d| d.name == told.asked.name) else { continue };
        let asked = questions(dataset.trials.paradigm());
        let mut names: Vec<&str> = Vec::new();
        for model in &run.told.models {
            if distances.contains_key(&(told.asked.name.clone(), model.name.clone())) {
                names.push(&model.name);
            }
        }
        let of_models: Vec<(&str, Vec<Judged>)> = names
            .iter()
            .map(|name| {
                let of_pairs = &distances[&(told.asked.name.clone(), (*name).to_owned())];
                (*name, judge::judge(&asked, of_pairs))
            })
            .collect();
        let looked_for;
        let (images, without_images) = match images {
            Images::Known(known) => {
                let images = known.get(&dataset.name);
                (images, images.is_none().then(|| MADE_WITHOUT_IMAGES.to_owned()))
            }
            Images::LookedFor { data, progress } => {
                looked_for = look_for(told, dataset, data.get(&dataset.name), *progress);
                if progress.is_stopped() {
                    return Err(ResultsError::Stopped);
                }
                (looked_for.as_ref().ok(), looked_for.as_ref().err().cloned())
            }
        };
        let mut place = Place {
            images,
            dataset,
            people: run.people(),
            thumbnails: &mut thumbnails,
            missing: 0,
            looked_for: 0,
        };
        let step = asked.len().div_ceil(SAMPLES).max(1);
        let order = order_of_samples(dataset.trials.paradigm(), &asked);
        let samples = order
            .into_iter()
            .step_by(step)
            .map(|i| place.example(&asked[i], i, &of_models))
            .collect();
        let misses = of_models
            .iter()
            .take(MOST_MODELS)
            .map(|(name, judged)| {
                let mut missed: Vec<usize> = (0..asked.len())
                    .filter(|i| judged[*i].margin.is_some_and(|m| m > 0.0))
                    .collect();
                let margin = |i: &usize| judged[*i].margin.unwrap_or(0.0);
                missed.sort_by(|a, b| margin(b).total_cmp(&margin(a)).then(a.cmp(b)));
                let examples = missed.iter().take(MISSES).map(|i| {
                    let own = [(*name, judged.clone())];
                    place.example(&asked[*i], *i, &own)
                });
                ((*name).to_owned(), examples.collect())
            })
            .collect();
        let disagreements = place.disagreements(&asked, &of_models, &kinds_of(run));
        all.push(Examples {
            dataset: told.asked.name.clone(),
            samples,
            misses,
            without_images,
            missing_images: place.missing,
            looked_for: place.looked_for,
            models_left_out: of_models.len().saturating_sub(MOST_MODELS),
            disagreements,
        });
    }
    Ok(all)
}

/// Why the images of a data set that was opened without them are not shown.
const MADE_WITHOUT_IMAGES: &str = "the run was made without them";

/// The distances of every model at its last stage: an encoder's by the page's distance, a
/// baseline's output, the pixels.
fn last_distances(
    run: &Run,
    trials: &[RunDataset],
) -> Result<BTreeMap<(String, String), PairDistances>, ResultsError> {
    let path = run.folder.join("distances.parquet");
    let mut found: BTreeMap<(String, String), PairDistances> = BTreeMap::new();
    if !is_there(&path) {
        return Ok(found);
    }
    let index: HashMap<&str, HashMap<&str, ImageIndex>> = trials
        .iter()
        .map(|d| (d.name.as_str(), d.images.iter().map(String::as_str).zip(0..).collect()))
        .collect();
    let main = run.main_distance().to_string();
    let (own, image) = (Distance::Own.to_string(), Stage::Image.to_string());
    let standing = run.standing();
    let last_stages = run.last_stages().into_iter().filter(|(model, _)| standing.contains(model));
    let last_stages: BTreeMap<&str, String> =
        last_stages.map(|(model, stage)| (model, stage.to_string())).collect();
    visit_distances(&path, |row| {
        let last = row.distance == own
            || row.stage == image
            || (row.distance == main
                && last_stages.get(row.model).is_some_and(|stage| stage == row.stage));
        if !last {
            return;
        }
        let Some(images) = index.get(row.dataset) else { return };
        let [a, b] = [row.image_a, row.image_b].map(|id| images.get(id).copied());
        let (Some(a), Some(b)) = (a, b) else { return };
        let key = (row.dataset.to_owned(), row.model.to_owned());
        found.entry(key).or_default().insert((a.min(b), a.max(b)), row.value);
    })?;
    Ok(found)
}

/// The images of a data set where the manifest or the user says that they lie; or why they are not
/// shown.
fn look_for(
    told: &ToldDataset,
    dataset: &RunDataset,
    now: Option<&PathBuf>,
    progress: &dyn Progress,
) -> Result<HashMap<String, (PathBuf, String)>, String> {
    let remedy = format!("draw the report again and say where the folder of {} is", dataset.name);
    check_ids(told, dataset)?;
    let Some(expected) = &told.images_sha256 else {
        return Err(MADE_WITHOUT_IMAGES.to_owned());
    };
    let root = images_root(&told.data, &told.images_root, now.map(PathBuf::as_path));
    let hashes = hash_images(dataset, &root, progress)
        .map_err(|why| format!("one cannot be read ({why}); {remedy}"))?;
    let ids = || dataset.images.iter().map(String::as_str);
    if sha256_of_all(ids().zip(&hashes)) != *expected {
        return Err(format!(
            "those in {} are not those that the run was made from; {remedy}",
            root.display()
        ));
    }
    Ok(ids().zip(hashes).map(|(id, hash)| (id.to_owned(), (root.join(id), hash))).collect())
}

/// Refuses ids that no run looks for below its data set's folder, before any image is read: paths
/// that lead out of it, two paths of one file (`a/x`, `a/./x`), and another number of them than the
/// manifest has.
fn check_ids(told: &ToldDataset, dataset: &RunDataset) -> Result<(), String> {
    if let Some(id) = dataset.images.iter().find(|id| !is_inner(id)) {
        return Err(format!("the path {id} of one leads out of the data set's folder"));
    }
    if let Some(id) = dataset.images.iter().find(|id| !is_plain(id)) {
        return Err(format!("the path {id} of one has a part that is empty or `.`"));
    }
    match dataset.images.len() {
        n if n != told.images => {
            Err(format!("the trials name {n} of them, the manifest {}", told.images))
        }
        _ => Ok(()),
    }
}

/// Whether a path is one below a folder.
fn is_inner(id: &str) -> bool {
    Path::new(id).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whether a path is spelled as runs spell it, so that no other path is of the same file.
fn is_plain(id: &str) -> bool {
    id.split('/').all(|part| !part.is_empty() && part != ".")
}

/// In which order models are held against each other: encoders, their controls, baselines, pixels.
fn kinds_of(run: &Run) -> BTreeMap<&str, u8> {
    let specs = run.specs();
    let mut kinds = BTreeMap::new();
    for row in &run.scores {
        let kind = match (row.stage, row.distance) {
            (Stage::Image, _) => 3,
            (_, Distance::Own) => 2,
            _ if specs.is_control(&row.model) => 1,
            _ => 0,
        };
        kinds.entry(row.model.as_str()).or_insert(kind);
    }
    kinds
}

/// Where the images of a data set are looked for.
struct Place<'a> {
    images: Option<&'a HashMap<String, (PathBuf, String)>>,
    dataset: &'a RunDataset,
    people: &'a str,
    thumbnails: &'a mut Thumbnails,
    missing: usize,
    looked_for: usize,
}

impl Place<'_> {
    /// What each two of the first models answer differently.
    fn disagreements(
        &mut self,
        asked: &[Question],
        of_models: &[(&str, Vec<Judged>)],
        kinds: &BTreeMap<&str, u8>,
    ) -> Vec<Disagreement> {
        let mut compared: Vec<&(&str, Vec<Judged>)> = of_models.iter().collect();
        compared.sort_by_key(|(name, _)| kinds.get(name).copied());
        compared.truncate(MOST_COMPARED);
        let mut found = Vec::new();
        for (i, (name_a, a)) in compared.iter().enumerate() {
            for (name_b, b) in &compared[i + 1..] {
                let between = judge::disagreements(a, b, DISAGREEMENTS);
                let both = [(*name_a, a), (*name_b, b)];
                let trials = between.shown.iter().map(|i| self.between(&asked[*i], *i, both));
                found.push(Disagreement {
                    models: [(*name_a).to_owned(), (*name_b).to_owned()],
                    questions: between.questions,
                    differ: between.differ,
                    trials: trials.collect(),
                });
            }
        }
        found
    }

    fn between(
        &mut self,
        question: &Question,
        number: usize,
        both: [(&str, &Vec<Judged>); 2],
    ) -> Example {
        let mut example = self.example(question, number, &[]);
        let answer = |(name, judged): (&str, &Vec<Judged>)| {
            (name.to_owned(), judged[number].answer.clone(), judged[number].agrees)
        };
        example.answers = both.into_iter().map(answer).collect();
        example
    }

    fn example(
        &mut self,
        question: &Question,
        number: usize,
        models: &[(&str, Vec<Judged>)],
    ) -> Example {
        let roles = self.dataset.trials.paradigm().roles();
        let images: Vec<ExampleImage> = question
            .images
            .iter()
            .enumerate()
            .map(|(side, image)| {
                let id = self.dataset.images[*image as usize].clone();
                let known = self.images.and_then(|images| images.get(&id));
                let uri = known.and_then(|(path, hash)| self.thumbnails.of(path, hash));
                self.looked_for += 1;
                self.missing += usize::from(uri.is_none());
                ExampleImage {
                    id,
                    role: roles[side],
                    uri,
                    chosen: question.chosen_images().contains(&side),
                }
            })
            .collect();
        let answers = models
            .iter()
            .map(|(name, judged)| {
                let judged = &judged[number];
                ((*name).to_owned(), judged.answer.clone(), judged.agrees)
            })
            .collect();
        Example {
            title: format!("trial {}", self.dataset.trial_ids[question.first]),
            images,
            people: format!("{}: {}", self.people, question.told),
            answers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::dataset::{Clusters, OddOneOut, Trials};

    /// Counts the images that are read, and stops after the first.
    #[derive(Default)]
    struct StopsAfterOne(AtomicU64);

    impl Progress for StopsAfterOne {
        fn begin(&self, _task: &str, _steps: u64) {}

        fn advance(&self, steps: u64) {
            self.0.fetch_add(steps, Ordering::SeqCst);
        }

        fn end(&self) {}

        fn note(&self, _message: &str) {}

        fn is_stopped(&self) -> bool {
            self.0.load(Ordering::SeqCst) > 0
        }
    }

    /// What a manifest says of images in `root`.
    fn told(root: &Path, images: usize) -> ToldDataset {
        let told = serde_json::json!({
            "name": "oddoneout", "data": root, "images_root": root, "images_sha256": "0",
            "trials": 1, "pairs": 3, "images": images, "clusters": 1,
            "skipped_trials": 0, "missing_images": 0, "notes": [],
        });
        serde_json::from_value(told).expect("a data set of a manifest")
    }

    fn dataset(images: &[String]) -> RunDataset {
        RunDataset {
            name: "oddoneout".to_owned(),
            images: images.to_vec(),
            trials: Trials::OddOneOut(vec![OddOneOut { images: [0, 1, 2], odd: 2 }]),
            trial_ids: vec![1],
            clusters: Clusters::of_keys([0_u32].into_iter()),
            default_clusters: vec![0],
            response_times: None,
        }
    }

    /// Why images are not shown, and how many of them were read.
    fn refused(told: &ToldDataset, images: &[String]) -> (String, u64) {
        let progress = StopsAfterOne::default();
        let why = look_for(told, &dataset(images), None, &progress).expect_err("not shown");
        (why, progress.0.into_inner())
    }

    #[test]
    fn no_image_is_read_under_several_names_or_of_more_than_the_manifest_has() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("a")).expect("made");
        std::fs::write(folder.path().join("a/x"), b"an image").expect("written");
        let told = told(folder.path(), 3);
        for (id, said) in [
            ("a/./x", "the path a/./x of one has a part that is empty or `.`"),
            ("./a/x", "has a part that is empty"),
            ("a//x", "has a part that is empty"),
            ("a/x/", "has a part that is empty"),
            ("", "has a part that is empty"),
            ("a/../a/x", "leads out"),
            ("/a/x", "leads out"),
        ] {
            let ids = ["a/x", "a/y", id].map(str::to_owned);
            let (why, read) = refused(&told, &ids);
            assert!(why.contains(said) && read == 0, "{id}: {why}, {read} read");
        }
        let (why, read) = refused(&told, &["a/x", "a/y"].map(str::to_owned));
        assert!(why.contains("the trials name 2 of them, the manifest 3") && read == 0, "{why}");
    }

    #[test]
    fn a_user_can_stop_while_images_are_hashed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ids: Vec<String> = (0..1000).map(|i| format!("{i}.png")).collect();
        for id in &ids {
            std::fs::write(folder.path().join(id), b"an image").expect("written");
        }
        let (why, read) = refused(&told(folder.path(), ids.len()), &ids);
        assert!(why.contains("stopped") && read < 100, "{why}, {read} read");
    }
}
