//! Which release annotations in these layouts are of: told by their counts and, where the scores are
//! known, by their means.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::dataset::Release;
use crate::dataset::release::Found;

/// A rating, as far as it tells a release.
pub(super) struct Row<'a> {
    pub(super) reference: &'a str,
    pub(super) kind: &'a str,
    pub(super) level: &'a str,
    pub(super) score: f64,
}

/// A distortion type of a release: its name, its pairs, and the mean of its scores, if it is known.
type Kind = (&'static str, usize, Option<f64>);

/// CSIQ: 30 references, and the DMOS of each distortion type.
///
/// # Source
/// The scores of `csiq.DMOS.xlsx`, as the tables of pyiqa and of IQA-Dataset have them.
const CSIQ: [Kind; 6] = [
    ("awgn", 150, Some(0.2469)),
    ("jpeg", 150, Some(0.3701)),
    ("jpeg2000", 150, Some(0.4053)),
    ("fnoise", 150, Some(0.3941)),
    ("blur", 150, Some(0.3899)),
    ("contrast", 116, Some(0.2827)),
];

/// References of CSIQ.
const CSIQ_REFERENCES: usize = 30;

/// PIPAL's training set: 200 references, and the Elo scores of each distortion type.
///
/// # Source
/// The texts of `Train_Label`, as the tables of pyiqa and of IQA-Dataset have them.
const PIPAL: [Kind; 7] = [
    ("00", 2400, Some(1462.457)),
    ("01", 3200, Some(1472.197)),
    ("02", 2000, Some(1498.586)),
    ("03", 4800, Some(1441.241)),
    ("04", 2600, Some(1480.486)),
    ("05", 2800, Some(1361.756)),
    ("06", 5400, Some(1447.708)),
];

/// LIVE: the realigned DMOS of each distortion type, without the copies of references.
///
/// # Source
/// `dmos_realigned.mat`, as the table of IQA-Dataset has it.
const LIVE_REALIGNED: [Kind; 5] = [
    ("jp2k", 169, Some(43.608)),
    ("jpeg", 175, Some(50.591)),
    ("wn", 145, Some(56.570)),
    ("gblur", 145, Some(45.720)),
    ("fastfading", 145, Some(46.824)),
];

/// LIVE with the DMOS that were published first, whose means are not held against anything.
const LIVE: [Kind; 5] = [
    ("jp2k", 169, None),
    ("jpeg", 175, None),
    ("wn", 145, None),
    ("gblur", 145, None),
    ("fastfading", 145, None),
];

/// References of LIVE.
const LIVE_REFERENCES: usize = 29;

/// LIVE-MD: the DMOS of its two parts.
///
/// # Source
/// `Scores.mat` of each, as the tables of pyiqa and of IQA-Dataset have it.
const LIVE_MD: [Kind; 2] = [("1", 225, Some(47.2627)), ("2", 225, Some(47.8968))];

/// References of LIVE-MD.
const LIVE_MD_REFERENCES: usize = 15;

/// References of PIPAL's training set.
const PIPAL_REFERENCES: usize = 200;

/// The splits of PieAPP: references, and pairs of each without those beside the reference itself.
///
/// # Source
/// Its authors' `dataset_README.md`: 160 references and 77,280 pairs to train and validate, 40 and
/// 4,200 to test.
const PIEAPP: [(&str, usize, usize); 3] =
    [("train", 140, 483), ("val", 20, 483), ("test", 40, 105)];

/// What is known of a release of ratings.
struct Known {
    release: Release,
    kinds: &'static [Kind],
    references: usize,
    /// A mean may be off by so much, since scores are also met rounded.
    tolerance: f64,
}

/// The release of all ratings of a file in CSIQ's layout.
pub(super) fn of_csiq<'a>(rows: impl Iterator<Item = Row<'a>>) -> Found {
    let tolerance = 0.002;
    let known =
        Known { release: Release::Csiq, kinds: &CSIQ, references: CSIQ_REFERENCES, tolerance };
    known.found(rows)
}

/// The release of all ratings of a split in PIPAL's layout.
pub(super) fn of_pipal<'a>(split: &str, rows: impl Iterator<Item = Row<'a>>) -> Found {
    if split != "train" {
        return Found::like(format!("the scores of its split `{split}` are not known"));
    }
    let (kinds, references, tolerance) = (&PIPAL, PIPAL_REFERENCES, 0.05);
    Known { release: Release::Pipal, kinds, references, tolerance }.found(rows)
}

/// The release of all ratings of distorted images in LIVE's layout.
pub(super) fn of_live<'a>(is_realigned: bool, rows: impl Iterator<Item = Row<'a>>) -> Found {
    let kinds = if is_realigned { &LIVE_REALIGNED } else { &LIVE };
    let (references, tolerance) = (LIVE_REFERENCES, 0.02);
    Known { release: Release::Live, kinds, references, tolerance }.found(rows)
}

/// The release of all ratings in LIVE-MD's layout; their kinds are the parts.
pub(super) fn of_live_md<'a>(rows: impl Iterator<Item = Row<'a>>) -> Found {
    let (kinds, references, tolerance) = (&LIVE_MD, LIVE_MD_REFERENCES, 0.02);
    Known { release: Release::LiveMd, kinds, references, tolerance }.found(rows)
}

