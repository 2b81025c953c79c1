//! What a stage scores that was chosen on another data set.

use super::{Curve, Finding, FindingRow, Point, first_highest};

/// What the stage with the best score on one data set scores on another, for any two curves of one
/// model and kind of distance, both ways round.
///
/// `curves` — of all data sets; each model and kind of distance has one for each data set
///
/// The row is of the data set that is scored, and `chosen_on` names the one on which the stage was
/// chosen. The score and its interval are those of the stage as they stand; they are not too high
/// where the data sets share no trials. The value is NaN where the score is not defined. A curve
/// without a defined score chooses nothing.
pub fn chosen_elsewhere(curves: &[Curve<'_>]) -> Vec<FindingRow> {
    let same = |a: &Curve<'_>, b: &Curve<'_>| {
        (a.model, a.distance) == (b.model, b.distance) && a.dataset != b.dataset
    };
    let of_scored = |scored: &Curve<'_>| -> Vec<FindingRow> {
        let others = curves.iter().filter(|other| same(other, scored));
        others.filter_map(|chooses| chosen_on(chooses, scored)).collect()
    };
    curves.iter().flat_map(of_scored).collect()
}

/// The row of a stage that one curve chooses and the other scores.
fn chosen_on(chooses: &Curve<'_>, scored: &Curve<'_>) -> Option<FindingRow> {
    let finding = Finding::StageChosenElsewhere;
    let stage = best(chooses)?.stage;
    let point = scored.points.iter().find(|point| point.stage == stage);
    let note = match best(scored) {
        Some(best) if best.stage == stage => "the peak of this data set too".to_owned(),
        Some(best) => {
            format!("this data set's own peak is {:.3} at {}", best.replicates.estimate, best.stage)
        }
        None => "no score of this data set is defined".to_owned(),
    };
    let row = match point {
        Some(point) => scored.row(finding, Some(point), point.replicates, note),
        None => scored.none(finding, &format!("{stage} is no stage here; {note}")),
    };
    Some(FindingRow { chosen_on: Some(chooses.dataset.to_owned()), ..row })
}

/// The point with the best score, the first of them where several are; `None` if none is defined.
fn best<'a>(curve: &Curve<'a>) -> Option<Point<'a>> {
    let sign = if curve.measure.less_is_better() { -1.0 } else { 1.0 };
    let scores = curve.points.iter().map(|point| sign * point.replicates.estimate);
    first_highest(scores).map(|place| curve.points[place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distance::Distance;
    use crate::resample::Replicates;
    use crate::score::Measure;
    use crate::stage::Stage;

    fn replicates(estimate: f64) -> Replicates {
        let resampled = (0..100).map(|i| estimate + 1e-3 * f64::from(i - 50)).collect();
        Replicates { estimate, resampled, clusters: 50, ..Replicates::default() }
    }

    fn find(curves: &[(&str, &str, [f64; 3])]) -> Vec<FindingRow> {
        let all: Vec<[Replicates; 3]> =
            curves.iter().map(|(_, _, scores)| scores.map(replicates)).collect();
        let stages = [Stage::Embedding, Stage::Block(1), Stage::Projection];
        let curves: Vec<Curve<'_>> = curves
            .iter()
            .zip(&all)
            .map(|((dataset, model, _), scores)| Curve {
                dataset,
                model,
                state: None,
                distance: Distance::Cosine,
                measure: Measure::Accuracy,
                points: stages
                    .iter()
                    .zip(scores)
                    .map(|(stage, replicates)| Point {
                        stage: *stage,
                        depth_percent: 50.0,
                        replicates,
                        halves: &[],
                    })
                    .collect(),
                image: None,
                ceiling: None,
                chance: 0.5,
            })
            .collect();
        chosen_elsewhere(&curves)
    }

    #[test]
    fn the_stage_of_one_data_set_is_scored_on_the_other() {
        let rows = find(&[
            ("things", "m", [0.4, 0.6, 0.5]),
            ("nights", "m", [0.7, 0.8, 0.9]),
            ("nights", "other", [0.9, 0.8, 0.7]),
        ]);
        let [on_things, on_nights] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((on_things.dataset.as_str(), on_things.value), ("things", 0.5));
        assert_eq!(on_things.chosen_on.as_deref(), Some("nights"));
        assert_eq!(on_things.stage, Some(Stage::Projection));
        assert_eq!(on_things.note, "this data set's own peak is 0.600 at block 1");
        assert!(on_things.ci_low.expect("an interval") < 0.5);
        assert_eq!((on_nights.dataset.as_str(), on_nights.value), ("nights", 0.8));
        assert_eq!(on_nights.chosen_on.as_deref(), Some("things"));
    }

    #[test]
    fn what_is_not_defined_chooses_nothing_and_is_said() {
        let rows = find(&[("things", "m", [f64::NAN; 3]), ("nights", "m", [0.7, 0.9, 0.8])]);
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.dataset.as_str(), row.ci_low), ("things", None));
        assert!(row.value.is_nan());
        assert_eq!(row.note, "no score of this data set is defined; not defined");
        let both = find(&[("a", "m", [0.1, 0.3, 0.2]), ("b", "m", [0.1, 0.4, 0.2])]);
        assert!(both.iter().all(|row| row.note == "the peak of this data set too"), "{both:?}");
    }
}
