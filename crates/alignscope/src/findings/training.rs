//! What is read off the scores of a series: how a stage changes over the training.

use super::{
    Finding, FindingRow, first_highest, interval_of, level, places_of_highest, points, with_reason,
};
use crate::distance::Distance;
use crate::model_spec::{SeriesStep, short_name};
use crate::resample::{Interval, NoInterval, Replicates, Together};
use crate::score::Measure;
use crate::stage::Stage;

/// A state of a series at a stage.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// Which one.
    pub at: &'a SeriesStep,
    /// Its score, under all resamples.
    pub replicates: &'a Replicates,
}

/// The scores of a series at one stage on a data set.
#[derive(Debug, Clone)]
pub struct TrainingCurve<'a> {
    /// The data set.
    pub dataset: &'a str,
    /// The kind of distance.
    pub distance: Distance,
    /// What was measured.
    pub measure: Measure,
    /// The stage.
    pub stage: Stage,
    /// Where it stands in figures.
    pub depth_percent: f64,
    /// The states, by step.
    pub states: Vec<State<'a>>,
}

/// The stages of a series whose training is told: the last one, and the one with the highest score at
/// the last state, if that is another.
///
/// `last` — the last state's score at each stage, by depth
pub fn chosen_stages(last: &[(Stage, f64)]) -> Vec<Stage> {
    let best = first_highest(last.iter().map(|(_, score)| *score)).map(|place| last[place].0);
    let mut chosen: Vec<Stage> = last.last().map(|(stage, _)| *stage).into_iter().collect();
    chosen.extend(best.filter(|best| !chosen.contains(best)));
    chosen
}

