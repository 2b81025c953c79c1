//! The sums over a pair of images, and over one image with itself.
//!
//! The limit is reading: a pair is two reads of `tokens · channels` numbers, from start to end, of
//! which each costs a widening to f64, and two multiplications and additions. The sums of all
//! channels stay in the first cache while the tokens go by, some at a time, so that a sum is loaded
//! and stored once for each run of tokens.

/// Channels that go by together, each in a lane.
const BLOCK: usize = 8;

/// Tokens whose numbers are added to a sum while it is in a register.
const TOKENS: usize = 4;

/// Sums of the inner product: two blocks of lanes in turn, so that no addition waits for the last.
type Lanes = [[f64; BLOCK]; 2];

vectorized! {
    fn pair_sums(a: &[f32], b: &[f32], sums: &mut [f64], product: &mut f64) {
        let channels = sums.len();
        let (mut lanes, mut rest) = (Lanes::default(), 0.0);
        for (a, b) in a.chunks(TOKENS * channels).zip(b.chunks(TOKENS * channels)) {
            if a.len() == TOKENS * channels {
                pair_tokens::<TOKENS>(a, b, sums, &mut lanes);
            } else {
                for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
                    pair_tokens::<1>(a, b, sums, &mut lanes);
                }
            }
            let (_, beyond) = sums.as_chunks_mut::<BLOCK>();
            let done = channels - beyond.len();
            for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
                for ((a, b), sum) in a[done..].iter().zip(&b[done..]).zip(&mut *beyond) {
                    let (a, b) = (f64::from(*a), f64::from(*b));
                    *sum += (a - b) * (a - b);
                    rest += a * b;
                }
            }
        }
        *product = lanes.as_flattened().iter().sum::<f64>() + rest;
    }
}

/// The whole blocks of channels of so many tokens.
#[inline(always)]
fn pair_tokens<const N: usize>(a: &[f32], b: &[f32], sums: &mut [f64], lanes: &mut Lanes) {
    let channels = sums.len();
    for (i, sums) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let (mut squares, mut products) = (*sums, lanes[i % 2]);
        for token in 0..N {
            let start = token * channels + i * BLOCK;
            let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
            let b: &[f32; BLOCK] = b[start..][..BLOCK].try_into().expect("a block");
            for lane in 0..BLOCK {
                let (a, b) = (f64::from(a[lane]), f64::from(b[lane]));
                squares[lane] += (a - b) * (a - b);
                products[lane] += a * b;
            }
        }
        (*sums, lanes[i % 2]) = (squares, products);
    }
}

vectorized! {
    fn own_sums(a: &[f32], channels: usize, sums: &mut ImageSums) {
        let (mut squares, mut numbers) = (Lanes::default(), Lanes::default());
        let mut rest = ImageSums::default();
        for a in a.chunks(TOKENS * channels) {
            if a.len() == TOKENS * channels {
                own_tokens::<TOKENS>(a, channels, &mut squares, &mut numbers);
            } else {
                let tokens = a.chunks_exact(channels);
                tokens.for_each(|a| own_tokens::<1>(a, channels, &mut squares, &mut numbers));
            }
            for a in a.chunks_exact(channels) {
                for a in &a[channels - channels % BLOCK..] {
                    rest.squares += f64::from(*a) * f64::from(*a);
                    rest.numbers += f64::from(*a);
                }
            }
        }
        sums.squares = squares.as_flattened().iter().sum::<f64>() + rest.squares;
        sums.numbers = numbers.as_flattened().iter().sum::<f64>() + rest.numbers;
    }
}

/// The whole blocks of channels of so many tokens.
#[inline(always)]
fn own_tokens<const N: usize>(
    a: &[f32],
    channels: usize,
    squares: &mut Lanes,
    numbers: &mut Lanes,
) {
    for i in 0..channels / BLOCK {
        let (mut of_squares, mut of_numbers) = (squares[i % 2], numbers[i % 2]);
        for token in 0..N {
            let start = token * channels + i * BLOCK;
            let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
            for lane in 0..BLOCK {
                let a = f64::from(a[lane]);
                of_squares[lane] += a * a;
                of_numbers[lane] += a;
            }
        }
        (squares[i % 2], numbers[i % 2]) = (of_squares, of_numbers);
    }
}

vectorized! {
    fn square_sums(a: &[f32], sums: &mut [f64]) {
        let channels = sums.len();
        for a in a.chunks(TOKENS * channels) {
            if a.len() == TOKENS * channels {
                square_tokens::<TOKENS>(a, sums);
            } else {
                a.chunks_exact(channels).for_each(|a| square_tokens::<1>(a, sums));
            }
        }
    }
}

/// All channels of so many tokens.
#[inline(always)]
fn square_tokens<const N: usize>(a: &[f32], sums: &mut [f64]) {
    let channels = sums.len();
    let (blocks, beyond) = sums.as_chunks_mut::<BLOCK>();
    let done = channels - beyond.len();
    for (i, sums) in blocks.iter_mut().enumerate() {
        let mut squares = *sums;
        for token in 0..N {
            let start = token * channels + i * BLOCK;
            let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
            for lane in 0..BLOCK {
                squares[lane] += f64::from(a[lane]) * f64::from(a[lane]);
            }
        }
        *sums = squares;
    }
    for a in a.chunks_exact(channels) {
        for (a, sum) in a[done..].iter().zip(&mut *beyond) {
            *sum += f64::from(*a) * f64::from(*a);
        }
    }
}

