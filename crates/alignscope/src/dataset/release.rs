//! Which release the annotations are of. They are looked at as a whole, whatever part of them is
//! run, and a release is named only where everything that is known of it holds.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::csv_row::choice_field;
use crate::input_file::ContentHash;

/// A data set as its authors published it, told by all of its annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Release {
    /// TID2013: rated pairs.
    Tid2013,
    /// TID2008, in TID2013's layout.
    Tid2008,
    /// KADID-10k, in TID2013's layout.
    Kadid10k,
    /// NIGHTS: two-alternative forced choices.
    Nights,
    /// CSIQ: rated pairs.
    Csiq,
    /// LIVE's image quality data set, release 2: rated pairs.
    Live,
    /// LIVE's multiply distorted images: rated pairs.
    LiveMd,
    /// PIPAL's training set: rated pairs.
    Pipal,
    /// PieAPP: two-alternative forced choices between distorted images.
    PieApp,
    /// BAPPS: two-alternative forced choices, a file each.
    Bapps,
    /// THINGS: odd-one-out triplets.
    Things,
}

impl Release {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Tid2013,
        Self::Tid2008,
        Self::Kadid10k,
        Self::Csiq,
        Self::Live,
        Self::LiveMd,
        Self::Pipal,
        Self::PieApp,
        Self::Nights,
        Self::Bapps,
        Self::Things,
    ];

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tid2013 => "tid2013",
            Self::Tid2008 => "tid2008",
            Self::Kadid10k => "kadid10k",
            Self::Nights => "nights",
            Self::Csiq => "csiq",
            Self::Live => "live",
            Self::LiveMd => "live-md",
            Self::Pipal => "pipal",
            Self::PieApp => "pieapp",
            Self::Bapps => "bapps",
            Self::Things => "things",
        }
    }

    /// The name as its authors write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tid2013 => "TID2013",
            Self::Tid2008 => "TID2008",
            Self::Kadid10k => "KADID-10k",
            Self::Nights => "NIGHTS",
            Self::Csiq => "CSIQ",
            Self::Live => "LIVE",
            Self::LiveMd => "LIVE-MD",
            Self::Pipal => "PIPAL",
            Self::PieApp => "PieAPP",
            Self::Bapps => "BAPPS",
            Self::Things => "THINGS",
        }
    }

    /// What it is, and what its name opens, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Tid2013 => {
                "rated pairs: TID2013, the folder as published; \
                 one of TID2008 or KADID-10k is found out, and results name it"
            }
            Self::Tid2008 => "rated pairs: TID2008, and nothing else",
            Self::Kadid10k => "rated pairs: KADID-10k, and nothing else",
            Self::Nights => {
                "two-alternative choices: NIGHTS (data.csv), the folder as published; \
                 one of BAPPS is found out, and results name it"
            }
            Self::Csiq => "rated pairs: CSIQ (src_imgs/, dst_imgs/ and csiq.csv or csiq.txt)",
            Self::Live => "rated pairs: LIVE, release 2 (refimgs/, jp2k/ … and dmos.mat)",
            Self::LiveMd => "rated pairs: LIVE's multiply distorted images (Part 1/ and Part 2/)",
            Self::Pipal => "rated pairs: PIPAL (Train_Ref/, Train_Dist/ and Train_Label/)",
            Self::PieApp => {
                "two-alternative choices between distorted images: PieAPP (labels/test/ …)"
            }
            Self::Bapps => "two-alternative choices: BAPPS (2afc/), and nothing else",
            Self::Things => {
                "odd-one-out triplets: THINGS; object_images/, unique_id.txt and triplet_dataset/"
            }
        }
    }

    /// Keys of the papers to cite, in `assets/references.bib`.
    pub fn references(self) -> &'static [&'static str] {
        match self {
            Self::Tid2013 => &["ponomarenko2015tid2013"],
            Self::Tid2008 => &["ponomarenko2009tid2008"],
            Self::Kadid10k => &["lin2019kadid"],
            Self::Csiq => &["larson2010mad"],
            Self::Live => &["sheikh2006live"],
            Self::LiveMd => &["jayaraman2012livemd"],
            Self::Pipal => &["gu2020pipal"],
            Self::PieApp => &["prashnani2018pieapp"],
            Self::Nights => &["fu2023dreamsim"],
            Self::Bapps => &["zhang2018lpips"],
            Self::Things => &["hebart2019things", "hebart2023thingsdata"],
        }
    }

    /// Whether a user who asks for it gets it or an error. The names of the others open whatever
    /// lies in their format, and results say what that was.
    pub fn is_exact(self) -> bool {
        match self {
            Self::Tid2008 | Self::Kadid10k | Self::Bapps => true,
            Self::Tid2013 | Self::Nights | Self::Things => false,
            Self::Csiq | Self::Live | Self::LiveMd | Self::Pipal | Self::PieApp => false,
        }
    }
}

