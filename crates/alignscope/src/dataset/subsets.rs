//! Parts of a data set that are scored by themselves.

use super::clusters::OBSERVERS;
use super::{Dataset, LabelColumn, Release};

/// Some trials of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    /// Its name in results; `all` for the whole.
    pub name: String,
    /// Positions of its trials, ascending.
    pub trials: Vec<u32>,
    /// Where a correlation is taken within parts and pooled over them: positions of those parts
    /// among the subsets; empty elsewhere.
    pub within: Vec<usize>,
}

/// The name of the whole.
pub const ALL: &str = "all";

/// The name of the correlation that is taken within distortion types and pooled.
pub const WITHIN_TYPES: &str = "within types";

/// A label with more different values makes no subsets.
const MAX_VALUES: usize = 50;

/// Fewer votes than this are left out by most who use NIGHTS.
const ENOUGH_VOTES: f64 = 6.0;

/// Where the majority share of a triplet is cut into bins: lower and upper end (not in it).
const AGREEMENT: [(&str, f64, f64); 4] = [
    ("agreement below 0.5", 0.0, 0.5),
    ("agreement 0.5 to 0.65", 0.5, 0.65),
    ("agreement 0.65 to 0.8", 0.65, 0.8),
    ("agreement 0.8 and more", 0.8, f64::INFINITY),
];

/// TID2013's distortion types, from 1; TID2008 has the first 17.
///
/// # Source
/// Ponomarenko et al., *Image database TID2013*, Signal Processing: Image Communication 30
/// (2015), Table 2.
const TID_TYPES: [&str; 24] = [
    "additive Gaussian noise",
    "noise in color components",
    "spatially correlated noise",
    "masked noise",
    "high frequency noise",
    "impulse noise",
    "quantization noise",
    "Gaussian blur",
    "image denoising",
    "JPEG compression",
    "JPEG2000 compression",
    "JPEG transmission errors",
    "JPEG2000 transmission errors",
    "non eccentricity pattern noise",
    "local block-wise distortions",
    "mean shift",
    "contrast change",
    "change of color saturation",
    "multiplicative Gaussian noise",
    "comfort noise",
    "lossy compression of noisy images",
    "color quantization with dither",
    "chromatic aberrations",
    "sparse sampling and reconstruction",
];

/// KADID-10k's distortion types, from 1.
///
/// # Source
/// Lin, Hosu and Saupe, *KADID-10k: A large-scale artificially distorted IQA database* (2019),
/// and its web page.
const KADID_TYPES: [&str; 25] = [
    "Gaussian blur",
    "lens blur",
    "motion blur",
    "color diffusion",
    "color shift",
    "color quantization",
    "color saturation 1",
    "color saturation 2",
    "JPEG2000",
    "JPEG",
    "white noise",
    "white noise in color component",
    "impulse noise",
    "multiplicative noise",
    "denoise",
    "brighten",
    "darken",
    "mean shift",
    "jitter",
    "non-eccentricity patch",
    "pixelate",
    "quantization",
    "color block",
    "high sharpen",
    "contrast change",
];

impl Dataset {
    /// The whole, and the parts by which its users break it down: distortion types, levels, and
    /// the pooled correlation within types; splits, ImageNet or not, six votes and more; groups and
    /// other labels; and for triplets that many people answered, how much they agree. A label of
    /// one value, or of more than fifty, makes none.
    pub fn subsets(&self) -> Vec<Subset> {
        let every = (0..self.trials.len() as u32).collect();
        let mut subsets = vec![Subset { name: ALL.to_owned(), trials: every, within: vec![] }];
        for column in &self.labels {
            if (2..=MAX_VALUES).contains(&column.values.len()) {
                self.by_label(column, &mut subsets);
            }
            if column.name == "votes" {
                enough_votes(column, &mut subsets);
            }
        }
        if let Some(shares) = self.majority_shares() {
            for (name, from, to) in AGREEMENT {
                let inside = |i: &u32| shares[*i as usize].is_some_and(|s| (from..to).contains(&s));
                let trials: Vec<u32> = (0..shares.len() as u32).filter(inside).collect();
                if !trials.is_empty() {
                    subsets.push(Subset { name: name.to_owned(), trials, within: vec![] });
                }
            }
        }
        subsets
    }

