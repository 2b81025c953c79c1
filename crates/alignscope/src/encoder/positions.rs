//! Learned positions brought to another number of patches.

/// By which rule a library brings the positions of a grid of patches to another grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resizing {
    /// PyTorch's `interpolate` with mode `bicubic`: four neighbours, those beyond the border being
    /// the border's.
    Bicubic,
    /// The same at the scale of a grid of a tenth of a patch more, as DINO's and DINOv2's own code
    /// has it: `scale_factor=(to + 0.1) / from`.
    BicubicTenth,
    /// The same as the first with `antialias`: Pillow's cubic, widened where the grid shrinks, its weights within
    /// the grid made to add up to 1.
    BicubicAntialias,
    /// Mode `bilinear`: two neighbours.
    Bilinear,
    /// The same with `antialias`: a triangle, widened where the grid shrinks, its weights within the
    /// grid made to add up to 1.
    BilinearAntialias,
}

/// Brings `values`, `[from[0], from[1], channels]`, to `[to[0], to[1], channels]`.
///
/// Weights are those of PyTorch's `interpolate` with `align_corners=False`, in f64; sums too. A grid of the
/// same size stays as it is.
pub(super) fn resize(
    values: &[f32],
    from: [usize; 2],
    to: [usize; 2],
    channels: usize,
    resizing: Resizing,
) -> Vec<f32> {
    if from == to {
        return values.to_vec();
    }
    let [rows, columns] = [0, 1].map(|axis| taps(from[axis], to[axis], resizing));
    let mut out = Vec::with_capacity(to[0] * to[1] * channels);
    let mut sums = vec![0.0_f64; channels];
    for row in &rows {
        for column in &columns {
            sums.fill(0.0);
            for (y, weight_y) in row {
                for (x, weight_x) in column {
                    let weight = weight_y * weight_x;
                    let from = &values[(y * from[1] + x) * channels..][..channels];
                    sums.iter_mut().zip(from).for_each(|(s, v)| *s += weight * f64::from(*v));
                }
            }
            out.extend(sums.iter().map(|sum| *sum as f32));
        }
    }
    out
}

/// Positions that are not learned, `[side², channels]`: sines and cosines of column, then of row, at
/// frequencies 10000^(−4j/channels). As AIMv2 where it is `is_native`.
pub(super) fn sine_cosine(side: usize, channels: usize) -> Vec<f32> {
    let frequencies = channels / 4;
    let angle = |place: usize, j: usize| {
        place as f64 * libm::pow(10000.0, -(j as f64) / frequencies as f64)
    };
    let mut out = Vec::with_capacity(side * side * channels);
    for row in 0..side {
        for column in 0..side {
            for place in [column, row] {
                out.extend((0..frequencies).map(|j| libm::sin(angle(place, j)) as f32));
                out.extend((0..frequencies).map(|j| libm::cos(angle(place, j)) as f32));
            }
        }
    }
    out
}

/// For each new place of an axis, the old places that it is made of, with their weights.
fn taps(from: usize, to: usize, resizing: Resizing) -> Vec<Vec<(usize, f64)>> {
    let scale = match resizing {
        Resizing::BicubicTenth => from as f64 / (to as f64 + 0.1),
        _ => from as f64 / to as f64,
    };
    let last = from - 1;
    (0..to)
        .map(|i| {
            let centre = (i as f64 + 0.5) * scale;
            match resizing {
                Resizing::Bicubic | Resizing::BicubicTenth => {
                    let place = centre - 0.5;
                    let first = place.floor() - 1.0;
                    let tap = |k: usize| first + k as f64;
                    let at = |tap: f64| tap.clamp(0.0, last as f64) as usize;
                    (0..4).map(|k| (at(tap(k)), cubic(place - tap(k), -0.75))).collect()
                }
                Resizing::BicubicAntialias => widened(from, scale, centre, 2.0, |x| cubic(x, -0.5)),
                Resizing::BilinearAntialias => {
                    widened(from, scale, centre, 1.0, |x| (1.0 - x.abs()).max(0.0))
                }
                Resizing::Bilinear => {
                    let place = (centre - 0.5).max(0.0);
                    let (first, part) = (place.floor(), place.fract());
                    let first = first as usize;
                    vec![(first, 1.0 - part), ((first + 1).min(last), part)]
                }
            }
        })
        .collect()
}

/// The old places around `centre` with the weights of a kernel that reaches as far, widened where the
/// grid shrinks, made to add up to 1.
fn widened(
    from: usize,
    scale: f64,
    centre: f64,
    reach: f64,
    kernel: impl Fn(f64) -> f64,
) -> Vec<(usize, f64)> {
    let widened = scale.max(1.0);
    let reach = reach * widened;
    let first = (centre - reach + 0.5).max(0.0) as usize;
    let end = ((centre + reach + 0.5) as usize).min(from);
    let weight = |j: usize| kernel((j as f64 - centre + 0.5) / widened);
    let sum: f64 = (first..end).map(weight).sum();
    (first..end).map(|j| (j, weight(j) / sum)).collect()
}

/// Keys' cubic convolution kernel at a distance of `x`.
fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Resizing; 4] = [
        Resizing::Bicubic,
        Resizing::BicubicAntialias,
        Resizing::Bilinear,
        Resizing::BilinearAntialias,
    ];

    #[test]
    fn weights_of_each_place_add_up_to_one() {
        for resizing in ALL {
            for (from, to) in [(1, 5), (4, 4), (37, 16), (7, 13), (16, 3)] {
                for taps in taps(from, to, resizing) {
                    let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{resizing:?} {from} to {to}: {sum}");
                    assert!(taps.iter().all(|(place, _)| *place < from));
                }
            }
        }
    }

    #[test]
    fn an_even_slope_keeps_its_middle_and_axes_are_not_exchanged() {
        // [2, 4, 1]: rows differ by 10, columns by 1.
        let values: Vec<f32> = (0..8).map(|i| (i / 4 * 10 + i % 4) as f32).collect();
        for resizing in ALL {
            let found = resize(&values, [2, 4], [2, 2], 1, resizing);
            let [a, b, c, d] = found[..] else { panic!("four") };
            assert!((c - a - 10.0).abs() < 1e-5 && (d - b - 10.0).abs() < 1e-5, "{found:?}");
            assert!((a + b - 3.0).abs() < 1e-5 && b > a, "{resizing:?}: {found:?}");
        }
        assert_eq!(resize(&values, [2, 4], [2, 4], 1, Resizing::Bicubic), values);
    }
}
