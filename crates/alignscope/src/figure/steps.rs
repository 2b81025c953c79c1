//! The steps of a series along an axis.

use crate::shown::thousands;

/// Where no step is 0, or the axis is linear, the first step stands at 0; else 0 does, and the next
/// step here.
const BESIDE_ZERO: f64 = 8.0;

/// The steps of the states of a series, along an axis from 0 to 100.
///
/// The axis is logarithmic where the steps span more than two decades and most lie at its beginning,
/// so that they would be one on a linear axis. A step of 0 then stands by itself, before the others.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Steps {
    /// Ascending, each once.
    steps: Vec<usize>,
    logarithmic: bool,
}

impl Steps {
    pub(super) fn new(mut steps: Vec<usize>) -> Self {
        steps.sort_unstable();
        steps.dedup();
        let logarithmic = is_logarithmic(&steps);
        Self { steps, logarithmic }
    }

    /// The steps.
    pub(super) fn all(&self) -> &[usize] {
        &self.steps
    }

    /// Where a step stands, 0 to 100.
    pub(super) fn place(&self, step: usize) -> f64 {
        let positive = self.steps.iter().copied().find(|step| *step > 0);
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else { return 0.0 };
        if first == last {
            return 50.0;
        }
        match (self.logarithmic, positive) {
            (true, Some(positive)) => {
                let from = if *first == 0 { BESIDE_ZERO } else { 0.0 };
                let along = |step: usize| libm::log(step as f64 / positive as f64);
                let share = if step == 0 { return 0.0 } else { along(step) / along(*last) };
                from + (100.0 - from) * share
            }
            _ => 100.0 * (step - first) as f64 / (last - first) as f64,
        }
    }

    /// What stands under the axis.
    pub(super) fn title(&self) -> &'static str {
        match (self.logarithmic, self.steps.first()) {
            (false, _) => "training step",
            (true, Some(0)) => "training step (logarithmic, 0 apart)",
            (true, _) => "training step (logarithmic)",
        }
    }

    /// The steps that have room for their numbers, with these: all multiples of a round number, or else
    /// the first, the last, and from the last on each that keeps clear of those behind it.
    ///
    /// `x` — where a step stands
    /// `width` — of a number, in the same units
    pub(super) fn labels(
        &self,
        x: impl Fn(usize) -> f64,
        width: impl Fn(&str) -> f64,
    ) -> Vec<(usize, String)> {
        if let Some(steps) = self.multiples(&x, &width) {
            return steps.into_iter().map(|step| (step, thousands(step))).collect();
        }
        let mut found: Vec<(usize, String)> = Vec::new();
        let ends = |step: usize, text: &str| {
            let half = width(text) / 2.0;
            (x(step) - half, x(step) + half)
        };
        let first = self.steps.first().map(|step| (*step, thousands(*step)));
        let clear_of_first = first.as_ref().map_or(f64::MIN, |(step, text)| ends(*step, text).1);
        let mut free = f64::MAX;
        for step in self.steps.iter().skip(1).rev() {
            let text = thousands(*step);
            let (from, to) = ends(*step, &text);
            if to <= free && from >= clear_of_first {
                free = from;
                found.push((*step, text));
            }
        }
        found.extend(first);
        found.reverse();
        found
    }
}

impl Steps {
    /// The multiples among the steps of the least round number (1, 2, 5, 10, …) whose multiples have
    /// room; `None` where those are fewer than three, or the axis is logarithmic.
    fn multiples(
        &self,
        x: impl Fn(usize) -> f64,
        width: impl Fn(&str) -> f64,
    ) -> Option<Vec<usize>> {
        let round = (0..9).flat_map(|power| [1, 2, 5].map(|factor| factor * 10_usize.pow(power)));
        for round in round.take_while(|_| !self.logarithmic) {
            let steps = self.steps.iter().copied().filter(|step| step.is_multiple_of(round));
            let steps: Vec<usize> = steps.collect();
            if steps.len() < 3 {
                return None;
            }
            let half = |step: usize| width(&thousands(step)) / 2.0;
            let clear = |two: &[usize]| x(two[1]) - half(two[1]) >= x(two[0]) + half(two[0]);
            if steps.windows(2).all(clear) {
                return Some(steps);
            }
        }
        None
    }
}

fn is_logarithmic(steps: &[usize]) -> bool {
    let positive: Vec<usize> = steps.iter().copied().filter(|step| *step > 0).collect();
    let (Some(first), Some(last)) = (positive.first(), positive.last()) else { return false };
    let median = positive[(positive.len() - 1) / 2];
    last / first > 100 && (median - first) as f64 <= 0.1 * (last - first) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_where_they_are() {
        let places = |steps: &[usize]| {
            let axis = Steps::new(steps.to_vec());
            axis.all().iter().map(|step| axis.place(*step).round()).collect::<Vec<_>>()
        };
        assert_eq!(places(&[10, 0, 5]), [0.0, 50.0, 100.0]);
        assert_eq!(places(&[7]), [50.0]);
        assert_eq!(places(&[1, 10, 100, 1000]), [0.0, 33.0, 67.0, 100.0]);
        assert_eq!(places(&[0, 1, 10, 100, 1000]), [0.0, 8.0, 39.0, 69.0, 100.0]);
    }

    #[test]
    fn the_axis_is_logarithmic_where_steps_would_be_one() {
        let title = |steps: Vec<usize>| Steps::new(steps).title();
        assert_eq!(title((1..=200).collect()), "training step", "even steps");
        assert_eq!(title(vec![1, 10, 100]), "training step", "two decades");
        assert_eq!(title(vec![1, 8, 64, 512]), "training step (logarithmic)");
        assert_eq!(title(vec![0, 1, 8, 64, 512]), "training step (logarithmic, 0 apart)");
        assert_eq!(title(vec![0]), "training step");
    }

    #[test]
    fn round_numbers_stand_where_there_is_room_or_else_the_ends() {
        let axis = Steps::new((0..=100).collect());
        let labels = |axis: &Steps, width: f64| axis.labels(|step| axis.place(step), |_| width);
        let numbers = |axis: &Steps, width: f64| {
            labels(axis, width).into_iter().map(|(step, _)| step).collect::<Vec<usize>>()
        };
        assert_eq!(numbers(&axis, 15.0), [0, 20, 40, 60, 80, 100]);
        assert_eq!(numbers(&axis, 30.0), [0, 50, 100]);
        // Where no round number would do, the ends.
        assert_eq!(numbers(&axis, 60.0), [0, 100]);
        assert_eq!(numbers(&Steps::new(vec![3, 7, 11, 17]), 30.0), [3, 11, 17]);
        let two = Steps::new(vec![0, 1000]);
        assert_eq!(labels(&two, 80.0)[1].1, "1,000");
        assert_eq!(labels(&two, 120.0).len(), 1, "the first at least");
    }
}