    /// A subset for each value of a label, in order of the values.
    fn by_label(&self, column: &LabelColumn, subsets: &mut Vec<Subset>) {
        let name = |value: &str| match column.name.as_str() {
            "distortion_type" => Some(self.type_name(value)),
            "distortion_level" => Some(format!("level {value}")),
            "is_imagenet" => Some(match value.eq_ignore_ascii_case("true") || value == "1" {
                true => "imagenet".to_owned(),
                false => "not imagenet".to_owned(),
            }),
            // Those who answered, and how many they were, are told of in other ways.
            "votes" => None,
            name if OBSERVERS.contains(&name) => None,
            name => Some(format!("{name} {value}")),
        };
        let mut order: Vec<usize> = (0..column.values.len()).collect();
        // Numbers in their order, then words in theirs.
        order.sort_by_key(|i| {
            let value = &column.values[*i];
            (value.parse::<u64>().unwrap_or(u64::MAX), value.clone())
        });
        let first = subsets.len();
        for value in order {
            let Some(name) = name(&column.values[value]) else { return };
            let has = |i: &u32| column.codes[*i as usize] as usize == value;
            let trials = (0..column.codes.len() as u32).filter(has).collect();
            subsets.push(Subset { name, trials, within: vec![] });
        }
        if column.name == "distortion_type" {
            let within = (first..subsets.len()).collect();
            let trials = (0..self.trials.len() as u32).collect();
            subsets.push(Subset { name: WITHIN_TYPES.to_owned(), trials, within });
        }
    }

    fn type_name(&self, value: &str) -> String {
        // Which distortion has which number is known of these releases alone.
        let names: &[&str] = match self.release {
            Some(Release::Tid2013 | Release::Tid2008) => &TID_TYPES,
            Some(Release::Kadid10k) => &KADID_TYPES,
            Some(
                Release::Nights
                | Release::Bapps
                | Release::Things
                | Release::Csiq
                | Release::Live
                | Release::LiveMd
                | Release::Pipal
                | Release::PieApp,
            )
            | None => &[],
        };
        let number = value.parse::<usize>().ok().filter(|n| *n >= 1);
        match number.and_then(|n| names.get(n - 1)) {
            Some(name) => format!("type {value:0>2} {name}"),
            None => format!("type {value}"),
        }
    }

    /// For each answer to a triplet, the share of answers to it that the most frequent answer has;
    /// none for a triplet with answers of fewer than [`MIN_ANSWERS`](super::MIN_ANSWERS) people (or with fewer answers,
    /// where people are not named), for other trials, or where every triplet has fewer.
    pub fn majority_shares(&self) -> Option<Vec<Option<f64>>> {
        self.trials.paradigm().majority_shares(&self.person_of_trial())
    }

    /// Who answered each trial, as a number: the label `subject` or `observer` if it names all,
    /// else each trial is another person's.
    pub(crate) fn person_of_trial(&self) -> impl Fn(usize) -> u32 {
        let person = self.observers();
        move |trial| person.map_or(trial as u32, |label| label.codes[trial])
    }
}