choice!(Release, "release");
choice_field!(Release);

/// How many there are in a release, each with what has as many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseCounts {
    /// Trials.
    pub trials: &'static [(&'static str, usize)],
    /// Images that trials name.
    pub images: &'static [(&'static str, usize)],
    /// Different triplets among the trials.
    pub triplets: &'static [(&'static str, usize)],
}

impl Release {
    /// How many there are, as published.
    pub fn counts(self) -> ReleaseCounts {
        let counts = |trials, images| ReleaseCounts { trials, images, triplets: &[] };
        match self {
            Self::Tid2013 => counts(&[("TID2013", 3000)], &[("TID2013", 3025)]),
            Self::Tid2008 => counts(&[("TID2008", 1700)], &[("TID2008", 1725)]),
            Self::Kadid10k => counts(&[("KADID-10k", 10_125)], &[("KADID-10k", 10_206)]),
            Self::Nights => counts(&[("NIGHTS", 20_019)], &[("NIGHTS", 60_057)]),
            Self::Csiq => counts(&[("CSIQ", 866)], &[("CSIQ", 896)]),
            Self::Live => counts(&[("LIVE", 779)], &[("LIVE", 808)]),
            Self::LiveMd => counts(&[("LIVE-MD", 450)], &[("LIVE-MD", 465)]),
            Self::Pipal => counts(&[("PIPAL", 23_200)], &[("PIPAL", 23_400)]),
            Self::PieApp => counts(&[("PieAPP test", 4200)], &[("PieAPP test", 640)]),
            Self::Bapps => counts(&[], &[]),
            Self::Things => ReleaseCounts {
                trials: &[("testset1, earlier release", 15_640), ("testset1", 20_000)],
                images: &[("THINGS", 1854)],
                triplets: &[("testset1", 1000)],
            },
        }
    }
}

/// What annotations were found to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// `None` for no known release.
    pub(super) release: Option<Release>,
    /// Of no known release: what keeps them from being the nearest one, as a sentence.
    pub(super) why: Option<String>,
}

impl Found {
    pub(super) fn release(release: Release) -> Self {
        Self { release: Some(release), why: None }
    }

    pub(super) fn like(why: String) -> Self {
        Self { release: None, why: Some(why) }
    }

    /// What is said of it in the data set's notes; `what` are its counts.
    pub(super) fn note(&self, place: &str, what: &str) -> String {
        match (self.release, &self.why) {
            (Some(release), _) => format!("{place} is {} ({what})", release.title()),
            (None, Some(why)) => format!(
                "{place} is of no known release ({what}): {why}; \
                 it is not held against published scores"
            ),
            (None, None) => format!("{place} is of no known release ({what})"),
        }
    }
}

/// What is known of a release in TID2013's layout.
struct TidRelease {
    release: Release,
    references: u32,
    types: u32,
    levels: u32,
    /// Ends of its scale.
    scale: (f64, f64),
    /// The mean score of each distortion type and of each level, where the scores are known.
    means: (&'static [f64], &'static [f64]),
}

