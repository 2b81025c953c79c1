//! What the study published: its own scores, to be laid under a user's.
//!
//! # Source
//! `study/published.csv`: the result files of the authors of Hernández-Cámara, Vila-Tomás, Malo and
//! Laparra (2024), Figures 2–5 and 9, and their baselines.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use crate::csv_row::{csv_row, name};
use crate::dataset::{ALL, Level, Release};
use crate::distance::Distance;
use crate::model_spec::{Specs, base_of};
use crate::results::{ResultsError, ScoreRow, read_rows, rows_of_csv, write_rows};
use crate::score::{Measure, Ties};
use crate::shown::thousands;
use crate::stage::Stage;

/// Data sets of a run of which a part was asked for, each with what was asked.
pub type AskedParts = BTreeMap<String, String>;

const TABLE: &str = include_str!("study/published.csv");

/// Its blocks were fed the bare patch embedding, as `@bare-patches` does.
const BIOMED_CLIP: &str = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224";

/// One score of the study.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedScore {
    /// The release that the study scored.
    pub release: Release,
    /// The model's id, `pixels`, `ssim`, `lpips` or `perceptnet`.
    pub model: String,
    /// The kind of distance.
    pub distance: Distance,
    /// The stage.
    pub stage: Stage,
    /// Where figures show it.
    pub depth_percent: f64,
    /// Spearman's correlation for TID2013, to three digits; the share of correct answers elsewhere.
    pub value: f64,
}

csv_row! {
    /// A score of a run beside the same of the study: a row of `published-differences.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct PublishedDifference {
        /// The name of the data set in the run.
        pub dataset: String as name,
        /// The model of the run: a hub id, or for `lpips` the LPIPS that was run.
        pub model: String as name,
        /// The kind of distance.
        pub distance: Distance,
        /// The stage.
        pub stage: Stage,
        /// What the study published.
        pub published: f64,
        /// What the run found.
        pub found: f64,
        /// Found less published.
        pub difference: f64,
        /// Trials of the run.
        pub n: usize,
        /// Trials of the study.
        pub published_n: usize,
    }
}

impl PublishedDifference {
    fn new(row: &ScoreRow, score: &PublishedScore) -> Self {
        Self {
            dataset: row.dataset.clone(),
            model: row.model.clone(),
            distance: if score.is_of_pixels() { Distance::Euclidean } else { score.distance },
            stage: score.stage,
            published: score.value,
            found: row.value,
            difference: row.value - score.value,
            n: row.n,
            published_n: score.trials(),
        }
    }
}

impl PublishedScore {
    /// Whether this is a score of a run's model, or of the model whose control it is: the id is the
    /// same, and BiomedCLIP has `@bare-patches`.
    pub fn shows(&self, model: &str) -> bool {
        base_of(model) == self.model
            && (self.model == BIOMED_CLIP) == model.ends_with("@bare-patches")
    }

    /// Whether it and a row of a run are scores of the same thing. The pixels' stands in each curve.
    fn same_as(&self, row: &ScoreRow, specs: &Specs, parts: &AskedParts) -> bool {
        let of_model = match self.stage {
            Stage::Output => {
                row.model == self.model
                    || (self.model == "lpips" && row.model.starts_with("lpips-"))
            }
            Stage::Image => false,
            _ => self.shows(specs.of(&row.model)) && !specs.is_control(&row.model),
        };
        of_model
            && row.release == Some(self.release)
            && row.stage == self.stage
            && row.distance == self.distance
            && row.subset == ALL
            && row.measure.is_main()
            && row.value.is_finite()
            && not_comparable(row, parts).is_none()
    }

    /// Whether it is the pixels', which stands in each curve.
    fn is_of_pixels(&self) -> bool {
        self.stage == Stage::Image
    }

    /// Trials that the study scored.
    pub fn trials(&self) -> usize {
        self.studied().trials
    }

    fn studied(&self) -> Studied {
        Studied::of(self.release).expect("published scores are of data sets of the study")
    }
}

/// What the study scored of a data set.
#[derive(Debug, Clone, Copy)]
struct Studied {
    /// Trials that it scored.
    trials: usize,
    /// Trials of another release of the very same questions, where there is one.
    other_release: Option<usize>,
    /// The level of abstraction.
    level: Level,
    /// The measure of its scores.
    measure: Measure,
    /// The score of answers by chance.
    chance: f64,
}