impl TrainingCurve<'_> {
    /// When the score peaks, and how far it falls from there to the last state. States whose score is
    /// not defined are passed over, and counted in the notes; where the last is one of them, the fall is
    /// not defined.
    ///
    /// The peak is the first of the states with the highest score; its step has the range of steps at
    /// which the score peaks in 95 of 100 resamples. The fall is that of the largest of many
    /// differences, so that its interval holds for those of all states together ([`Together`]): of a
    /// score that does not fall, it is clear of 0 in no more than 5 % of data sets.
    pub fn findings(&self) -> Vec<FindingRow> {
        let mut states = self.states.clone();
        states.retain(|state| !state.replicates.estimate.is_nan());
        let peak = first_highest(states.iter().map(|state| state.replicates.estimate));
        let (Some(peak), Some(last)) = (peak, self.states.last()) else { return vec![] };
        let mut rows = vec![self.peak(&states, &states[peak])];
        rows.push(match last.replicates.estimate.is_nan() {
            false => self.fall(&states, &states[peak], last),
            true => {
                let note =
                    format!("the score of the last state, step {}, is not defined", last.at.step);
                let none = Err(NoInterval::Undefined);
                let row = self.row(Finding::TrainingFall, last.at, f64::NAN, none, String::new());
                FindingRow { note, ..row }
            }
        });
        let passed = self.states.len() - states.len();
        for row in rows.iter_mut().filter(|_| passed > 0) {
            let before = if row.note.is_empty() { "" } else { "; " };
            row.note.push_str(&format!("{before}states without a defined score: {passed}"));
        }
        rows
    }

    fn peak(&self, states: &[State<'_>], peak: &State<'_>) -> FindingRow {
        let curve: Vec<&Replicates> = states.iter().map(|state| state.replicates).collect();
        let steps = places_of_highest(&curve).map(|ends| ends.map(|place| states[place].at.step));
        let note = steps.map_or(String::new(), |[low, high]| {
            format!("in 95 % of resamples from step {low} to {high}")
        });
        let (score, interval) = (peak.replicates, peak.replicates.interval());
        FindingRow {
            step_low: steps.map(|[low, _]| low),
            step_high: steps.map(|[_, high]| high),
            ..self.row(Finding::TrainingPeak, peak.at, score.estimate, interval, note)
        }
    }

    fn fall(&self, states: &[State<'_>], peak: &State<'_>, last: &State<'_>) -> FindingRow {
        let above = |state: &State<'_>| state.replicates.with(last.replicates, |a, b| a - b);
        let finding = Finding::TrainingFall;
        if peak.replicates.estimate == last.replicates.estimate {
            let note = match peak.at == last.at {
                true => "the last state is the highest".to_owned(),
                false => format!("the last state is as high as step {}", peak.at.step),
            };
            return FindingRow {
                note,
                ..self.row(finding, last.at, 0.0, Err(NoInterval::NoVariation), String::new())
            };
        }
        let earlier = &states[..states.len() - 1];
        let together = Together::of(earlier.iter().map(above));
        let fall = above(peak);
        let note = format!("from step {}", peak.at.step);
        self.row(finding, last.at, fall.estimate, interval_of(together, &fall), note)
    }

    fn row(
        &self,
        finding: Finding,
        at: &SeriesStep,
        value: f64,
        interval: Result<Interval, NoInterval>,
        note: String,
    ) -> FindingRow {
        let note = with_reason(note, &interval);
        let interval = interval.ok();
        FindingRow {
            dataset: self.dataset.to_owned(),
            model: at.to_string(),
            distance: Some(self.distance),
            measure: Some(self.measure),
            energy: None,
            finding,
            stage: Some(self.stage),
            depth_percent: Some(self.depth_percent),
            value,
            ci_low: interval.map(|i| i.low),
            ci_high: interval.map(|i| i.high),
            note,
            series: Some(at.series.clone()),
            step: Some(at.step),
            step_low: None,
            step_high: None,
            chosen_on: None,
        }
    }
}

/// When series peak on a data set by a kind of distance, a sentence for each stage that is told.
pub(crate) fn sentences(rows: &[FindingRow], dataset: &str, distance: Distance) -> Vec<String> {
    let of_it = |row: &&FindingRow| row.dataset == dataset && row.distance == Some(distance);
    let rows: Vec<&FindingRow> = rows.iter().filter(of_it).collect();
    let peaks = rows.iter().filter(|row| row.finding == Finding::TrainingPeak);
    peaks
        .filter_map(|peak| {
            let fall = rows.iter().find(|row| {
                row.finding == Finding::TrainingFall
                    && (&row.series, row.stage) == (&peak.series, peak.stage)
            })?;
            sentence(peak, fall)
        })
        .collect()
}

/// When a series peaks at a stage, and how far it falls from there.
fn sentence(peak: &FindingRow, fall: &FindingRow) -> Option<String> {
    let (series, stage) = (short_name(peak.series.as_deref()?), peak.stage?);
    let range = peak.step_low.zip(peak.step_high);
    let range = range.map_or(String::new(), |(low, high)| format!(" [{low}, {high}]"));
    let at = level(peak.value, peak.ci_low, peak.ci_high);
    let begin =
        format!("Over its training {series} peaks at {stage} at step {}{range} ({at})", peak.step?);
    let by = points(fall.value, fall.ci_low, fall.ci_high);
    let last = fall.step?;
    Some(match fall.ci_low {
        _ if fall.value.is_nan() => {
            format!("{begin}; the score of its last state, step {last}, is not defined.")
        }
        _ if peak.step == fall.step => format!("{begin}, its last state."),
        _ if fall.value == 0.0 => format!("{begin}, and is as high at step {last}."),
        Some(low) if low > 0.0 => format!("{begin}, and falls by {by} to step {last}."),
        Some(_) => format!("{begin}; that it falls to step {last} is not clear: by {by}."),
        None => format!("{begin}, and is {by} lower at step {last}, without an interval."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores under four resamples of a hundred each, which differ by state.
    fn replicates(estimate: f64, resampled: [f64; 4]) -> Replicates {
        // A little of its own for each, so that there is variation.
        let resampled = (0..400).map(|i| resampled[i % 4] + 1e-6 * f64::from(i as u32)).collect();
        Replicates { estimate, resampled, acceleration: None, clusters: 50, factors: None }
    }

    fn find(states: &[(usize, f64, [f64; 4])]) -> Vec<FindingRow> {
        let at = |step: usize| SeriesStep { series: "run".to_owned(), step };
        let all: Vec<(SeriesStep, Replicates)> =
            states.iter().map(|(step, value, of)| (at(*step), replicates(*value, *of))).collect();
        let curve = TrainingCurve {
            dataset: "things",
            distance: Distance::Cosine,
            measure: Measure::Accuracy,
            stage: Stage::Output,
            depth_percent: 100.0,
            states: all.iter().map(|(at, replicates)| State { at, replicates }).collect(),
        };
        curve.findings()
    }

    #[test]
    fn a_training_that_ends_without_a_score_does_not_end_at_its_peak() {
        let rows = find(&[
            (0, 0.4, [0.4, 0.4, 0.4, 0.4]),
            (100, 0.6, [0.6, 0.6, 0.7, 0.6]),
            (200, f64::NAN, [f64::NAN; 4]),
        ]);
        let [peak, fall] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((peak.step, fall.step), (Some(100), Some(200)));
        assert!(peak.note.ends_with("states without a defined score: 1"), "{peak:?}");
        assert!(fall.value.is_nan() && fall.ci_low.is_none(), "{fall:?}");
        assert!(fall.note.starts_with("the score of the last state, step 200, is not defined"));
        let said = sentences(&rows, "things", Distance::Cosine);
        assert!(said[0].contains("its last state, step 200, is not defined"), "{said:?}");
    }

    #[test]
    fn the_peak_has_the_steps_of_the_resamples_peaks() {
        // The highest is step 200 in half of the resamples, 100 and 300 in a quarter each.
        let rows = find(&[
            (0, 0.4, [0.4, 0.4, 0.4, 0.4]),
            (100, 0.5, [0.5, 0.5, 0.7, 0.5]),
            (200, 0.6, [0.6, 0.6, 0.6, 0.55]),
            (300, 0.55, [0.5, 0.5, 0.5, 0.6]),
        ]);
        let [peak, fall] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((peak.model.as_str(), peak.step), ("run@step=200", Some(200)));
        assert_eq!((peak.step_low, peak.step_high), (Some(100), Some(300)));
        assert_eq!((peak.value, peak.stage), (0.6, Some(Stage::Output)));
        assert_eq!((fall.finding, fall.step), (Finding::TrainingFall, Some(300)));
        assert!((fall.value - 0.05).abs() < 1e-12 && fall.note == "from step 200", "{fall:?}");
        // In a quarter of the resamples it rises: no fall is clear.
        assert!(fall.ci_low.expect("an interval") < 0.0);
        let said = sentences(&rows, "things", Distance::Cosine);
        assert!(said[0].contains("peaks at output at step 200 [100, 300] (0.600 ["), "{said:?}");
        assert!(
            said[0].contains("that it falls to step 300 is not clear: by 5.0 points ["),
            "{said:?}"
        );
        assert!(sentences(&rows, "nights", Distance::Cosine).is_empty());
    }

    #[test]
    fn a_clear_fall_and_a_peak_at_the_end_are_told() {
        let falls = find(&[
            (0, 0.5, [0.50, 0.51, 0.49, 0.5]),
            (10, 0.8, [0.80, 0.81, 0.79, 0.8]),
            (20, 0.6, [0.61, 0.60, 0.60, 0.59]),
        ]);
        let said = sentences(&falls, "things", Distance::Cosine);
        assert!(
            said[0].contains("and falls by 20.0 points [") && said[0].contains("to step 20."),
            "{said:?}"
        );
        assert!(falls[1].ci_low.expect("an interval") > 0.15, "{falls:?}");
        let rises = find(&[(1, 0.5, [0.5; 4]), (2, 0.6, [0.6; 4])]);
        assert_eq!((rises[0].step, rises[0].step_low), (Some(2), Some(2)));
        assert_eq!((rises[1].value, rises[1].ci_low), (0.0, None));
        assert_eq!(rises[1].note, "the last state is the highest");
        let said = sentences(&rises, "things", Distance::Cosine);
        assert!(said[0].ends_with(", its last state."), "{said:?}");
    }

    #[test]
    fn scores_that_are_not_defined_are_passed_over() {
        let rows = find(&[(1, 0.5, [0.5; 4]), (2, f64::NAN, [f64::NAN; 4]), (3, 0.4, [0.4; 4])]);
        assert_eq!((rows[0].step, rows[1].step), (Some(1), Some(3)));
        assert!(find(&[(1, f64::NAN, [f64::NAN; 4])]).is_empty());
    }

    #[test]
    fn the_stages_that_are_told_are_the_last_and_the_best_of_the_last_state() {
        let stages = |scores: [f64; 3]| {
            let all = [Stage::Embedding, Stage::Block(1), Stage::Output];
            chosen_stages(&all.into_iter().zip(scores).collect::<Vec<_>>())
        };
        assert_eq!(stages([0.1, 0.9, 0.5]), [Stage::Output, Stage::Block(1)]);
        assert_eq!(stages([0.1, 0.3, 0.5]), [Stage::Output]);
        assert_eq!(stages([f64::NAN; 3]), [Stage::Output]);
        assert!(chosen_stages(&[]).is_empty());
    }
}
