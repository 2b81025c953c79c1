//! Where the odd one of a triplet stands: as the user says, and as the answers look.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use crate::dataset::{Dataset, OddOneOut, Trials};

/// Where the odd one stands in each triplet of a list that has it at a fixed place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum OddPlace {
    /// Before the two that are alike.
    First,
    /// Between them.
    Second,
    /// Behind them, as in THINGS's own files.
    #[default]
    Last,
}

impl OddPlace {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::First, Self::Second, Self::Last];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Last => "last",
        }
    }

    /// Its position, from 0.
    pub fn position(self) -> u8 {
        self as u8
    }

    /// What a reader of the results must know of triplets whose odd one is read at this place;
    /// `None` if it is the last, as by default.
    ///
    /// `path` — the file of triplets
    pub(in crate::dataset) fn note(self, path: &Path) -> Option<String> {
        (self != Self::Last).then(|| {
            format!(
                "the odd one of the triplets of {} is read as the {self}, as was asked for, not as \
                 the last",
                path.display()
            )
        })
    }
}

choice!(OddPlace, "place of the odd one");

/// How far people agree who saw the same three images, if the odd one stands at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaceAgreement {
    /// How often two answers to a triplet are the same; 1/3 by chance.
    pub agreement: f64,
    /// How often two answers of the same odd one have the two others in the same order.
    pub same_order: f64,
    /// Whether the two others keep their order in all answers to each triplet.
    pub keeps_order: bool,
}

/// The odd one seems to stand at another place than it was taken to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OddPlaceFound {
    /// Where it was taken to stand.
    pub taken: OddPlace,
    /// Where it seems to stand.
    pub found: OddPlace,
    /// What each place looks like: first, second, last.
    pub places: [PlaceAgreement; 3],
}

/// So many triplets must have answers that differ.
const MIN_TRIPLETS: usize = 50;

/// The difference of two agreements must be so many of its standard errors.
const MIN_Z: f64 = 4.0;

/// The two others stand in random order if answers have the same order about half the time.
const RANDOM_ORDER: std::ops::Range<f64> = 0.35..0.65;

impl Dataset {
    /// Whether the answers look as if the odd one stood at another place than it was taken to;
    /// `None` if they do not, or if it cannot be told: trials are no triplets, or have the odd one
    /// at different places, or too few triplets were answered several times.
    ///
    /// People who see the same three images agree more than chance on the odd one. At a wrong place
    /// stands one of the two that are left, in whose order there is no answer. So where that order
    /// is random, people agree most at the right place; and where it is kept (sorted by number, or
    /// as the three were shown), it is kept at the right place alone.
    pub fn odd_place(&self) -> Option<OddPlaceFound> {
        let Trials::OddOneOut(trials) = &self.trials else { return None };
        odd_place(trials)
    }
}

fn odd_place(trials: &[OddOneOut]) -> Option<OddPlaceFound> {
    let odd = trials.first()?.odd;
    if trials.iter().any(|trial| trial.odd != odd) {
        return None;
    }
    let taken = OddPlace::ALL[usize::from(odd)];
    let answers = Answers::of(trials);
    if answers.triplets.len() < MIN_TRIPLETS {
        return None;
    }
    let places = OddPlace::ALL.map(|place| answers.at(place));
    let found = answers.place(taken, &places)?;
    (found != taken).then_some(OddPlaceFound { taken, found, places })
}

/// The answers to each triplet that was answered in more than one way, each as the order of its
/// images: the places of the smallest, the middle and the largest number.
struct Answers {
    triplets: Vec<Vec<[u8; 3]>>,
}

impl Answers {
    fn of(trials: &[OddOneOut]) -> Self {
        let mut triplets = HashMap::<[u32; 3], Vec<[u8; 3]>>::new();
        let mut order = Vec::new();
        for trial in trials {
            let rank = |image: &u32| trial.images.iter().filter(|other| *other < image).count();
            let ranks = trial.images.each_ref().map(|image| rank(image) as u8);
            let mut images = trial.images;
            images.sort_unstable();
            let answers = triplets.entry(images).or_default();
            if answers.is_empty() {
                order.push(images);
            }
            answers.push(ranks);
        }
        let differ = |answers: &Vec<[u8; 3]>| answers.iter().any(|answer| *answer != answers[0]);
        let in_order = order.iter().filter_map(|images| triplets.remove(images));
        Self { triplets: in_order.filter(differ).collect() }
    }

