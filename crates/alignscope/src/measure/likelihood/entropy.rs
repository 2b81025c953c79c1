//! The entropy of people's answers to one question.

/// Questions with fewer answers for each alternative but one have no entropy: however it is
/// corrected, the bias is too large.
pub const MIN_VOTES: f64 = 5.0;

/// Entropy of the answers that people would give to a question, from the few that they gave, in
/// bits; the jackknife takes off most of what few answers make it too small by. `None` for fewer
/// than 5 answers of two alternatives, 10 of three ([`MIN_VOTES`]).
///
/// ```text
/// H(n)  = −Σ_k n_k/N · log2(n_k/N)
/// H_J   = N · H(n) − (N − 1) · Σ_k n_k/N · H(n without one answer k)
/// ```
///
/// It may be above log2 K, and 0 where all gave one answer. How large its bias is stands in
/// `docs/statistics.md`.
///
/// `votes` — how many people chose each alternative, whole numbers
///
/// # Source
/// Zahl, *Jackknifing an index of diversity*, Ecology 58 (1977).
pub fn entropy_of_votes(votes: &[f64]) -> Option<f64> {
    let total: f64 = votes.iter().sum();
    if total < MIN_VOTES * (votes.len() - 1) as f64 {
        return None;
    }
    let of_counts = |counts: &[f64], total: f64| {
        entropy_of_shares(&counts.iter().map(|count| count / total).collect::<Vec<f64>>())
    };
    let without = |k: usize| {
        let mut left = votes.to_vec();
        left[k] -= 1.0;
        of_counts(&left, total - 1.0)
    };
    let given = (0..votes.len()).filter(|k| votes[*k] > 0.0);
    let left_out: f64 = given.map(|k| votes[k] / total * without(k)).sum();
    Some(total * of_counts(votes, total) - (total - 1.0) * left_out)
}

/// Entropy in bits of shares that sum to 1.
pub fn entropy_of_shares(shares: &[f64]) -> f64 {
    -shares
        .iter()
        .filter(|share| **share > 0.0)
        .map(|share| share * libm::log2(*share))
        .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_of_all_has_no_entropy_and_few_answers_none_that_is_known() {
        assert_eq!(entropy_of_votes(&[5.0, 0.0]), Some(0.0));
        assert_eq!(entropy_of_votes(&[10.0, 0.0, 0.0]), Some(0.0));
        assert_eq!(entropy_of_votes(&[2.0, 2.0]), None);
        assert_eq!(entropy_of_votes(&[8.0, 1.0, 0.0]), None);
        assert_eq!(entropy_of_shares(&[0.25; 4]), 2.0);
    }

    /// The mean of an estimate over all outcomes of `total` answers of two kinds.
    fn mean_of(total: u32, p: f64, estimate: impl Fn(f64, f64) -> f64) -> f64 {
        let mut chance = (1.0 - p).powi(total as i32);
        let mut mean = 0.0;
        for k in 0..=total {
            mean += chance * estimate(f64::from(k), f64::from(total - k));
            chance *= f64::from(total - k) / f64::from(k + 1) * p / (1.0 - p);
        }
        mean
    }

    #[test]
    fn the_jackknife_takes_off_most_of_the_bias_of_few_answers() {
        for (total, most) in [(5, 0.06), (10, 0.03), (20, 0.015)] {
            for p in [0.05, 0.1, 0.2, 0.3, 0.5_f64] {
                let truth = entropy_of_shares(&[p, 1.0 - p]);
                let corrected = mean_of(total, p, |a, b| entropy_of_votes(&[a, b]).expect("five"));
                let plain =
                    mean_of(total, p, |a, b| entropy_of_shares(&[a, b].map(|n| n / (a + b))));
                let [bias, uncorrected] = [corrected - truth, plain - truth];
                assert!(bias.abs() < most, "{total} answers of {p}: {bias}");
                assert!(bias.abs() < 0.6 * uncorrected.abs(), "{p}: {bias}, {uncorrected}");
            }
        }
    }
}
