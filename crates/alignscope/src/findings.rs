//! What is read off a curve of scores, against depth or over a training.

mod chosen;
mod elsewhere;
mod points;
mod training;

pub use elsewhere::chosen_elsewhere;
pub(crate) use points::{level, points};
pub(crate) use training::sentences;
pub use training::{State, TrainingCurve, chosen_stages};

use chosen::ChosenStage;

use crate::csv_row::{choice_field, csv_row, name};
use crate::distance::Distance;
use crate::energy::{EnergyOf, EnergyRow};
use crate::model_spec::SeriesStep;
use crate::resample::{Interval, NoInterval, Replicates, Together};
use crate::score::Measure;
use crate::stage::Stage;

/// More stages that are chosen on some half are counted together.
const MOST_OTHERS: usize = 3;

/// Something that a curve shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finding {
    /// The stage with the highest score.
    Peak,
    /// What the stage that is best on one half of the clusters scores on the other half, the mean
    /// over many splits.
    ChosenStage,
    /// What the stage that is best on another data set scores.
    StageChosenElsewhere,
    /// The first stage that is clearly above the pixels.
    Onset,
    /// How far the score falls from one block to a later one, where it rises again after that.
    MidDepthDrop,
    /// The score at the last stage.
    Projection,
    /// How far the score falls from the peak to the last stage.
    FallToLast,
    /// The peak as a part of what lies between chance and ceiling.
    NormalizedPeak,
    /// The score at the last stage as a part of what lies between chance and ceiling; also of baselines
    /// and the pixels, whose only stage is their last.
    NormalizedProjection,
    /// The first stage at which one channel holds half of the energy or more.
    HalfInOneChannel,
    /// Of a series, the state with the highest score at a stage.
    TrainingPeak,
    /// Of a series, how far the score at a stage falls from its highest to the last state.
    TrainingFall,
}

impl Finding {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Peak,
        Self::ChosenStage,
        Self::StageChosenElsewhere,
        Self::Onset,
        Self::MidDepthDrop,
        Self::Projection,
        Self::FallToLast,
        Self::NormalizedPeak,
        Self::NormalizedProjection,
        Self::HalfInOneChannel,
        Self::TrainingPeak,
        Self::TrainingFall,
    ];

    /// The name used in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peak => "peak",
            Self::ChosenStage => "chosen-stage",
            Self::StageChosenElsewhere => "stage-chosen-on",
            Self::Onset => "onset",
            Self::MidDepthDrop => "mid-depth-drop",
            Self::Projection => "projection",
            Self::FallToLast => "fall-to-last",
            Self::NormalizedPeak => "normalized-peak",
            Self::NormalizedProjection => "normalized-projection",
            Self::HalfInOneChannel => "half-in-one-channel",
            Self::TrainingPeak => "training-peak",
            Self::TrainingFall => "training-fall",
        }
    }
}

choice!(Finding, "finding");
choice_field!(Finding);

csv_row! {
    /// A finding: a row of `findings.csv`.
    #[derive(Debug, Clone, PartialEq)]
    pub struct FindingRow {
        /// The data set.
        pub dataset: String as name,
        /// The model.
        pub model: String as name,
        /// The kind of distance; `None` if it is of energy.
        pub distance: Option<Distance>,
        /// What was measured; `None` if it is of energy.
        pub measure: Option<Measure>,
        /// Whose energy; `None` if it is of scores.
        pub energy: Option<EnergyOf>,
        /// What was found.
        pub finding: Finding,
        /// At which stage; none where there is no such thing.
        pub stage: Option<Stage>,
        /// Where that stage stands in figures.
        pub depth_percent: Option<f64>,
        /// How much it is; NaN where there is no such thing.
        pub value: f64,
        /// Lower end of the interval, where there is one.
        pub ci_low: Option<f64>,
        /// Upper end of the interval, where there is one.
        pub ci_high: Option<f64>,
        /// What else there is to know.
        pub note: String,
        /// The series of which the model is a state, if it is one.
        pub series: Option<String>,
        /// The step of that state.
        pub step: Option<usize>,
        /// The least step at which a series peaks in 95 of 100 resamples, where it is of a series.
        pub step_low: Option<usize>,
        /// The greatest such step.
        pub step_high: Option<usize>,
        /// The data set on which the stage was chosen, where that is another.
        pub chosen_on: Option<String>,
    }
}