    /// What a place looks like.
    fn at(&self, place: OddPlace) -> PlaceAgreement {
        let all = self.triplets.iter().map(|answers| TripletAt::new(answers, place));
        let mut sum = TripletAt { keeps_order: true, ..TripletAt::default() };
        all.for_each(|triplet| sum.add(&triplet));
        PlaceAgreement {
            agreement: sum.same as f64 / sum.pairs as f64,
            same_order: sum.same_order as f64 / (sum.same as f64).max(1.0),
            keeps_order: sum.keeps_order,
        }
    }

    /// The place that the answers speak for; `None` if they speak for none.
    fn place(&self, taken: OddPlace, places: &[PlaceAgreement; 3]) -> Option<OddPlace> {
        let at = |place: OddPlace| &places[usize::from(place.position())];
        let kept: Vec<OddPlace> =
            OddPlace::ALL.into_iter().filter(|place| at(*place).keeps_order).collect();
        if let [one] = kept[..] {
            return Some(one);
        }
        let is_random = |place: &OddPlace| RANDOM_ORDER.contains(&at(*place).same_order);
        let random = OddPlace::ALL.into_iter().filter(is_random);
        let best = random.max_by(|a, b| at(*a).agreement.total_cmp(&at(*b).agreement))?;
        (best == taken || self.z(best, taken) >= MIN_Z).then_some(best)
    }

    /// By how many standard errors answers agree more at one place than at another.
    fn z(&self, place: OddPlace, other: OddPlace) -> f64 {
        let share = |answers: &[[u8; 3]], place| {
            let TripletAt { same, pairs, .. } = TripletAt::new(answers, place);
            same as f64 / pairs as f64
        };
        let differences = self.triplets.iter().map(|a| share(a, place) - share(a, other));
        let (sum, squares) = differences.fold((0.0, 0.0), |(s, q), d| (s + d, q + d * d));
        if squares > 0.0 { sum / f64::sqrt(squares) } else { 0.0 }
    }
}

/// The answers to a triplet, if the odd one stands at a place: counts of pairs of answers.
#[derive(Default)]
struct TripletAt {
    pairs: u64,
    /// Of the same odd one.
    same: u64,
    /// Of the same odd one, and with the two others in the same order.
    same_order: u64,
    /// Whether one order of the three images has all that stand beside an odd one.
    keeps_order: bool,
}

impl TripletAt {
    fn new(answers: &[[u8; 3]], place: OddPlace) -> Self {
        // How often each is the odd one with the two others ascending, and descending.
        let mut counts = [[0_u64; 2]; 3];
        for answer in answers {
            let at = usize::from(place.position());
            let (before, after) = ([1, 0, 0][at], [2, 2, 1][at]);
            let descends = usize::from(answer[before] > answer[after]);
            counts[usize::from(answer[at])][descends] += 1;
        }
        let pairs = |n: u64| n * n.saturating_sub(1) / 2;
        let of_one = counts.map(|[up, down]| up + down);
        Self {
            pairs: pairs(of_one.iter().sum()),
            same: of_one.iter().map(|n| pairs(*n)).sum(),
            same_order: counts.iter().flatten().map(|n| pairs(*n)).sum(),
            keeps_order: keeps_order(&counts),
        }
    }

    fn add(&mut self, other: &Self) {
        self.pairs += other.pairs;
        self.same += other.same;
        self.same_order += other.same_order;
        self.keeps_order &= other.keeps_order;
    }
}

