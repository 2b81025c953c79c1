//! Draws from the standard normal and the Gumbel distribution, the same on every processor.
//!
//! The draws are those of the crate `rand_distr`, but for last bits of the few in the tail. That
//! crate takes logarithms and exponentials from the system's C library, which rounds them by the
//! processor's instructions.

mod ziggurat;

use std::sync::LazyLock;

use rand::distr::{Open01, OpenClosed01};
use rand::{Rng, RngExt};

use ziggurat::ENDS;

/// Where the tail of the distribution begins.
const TAIL: f64 = ENDS[1];

/// The density at the ends of the layers.
static DENSITY: LazyLock<[f64; ENDS.len()]> = LazyLock::new(|| ENDS.map(density));

/// exp(−x²/2).
fn density(x: f64) -> f64 {
    libm::exp(-x * x / 2.0)
}

/// A number with mean 0 and variance 1, by the ziggurat of Doornik (2005), "An Improved Ziggurat
/// Method to Generate Normal Random Samples".
pub(crate) fn standard_normal<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    let (ends, at_ends) = (&ENDS, &*DENSITY);
    loop {
        let bits = rng.next_u64();
        // The lower 8 bits choose a layer, the upper 52 a number in −1..1.
        let layer = (bits & 0xff) as usize;
        let u = f64::from_bits((1024 << 52) | (bits >> 12)) - 3.0;
        let x = u * ends[layer];
        if x.abs() < ends[layer + 1] {
            return x;
        }
        if layer == 0 {
            return tail(u < 0.0, rng);
        }
        let height = at_ends[layer] - at_ends[layer + 1];
        if at_ends[layer + 1] + height * rng.random::<f64>() < density(x) {
            return x;
        }
    }
}

/// A number beyond [`TAIL`], on the one side or the other.
fn tail<R: Rng + ?Sized>(negative: bool, rng: &mut R) -> f64 {
    loop {
        let x = libm::log(rng.sample(Open01)) / TAIL;
        let y = libm::log(rng.sample(Open01));
        if -2.0 * y >= x * x {
            return if negative { x - TAIL } else { TAIL - x };
        }
    }
}

/// A draw from the Gumbel distribution with its mode at 0.
pub(crate) fn gumbel<R: Rng + ?Sized>(scale: f64, rng: &mut R) -> f64 {
    let x: f64 = rng.sample(OpenClosed01);
    -scale * libm::log(-libm::log(x))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Gumbel, StandardNormal};

    use super::*;

    /// Both kinds of draws, held to those of `rand_distr`.
    /// Those in `exact` have the same bits.
    fn hold(
        ours: impl Fn(&mut ChaCha8Rng) -> f64,
        theirs: impl Distribution<f64>,
        exact: std::ops::Range<f64>,
        draws: usize,
    ) {
        let mut rngs = [0, 0].map(ChaCha8Rng::seed_from_u64);
        for draw in 0..draws {
            let found = ours(&mut rngs[0]);
            let expected = theirs.sample(&mut rngs[1]);
            // Logarithms of two libraries, each within a unit in the last place.
            let off = (found - expected).abs();
            let limit = 4.0 * f64::EPSILON * expected.abs().max(1.0);
            let exact = exact.contains(&expected);
            let limit = if exact { 0.0 } else { limit };
            assert!(off <= limit, "draw {draw}: {found}, {expected}");
        }
    }

    #[test]
    fn draws_are_those_of_rand_distr() {
        // Some 500 of them are in the tail, and each layer is met.
        hold(standard_normal, StandardNormal, -TAIL..TAIL, 2_000_000);
        let theirs = Gumbel::new(0.0, 0.4).expect("a scale");
        hold(|rng| gumbel(0.4, rng), theirs, 0.0..0.0, 10_000);
    }

    #[test]
    fn draws_are_these_on_every_processor() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let sum: f64 = (0..100_000).map(|_| standard_normal(&mut rng)).sum();
        let gumbel: f64 = (0..1000).map(|_| gumbel(1.0, &mut rng)).sum();
        let expected = (0x403e_2ebf_aa0d_8c9a, 0x4083_a364_9438_5174);
        assert_eq!((sum.to_bits(), gumbel.to_bits()), expected);
    }
}