/// A stage of a curve.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// The stage.
    pub stage: Stage,
    /// Where it stands in figures.
    pub depth_percent: f64,
    /// Its score, under all resamples.
    pub replicates: &'a Replicates,
    /// Its score on both halves of each split of the clusters; empty if they were not split
    /// ([`ColumnScores::halves`](crate::score::ColumnScores::halves)).
    pub halves: &'a [[f64; 2]],
}

/// The curve of a model on a data set.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// The data set.
    pub dataset: &'a str,
    /// The model.
    pub model: &'a str,
    /// Which state of a series the model is, if it is one.
    pub state: Option<&'a SeriesStep>,
    /// The kind of distance.
    pub distance: Distance,
    /// What was measured.
    pub measure: Measure,
    /// Its stages, by depth.
    pub points: Vec<Point<'a>>,
    /// The score of the pixels, where they were run.
    pub image: Option<&'a Replicates>,
    /// The ceiling, where it is known.
    pub ceiling: Option<&'a Replicates>,
    /// The score by chance.
    pub chance: f64,
}

impl Curve<'_> {
    /// Peak, chosen stage, onset, mid-depth drop, projection, fall from the peak to the last stage,
    /// normalized peak and projection.
    /// Scores that are not defined are passed over.
    ///
    /// The peak is the highest of many scores that are each a little off by chance, and so is too
    /// high on average; the chosen stage is scored on other clusters than it was chosen by, and is
    /// not.
    ///
    /// The onset, the drop and the fall to the last stage are looked for among many stages, so that
    /// their intervals hold together for all of them ([`Together`]): a flat curve has one that is
    /// clear of 0 in no more than 5 % of data sets. The other intervals are of the stage that was found.
    pub fn findings(&self) -> Vec<FindingRow> {
        let points: Vec<Point<'_>> =
            self.points.iter().filter(|p| !p.replicates.estimate.is_nan()).copied().collect();
        let (Some(last), Some(peak)) = (points.last(), highest(&points)) else { return vec![] };
        let mut rows =
            vec![self.row(Finding::Peak, Some(&peak), peak.replicates, peak_depths(&points))];
        rows.push(self.chosen(&points, &peak));
        rows.push(self.onset(&points));
        rows.push(self.drop(&points));
        rows.push(self.row(Finding::Projection, Some(last), last.replicates, String::new()));
        rows.push(self.fall(&points, &peak));
        rows.push(self.normalized(Finding::NormalizedPeak, &peak));
        rows.push(self.normalized(Finding::NormalizedProjection, last));
        rows
    }

    /// The score at the last stage as a part of what lies between chance and ceiling; nothing where no
    /// score is defined.
    pub fn normalized_projection(&self) -> Option<FindingRow> {
        let last = self.points.iter().rfind(|p| !p.replicates.estimate.is_nan())?;
        Some(self.normalized(Finding::NormalizedProjection, last))
    }

    /// (score − chance) / (ceiling − chance); the ceiling is resampled too.
    fn normalized(&self, finding: Finding, point: &Point<'_>) -> FindingRow {
        let Some(ceiling) = self.ceiling else {
            return self.none(finding, "the ceiling is not known");
        };
        let part = point
            .replicates
            .with(ceiling, |score, ceiling| (score - self.chance) / (ceiling - self.chance));
        self.row(finding, Some(point), &part, String::new())
    }

    /// What the stage that is best on one half of the clusters scores on the other. It stands at
    /// the stage that is best most often.
    fn chosen(&self, points: &[Point<'_>], peak: &Point<'_>) -> FindingRow {
        let chosen = match ChosenStage::of(points, self.measure.less_is_better()) {
            Ok(chosen) => chosen,
            Err(why) => return self.none(Finding::ChosenStage, &why.to_string()),
        };
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let (place, others) = (chosen.place(), chosen.others());
        let mut note = format!("best on {} of halves", percent(chosen.shares[place]));
        for (other, share) in others.iter().take(MOST_OTHERS) {
            note.push_str(&format!(", {} on {}", points[*other].stage, percent(*share)));
        }
        let rest: f64 = others.iter().skip(MOST_OTHERS).map(|(_, share)| share).sum();
        if rest > 0.0 {
            note.push_str(&format!(", others on {}", percent(rest)));
        }
        let above = peak.replicates.estimate - chosen.replicates.estimate;
        let side = if above < 0.0 { "below" } else { "above" };
        note.push_str(&format!("; the peak is {:.3} {side} the value", above.abs()));
        // By simulation those of correlations hold the truth in 88 % of data sets; others than those of
        // shares were not simulated.
        if !self.measure.is_share() && chosen.replicates.interval().is_ok() {
            note.push_str("; interval tends to be too narrow, by simulation");
        }
        self.row(Finding::ChosenStage, Some(&points[place]), &chosen.replicates, note)
    }

    /// The first stage that is above the pixels by an interval that holds for all stages together. The
    /// note says whether later stages fall back.
    fn onset(&self, points: &[Point<'_>]) -> FindingRow {
        let Some(image) = self.image else {
            return self.none(Finding::Onset, "the pixels were not run");
        };
        let above = |p: &Point<'_>| p.replicates.with(image, |score, image: f64| score - image);
        let together = Together::of(points.iter().map(above));
        let clear = |difference: &Replicates| {
            interval_of(together, difference).is_ok_and(|interval| interval.low > 0.0)
        };
        let Some(first) = points.iter().position(|point| clear(&above(point))) else {
            let intervals = points.iter().map(|point| interval_of(together, &above(point)));
            let why = intervals.fold(String::new(), |why, interval| match interval {
                Ok(_) => "no stage is clearly above image".to_owned(),
                Err(reason) if why.is_empty() => reason.to_string(),
                Err(_) => why,
            });
            return self.none(Finding::Onset, &why);
        };
        let later = &points[first + 1..];
        let back: Vec<String> =
            later.iter().filter(|p| !clear(&above(p))).map(|p| p.stage.to_string()).collect();
        let on = match back.len() {
            _ if later.is_empty() => "at the last stage alone".to_owned(),
            0 => "and at every later stage".to_owned(),
            1..=3 => format!("later stages too, but not {}", back.join(", ")),
            n => format!("then not at {n} of {} later stages", later.len()),
        };
        let difference = above(&points[first]);
        let interval = interval_of(together, &difference);
        let note = format!("above image by the value, {on}");
        self.row_with(Finding::Onset, Some(&points[first]), &difference, interval, note)
    }

    /// The largest fall from a block to a later one after which the score rises again, to a later block
    /// or the projection. Its interval holds for all falls and rises together.
    fn drop(&self, points: &[Point<'_>]) -> FindingRow {
        let inner: Vec<&Point<'_>> =
            points.iter().filter(|p| p.stage != Stage::Embedding).collect();
        let less = |a: &Point<'_>, b: &Point<'_>| a.replicates.with(b.replicates, |a, b| a - b);
        let score = |i: usize| inner[i].replicates.estimate;
        let is_block = |i: &usize| !matches!(inner[*i].stage, Stage::Projection | Stage::Output);
        // The highest stage after each, the first of them where several are.
        let highest_after = |i: usize| {
            let place = first_highest(inner[i + 1..].iter().map(|p| p.replicates.estimate))?;
            Some(i + 1 + place).filter(|top| score(*top) > score(i))
        };
        let mut largest: Option<([usize; 3], f64)> = None;
        let mut falls = false;
        for trough in (0..inner.len()).filter(is_block) {
            for peak in 0..trough {
                let fall = score(peak) - score(trough);
                falls |= fall > 0.0;
                let Some(top) = highest_after(trough) else { continue };
                if fall > largest.map_or(0.0, |(_, fall)| fall) {
                    largest = Some(([peak, trough, top], fall));
                }
            }
        }
        let Some((places, _)) = largest else {
            return self.none(
                Finding::MidDepthDrop,
                match falls {
                    true => {
                        "where the score falls from a block to a later one, it does not rise again"
                    }
                    false => "the score never falls from a block to a later one",
                },
            );
        };
        let every = (0..inner.len()).flat_map(|i| (0..i).map(move |j| [j, i]));
        let together = Together::of(every.map(|[a, b]| less(inner[a], inner[b])));
        let [peak, trough, top] = places.map(|i| inner[i]);
        let fall = less(peak, trough);
        let interval = interval_of(together, &fall);
        let rise = less(top, trough);
        let by = points::points(rise.estimate, None, None);
        let after = match interval_of(together, &rise) {
            Ok(interval) if interval.low > 0.0 => {
                format!("it then rises clearly by {by} to {}", top.stage)
            }
            _ => format!("it then rises by {by} to {}, which is not clear", top.stage),
        };
        let note = format!("to {}; {after}", trough.stage);
        self.row_with(Finding::MidDepthDrop, Some(peak), &fall, interval, note)
    }

    /// How far the last stage lies below the peak. The peak is one of many stages, so that the
    /// interval holds for the falls of all of them together.
    fn fall(&self, points: &[Point<'_>], peak: &Point<'_>) -> FindingRow {
        let last = points.last().expect("a curve with a peak has a last stage");
        if last.stage == peak.stage {
            return self.none(Finding::FallToLast, "the last stage is the highest");
        }
        let below = |p: &Point<'_>| p.replicates.with(last.replicates, |score, last| score - last);
        let earlier = points.iter().filter(|p| p.stage != last.stage);
        let together = Together::of(earlier.map(below));
        let fall = below(peak);
        let interval = interval_of(together, &fall);
        let note = format!("to {}", last.stage);
        self.row_with(Finding::FallToLast, Some(peak), &fall, interval, note)
    }

    fn row(
        &self,
        finding: Finding,
        point: Option<&Point<'_>>,
        replicates: &Replicates,
        note: String,
    ) -> FindingRow {
        self.row_with(finding, point, replicates, replicates.interval(), note)
    }

    fn row_with(
        &self,
        finding: Finding,
        point: Option<&Point<'_>>,
        replicates: &Replicates,
        interval: Result<Interval, NoInterval>,
        note: String,
    ) -> FindingRow {
        let note = with_reason(note, &interval);
        let interval = interval.ok();
        FindingRow {
            dataset: self.dataset.to_owned(),
            model: self.model.to_owned(),
            distance: Some(self.distance),
            measure: Some(self.measure),
            energy: None,
            finding,
            stage: point.map(|p| p.stage),
            depth_percent: point.map(|p| p.depth_percent),
            value: replicates.estimate,
            ci_low: interval.map(|i| i.low),
            ci_high: interval.map(|i| i.high),
            note,
            series: self.state.map(|state| state.series.clone()),
            step: self.state.map(|state| state.step),
            step_low: None,
            step_high: None,
            chosen_on: None,
        }
    }

    fn none(&self, finding: Finding, why: &str) -> FindingRow {
        let nothing = Replicates { estimate: f64::NAN, ..Replicates::default() };
        FindingRow { note: why.to_owned(), ..self.row(finding, None, &nothing, String::new()) }
    }
}

/// A note, and behind it why there is no interval, if there is none.
fn with_reason(note: String, interval: &Result<Interval, NoInterval>) -> String {
    match (interval, note.is_empty()) {
        (Err(reason), true) => reason.to_string(),
        (Err(reason), false) => format!("{note}; {reason}"),
        (Ok(_), _) => note,
    }
}

/// From which stage on one channel holds half of the energy.
///
/// `rows` — of one energy of a model on a data set, by depth
///
/// The finding is at the first stage at which the largest channel's share is 1/2 or more, and is
/// that share. The note says which channel that is, at which later stages no channel holds half,
/// and where the share is largest. Where there is no such stage, the value is NaN. `None` if there
/// is no row.
pub fn half_in_one_channel(rows: &[EnergyRow]) -> Option<FindingRow> {
    let EnergyRow { dataset, model, energy, series, step, .. } = rows.first()?;
    let half = |row: &EnergyRow| row.top_channel_share >= 0.5;
    let place = rows.iter().position(half);
    let share = |row: &EnergyRow| row.top_channel_share;
    let most = rows.iter().filter(|row| !share(row).is_nan());
    let most = most.reduce(|most, row| if share(row) > share(most) { row } else { most });
    let most = most.map_or_else(
        || "there is no energy".to_owned(),
        |top| {
            format!("the most is {:.3}, channel {} at {}", share(top), top.top_channel, top.stage)
        },
    );
    let first = place.map(|place| &rows[place]);
    let note = match (first, place) {
        (Some(first), Some(place)) => {
            let later = &rows[place + 1..];
            let below: Vec<String> =
                later.iter().filter(|top| !half(top)).map(|top| top.stage.to_string()).collect();
            let on = match below.len() {
                _ if later.is_empty() => "the last stage".to_owned(),
                0 => "and at every later stage".to_owned(),
                1..=3 => format!("and at every later stage but {}", below.join(", ")),
                n => format!("but at {n} of {} later stages no channel does", later.len()),
            };
            format!("channel {}, {on}; {most}", first.top_channel)
        }
        _ => format!("no channel holds half at any stage; {most}"),
    };
    Some(FindingRow {
        dataset: dataset.clone(),
        model: model.clone(),
        distance: None,
        measure: None,
        energy: Some(*energy),
        finding: Finding::HalfInOneChannel,
        stage: first.map(|top| top.stage),
        depth_percent: first.map(|top| top.depth_percent),
        value: first.map_or(f64::NAN, share),
        ci_low: None,
        ci_high: None,
        note,
        series: series.clone(),
        step: *step,
        step_low: None,
        step_high: None,
        chosen_on: None,
    })
}

/// The interval that holds for all numbers of a family together; why there is none by itself where the
/// family has none.
fn interval_of(together: Option<Together>, number: &Replicates) -> Result<Interval, NoInterval> {
    match together {
        Some(together) => together.interval(number),
        None => Err(number.interval().err().unwrap_or(NoInterval::NoVariation)),
    }
}

/// Where the peak of a curve is: the place of the highest value, the first of them where several are
/// equal; values that are not defined are passed over.
pub(crate) fn first_highest(values: impl IntoIterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, value) in values.into_iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        if best.is_none_or(|(_, highest)| value > highest) {
            best = Some((i, value));
        }
    }
    best.map(|(i, _)| i)
}

/// The peak by [`first_highest`].
fn highest<'a>(points: &[Point<'a>]) -> Option<Point<'a>> {
    first_highest(points.iter().map(|p| p.replicates.estimate)).map(|i| points[i])
}

