//! Ceilings against plain counts in Python on real answers; skipped where the data are not there.

use crate::golden::shared;
use alignscope::ceiling::{Ceiling, FoundCeiling, ceilings};
use alignscope::dataset::ALL;
use alignscope::resample::{ClusterBy, Draws, Resampling};
use alignscope::score::{Measure, Scorer, Ties};
use alignscope::{Dataset, DatasetFormat, DatasetOptions};

fn find(kind: DatasetFormat, data: &std::path::Path) -> Vec<FoundCeiling> {
    let options = DatasetOptions { skip_missing: true, ..DatasetOptions::default() };
    let dataset = Dataset::open(kind, data, &options).expect("the data set");
    let clusters = dataset.clusters(ClusterBy::Default).expect("clusters");
    let resampling = Resampling { resamples: 200, ..Resampling::default() };
    let draws = Draws::new(&resampling, kind.name(), clusters.count);
    let trials = dataset.trials.clone();
    let scorer = Scorer::new(trials, clusters, dataset.subsets(), draws, Ties::Miss);
    ceilings(&dataset, &scorer, 0)
}

fn check(found: &[FoundCeiling], expected: &[(Ceiling, Measure, f64, usize, usize)]) {
    for (ceiling, measure, value, n, n_clusters) in expected {
        let row = found
            .iter()
            .map(|f| &f.row)
            .find(|r| r.subset == ALL && r.ceiling == *ceiling && r.measure == *measure)
            .expect("the ceiling");
        // Sums of twenty thousand shares.
        assert!((row.value - value).abs() < 1e-10, "{ceiling}: {}, expected {value}", row.value);
        assert_eq!((row.n, row.n_clusters), (*n, *n_clusters));
        let inside =
            row.ci_low.expect("an interval") < *value && *value < row.ci_high.expect("one");
        assert!(inside, "{row:?}");
    }
}

#[test]
fn the_three_ceilings_of_things_are_those_of_a_plain_count() {
    let Some(data) = shared("data/things") else { return };
    let found = find(DatasetFormat::THINGS, &data);
    // 18,985 answers to 949 triplets; where the others' majority is shared, by 1/k.
    check(
        &found,
        &[
            (Ceiling::MajorityShare, Measure::Accuracy, 0.6729523307874637, 18_985, 949),
            (Ceiling::OneOtherPerson, Measure::Accuracy, 0.5407989394082585, 18_985, 949),
            (Ceiling::MajorityOfOthers, Measure::Accuracy, 0.642305328768326, 18_985, 949),
        ],
    );
    let below: Vec<f64> = found
        .iter()
        .filter(|f| f.row.subset.starts_with("agreement") && f.row.ceiling.is_drawn())
        .map(|f| f.row.value)
        .collect();
    assert_eq!(below.len(), 4);
    assert!(below.is_sorted() && below[0] < 0.5 && below[3] > 0.8, "{below:?}");
}

#[test]
fn vote_agreement_of_materials_is_that_of_a_plain_count() {
    let Some(data) = shared("data/materials") else { return };
    let found = find(DatasetFormat::TWO_AFC, &data.join("judgements.csv"));
    check(
        &found,
        &[
            (Ceiling::VoteAgreement, Measure::Accuracy, 0.86727847202492, 24_144, 100),
            (Ceiling::VoteAgreement, Measure::VoteShare, 0.8436909975803013, 25_801, 100),
        ],
    );
    // The layout of NIGHTS has majorities only.
    assert!(find(DatasetFormat::NIGHTS, &data).is_empty());
}