/// The releases in TID2013's layout.
///
/// # Source
/// Counts and scales: the web pages of the data sets. Means: `mos_with_names.txt` of TID2013, and
/// the scores of TID2008 as the study's authors have them, to four digits. KADID-10k's scores are
/// told by their range alone.
const TID_RELEASES: [TidRelease; 3] = [
    TidRelease {
        release: Release::Tid2013,
        references: 25,
        types: 24,
        levels: 5,
        scale: (0.0, 9.0),
        means: (
            &[
                4.7541, 5.3720, 3.7217, 5.3579, 4.8055, 3.9834, 4.0702, 4.1246, 4.4220, 4.3886,
                3.7354, 4.5237, 3.6530, 5.1047, 3.5819, 5.5555, 5.2678, 4.3148, 4.6353, 4.7859,
                4.1756, 4.4509, 4.9191, 3.6880,
            ],
            &[5.5154, 5.2209, 4.5763, 3.9687, 3.0920],
        ),
    },
    TidRelease {
        release: Release::Tid2008,
        references: 25,
        types: 17,
        levels: 4,
        scale: (0.0, 9.0),
        means: (
            &[
                4.9039, 5.5969, 3.7668, 5.5243, 4.9591, 4.2132, 3.8876, 3.9411, 4.1791, 4.0880,
                3.1425, 4.2750, 3.5909, 5.0553, 3.6009, 5.8213, 5.6074,
            ],
            &[5.4847, 4.8478, 4.2461, 3.3398],
        ),
    },
    TidRelease {
        release: Release::Kadid10k,
        references: 81,
        types: 25,
        levels: 5,
        scale: (1.0, 5.0),
        means: (&[], &[]),
    },
];

/// A mean score may be off by so much: scores are also met rounded to one or two digits.
const MEAN_TOLERANCE: f64 = 0.02;

/// A rating in TID2013's layout, as far as it tells a release.
pub(super) struct TidRow<'a> {
    /// The stem of the reference's name.
    pub(super) reference: &'a str,
    /// The first part of the distorted image's name.
    pub(super) base: &'a str,
    pub(super) kind: u32,
    pub(super) level: u32,
    pub(super) score: f64,
}

/// The release of all ratings of a file; `None` for a row whose name is not of the layout.
pub(super) fn of_tid<'a>(rows: impl Iterator<Item = Option<TidRow<'a>>>) -> Found {
    let rows: Option<Vec<TidRow<'_>>> = rows.collect();
    let Some(rows) = rows else {
        let why = "a name in it is not of the form i01_01_1.bmp".to_owned();
        return Found::like(why);
    };
    let mut nearest: Option<(usize, String)> = None;
    for release in &TID_RELEASES {
        match release.differs(&rows) {
            None => return Found::release(release.release),
            Some((passed, why)) => {
                if nearest.as_ref().is_none_or(|(most, _)| passed > *most) {
                    nearest = Some((passed, why));
                }
            }
        }
    }
    let why = match nearest {
        Some((passed, why)) if passed > 0 => why,
        _ => {
            let counts =
                TID_RELEASES.iter().map(|r| format!("{} has {}", r.release.title(), r.pairs()));
            let counts = counts.collect::<Vec<_>>().join(", ");
            format!("it has {} pairs, {counts}", rows.len())
        }
    };
    Found::like(why)
}

impl TidRelease {
    fn pairs(&self) -> usize {
        (self.references * self.types * self.levels) as usize
    }

