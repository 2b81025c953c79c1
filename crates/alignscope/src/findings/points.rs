//! Scores and differences in words.

use crate::score::Measure;

/// How differences are told: in points of 100 for shares, as they are for correlations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points {
    share: bool,
    /// What a score is called that is no share.
    called: &'static str,
}

impl Points {
    /// For scores of these measures of one data set.
    pub(crate) fn of(measures: impl Iterator<Item = Measure>) -> Self {
        let measures: Vec<Measure> = measures.collect();
        let is_precision = measures.contains(&Measure::AveragePrecision);
        let called = if is_precision { "an average precision" } else { "a correlation" };
        Self { share: measures.into_iter().any(Measure::is_share), called }
    }

    /// A difference, with its interval if it has one.
    pub(crate) fn amount(self, value: f64, low: Option<f64>, high: Option<f64>) -> String {
        let show = |v: f64| match self.share {
            true => format!("{:.1}", 100.0 * v),
            false => format!("{v:.3}"),
        };
        let unit = if self.share { " points" } else { "" };
        let interval = low.zip(high).map_or(String::new(), |(low, high)| {
            format!(" [{}, {}]", show(low).replace('-', "−"), show(high).replace('-', "−"))
        });
        format!("{}{unit}{interval}", show(value).replace('-', "−"))
    }

    /// A score, with its interval if it has one.
    pub(crate) fn level(self, value: f64, low: Option<f64>, high: Option<f64>) -> String {
        match self.share {
            true => self.amount(value, low, high).replacen(" points", " %", 1),
            false => format!("{} of {}", self.called, self.amount(value, low, high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_of_a_hundred_for_accuracies_and_as_they_are_for_correlations() {
        let shares = Points::of([Measure::Accuracy].into_iter());
        let said = shares.amount(0.022, Some(0.015), Some(0.029));
        assert_eq!(said, "2.2 points [1.5, 2.9]");
        let ranks = Points::of([Measure::Spearman].into_iter());
        let said = ranks.amount(-0.0221, Some(-0.03), Some(0.01));
        assert_eq!(said, "−0.022 [−0.030, 0.010]");
        assert_eq!(ranks.level(0.5, None, None), "a correlation of 0.500");
        let precision = Points::of([Measure::AveragePrecision].into_iter());
        assert_eq!(precision.level(0.5, None, None), "an average precision of 0.500");
    }
}