/// The release of a split in PieAPP's layout, from its counts.
///
/// `beside_reference` — pairs of which one image is the reference itself
pub(super) fn of_pieapp(
    split: &str,
    references: usize,
    pairs: usize,
    beside_reference: usize,
) -> Found {
    let Some((_, known, of_each)) = PIEAPP.iter().find(|(name, ..)| *name == split) else {
        return Found::like(format!("PieAPP has no split `{split}`"));
    };
    let (found, expected) = (pairs - beside_reference, known * of_each);
    if (references, found) == (*known, expected) {
        return Found::release(Release::PieApp);
    }
    Found::like(format!(
        "it has {references} references and {found} pairs of distorted images, {split} of PieAPP \
         {known} and {expected}"
    ))
}

impl Known {
    fn found<'a>(&self, rows: impl Iterator<Item = Row<'a>>) -> Found {
        let rows: Vec<Row<'a>> = rows.collect();
        match self.differs(&rows) {
            None => Found::release(self.release),
            Some(why) => Found::like(why),
        }
    }

    /// Where the rows are not of this release.
    fn differs(&self, rows: &[Row<'_>]) -> Option<String> {
        let name = self.release.title();
        let pairs: usize = self.kinds.iter().map(|(_, pairs, _)| pairs).sum();
        if rows.len() != pairs {
            return Some(format!("it has {} pairs, {name} has {pairs}", rows.len()));
        }
        let references: BTreeSet<&str> = rows.iter().map(|row| row.reference).collect();
        if references.len() != self.references {
            let (found, known) = (references.len(), self.references);
            return Some(format!("it has {found} references, {name} has {known}"));
        }
        let mut seen = HashSet::new();
        if let Some(row) = rows.iter().find(|r| !seen.insert((r.reference, r.kind, r.level))) {
            let Row { reference, kind, level, .. } = row;
            return Some(format!(
                "it has {kind} {level} of `{reference}` twice, {name} has it once"
            ));
        }
        self.differing_kind(rows)
    }

    /// The first distortion type with other scores.
    fn differing_kind(&self, rows: &[Row<'_>]) -> Option<String> {
        let name = self.release.title();
        let mut sums = BTreeMap::<&str, (f64, usize)>::new();
        for row in rows {
            let (sum, count) = sums.entry(row.kind).or_default();
            *sum += row.score;
            *count += 1;
        }
        self.kinds.iter().find_map(|(kind, pairs, mean)| {
            let (sum, count) = sums.get(kind).copied().unwrap_or_default();
            if count != *pairs {
                return Some(format!("it has {count} pairs of type {kind}, {name} has {pairs}"));
            }
            let found = sum / count as f64;
            let mean = mean.filter(|mean| (found - mean).abs() > self.tolerance)?;
            Some(format!(
                "its scores of type {kind} have the mean {found:.3}, those of {name} {mean:.3}"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ratings of a release, with scores that have its means.
    fn rows(kinds: &[Kind], references: usize) -> Vec<(String, &'static str, String, f64)> {
        let mut rows = Vec::new();
        for (kind, pairs, mean) in kinds {
            for i in 0..*pairs {
                let reference = format!("r{}", i % references);
                rows.push((reference, *kind, (i / references).to_string(), mean.unwrap_or(0.0)));
            }
        }
        rows
    }

    fn found(known: &Known, rows: &[(String, &'static str, String, f64)]) -> Found {
        known.found(rows.iter().map(|(reference, kind, level, score)| Row {
            reference,
            kind,
            level,
            score: *score,
        }))
    }

    #[test]
    fn each_release_of_ratings_is_told_by_all_its_rows() {
        let known =
            |release, kinds, references, tolerance| Known { release, kinds, references, tolerance };
        for known in [
            known(Release::Csiq, &CSIQ, CSIQ_REFERENCES, 0.002),
            known(Release::Pipal, &PIPAL, PIPAL_REFERENCES, 0.05),
            known(Release::Live, &LIVE_REALIGNED, LIVE_REFERENCES, 0.02),
            known(Release::LiveMd, &LIVE_MD, LIVE_MD_REFERENCES, 0.02),
        ] {
            let whole = rows(known.kinds, known.references);
            assert_eq!(found(&known, &whole), Found::release(known.release));
            let why = |change: &dyn Fn(&mut Vec<(String, &'static str, String, f64)>)| {
                let mut rows = whole.clone();
                change(&mut rows);
                found(&known, &rows).why.expect("a look-alike")
            };
            assert!(why(&|rows| drop(rows.pop())).contains("pairs"));
            assert!(why(&|rows| rows[0].0 = "other".to_owned()).contains("references"));
            assert!(why(&|rows| rows[1] = rows[0].clone()).contains("twice"));
            assert!(why(&|rows| rows[0].1 = "other").contains("pairs of type"));
            assert!(
                why(&|rows| rows.iter_mut().for_each(|r| r.3 *= 0.9)).contains("have the mean")
            );
        }
    }

    #[test]
    fn pieapp_is_told_by_the_counts_of_a_split() {
        let release = Found::release(Release::PieApp);
        assert_eq!(of_pieapp("test", 40, 4800, 600), release);
        assert_eq!(of_pieapp("val", 20, 9660, 0), release);
        assert_eq!(of_pieapp("train", 140, 67_620, 0), release);
        assert!(of_pieapp("test", 40, 4800, 0).why.expect("a reason").contains("4800 pairs"));
        assert!(of_pieapp("mine", 40, 4800, 600).why.expect("a reason").contains("no split"));
        assert_eq!(of_pipal("val", std::iter::empty()).release, None);
    }
}