/// Whether some order of the three has every two that stand beside an odd one.
fn keeps_order(counts: &[[u64; 2]; 3]) -> bool {
    const ORDERS: [[u8; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    // Those beside the odd one 0, 1 and 2, ascending.
    const OTHERS: [[usize; 2]; 3] = [[1, 2], [0, 2], [0, 1]];
    ORDERS.iter().any(|places| {
        OTHERS.iter().zip(counts).all(|([low, high], [up, down])| {
            let against = if places[*low] < places[*high] { down } else { up };
            *against == 0
        })
    })
}

impl fmt::Display for OddPlaceFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent =
            |place: OddPlace| 100.0 * self.places[usize::from(place.position())].agreement;
        write!(
            f,
            "the answers look as if the odd one stood {}, not {}: of two answers to the same three \
             images {:.0} % have the same image {}, {:.0} % {}",
            self.found,
            self.taken,
            percent(self.found),
            self.found,
            percent(self.taken),
            self.taken
        )?;
        match self.places[usize::from(self.found.position())].keeps_order {
            true => write!(f, "; and there alone the two others always keep their order"),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// In which order the two others stand.
    #[derive(Clone, Copy, Debug)]
    enum Order {
        Random,
        Sorted,
        AsShown,
    }

    /// Answers to `triplets` triplets by `people` each, who agree as a draw for each triplet says.
    fn simulated(
        triplets: u32,
        people: usize,
        order: Order,
        place: OddPlace,
        seed: u64,
    ) -> Vec<OddOneOut> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut trials = Vec::new();
        for triplet in 0..triplets {
            let mut shown = [0, 1, 2].map(|image| 3 * triplet + image);
            shuffle(&mut shown, &mut rng);
            let weights = [(); 3].map(|()| -rng.random::<f64>().max(1e-12).ln());
            for _ in 0..people {
                let mut at = rng.random::<f64>() * weights.iter().sum::<f64>();
                let odd = weights.iter().position(|w| {
                    at -= w;
                    at < 0.0
                });
                let odd = shown[odd.unwrap_or(2)];
                let mut others: Vec<u32> = shown.into_iter().filter(|i| *i != odd).collect();
                match order {
                    Order::Random => shuffle(&mut others, &mut rng),
                    Order::Sorted => others.sort_unstable(),
                    Order::AsShown => {}
                }
                others.insert(usize::from(place.position()), odd);
                // As a file is read in which the odd one stands last.
                trials.push(OddOneOut { images: [others[0], others[1], others[2]], odd: 2 });
            }
        }
        trials
    }

    fn shuffle(images: &mut [u32], rng: &mut impl Rng) {
        for i in (1..images.len()).rev() {
            images.swap(i, rng.random_range(0..=i));
        }
    }

    #[test]
    fn an_odd_one_at_another_place_is_found_in_the_answers_alone() {
        for order in [Order::Random, Order::Sorted, Order::AsShown] {
            for place in [OddPlace::First, OddPlace::Second] {
                for (triplets, people) in [(400, 3), (300, 5), (100, 20)] {
                    let found = odd_place(&simulated(triplets, people, order, place, 1));
                    let found = found.map(|found| (found.taken, found.found));
                    let what = format!("{order:?}, {triplets} by {people}, odd one {place}");
                    assert_eq!(found, Some((OddPlace::Last, place)), "{what}");
                }
            }
        }
    }

    #[test]
    fn an_odd_one_that_stands_last_gives_no_false_alarm() {
        for seed in 0..8 {
            for order in [Order::Random, Order::Sorted, Order::AsShown] {
                for (triplets, people) in [(60, 2), (2000, 2), (300, 3), (100, 20)] {
                    let trials = simulated(triplets, people, order, OddPlace::Last, seed);
                    assert_eq!(odd_place(&trials), None, "{order:?} {triplets} by {people}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_said_where_nothing_can_be_told() {
        let first =
            |triplets, people| simulated(triplets, people, Order::Random, OddPlace::First, 2);
        assert_eq!(odd_place(&first(5000, 1)), None, "nothing is asked twice");
        assert_eq!(odd_place(&first(20, 20)), None, "too few triplets");
        let mut mixed = first(300, 5);
        assert!(odd_place(&mixed).is_some());
        mixed[7].odd = 0;
        assert_eq!(odd_place(&mixed), None, "the odd one stands at different places");
        assert_eq!(odd_place(&[]), None);
    }
}
