//! Rotary positions: queries and keys are turned by angles that tell where a patch lies.

use serde::Serialize;

/// By which angles queries and keys are turned.
///
/// A head of d channels has d/4 frequencies for each axis: `base^(−4j/d)` for j from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RotaryPositions {
    /// What frequencies are powers of.
    pub base: f64,
    /// Where patches lie.
    pub places: Places,
}

/// Where patches lie along an axis, and how their angles stand among a head's channels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Places {
    /// Of n patches, patch i at 2 (i + ½)/n − 1, in turns of 2π; rows first; channel j is turned with
    /// channel j + d/2. As DINOv3.
    Centred,
    /// Patch i at (i + offset) · reference/n, in radians; channel 2j is turned with channel 2j + 1.
    /// As EVA-02 and the Perception Encoder in timm.
    Grid {
        /// Added to a patch's number.
        offset: f64,
        /// Patches on a side of the grid that places are counted in; that of the image if there is
        /// none.
        reference: Option<usize>,
        /// Whether columns come before rows.
        columns_first: bool,
    },
}

impl RotaryPositions {
    /// The turns of an image of `side` × `side` patches, for heads of `width` channels.
    pub(super) fn turns(self, side: usize, width: usize) -> Rotary {
        let frequencies = width / 4;
        let place = |i: usize| {
            let (i, n) = (i as f64, side as f64);
            match self.places {
                Places::Centred => std::f64::consts::TAU * (2.0 * (i + 0.5) / n - 1.0),
                Places::Grid { offset, reference, .. } => {
                    (i + offset) * reference.map_or(1.0, |reference| reference as f64 / n)
                }
            }
        };
        let frequency = |j: usize| libm::pow(self.base, -(j as f64) / frequencies as f64);
        let columns_first = matches!(self.places, Places::Grid { columns_first: true, .. });
        let mut angles = Vec::with_capacity(side * side * 2 * frequencies);
        for row in 0..side {
            for column in 0..side {
                let axes = if columns_first { [column, row] } else { [row, column] };
                for axis in axes {
                    angles.extend((0..frequencies).map(|j| (place(axis) * frequency(j)) as f32));
                }
            }
        }
        let partners = match self.places {
            Places::Centred => Partners::Halves,
            Places::Grid { .. } => Partners::Neighbours,
        };
        Rotary::new(&angles, 2 * frequencies, partners)
    }
}

/// Which two channels of a head are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partners {
    /// Channel i and channel i + width/2.
    Halves,
    /// Channels 2i and 2i + 1.
    Neighbours,
}

/// Cosines and sines by which a head of each patch is turned.
#[derive(Debug)]
pub(super) struct Rotary {
    /// `[patches, width/2]`.
    cos: Vec<f32>,
    /// `[patches, width/2]`.
    sin: Vec<f32>,
    pairs: usize,
    partners: Partners,
}

impl Rotary {
    /// `angles` is `[patches, pairs]`, in radians; a head has twice as many channels as pairs.
    fn new(angles: &[f32], pairs: usize, partners: Partners) -> Self {
        let cos = angles.iter().map(|a| libm::cosf(*a)).collect();
        let sin = angles.iter().map(|a| libm::sinf(*a)).collect();
        Self { cos, sin, pairs, partners }
    }

    /// Turns one head of a patch, `[width]`; channels that pad it stay as they are.
    pub(super) fn turn(&self, patch: usize, head: &mut [f32]) {
        let row = patch * self.pairs..(patch + 1) * self.pairs;
        let angles = self.cos[row.clone()].iter().zip(&self.sin[row]);
        for (i, (cos, sin)) in angles.enumerate() {
            let [a, b] = match self.partners {
                Partners::Halves => [i, i + self.pairs],
                Partners::Neighbours => [2 * i, 2 * i + 1],
            };
            let (x, y) = (head[a], head[b]);
            head[a] = x * cos - y * sin;
            head[b] = y * cos + x * sin;
        }
    }

    /// Bytes of its tables.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.cos.as_slice()) + size_of_val(self.sin.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use std::f32::consts::FRAC_PI_2;

    use super::*;

    #[test]
    fn partners_turn_together() {
        let angles = [0.0, 0.0, FRAC_PI_2, 0.0];
        for (partners, expected) in [
            (Partners::Halves, [-3.0, 2.0, 1.0, 4.0]),
            (Partners::Neighbours, [-2.0, 1.0, 3.0, 4.0]),
        ] {
            let rotary = Rotary::new(&angles, 2, partners);
            let mut head = [1.0, 2.0, 3.0, 4.0];
            rotary.turn(0, &mut head);
            assert_eq!(head, [1.0, 2.0, 3.0, 4.0], "{partners:?}");
            rotary.turn(1, &mut head);
            let off = head.iter().zip(expected).map(|(h, e)| (h - e).abs()).fold(0.0, f32::max);
            assert!(off < 1e-6, "{partners:?}: {head:?}");
        }
    }
}