impl Studied {
    /// `None` for releases that the study did not score.
    fn of(release: Release) -> Option<Self> {
        match release {
            Release::Tid2013 => Some(Self {
                trials: 3_000,
                other_release: None,
                level: Level::Low,
                measure: Measure::Spearman,
                chance: 0.0,
            }),
            Release::Nights => Some(Self {
                trials: 20_019,
                other_release: None,
                level: Level::Middle,
                measure: Measure::Accuracy,
                chance: 0.5,
            }),
            Release::Things => Some(Self {
                trials: 15_640,
                other_release: Some(20_000),
                level: Level::High,
                measure: Measure::Accuracy,
                chance: 1.0 / 3.0,
            }),
            Release::Tid2008
            | Release::Kadid10k
            | Release::Csiq
            | Release::Live
            | Release::LiveMd
            | Release::Pipal
            | Release::PieApp
            | Release::Bapps => None,
        }
    }
}

/// Why a score of a whole data set is not held against the study's; `None` where it may be.
///
/// It is where the data set is one that the study scored, all of its trials were run (of THINGS's
/// `testset1` in either of its releases), and ties count as in the study.
fn not_comparable(row: &ScoreRow, parts: &AskedParts) -> Option<String> {
    let Some(studied) = row.release.and_then(Studied::of) else {
        return Some("the study has no scores on it".to_owned());
    };
    if let Some(asked) = parts.get(&row.dataset) {
        return Some(format!("a part of it was asked for ({asked}), which is another data set"));
    }
    if row.n != studied.trials && Some(row.n) != studied.other_release {
        return Some(format!(
            "{} trials were scored, {} by the study, and a part is another data set",
            thousands(row.n),
            thousands(studied.trials)
        ));
    }
    // A rule for ties that met none is none.
    let ties = row.measure.counts_ties() && row.n_ties > 0 && row.ties != Ties::Miss;
    ties.then(|| format!("ties count by the rule `{}`, in the study as a miss", row.ties))
}

/// Whether the scores of a whole data set may be held against the study's.
pub(crate) fn is_comparable(rows: &[ScoreRow], dataset: &str, parts: &AskedParts) -> bool {
    shown_rows(rows, dataset).all(|row| not_comparable(row, parts).is_none())
}

/// The rows of a whole data set by the measure that figures show.
fn shown_rows<'a>(rows: &'a [ScoreRow], dataset: &str) -> impl Iterator<Item = &'a ScoreRow> {
    let main = |row: &&ScoreRow| row.subset == ALL && row.measure.is_main();
    rows.iter().filter(main).filter(move |row| row.dataset == dataset)
}

/// The data sets of a run by name, in the order of its scores.
fn datasets_of(rows: &[ScoreRow]) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for row in rows {
        if found.last() != Some(&row.dataset.as_str()) && !found.contains(&row.dataset.as_str()) {
            found.push(&row.dataset);
        }
    }
    found
}

/// What is said where other tokens were compared than the study's, so that nothing is held against
/// its scores.
pub fn other_tokens(tokens: &str) -> String {
    format!(
        "nothing is held against the published scores: the tokens compared are `{tokens}`, in the \
         study `all`"
    )
}

/// What a reader of a run that is laid over the study's scores must know: for each data set that
/// is not, why, and for a release that is not the study's own how many trials each has.
pub fn published_notes(rows: &[ScoreRow], parts: &AskedParts) -> Vec<String> {
    let of = |dataset: &str| {
        let why = shown_rows(rows, dataset).find_map(|row| not_comparable(row, parts));
        if let Some(why) = why {
            return Some(format!("{dataset} is not held against the published scores: {why}"));
        }
        let row = shown_rows(rows, dataset).next()?;
        let studied = row.release.and_then(Studied::of)?;
        (row.n != studied.trials).then(|| {
            format!(
                "{dataset} has {} trials, the published scores are of {} of another release",
                thousands(row.n),
                thousands(studied.trials)
            )
        })
    };
    datasets_of(rows).into_iter().filter_map(of).collect()
}

csv_row! {
    /// A row of the built-in table.
    struct TableRow {
        dataset: Release,
        model: String,
        distance: Distance,
        stage: Stage,
        depth_percent: f64,
        score: f64,
    }
}

/// All that the study published, in the order of its tables.
pub fn published_scores() -> &'static [PublishedScore] {
    static SCORES: LazyLock<Vec<PublishedScore>> = LazyLock::new(|| {
        let rows = rows_of_csv::<TableRow>(Path::new("published.csv"), TABLE.as_bytes());
        let score = |row: TableRow| PublishedScore {
            release: row.dataset,
            model: row.model,
            distance: row.distance,
            stage: row.stage,
            depth_percent: row.depth_percent,
            value: row.score,
        };
        let whole = "the built-in table is whole, which a test holds";
        rows.expect(whole).into_iter().map(score).collect()
    });
    &SCORES
}

