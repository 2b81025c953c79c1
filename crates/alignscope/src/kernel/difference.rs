//! The sums over a pair of images, and over one image with itself.
//!
//! The limit is reading: a pair is two reads of `tokens · channels` numbers, of which each costs
//! a widening to f64, and two multiplications and additions in vector registers that hold the sums of 32
//! channels while the tokens go by. With AVX-512 the sums of a block take five registers, and the
//! chain of additions of the inner product (16 cycles a token and block) is what is left: 16 bytes a
//! cycle, more than a core reads from memory.

/// Lanes that an inner product is split over.
const LANES: usize = 8;

/// Channels whose sums are held in registers while the tokens go by.
const BLOCK: usize = 32;

vectorized! {
    fn pair_sums(a: &[f32], b: &[f32], msd: &mut [f32], product: &mut f64) {
        let channels = msd.len();
        let tokens = a.len() / channels;
        let scale = 1.0 / tokens as f64;

        let (blocks, rest) = msd.as_chunks_mut::<BLOCK>();
        for (i, msd) in blocks.iter_mut().enumerate() {
            let mut squares = [0.0_f64; BLOCK];
            let mut products = [0.0_f64; LANES];
            for token in 0..tokens {
                let start = token * channels + i * BLOCK;
                let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
                let b: &[f32; BLOCK] = b[start..][..BLOCK].try_into().expect("a block");
                for lane in 0..BLOCK {
                    let (a, b) = (f64::from(a[lane]), f64::from(b[lane]));
                    squares[lane] += (a - b) * (a - b);
                    products[lane % LANES] += a * b;
                }
            }
            for (msd, sum) in msd.iter_mut().zip(squares) {
                *msd = (sum * scale) as f32;
            }
            *product += products.iter().sum::<f64>();
        }

        let done = channels - rest.len();
        for (i, msd) in rest.iter_mut().enumerate() {
            let mut squares = 0.0;
            for token in 0..tokens {
                let index = token * channels + done + i;
                let (a, b) = (f64::from(a[index]), f64::from(b[index]));
                squares += (a - b) * (a - b);
                *product += a * b;
            }
            *msd = (squares * scale) as f32;
        }
    }
}

vectorized! {
    fn norm_sums(a: &[f32], channels: usize, product: &mut f64) {
        let tokens = a.len() / channels;
        let done = channels - channels % BLOCK;
        for block in (0..done).step_by(BLOCK) {
            let mut products = [0.0_f64; LANES];
            for token in 0..tokens {
                let a: &[f32; BLOCK] =
                    a[token * channels + block..][..BLOCK].try_into().expect("a block");
                for lane in 0..BLOCK {
                    products[lane % LANES] += f64::from(a[lane]) * f64::from(a[lane]);
                }
            }
            *product += products.iter().sum::<f64>();
        }
        for channel in done..channels {
            for token in 0..tokens {
                let a = f64::from(a[token * channels + channel]);
                *product += a * a;
            }
        }
    }
}

vectorized! {
    fn square_sums(a: &[f32], means: &mut [f32]) {
        let channels = means.len();
        let tokens = a.len() / channels;
        let scale = 1.0 / tokens as f64;

        let (blocks, rest) = means.as_chunks_mut::<BLOCK>();
        for (i, means) in blocks.iter_mut().enumerate() {
            let mut squares = [0.0_f64; BLOCK];
            for token in 0..tokens {
                let start = token * channels + i * BLOCK;
                let a: &[f32; BLOCK] = a[start..][..BLOCK].try_into().expect("a block");
                for lane in 0..BLOCK {
                    squares[lane] += f64::from(a[lane]) * f64::from(a[lane]);
                }
            }
            for (mean, sum) in means.iter_mut().zip(squares) {
                *mean = (sum * scale) as f32;
            }
        }

        let done = channels - rest.len();
        for (i, mean) in rest.iter_mut().enumerate() {
            let mut squares = 0.0;
            for token in 0..tokens {
                let a = f64::from(a[token * channels + done + i]);
                squares += a * a;
            }
            *mean = (squares * scale) as f32;
        }
    }
}

/// Mean squared difference of each channel into `msd`, and the inner product of all.
///
/// `a` and `b` are `[tokens, channels]`, `msd` is `[channels]`. Each channel is summed over tokens
/// in order. The inner product is summed in lanes: lane i has the channels that are i modulo 8,
/// token by token, one block of 32 channels after the other.
///
/// # Panics
/// The shapes do not fit.
pub(crate) fn reduce_pair(a: &[f32], b: &[f32], msd: &mut [f32]) -> f64 {
    assert_eq!((a.len(), a.len() % msd.len()), (b.len(), 0), "two images of [tokens, channels]");
    let mut product = 0.0;
    pair_sums(a, b, msd, &mut product);
    product
}