    /// Where the rows are not this release: how many checks they passed, and the first they did
    /// not.
    fn differs(&self, rows: &[TidRow<'_>]) -> Option<(usize, String)> {
        let name = self.release.title();
        let types: BTreeSet<u32> = rows.iter().map(|row| row.kind).collect();
        if rows.len() != self.pairs() {
            let why = format!("it has {} pairs, {name} has {}", rows.len(), self.pairs());
            let alike = types.len() == self.types as usize;
            return Some((usize::from(alike), why));
        }
        let mut seen = HashSet::new();
        for TidRow { base, reference, kind, level, .. } in rows {
            let place = format!("{base}_{kind:02}_{level}");
            let number = base.strip_prefix(['i', 'I']).filter(|digits| digits.len() == 2);
            let number = number.and_then(|digits| digits.parse::<u32>().ok());
            let inside = number.is_some_and(|n| (1..=self.references).contains(&n))
                && (1..=self.types).contains(kind)
                && (1..=self.levels).contains(level);
            if !inside {
                return Some((2, format!("it has `{place}`, which {name} has not")));
            }
            if !reference.eq_ignore_ascii_case(base) {
                let why =
                    format!("it rates `{place}` beside `{reference}`, {name} beside `{base}`");
                return Some((3, why));
            }
            if !seen.insert((number, kind, level)) {
                return Some((3, format!("it has `{place}` twice, {name} has it once")));
            }
        }
        let (low, high) = self.scale;
        if let Some(row) = rows.iter().find(|row| !(low..=high).contains(&row.score)) {
            let why =
                format!("it has a score of {}, those of {name} are {low} to {high}", row.score);
            return Some((4, why));
        }
        let (types, levels) = self.means;
        let of_types = differing_mean(rows, types, |row| row.kind);
        let of_levels = differing_mean(rows, levels, |row| row.level);
        let of = |what: &str, (at, found, expected): (u32, f64, f64)| {
            let why = format!(
                "its scores of {what} {at} have the mean {found:.3}, those of {name} {expected:.3}"
            );
            (5, why)
        };
        let of_types = of_types.map(|found| of("distortion type", found));
        of_types.or(of_levels.map(|found| of("level", found)))
    }
}

/// The first group whose mean score is not the one expected: its number, found, expected.
fn differing_mean(
    rows: &[TidRow<'_>],
    expected: &[f64],
    group: impl Fn(&TidRow<'_>) -> u32,
) -> Option<(u32, f64, f64)> {
    let mut sums = BTreeMap::<u32, (f64, usize)>::new();
    for row in rows {
        let (sum, count) = sums.entry(group(row)).or_default();
        *sum += row.score;
        *count += 1;
    }
    (1..).zip(expected).find_map(|(number, expected)| {
        let (sum, count) = sums.get(&number).copied().unwrap_or((f64::NAN, 1));
        let mean = sum / count as f64;
        let same = (mean - expected).abs() <= MEAN_TOLERANCE;
        (!same).then_some((number, mean, *expected))
    })
}

/// Trials of NIGHTS.
const NIGHTS_TRIALS: usize = 20_019;

/// All rows of a table in NIGHTS's layout, as far as they tell a release.
#[derive(Default)]
pub(super) struct NightsRows {
    count: usize,
    references: HashSet<String>,
    /// The first that NIGHTS has not.
    other: Option<String>,
}

impl NightsRows {
    /// Looks at a row: the paths of reference, left and right, and the two votes, as they stand.
    pub(super) fn see(&mut self, [reference, left, right]: [&str; 3], votes: [&str; 2]) {
        self.count += 1;
        if self.other.is_some() {
            return;
        }
        let votes = votes.map(|vote| vote.parse::<f64>().ok());
        let row = self.count;
        if votes != [Some(0.0), Some(1.0)] && votes != [Some(1.0), Some(0.0)] {
            let why = format!("its row {row} has no vote of 1 and of 0, as all of NIGHTS have");
            self.other = Some(why);
        } else if !is_of_nights(reference, left, right) {
            let why = format!("its row {row} has the reference `{reference}`");
            self.other = Some(format!(
                "{why}, NIGHTS ref/000/000.png with distort/000/000_0.png and 000_1.png"
            ));
        } else if !self.references.insert(reference.to_owned()) {
            self.other =
                Some(format!("it has the reference `{reference}` twice, NIGHTS each once"));
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// What the rows are. `lacking` are those of the release that the table lacks.
    pub(super) fn release(self, lacking: &[&str]) -> Found {
        let why = if let [first, ..] = lacking {
            Some(format!("it has no column `{first}`, as NIGHTS has"))
        } else if self.count != NIGHTS_TRIALS {
            Some(format!("it has {} trials, NIGHTS has {NIGHTS_TRIALS}", self.count))
        } else {
            self.other
        };
        match why {
            None => Found::release(Release::Nights),
            Some(why) => Found::like(why),
        }
    }
}

/// Whether the three are named as a trial of NIGHTS is: `ref/000/000.png`, and
/// `distort/000/000_0.png` and `_1.png`.
fn is_of_nights(reference: &str, left: &str, right: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let stem = |path: &str| path.strip_prefix("ref/")?.strip_suffix(".png").map(str::to_owned);
    let Some(stem) = stem(reference) else { return false };
    let numbers = stem.split_once('/').is_some_and(|(a, b)| number(a) && number(b));
    let variants = [0, 1].map(|variant| format!("distort/{stem}_{variant}.png"));
    let [first, second] = variants.each_ref().map(String::as_str);
    numbers && ([left, right] == [first, second] || [left, right] == [second, first])
}

/// The kinds of BAPPS's splits, and their trials in hundreds.
///
/// # Source
/// Zhang et al. (2018), Table 2, which tells them in thousands to one digit.
const BAPPS_KINDS: [(&str, &[(&str, usize)]); 2] = [
    (
        "val",
        &[
            ("cnn", 47),
            ("color", 47),
            ("deblur", 94),
            ("frameinterp", 19),
            ("superres", 109),
            ("traditional", 47),
        ],
    ),
    ("train", &[("cnn", 381), ("mix", 566), ("traditional", 566)]),
];

/// The release of a split in BAPPS's layout that has so many trials of each kind.
pub(super) fn of_bapps(split: &str, counts: &BTreeMap<String, usize>) -> Found {
    let like = Found::like;
    let Some((_, published)) = BAPPS_KINDS.iter().find(|(name, _)| *name == split) else {
        return like(format!("BAPPS has no split `{split}`"));
    };
    if let Some(kind) = counts.keys().find(|kind| published.iter().all(|(name, _)| name != kind)) {
        return like(format!("it has the kind `{kind}`, which BAPPS has not in {split}"));
    }
    for (kind, hundreds) in *published {
        let found = counts.get(*kind).copied().unwrap_or(0);
        if (found + 50) / 100 != *hundreds {
            let why = format!("it has {found} trials of `{kind}`, BAPPS about {hundreds}00");
            return like(why);
        }
    }
    Found::release(Release::Bapps)
}

/// SHA-256 of the 1,854 concepts of THINGS in the order of `unique_id.txt`, a line each without
/// the last line's end.
const THINGS_CONCEPTS: &str = "ac73a006f56abcd43e0f6e1ec2432e681d1125417c27d67904df1613eee9be42";

/// The same in order of the bytes.
const THINGS_SORTED: &str = "418de61046c5c1209ce941ea452ca6716b05f8c294b8710f1efa5d58638531e8";

/// The triplet files of THINGS.
const THINGS_SPLITS: [&str; 7] = [
    "trainset",
    "validationset",
    "testset1",
    "testset2",
    "testset2_repeat",
    "testset3",
    "triplets_large_final_correctednc_correctedorder",
];

/// Rows of `testset1` in its two releases; the first is the one that the study scored.
pub(super) const THINGS_ANSWERS: [usize; 2] = [15_640, 20_000];

/// Different triplets among them.
const THINGS_TRIPLETS: usize = 1_000;

/// The release of triplets of concepts in THINGS's layout.
///
/// `own_order` — whether the list of concepts has an order of its own, as the study's table has
pub(super) fn of_things(
    split: &str,
    concepts: &[String],
    own_order: bool,
    triplets: impl Iterator<Item = [u32; 3]>,
) -> Found {
    let like = Found::like;
    let mut names: Vec<&str> = concepts.iter().map(String::as_str).collect();
    let hash = |names: &[&str]| ContentHash::of(names.join("\n").as_bytes()).to_string();
    let in_order = hash(&names) == THINGS_CONCEPTS;
    names.sort_unstable();
    if hash(&names) != THINGS_SORTED {
        return like(format!("its {} concepts are not the 1854 of THINGS", concepts.len()));
    }
    if !own_order && !in_order {
        return like("its concepts are in another order than those of THINGS".to_owned());
    }
    if !THINGS_SPLITS.contains(&split) {
        return like(format!("THINGS has no triplets named `{split}`"));
    }
    if split == "testset1" {
        let mut different = HashSet::new();
        let mut count = 0;
        for mut triplet in triplets {
            triplet.sort_unstable();
            different.insert(triplet);
            count += 1;
        }
        let [first, second] = THINGS_ANSWERS;
        if ![first, second].contains(&count) {
            let why = format!("it has {count} answers, testset1 of THINGS {first} or {second}");
            return like(why);
        }
        if different.len() != THINGS_TRIPLETS {
            return like(format!(
                "its answers are to {} different triplets, those of testset1 of THINGS to \
                 {THINGS_TRIPLETS}",
                different.len()
            ));
        }
    }
    Found::release(Release::Things)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference, distortion type, level and score.
    type Rated = (String, u32, u32, f64);

    /// All ratings of a release with scores that have its means.
    fn rows(release: &TidRelease) -> Vec<(String, u32, u32, f64)> {
        let (types, levels) = release.means;
        let middle = levels.iter().sum::<f64>() / levels.len().max(1) as f64;
        let mut rows = Vec::new();
        for reference in 1..=release.references {
            for kind in 1..=release.types {
                for level in 1..=release.levels {
                    let score = match types.get(kind as usize - 1) {
                        Some(mean) => mean + levels[level as usize - 1] - middle,
                        None => f64::from(6 - level),
                    };
                    rows.push((format!("I{reference:02}"), kind, level, score));
                }
            }
        }
        rows
    }

    fn found(rows: &[(String, u32, u32, f64)]) -> Found {
        of_tid(rows.iter().map(|(reference, kind, level, score)| {
            let (kind, level, score) = (*kind, *level, *score);
            Some(TidRow { reference, base: reference, kind, level, score })
        }))
    }

    #[test]
    fn each_release_in_the_layout_of_tid_is_told_by_all_its_rows() {
        for release in &TID_RELEASES {
            let whole = rows(release);
            assert_eq!(found(&whole), Found::release(release.release));
            let look_alike = |change: &dyn Fn(&mut Vec<Rated>)| {
                let mut rows = whole.clone();
                change(&mut rows);
                let found = found(&rows);
                assert_eq!(found.release, None);
                found.why.expect("a reason")
            };
            let name = release.release.title();
            let why = look_alike(&|rows| drop(rows.pop()));
            assert!(why.contains("pairs") && why.contains(name), "{why}");
            let why = look_alike(&|rows| rows[7] = rows[8].clone());
            assert!(why.contains("twice"), "{why}");
            let why = look_alike(&|rows| rows[7].0 = "I99".to_owned());
            assert!(why.contains("`I99_02_"), "{why}");
            let why = look_alike(&|rows| rows[7].0 = "J01".to_owned());
            assert!(why.contains("`J01_02_"), "{why}");
            let why = look_alike(&|rows| rows[0].1 = 26);
            assert!(why.contains("_26_1`"), "{why}");
            let why = look_alike(&|rows| rows.iter_mut().for_each(|row| row.3 *= 20.0));
            assert!(why.contains("score of"), "{why}");
        }
        for release in &TID_RELEASES[..2] {
            // Scores of one's own on the very same images.
            let mut others = rows(release);
            others.iter_mut().for_each(|row| row.3 *= 0.9);
            let found = found(&others);
            assert_eq!(found.release, None);
            assert!(found.why.expect("a reason").contains("distortion type 1 have the mean"));
        }
    }

    #[test]
    fn scores_rounded_to_a_digit_are_still_of_their_release() {
        let mut rounded = rows(&TID_RELEASES[0]);
        rounded.iter_mut().for_each(|row| row.3 = (row.3 * 100.0).round() / 100.0);
        assert_eq!(found(&rounded).release, Some(Release::Tid2013));
    }

    #[test]
    fn a_rating_beside_another_reference_is_of_no_release() {
        let all = rows(&TID_RELEASES[0]);
        let found = of_tid(all.iter().map(|(base, kind, level, score)| {
            let (kind, level, score) = (*kind, *level, *score);
            Some(TidRow { reference: "I02", base, kind, level, score })
        }));
        assert_eq!(found.release, None);
        assert!(found.why.expect("a reason").contains("beside `I02`"));
    }

    fn nights(change: impl Fn(usize) -> Option<([String; 3], [&'static str; 2])>) -> Found {
        let mut rows = NightsRows::default();
        for i in 0..NIGHTS_TRIALS {
            let stem = format!("{:03}/{:03}", i / 1000, i % 1000);
            let usual = || {
                let distorted = |variant| format!("distort/{stem}_{variant}.png");
                ([format!("ref/{stem}.png"), distorted(0), distorted(1)], ["1", "0"])
            };
            let (paths, votes) = change(i).unwrap_or_else(usual);
            rows.see(paths.each_ref().map(String::as_str), votes);
        }
        rows.release(&[])
    }

    #[test]
    fn nights_is_told_by_its_number_of_rows_and_by_each_of_them() {
        assert_eq!(nights(|_| None), Found::release(Release::Nights));
        let paths = |a: &str, b: &str, c: &str| [a, b, c].map(str::to_owned);
        let own = paths("images/a.png", "images/b.png", "images/c.png");
        let of_two = paths("ref/000/000.png", "distort/000/000_0.png", "distort/000/001_1.png");
        let first = paths("ref/000/000.png", "distort/000/000_1.png", "distort/000/000_0.png");
        for (last, votes, words) in [
            (own, ["1", "0"], "`images/a.png`"),
            (of_two, ["1", "0"], "`ref/000/000.png`"),
            (first.clone(), ["1", "0"], "twice"),
            (first.clone(), ["1", "1"], "no vote of 1 and of 0"),
            (first, ["0.4", "0.6"], "no vote of 1 and of 0"),
        ] {
            let found = nights(|i| (i == NIGHTS_TRIALS - 1).then(|| (last.clone(), votes)));
            assert_eq!(found.release, None, "{words}");
            assert!(found.why.as_ref().expect("a reason").contains(words), "{found:?}");
        }
        let few = NightsRows { count: 24_144, ..NightsRows::default() }.release(&[]);
        assert!(few.why.expect("a reason").contains("24144 trials"));
    }

    #[test]
    fn bapps_is_told_by_the_kinds_of_a_split_and_their_counts() {
        let mut counts: BTreeMap<String, usize> = [
            ("cnn", 4720),
            ("color", 4720),
            ("deblur", 9440),
            ("frameinterp", 1888),
            ("superres", 10_856),
            ("traditional", 4720),
        ]
        .map(|(kind, count)| (kind.to_owned(), count))
        .into();
        assert_eq!(of_bapps("val", &counts), Found::release(Release::Bapps));
        assert_eq!(of_bapps("train", &counts).release, None);
        assert_eq!(of_bapps("mine", &counts).release, None);
        counts.insert("mine".to_owned(), 3);
        assert!(of_bapps("val", &counts).why.expect("a reason").contains("`mine`"));
        counts.remove("mine");
        counts.remove("cnn");
        assert!(of_bapps("val", &counts).why.expect("a reason").contains("0 trials of `cnn`"));
    }

    #[test]
    fn concepts_of_ones_own_are_not_those_of_things() {
        let concepts = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>();
        for n in [3, 1854] {
            let found = of_things("testset1", &concepts(n), false, std::iter::empty());
            assert_eq!(found.release, None);
            assert!(found.why.expect("a reason").contains("concepts are not the 1854"));
        }
    }
}
