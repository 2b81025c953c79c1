//! Maps of convolutional networks, `[height, width, channels]`: windows that pass over them.

use std::ops::Range;

use serde::Serialize;

/// A square window that passes over a map: that of a convolution, or of a pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Window {
    /// Its side, in pixels.
    pub(crate) kernel: usize,
    /// Pixels from one place to the next.
    pub(crate) stride: usize,
    /// Pixels beyond the map's edge where it begins.
    pub(crate) padding: usize,
}

/// A map that is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapView<'a> {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// `[height, width, channels]`.
    pub(crate) values: &'a [f32],
}

impl Window {
    /// A window that keeps height and width.
    pub(crate) const fn same(kernel: usize) -> Self {
        Self { kernel, stride: 1, padding: kernel / 2 }
    }

    /// Its places along a side; 0 where it is larger than the map.
    pub(crate) const fn output_side(self, side: usize) -> usize {
        let padded = side + 2 * self.padding;
        if padded < self.kernel { 0 } else { (padded - self.kernel) / self.stride + 1 }
    }

    /// Copies what it sees at the place (`y`, `x`) to `seen`, `[kernel, kernel, channels]`: a row of
    /// im2col. Outside of the map it sees 0.
    pub(crate) fn gather(self, map: MapView<'_>, y: usize, x: usize, seen: &mut [f32]) {
        let Self { kernel, stride, padding } = self;
        let channels = map.channels;
        // Columns x·stride + kx − padding for kx in first..last lie within the map.
        let left = x * stride;
        let first = padding.saturating_sub(left);
        let last = kernel.min((map.width + padding).saturating_sub(left));
        for (ky, seen) in seen.chunks_exact_mut(kernel * channels).enumerate() {
            let row = (y * stride + ky).checked_sub(padding).filter(|row| *row < map.height);
            let Some(row) = row.filter(|_| first < last) else {
                seen.fill(0.0);
                continue;
            };
            let from = (row * map.width + left + first - padding) * channels;
            let within = first * channels..last * channels;
            seen[..within.start].fill(0.0);
            seen[within.clone()].copy_from_slice(&map.values[from..from + within.len()]);
            seen[within.end..].fill(0.0);
        }
    }

    /// As [`gather`](Self::gather), of these channels alone.
    pub(crate) fn gather_channels(
        self,
        map: MapView<'_>,
        y: usize,
        x: usize,
        channels: Range<usize>,
        seen: &mut [f32],
    ) {
        let Self { kernel, stride, padding } = self;
        let at = |place: usize, k: usize, side: usize| {
            (place * stride + k).checked_sub(padding).filter(|at| *at < side)
        };
        for (i, seen) in seen.chunks_exact_mut(channels.len()).enumerate() {
            match at(y, i / kernel, map.height).zip(at(x, i % kernel, map.width)) {
                None => seen.fill(0.0),
                Some((row, column)) => {
                    let place = (row * map.width + column) * map.channels;
                    seen.copy_from_slice(&map.values[place..][channels.clone()]);
                }
            }
        }
    }

    /// The largest value that it sees at each place, channel by channel, into `out`,
    /// `[places, width, channels]`. Outside of the map is nothing, so that `out` may have places at
    /// which it is only partly within the map. NaN is larger than any number.
    pub(crate) fn max_pool(self, map: MapView<'_>, width: usize, out: &mut [f32]) {
        let Self { kernel, stride, padding } = self;
        let channels = map.channels;
        let within = |place: usize, side: usize| {
            let end = (place * stride + kernel).saturating_sub(padding).min(side);
            (place * stride).saturating_sub(padding)..end
        };
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            out.fill(f32::NEG_INFINITY);
            for row in within(place / width, map.height) {
                for column in within(place % width, map.width) {
                    let seen = &map.values[(row * map.width + column) * channels..][..channels];
                    for (out, seen) in out.iter_mut().zip(seen) {
                        *out = if *seen > *out || seen.is_nan() { *seen } else { *out };
                    }
                }
            }
        }
    }
}

impl Window {
    /// The mean of what it sees of the map at each place, channel by channel, into `out`,
    /// `[places, width, channels]`; it begins at the map's edge.
    pub(crate) fn mean_pool(self, map: MapView<'_>, width: usize, out: &mut [f32]) {
        let Self { kernel, stride, .. } = self;
        let channels = map.channels;
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            out.fill(0.0);
            let (top, left) = (place / width * stride, place % width * stride);
            let (bottom, right) = ((top + kernel).min(map.height), (left + kernel).min(map.width));
            for row in top..bottom {
                let seen = &map.values[(row * map.width + left) * channels..];
                for seen in seen[..(right - left) * channels].chunks_exact(channels) {
                    out.iter_mut().zip(seen).for_each(|(sum, seen)| *sum += *seen);
                }
            }
            let area = ((bottom - top) * (right - left)) as f32;
            out.iter_mut().for_each(|sum| *sum /= area);
        }
    }
}

/// Values below 0 become 0; NaN stays NaN.
pub(crate) fn relu(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = if *value < 0.0 { 0.0 } else { *value });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_sees_zeros_outside_of_the_map() {
        let values: Vec<f32> = (1..=6).map(|i| i as f32).collect();
        let map = MapView { height: 2, width: 3, channels: 1, values: &values };
        let mut seen = [9.0; 9];
        Window::same(3).gather(map, 0, 0, &mut seen);
        assert_eq!(seen, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 4.0, 5.0]);
        Window::same(3).gather(map, 1, 2, &mut seen);
        assert_eq!(seen, [2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_largest_value_is_taken_within_the_map_and_nan_stays() {
        let window = Window { kernel: 3, stride: 2, padding: 1 };
        let mut values = [-4.0, -3.0, -2.0, -5.0, -6.0, -7.0, -8.0, -1.0, -9.0];
        let pooled = |values: &[f32]| {
            let map = MapView { height: 3, width: 3, channels: 1, values };
            let mut out = [0.0; 4];
            window.max_pool(map, window.output_side(3), &mut out);
            out
        };
        assert_eq!(pooled(&values), [-3.0, -2.0, -1.0, -1.0]);
        values[0] = f32::NAN;
        let found = pooled(&values);
        assert!(found[0].is_nan() && found[1..] == [-2.0, -1.0, -1.0], "{found:?}");
        let values: Vec<f32> = (0..10).map(|i| i as f32).collect();
        let map = MapView { height: 2, width: 5, channels: 1, values: &values };
        let mut means = [0.0; 2];
        Window { kernel: 2, stride: 2, padding: 0 }.mean_pool(map, 2, &mut means);
        assert_eq!(means, [3.0, 5.0]);
        let mut values = [f32::NAN, -1.0, 2.0];
        relu(&mut values);
        assert!(values[0].is_nan() && values[1..] == [0.0, 2.0]);
    }
}