/// ⟨a, a⟩ of `[tokens, channels]`, summed in the order of [`reduce_pair`]: an image has exactly the
/// same product with its equal as with itself.
pub(crate) fn squared_norm(a: &[f32], channels: usize) -> f64 {
    let mut product = 0.0;
    norm_sums(a, channels, &mut product);
    product
}

/// Mean square of each channel of `[tokens, channels]` into `means`, `[channels]`: what
/// [`reduce_pair`] gives of an image and one that is 0 everywhere.
///
/// # Panics
/// The shape does not fit.
pub(crate) fn mean_squares(a: &[f32], means: &mut [f32]) {
    assert_eq!(a.len() % means.len(), 0, "an image of [tokens, channels]");
    square_sums(a, means);
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
        let mut product = 0.0;
        let whole = channels - channels % BLOCK;
        for block in (0..whole).step_by(BLOCK) {
            let mut lanes = [0.0; LANES];
            for token in 0..tokens {
                for c in block..block + BLOCK {
                    lanes[c % LANES] += at(a, token, c) * at(b, token, c);
                }
            }
            product += lanes.iter().fold(-0.0, |sum, lane| sum + lane);
        }
        for c in whole..channels {
            for token in 0..tokens {
                product += at(a, token, c) * at(b, token, c);
            }
        }
        (msd.collect(), product)
    }

    #[test]
    fn sums_have_the_bits_of_the_plain_loop_over_odd_sizes() {
        for (tokens, channels) in [(1, 1), (2, 33), (7, 100), (3, 31), (5, 64), (50, 768)] {
            let n = tokens * channels;
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.3).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.9).cos()).collect();
            let mut msd = vec![0.0; channels];
            let product = reduce_pair(&a, &b, &mut msd);
            assert_eq!((msd, product), plain(&a, &b, channels), "{tokens} × {channels}");
            assert_eq!(squared_norm(&a, channels), plain(&a, &a, channels).1);
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
            assert_eq!(reduce_pair(&a, &a.clone(), &mut msd), squared_norm(&a, channels));
            assert!(msd.iter().all(|m| *m == 0.0));
        }
    }

    /// `cargo test --release --lib -- --ignored --nocapture difference_speed`: bytes a second of pairs
    /// and of norms, beside a plain sum over the same memory, each on one thread.
    #[test]
    #[ignore = "a measurement"]
    fn difference_speed() {
        let (images, tokens, channels) = (400, 197, 768);
        let len = tokens * channels;
        let values: Vec<f32> = (0..images * len).map(|i| (i % 1013) as f32).collect();
        let image = |i: usize| &values[i * len..][..len];
        let speed = |what: &str, bytes: usize, work: &mut dyn FnMut() -> f64| {
            let mut times: Vec<f64> = (0..5)
                .map(|_| {
                    let clock = std::time::Instant::now();
                    std::hint::black_box(work());
                    clock.elapsed().as_secs_f64()
                })
                .collect();
            times.sort_by(f64::total_cmp);
            println!("{what}: {:.1} GB/s", bytes as f64 / times[2] / 1e9);
        };
        let bytes = images * len * size_of::<f32>();
        let mut msd = vec![0.0; channels];
        speed("plain sum", bytes, &mut || {
            let mut lanes = [0.0_f32; 64];
            for run in values.as_chunks::<64>().0 {
                lanes.iter_mut().zip(run).for_each(|(lane, x)| *lane += x);
            }
            lanes.iter().map(|lane| f64::from(*lane)).sum()
        });
        speed("norms", bytes, &mut || (0..images).map(|i| squared_norm(image(i), channels)).sum());
        speed("mean squares", bytes, &mut || {
            (0..images).for_each(|i| mean_squares(image(i), &mut msd));
            f64::from(msd[0])
        });
        speed("pairs, both from memory", bytes, &mut || {
            (0..images / 2).map(|i| reduce_pair(image(i), image(i + images / 2), &mut msd)).sum()
        });
        speed("pairs, one from memory", bytes, &mut || {
            (0..images).map(|i| reduce_pair(image(0), image(i), &mut msd)).sum()
        });
    }
}