/// The published scores as rows of a run, to be drawn by themselves. The pixels' score stands once.
pub fn published_rows() -> Vec<ScoreRow> {
    let mut rows: Vec<ScoreRow> = Vec::new();
    for score in published_scores() {
        let pixels = score.is_of_pixels();
        let of_pixels = |r: &ScoreRow| r.stage == Stage::Image && r.release == Some(score.release);
        if pixels && rows.iter().any(of_pixels) {
            continue;
        }
        rows.push(ScoreRow {
            dataset: score.release.name().to_owned(),
            subset: ALL.to_owned(),
            model: match (pixels, score.model.as_str()) {
                (true, _) => "pixels".to_owned(),
                (false, BIOMED_CLIP) => format!("{BIOMED_CLIP}@bare-patches"),
                (false, model) => model.to_owned(),
            },
            stage: score.stage,
            depth_percent: score.depth_percent,
            distance: if pixels { Distance::Euclidean } else { score.distance },
            measure: score.studied().measure,
            value: score.value,
            ci_low: None,
            ci_high: None,
            n: score.trials(),
            n_clusters: 0,
            n_ties: 0,
            chance: Some(score.studied().chance),
            n_left_out: 0,
            zero_channels: 0,
            ties: Ties::Miss,
            simulated: false,
            bca_low: None,
            bca_high: None,
            ceiling: None,
            ci_note: None,
            level: score.studied().level,
            release: Some(score.release),
            series: None,
            step: None,
        });
    }
    rows
}

/// Each published score that a run has too.
///
/// - `specs` — what the run's models are
/// - `parts` — data sets of which it has a part
pub fn published_differences(
    rows: &[ScoreRow],
    specs: &Specs,
    parts: &AskedParts,
) -> Vec<PublishedDifference> {
    let mut found = Vec::new();
    for score in published_scores() {
        let same = rows.iter().filter(|row| score.same_as(row, specs, parts));
        found.extend(same.map(|row| PublishedDifference::new(row, score)));
    }
    for dataset in datasets_of(rows) {
        let row = shown_rows(rows, dataset).find(|row| {
            row.stage == Stage::Image
                && row.value.is_finite()
                && not_comparable(row, parts).is_none()
        });
        let Some(row) = row else { continue };
        let of_pixels = |s: &&PublishedScore| Some(s.release) == row.release && s.is_of_pixels();
        let score = published_scores().iter().find(of_pixels);
        found.extend(score.map(|score| PublishedDifference::new(row, score)));
    }
    found
}

/// Writes `published-differences.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_published_differences(
    path: &Path,
    differences: &[PublishedDifference],
) -> Result<(), ResultsError> {
    write_rows(path, differences)
}