/// The trials with six votes and more, where there are others.
fn enough_votes(column: &LabelColumn, subsets: &mut Vec<Subset>) {
    let enough = |value: &String| value.parse().is_ok_and(|votes: f64| votes >= ENOUGH_VOTES);
    let has = |i: &u32| enough(&column.values[column.codes[*i as usize] as usize]);
    let trials: Vec<u32> = (0..column.codes.len() as u32).filter(has).collect();
    if !trials.is_empty() && trials.len() < column.codes.len() {
        subsets.push(Subset { name: "votes >= 6".to_owned(), trials, within: vec![] });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Level, MIN_ANSWERS, OddOneOut, RatedPair, Trials};

    fn dataset(trials: Trials, labels: &[(&str, &[&str])]) -> Dataset {
        let labels = labels.iter().map(|(name, values)| {
            let mut column =
                LabelColumn { name: (*name).to_owned(), values: vec![], codes: vec![] };
            for value in *values {
                let known = column.values.iter().position(|v| v == value);
                column.codes.push(known.unwrap_or(column.values.len()) as u32);
                if known.is_none() {
                    column.values.push((*value).to_owned());
                }
            }
            column
        });
        Dataset {
            release: Some(Release::Tid2013),
            labels: labels.collect(),
            ..Dataset::new("tid2013", Level::Low, vec![], trials)
        }
    }

    fn names(subsets: &[Subset]) -> Vec<&str> {
        subsets.iter().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn distortion_types_have_their_names_and_a_pooled_correlation() {
        let pair = RatedPair { reference: 0, distorted: 1, score: 1.0, std: None };
        let types: &[&str] = &["10", "2", "2", "99"];
        let data = dataset(Trials::RatedPairs(vec![pair; 4]), &[("distortion_type", types)]);
        let subsets = data.subsets();
        assert_eq!(
            names(&subsets),
            [
                "all",
                "type 02 noise in color components",
                "type 10 JPEG compression",
                "type 99",
                "within types"
            ]
        );
        assert_eq!(subsets[1].trials, [1, 2]);
        assert_eq!(subsets[4].within, [1, 2, 3]);
    }

    #[test]
    fn labels_that_say_nothing_make_no_subset() {
        let pair = RatedPair { reference: 0, distorted: 1, score: 1.0, std: None };
        let data = dataset(
            Trials::RatedPairs(vec![pair; 3]),
            &[
                ("split", &["a", "a", "a"]),
                ("votes", &["5", "6", "10"]),
                ("subject", &["1", "2", "3"]),
            ],
        );
        let subsets = data.subsets();
        assert_eq!(names(&subsets), ["all", "votes >= 6"]);
        assert_eq!(subsets[1].trials, [1, 2]);
    }

    #[test]
    fn triplets_are_cut_by_how_much_people_agree() {
        // Nine of twelve say image 2, in any order of the images; another triplet is split; two were
        // answered by too few.
        let odd = |images, odd| OddOneOut { images, odd };
        let mut trials = Vec::new();
        for _ in 0..3 {
            trials.extend([
                odd([0, 1, 2], 2),
                odd([2, 1, 0], 0),
                odd([1, 2, 0], 1),
                odd([0, 1, 2], 0),
            ]);
        }
        for _ in 0..4 {
            trials.extend([odd([3, 4, 5], 0), odd([3, 4, 5], 1), odd([3, 4, 5], 2)]);
        }
        trials.push(odd([6, 7, 8], 0));
        trials.extend([odd([6, 7, 9], 0); MIN_ANSWERS - 1]);
        let data = dataset(Trials::OddOneOut(trials.clone()), &[]);
        let third = 1.0 / 3.0;
        let shares = data.majority_shares().expect("two triplets have enough");
        assert_eq!(shares[..12], [Some(0.75); 12]);
        assert_eq!(shares[12..24], [Some(third); 12]);
        assert_eq!(shares[24..], [None; MIN_ANSWERS], "one answer is no agreement");
        let subsets = data.subsets();
        assert_eq!(names(&subsets), ["all", "agreement below 0.5", "agreement 0.65 to 0.8"]);
        assert_eq!(subsets[2].trials, (0..12).collect::<Vec<u32>>());
        let few = dataset(Trials::OddOneOut(trials[24..].to_vec()), &[]);
        assert_eq!((few.majority_shares(), few.subsets().len()), (None, 1));
        // Twelve answers of one person are not twelve people's.
        let one = dataset(Trials::OddOneOut(trials[..12].to_vec()), &[("subject", &["a"; 12])]);
        assert_eq!(one.majority_shares(), None);
    }
}