/// Mean squared difference of each channel into `msd`, and the inner product of all.
///
/// `a` and `b` are `[tokens, channels]`, `msd` is `[channels]`. Each channel is summed over tokens
/// in order. The inner product is summed in 16 lanes: lane i has the channels that are i modulo 16
/// of the whole blocks of 8, block after block for each four tokens, and for each token that is
/// left; channels beyond the last whole block are summed by themselves. Equal images give exactly 0
/// in `msd`; images without tokens NaN.
///
/// # Panics
/// The shapes do not fit.
pub fn reduce_pair(a: &[f32], b: &[f32], msd: &mut [f32]) -> f64 {
    assert_eq!((a.len(), a.len() % msd.len()), (b.len(), 0), "two images of [tokens, channels]");
    let mut sums = vec![0.0; msd.len()];
    let product = squared_differences(a, b, &mut sums);
    let scale = 1.0 / (a.len() / msd.len()) as f64;
    for (msd, sum) in msd.iter_mut().zip(sums) {
        *msd = (sum * scale) as f32;
    }
    product
}

/// Squared difference of each channel, summed over tokens, added to `sums`, `[channels]`; gives the
/// inner product of all. Sums are in the order of [`reduce_pair`], and not rounded.
///
/// # Panics
/// The shapes do not fit.
pub fn squared_differences(a: &[f32], b: &[f32], sums: &mut [f64]) -> f64 {
    assert_eq!((a.len(), a.len() % sums.len()), (b.len(), 0), "two images of [tokens, channels]");
    let mut product = 0.0;
    pair_sums(a, b, sums, &mut product);
    product
}

/// Sums over all numbers of one image.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ImageSums {
    /// Of their squares, ⟨a, a⟩.
    pub squares: f64,
    /// Of the numbers themselves.
    pub numbers: f64,
}

/// The sums of `[tokens, channels]`, in the order of [`reduce_pair`]: an image has exactly the same
/// product with its equal as with itself.
///
/// # Panics
/// `channels` is 0.
pub fn image_sums(a: &[f32], channels: usize) -> ImageSums {
    let mut sums = ImageSums::default();
    own_sums(a, channels, &mut sums);
    sums
}

/// Mean square of each channel of `[tokens, channels]` into `means`, `[channels]`: what
/// [`reduce_pair`] gives of an image and one that is 0 everywhere.
///
/// # Panics
/// The shape does not fit.
pub fn mean_squares(a: &[f32], means: &mut [f32]) {
    assert_eq!(a.len() % means.len(), 0, "an image of [tokens, channels]");
    let mut sums = vec![0.0; means.len()];
    square_sums(a, &mut sums);
    let scale = 1.0 / (a.len() / means.len()) as f64;
    for (mean, sum) in means.iter_mut().zip(sums) {
        *mean = (sum * scale) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of sums that is promised, one number at a time.
    fn plain(a: &[f32], b: &[f32], channels: usize) -> (Vec<f32>, f64) {
        let tokens = a.len() / channels;
        let at = |x: &[f32], token: usize, c: usize| f64::from(x[token * channels + c]);
        let msd = (0..channels).map(|c| {
            let squares = (0..tokens).map(|t| at(a, t, c) - at(b, t, c)).map(|d| d * d);
            (squares.fold(0.0, |sum, d| sum + d) * (1.0 / tokens as f64)) as f32
        });
        let whole = channels - channels % BLOCK;
        let mut lanes = [0.0; 2 * BLOCK];
        let mut rest = 0.0;
        let fours = tokens - tokens % TOKENS;
        let runs = (0..fours).step_by(TOKENS).map(|first| first..first + TOKENS);
        for run in runs.chain((fours..tokens).map(|token| token..token + 1)) {
            for block in (0..whole).step_by(BLOCK) {
                for token in run.clone() {
                    for c in block..block + BLOCK {
                        lanes[c % (2 * BLOCK)] += at(a, token, c) * at(b, token, c);
                    }
                }
            }
            for token in run {
                for c in whole..channels {
                    rest += at(a, token, c) * at(b, token, c);
                }
            }
        }
        let product = lanes.iter().fold(-0.0, |sum, lane| sum + lane) + rest;
        (msd.collect(), product)
    }

    #[test]
    fn sums_have_the_bits_of_the_plain_loop_over_odd_sizes() {
        for (tokens, channels) in [(1, 1), (2, 33), (7, 100), (4, 20), (3, 31), (5, 64), (50, 768)]
        {
            let n = tokens * channels;
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.9).cos()).collect();
            let mut msd = vec![0.0; channels];
            let product = reduce_pair(&a, &b, &mut msd);
            assert_eq!((msd, product), plain(&a, &b, channels), "{tokens} × {channels}");
            let sums = image_sums(&a, channels);
            assert_eq!(sums.squares, plain(&a, &a, channels).1);
            assert_eq!(sums.numbers, plain(&a, &vec![1.0; n], channels).1);
            let mut msd = vec![0.0; channels];
            mean_squares(&a, &mut msd);
            assert_eq!(msd, plain(&a, &vec![0.0; n], channels).0, "{tokens} × {channels}");
        }
    }

    #[test]
    fn an_image_has_the_same_product_with_its_equal_as_with_itself() {
        for (tokens, channels) in [(1, 1), (3, 31), (5, 64), (50, 70)] {
            let a: Vec<f32> = (0..tokens * channels).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut msd = vec![1.0; channels];
            assert_eq!(reduce_pair(&a, &a.clone(), &mut msd), image_sums(&a, channels).squares);
            assert!(msd.iter().all(|m| *m == 0.0));
        }
    }
}