/// Reads `published-differences.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_published_differences(path: &Path) -> Result<Vec<PublishedDifference>, ResultsError> {
    read_rows(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_holds_what_the_study_says() {
        let scores = published_scores();
        // 27 curves: 7 models of 15 or 27 points on 3 data sets, two more distances for B/16; 9 baselines.
        assert_eq!(scores.len(), 3 * (7 * 15 + 2 * 27) + 9);
        let of = |release, model: &str, distance, stage| {
            let same = |s: &&PublishedScore| {
                s.release == release
                    && s.model == model
                    && s.distance == distance
                    && s.stage == stage
            };
            scores.iter().find(same).map(|s| s.value)
        };
        let b32 = "openai/clip-vit-base-patch32";
        let normalized = Distance::NormalizedEuclidean;
        assert_eq!(of(Release::Tid2013, b32, normalized, Stage::Image), Some(0.687));
        assert_eq!(of(Release::Tid2013, b32, normalized, Stage::Embedding), Some(0.816));
        assert_eq!(of(Release::Tid2013, "perceptnet", Distance::Own, Stage::Output), Some(0.909));
        assert_eq!(of(Release::Things, "ssim", Distance::Own, Stage::Output), Some(0.344));
        assert!(scores.iter().all(|s| (0.0..=1.0).contains(&s.value)));
        for score in scores.iter().filter(|s| s.distance != Distance::Own) {
            let blocks = if score.model.contains("large") { 24 } else { 12 };
            assert!((score.depth_percent - score.stage.depth_percent(blocks)).abs() < 5e-3);
        }
    }

    #[test]
    fn a_run_that_found_the_published_scores_differs_by_nothing() {
        let mut rows = published_rows();
        let differences = published_differences(&rows, &Specs::default(), &AskedParts::new());
        // The pixels' score stands once a data set, and `lpips` is none of ours.
        assert_eq!(differences.len(), rows.len());
        assert!(differences.iter().all(|d| d.found == d.published && d.difference == 0.0));
        rows.retain(|row| row.model == "openai/clip-vit-base-patch16");
        for row in &mut rows {
            row.model = format!("random:{}", row.model);
        }
        assert_eq!(
            published_differences(&rows, &Specs::default(), &AskedParts::new()),
            [],
            "a control is another model"
        );
    }

    /// The rows of the study, of another data set or of other trials.
    fn rows_of(release: Release, change: impl Fn(&mut ScoreRow)) -> Vec<ScoreRow> {
        let mut rows = published_rows();
        rows.retain(|row| row.release == Some(release));
        rows.iter_mut().for_each(change);
        rows
    }

    #[test]
    fn only_what_the_study_scored_is_held_against_its_scores() {
        for release in Release::ALL.into_iter().map(Some).chain([None]) {
            let studied = release.is_some_and(|release| Studied::of(release).is_some());
            let published = |score: &PublishedScore| Some(score.release) == release;
            assert_eq!(studied, published_scores().iter().any(published), "{release:?}");
            // The very scores of the study, as another data set would have them.
            for of_study in [Release::Tid2013, Release::Nights, Release::Things] {
                let rows = rows_of(release.filter(|_| studied).unwrap_or(of_study), |row| {
                    row.release = release;
                });
                assert_eq!(
                    published_differences(&rows, &Specs::default(), &AskedParts::new()).len(),
                    if studied { rows.len() } else { 0 }
                );
                let notes = published_notes(&rows, &AskedParts::new());
                let none = "the study has no scores on it";
                assert!(if studied { notes.is_empty() } else { notes[0].contains(none) });
            }
        }
    }

    #[test]
    fn a_name_makes_no_release() {
        let named = |row: &mut ScoreRow| (row.dataset, row.release) = ("nights".to_owned(), None);
        let rows = rows_of(Release::Nights, named);
        assert_eq!(published_differences(&rows, &Specs::default(), &AskedParts::new()), []);
        let named = |row: &mut ScoreRow| row.dataset = "mine".to_owned();
        let rows = rows_of(Release::Nights, named);
        let differences = published_differences(&rows, &Specs::default(), &AskedParts::new());
        assert_eq!(differences.len(), rows.len());
        assert!(differences.iter().all(|difference| difference.dataset == "mine"));
    }

    #[test]
    fn a_part_of_a_data_set_is_not_held_against_the_whole() {
        for (release, n) in [
            (Release::Tid2013, 2_999),
            (Release::Tid2013, 10_125),
            (Release::Nights, 24_144),
            (Release::Nights, 100),
            (Release::Things, 18_985),
        ] {
            let rows = rows_of(release, |row| row.n = n);
            assert_eq!(
                published_differences(&rows, &Specs::default(), &AskedParts::new()),
                [],
                "{release}, {n}"
            );
            assert!(!is_comparable(&rows, release.name(), &AskedParts::new()));
            let notes = published_notes(&rows, &AskedParts::new());
            assert!(notes[0].contains(&thousands(n)), "{notes:?}");
        }
    }

    #[test]
    fn as_many_trials_of_another_split_are_not_held_against_the_study() {
        let rows = rows_of(Release::Things, |_| {});
        let parts = AskedParts::from([("things".to_owned(), "the split trainset".to_owned())]);
        assert_eq!(published_differences(&rows, &Specs::default(), &parts), []);
        assert!(!is_comparable(&rows, "things", &parts));
        let notes = published_notes(&rows, &parts);
        assert!(notes[0].contains("asked for (the split trainset)"), "{notes:?}");
    }

    #[test]
    fn another_release_of_the_same_questions_is_told_with_both_counts() {
        let rows = rows_of(Release::Things, |row| row.n = 20_000);
        let differences = published_differences(&rows, &Specs::default(), &AskedParts::new());
        assert_eq!(differences.len(), rows.len());
        assert!(differences.iter().all(|d| (d.n, d.published_n) == (20_000, 15_640)));
        let notes = published_notes(&rows, &AskedParts::new());
        assert!(notes[0].contains("20,000 trials") && notes[0].contains("15,640"), "{notes:?}");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("differences.csv");
        write_published_differences(&path, &differences).expect("written");
        let text = std::fs::read_to_string(path).expect("read");
        assert!(text.lines().next().is_some_and(|line| line.ends_with(",n,published_n")));
        assert!(text.lines().skip(1).all(|line| line.ends_with(",20000,15640")), "{text}");
    }

    #[test]
    fn another_rule_for_ties_is_another_score() {
        let rows = |n_ties| {
            rows_of(Release::Nights, |row| {
                row.ties = Ties::Half;
                row.n_ties = n_ties;
            })
        };
        assert_eq!(published_differences(&rows(1), &Specs::default(), &AskedParts::new()), []);
        assert!(
            published_notes(&rows(1), &AskedParts::new())[0].contains("in the study as a miss")
        );
        assert_eq!(
            published_differences(&rows(0), &Specs::default(), &AskedParts::new()).len(),
            rows(0).len(),
            "none was met"
        );
    }
}
