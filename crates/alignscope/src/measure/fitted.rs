//! What image-quality papers measure: a logistic curve from closeness to ratings is fitted first.

use std::ops::RangeInclusive;

use super::logistic::{Logistic, LogisticFit};
use super::pearson::pearson;
use super::rated::{FittedColumn, Part, RatedMeasure, RatedResampler, RatedSample};
use super::{Computed, TrialMeasure};

/// Pearson's correlation of the ratings with a logistic curve of closeness; 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct FittedCorrelation(pub Logistic);

/// Root mean square error of a logistic curve of closeness, in units of the ratings. Less is
/// better; by chance it is the deviation of the ratings.
#[derive(Debug, Clone, Copy)]
pub struct FittedError(pub Logistic);

impl TrialMeasure for FittedCorrelation {
    fn name(&self) -> &'static str {
        match self.0 {
            Logistic::Four => "pearson-logistic4",
            Logistic::Five => "pearson-logistic5",
        }
    }

    fn title(&self) -> &'static str {
        match self.0 {
            Logistic::Four => "Pearson correlation after a logistic curve with 4 parameters",
            Logistic::Five => "Pearson correlation after a logistic curve with 5 parameters",
        }
    }

    fn has_narrow_intervals(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl TrialMeasure for FittedError {
    fn name(&self) -> &'static str {
        match self.0 {
            Logistic::Four => "rmse-logistic4",
            Logistic::Five => "rmse-logistic5",
        }
    }

    fn title(&self) -> &'static str {
        match self.0 {
            Logistic::Four => "root mean square error of a logistic curve with 4 parameters",
            Logistic::Five => "root mean square error of a logistic curve with 5 parameters",
        }
    }

    fn ends(&self) -> RangeInclusive<f64> {
        // In units of the ratings, whatever those are.
        -f64::MAX..=f64::MAX
    }

    fn less_is_better(&self) -> bool {
        true
    }

    fn has_narrow_intervals(&self) -> bool {
        true
    }

    fn computed(&'static self) -> Computed {
        Computed::Rated(self)
    }
}

impl RatedMeasure for FittedCorrelation {
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
        correlation(self.0.fit(closeness, ratings).as_ref(), closeness, ratings)
    }

    fn of_whole(&self, sample: &RatedSample<'_>, column: usize) -> f64 {
        let fitted = sample.curves(self.0)[column].as_ref();
        correlation(fitted.map(|fitted| &fitted.fit), &sample.columns[column], sample.ratings)
    }

    fn is_fitted(&self) -> bool {
        true
    }

    fn resampler<'a>(
        &self,
        sample: &'a RatedSample<'a>,
        _: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        Some(Box::new(Resampler { curves: sample.curves(self.0), which: 0 }))
    }
}

impl RatedMeasure for FittedError {
    fn of(&self, closeness: &[f64], ratings: &[f64]) -> f64 {
        error(self.0.fit(closeness, ratings).as_ref(), ratings)
    }

    fn of_whole(&self, sample: &RatedSample<'_>, column: usize) -> f64 {
        let fitted = sample.curves(self.0)[column].as_ref();
        error(fitted.map(|fitted| &fitted.fit), sample.ratings)
    }

    fn chance(&self, ratings: &[f64]) -> f64 {
        let n = ratings.len() as f64;
        let mean = ratings.iter().sum::<f64>() / n;
        // What the mean of all ratings is off by.
        (ratings.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / n).sqrt()
    }

    fn is_fitted(&self) -> bool {
        true
    }

    fn resampler<'a>(
        &self,
        sample: &'a RatedSample<'a>,
        _: &'a [Part<'a>],
    ) -> Option<Box<dyn RatedResampler + 'a>> {
        Some(Box::new(Resampler { curves: sample.curves(self.0), which: 1 }))
    }
}

/// NaN without a curve.
fn correlation(fit: Option<&LogisticFit>, closeness: &[f64], ratings: &[f64]) -> f64 {
    fit.map_or(f64::NAN, |fit| {
        let values: Vec<f64> = closeness.iter().map(|x| fit.value(*x)).collect();
        pearson(&values, ratings)
    })
}

/// NaN without a curve.
fn error(fit: Option<&LogisticFit>, ratings: &[f64]) -> f64 {
    fit.map_or(f64::NAN, |fit| (fit.squares / ratings.len() as f64).sqrt())
}

/// The curve of each column, refitted to what is drawn.
struct Resampler<'a> {
    curves: &'a [Option<FittedColumn>],
    /// Which of [`LogisticFit::refitted`]'s numbers is the score.
    which: usize,
}

impl RatedResampler for Resampler<'_> {
    fn scores(&self, counts: &[u32]) -> Vec<f64> {
        let refitted = |column: &Option<FittedColumn>| match column {
            Some(column) => column.fit.refitted(&column.clusters, counts)[self.which],
            None => f64::NAN,
        };
        self.curves.iter().map(refitted).collect()
    }
}
