//! Distortions of an image, in four strengths.

use std::fmt;

use rand::Rng;

use super::scene::{Picture, SIDE_PX};
use crate::normal_draw::standard_normal;

/// A kind of distortion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distortion {
    Noise,
    Blur,
    Contrast,
    Tint,
    Blocks,
}

impl Distortion {
    pub(super) const ALL: [Self; 5] =
        [Self::Noise, Self::Blur, Self::Contrast, Self::Tint, Self::Blocks];

    /// The distorted picture; `level` is 1 to 4.
    pub(super) fn apply(self, picture: &Picture, level: usize, rng: &mut impl Rng) -> Picture {
        let strength = level as f32;
        let values = &picture.0;
        Picture(match self {
            Self::Noise => values
                .iter()
                .map(|v| {
                    let z = standard_normal(rng) as f32;
                    v + 0.035 * strength * z
                })
                .collect(),
            Self::Blur => (0..level).fold(values.clone(), |v, _| blurred(&v)),
            Self::Contrast => {
                let factor = 1.0 - 0.17 * strength;
                let mean = values.iter().sum::<f32>() / values.len() as f32;
                values.iter().map(|v| mean + (v - mean) * factor).collect()
            }
            Self::Tint => {
                let shift = [0.06, -0.03, -0.05].map(|s| s * strength);
                values.iter().zip(shift.into_iter().cycle()).map(|(v, s)| v + s).collect()
            }
            Self::Blocks => averaged(values, 2 << level),
        })
    }
}

impl fmt::Display for Distortion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Noise => "noise",
            Self::Blur => "blur",
            Self::Contrast => "contrast",
            Self::Tint => "tint",
            Self::Blocks => "blocks",
        })
    }
}

/// Each pixel the mean of the five by five around it, the edge repeated.
fn blurred(values: &[f32]) -> Vec<f32> {
    let along = |values: &[f32], step: usize, length: usize| -> Vec<f32> {
        (0..values.len())
            .map(|i| {
                let position = i / step % length;
                let sum: f32 = (-2_isize..=2)
                    .map(|d| {
                        let other = position.saturating_add_signed(d).min(length - 1);
                        values[i - position * step + other * step]
                    })
                    .sum();
                sum / 5.0
            })
            .collect()
    };
    let rows = along(values, 3, SIDE_PX);
    along(&rows, 3 * SIDE_PX, SIDE_PX)
}

/// Squares of `side` pixels mixed with their own mean, as coarse compression does.
fn averaged(values: &[f32], side: usize) -> Vec<f32> {
    let mut out = values.to_vec();
    for top in (0..SIDE_PX).step_by(side) {
        for left in (0..SIDE_PX).step_by(side) {
            let places: Vec<usize> = (top..(top + side).min(SIDE_PX))
                .flat_map(|y| (left..(left + side).min(SIDE_PX)).map(move |x| y * SIDE_PX + x))
                .collect();
            for channel in 0..3 {
                let sum: f32 = places.iter().map(|p| values[3 * p + channel]).sum();
                let mean = sum / places.len() as f32;
                for p in &places {
                    out[3 * p + channel] = 0.3 * values[3 * p + channel] + 0.7 * mean;
                }
            }
        }
    }
    out
}