/// Between which stages the peak lies in 95 of 100 resamples.
fn peak_depths(points: &[Point<'_>]) -> String {
    let curve: Vec<&Replicates> = points.iter().map(|point| point.replicates).collect();
    let Some([low, high]) = places_of_highest(&curve) else { return String::new() };
    match low == high {
        true => "in 95 % of resamples at this stage".to_owned(),
        false => {
            let [low, high] = [low, high].map(|place| points[place].stage);
            format!("in 95 % of resamples between {low} and {high}")
        }
    }
}

/// Between which places of a curve its highest value lies in 95 of 100 resamples; the first of them
/// where several are equal. `None` without resamples, or of too few clusters.
///
/// `curve` — the scores of a curve, in order, all under the same resamples
fn places_of_highest(curve: &[&Replicates]) -> Option<[usize; 2]> {
    let first = curve.first()?;
    let none = [NoInterval::NotAsked, NoInterval::FewClusters];
    let cannot = |score: &&Replicates| score.interval().is_err_and(|why| none.contains(&why));
    if curve.iter().any(cannot) {
        return None;
    }
    let of_resample = |r: usize| first_highest(curve.iter().map(|score| score.resampled[r]));
    let mut places: Vec<usize> = (0..first.resampled.len()).filter_map(of_resample).collect();
    places.sort_unstable();
    // Places are few, so that the ends are places of the curve.
    let cut = (0.025 * places.len() as f64).floor() as usize;
    Some([*places.get(cut)?, *places.get(places.len() - 1 - cut)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Level;

    fn replicates(estimate: f64, spread: f64) -> Replicates {
        let resampled = (0..100).map(|i| estimate + spread * (f64::from(i) / 99.0 - 0.5)).collect();
        Replicates { estimate, resampled, acceleration: None, clusters: 50, factors: None }
    }

    fn find(values: &[f64], image: Option<f64>) -> Vec<FindingRow> {
        let all: Vec<Replicates> = values.iter().map(|v| replicates(*v, 0.02)).collect();
        // Half as much spread, so that the difference from it varies too.
        let image = image.map(|v| replicates(v, 0.01));
        let ceiling = replicates(0.8, 0.001);
        let stages = Stage::of_encoder(values.len() - 2, Stage::Projection);
        let point = |(replicates, stage): (_, &Stage)| Point {
            stage: *stage,
            depth_percent: stage.depth_percent(values.len() - 2),
            replicates,
            halves: &[],
        };
        let curve = Curve {
            dataset: "things",
            model: "m",
            state: None,
            distance: Distance::Cosine,
            measure: Measure::Accuracy,
            points: all.iter().zip(&stages).map(point).collect(),
            image: image.as_ref(),
            ceiling: Some(&ceiling),
            chance: 0.3,
        };
        curve.findings()
    }

    #[test]
    fn a_curve_with_a_hill_and_a_valley() {
        let rows = find(&[0.4, 0.5, 0.7, 0.45, 0.6, 0.65], Some(0.4));
        let of = |finding| rows.iter().find(|r| r.finding == finding).expect("found");
        assert_eq!(of(Finding::Peak).stage, Some(Stage::Block(2)));
        assert_eq!(of(Finding::Onset).stage, Some(Stage::Block(1)));
        assert!((of(Finding::Onset).value - 0.1).abs() < 1e-12);
        let drop = of(Finding::MidDepthDrop);
        assert!((drop.value - 0.25).abs() < 1e-12 && drop.note.contains("to block 3"), "{drop:?}");
        assert_eq!(drop.stage, Some(Stage::Block(2)));
        assert_eq!(of(Finding::Projection).value, 0.65);
        assert!((of(Finding::NormalizedPeak).value - 0.8).abs() < 1e-12);
        assert!((of(Finding::NormalizedProjection).value - 0.7).abs() < 1e-12);
        assert!(drop.note.contains("it then rises by 20.0 points to projection"), "{drop:?}");
        let fall = of(Finding::FallToLast);
        assert!(
            (fall.value - 0.05).abs() < 1e-12 && fall.note.starts_with("to projection"),
            "{fall:?}"
        );
        assert_eq!(fall.stage, Some(Stage::Block(2)));
        assert_eq!(of(Finding::Peak).note, "in 95 % of resamples at this stage");
        assert!(of(Finding::Peak).ci_low.expect("an interval") < 0.7);
    }

    fn half(shares: &[f64]) -> FindingRow {
        let blocks = shares.len() - 2;
        let rows: Vec<EnergyRow> = Stage::of_encoder(blocks, Stage::Projection)
            .into_iter()
            .zip(shares)
            .enumerate()
            .map(|(top_channel, (stage, share))| EnergyRow {
                dataset: "nights".to_owned(),
                model: "m".to_owned(),
                stage,
                depth_percent: stage.depth_percent(blocks),
                energy: EnergyOf::Differences,
                top_channel,
                top_channel_share: *share,
                effective_channels: 2.0,
                zero_channels: 0,
                n: 9,
                level: Level::Middle,
                series: None,
                step: None,
            })
            .collect();
        half_in_one_channel(&rows).expect("rows")
    }

    #[test]
    fn half_in_one_channel_is_found_at_the_first_stage_and_the_note_says_how_it_goes_on() {
        let row = half(&[0.1, 0.5, 0.9, 0.8, 0.2]);
        assert_eq!((row.stage, row.value), (Some(Stage::Block(1)), 0.5));
        assert_eq!(row.depth_percent, Some(7.5));
        assert_eq!(
            row.note,
            "channel 1, and at every later stage but projection; the most is 0.900, channel 2 at block 2"
        );
        assert!(half(&[0.1, 0.5, 0.9, 0.8, 0.6]).note.contains("and at every later stage;"));
        assert!(half(&[0.1, 0.2, 0.3, 0.4, 0.6]).note.contains("the last stage;"));
        let row = half(&[0.6, 0.1, 0.2, f64::NAN, 0.4]);
        assert_eq!(row.stage, Some(Stage::Embedding));
        assert!(row.note.contains("but at 4 of 4 later stages no channel does"), "{}", row.note);
    }

    #[test]
    fn half_in_no_channel_says_how_near_it_comes() {
        let row = half(&[0.1, 0.2, 0.499, 0.3, f64::NAN]);
        assert_eq!((row.stage, row.depth_percent), (None, None));
        assert!(row.value.is_nan());
        let expected =
            "no channel holds half at any stage; the most is 0.499, channel 2 at block 2";
        assert_eq!(row.note, expected);
        assert!(half(&[f64::NAN; 4]).note.ends_with("there is no energy"));
    }

    #[test]
    fn what_is_not_there_is_said() {
        let rows = find(&[0.4, 0.5, 0.6, 0.3], None);
        let of = |finding| rows.iter().find(|r| r.finding == finding).expect("found");
        assert!(of(Finding::Onset).note.contains("pixels were not run"));
        // The fall to the projection is not in the middle, nor is one from which nothing rises.
        let end = find(&[0.4, 0.5, 0.6, 0.45, 0.3], None);
        assert!(end[3].note.contains("does not rise again"), "{:?}", end[3]);
        assert!(of(Finding::MidDepthDrop).note.contains("never falls"));
        assert!(of(Finding::MidDepthDrop).value.is_nan());
        let rises = find(&[0.4, 0.5, 0.6], None);
        let last = rises.iter().find(|r| r.finding == Finding::FallToLast).expect("found");
        assert!(last.value.is_nan() && last.note == "the last stage is the highest", "{last:?}");
        let rows = find(&[0.4, 0.4, 0.4, 0.4], Some(0.5));
        assert!(rows[2].note.contains("no stage is clearly above image"), "{:?}", rows[2]);
    }
}
