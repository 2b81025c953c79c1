//! Scores and differences in words: a score as its axis has it, a difference in points of 0.01.

/// A difference in points, with its interval if it has one: `3.8 points [2.0, 5.5]`.
pub(crate) fn points(value: f64, low: Option<f64>, high: Option<f64>) -> String {
    let show = |v: f64| format!("{:.1}", 100.0 * v).replace('-', "−");
    let unit = if show(value) == "1.0" { "point" } else { "points" };
    format!("{} {unit}{}", show(value), interval(low, high, show))
}

/// A score, with its interval if it has one: `0.414 [0.397, 0.437]`.
pub(crate) fn level(value: f64, low: Option<f64>, high: Option<f64>) -> String {
    let show = |v: f64| format!("{v:.3}").replace('-', "−");
    format!("{}{}", show(value), interval(low, high, show))
}

fn interval(low: Option<f64>, high: Option<f64>, show: impl Fn(f64) -> String) -> String {
    let ends = low.zip(high);
    ends.map_or(String::new(), |(low, high)| format!(" [{}, {}]", show(low), show(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_said_as_they_stand_and_differences_in_points() {
        assert_eq!(points(0.022, Some(0.015), Some(0.029)), "2.2 points [1.5, 2.9]");
        assert_eq!(points(-0.0221, Some(-0.03), Some(0.01)), "−2.2 points [−3.0, 1.0]");
        assert_eq!(points(0.01, None, None), "1.0 point");
        assert_eq!(level(0.5, None, None), "0.500");
        assert_eq!(level(-0.25, Some(-0.5), Some(0.1)), "−0.250 [−0.500, 0.100]");
    }
}
