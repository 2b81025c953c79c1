//! Samples as files have them, to 8-bit RGB.

/// How a pixel is given: its samples one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Samples {
    /// 1 or 2 of grey, 3 or 4 of colour; an even number ends with alpha.
    pub(super) channels: usize,
    /// Whether a sample has 16 bits, the high byte first.
    pub(super) wide: bool,
    /// Whether those of 16 bits saturate at 255, instead of keeping their high byte.
    pub(super) saturates: bool,
}

impl Samples {
    /// Bytes of a pixel.
    pub(super) fn bytes(self) -> usize {
        self.channels * if self.wide { 2 } else { 1 }
    }

    /// Bytes that an image takes while it becomes RGB.
    pub(super) fn converting_bytes(self, (width, height): (usize, usize)) -> u64 {
        let grey = if self.channels < 3 { 3 } else { 0 };
        (width * height * (self.bytes() + grey)) as u64
    }

    /// RGB, without alpha; and whether a sample was saturated.
    pub(super) fn into_rgb(self, mut samples: Vec<u8>) -> (Vec<u8>, bool) {
        let stride = self.bytes();
        if self.channels < 3 {
            let mut pixels = Vec::with_capacity(3 * (samples.len() / stride));
            let mut saturated = false;
            for sample in samples.chunks_exact(stride) {
                let cut = self.saturates && sample[0] > 0;
                saturated |= cut;
                let grey = match (self.saturates, cut) {
                    (true, true) => 255,
                    (true, false) => sample[1],
                    (false, _) => sample[0],
                };
                pixels.extend_from_slice(&[grey; 3]);
            }
            return (pixels, saturated);
        }
        if stride > 3 {
            // The high bytes, from the first pixel on, so that none is overwritten before it moved.
            let step = if self.wide { 2 } else { 1 };
            let pixels = samples.len() / stride;
            for pixel in 0..pixels {
                for channel in 0..3 {
                    samples[3 * pixel + channel] = samples[stride * pixel + step * channel];
                }
            }
            samples.truncate(3 * pixels);
            samples.shrink_to_fit();
        }
        (samples, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_rgb() {
        let rgb = |channels, wide, saturates, samples: &[u8]| {
            Samples { channels, wide, saturates }.into_rgb(samples.to_vec())
        };
        assert_eq!(rgb(1, false, false, &[7, 9]).0, [7, 7, 7, 9, 9, 9]);
        assert_eq!(rgb(2, false, false, &[7, 0, 9, 1]).0, [7, 7, 7, 9, 9, 9]);
        assert_eq!(rgb(2, true, false, &[7, 1, 0, 2, 9, 3, 1, 4]).0, [7, 7, 7, 9, 9, 9]);
        assert_eq!(rgb(1, true, true, &[0, 7, 1, 0]), (vec![7, 7, 7, 255, 255, 255], true));
        assert_eq!(rgb(1, true, true, &[0, 255]), (vec![255; 3], false));
        assert_eq!(rgb(3, false, false, &[1, 2, 3, 4, 5, 6]).0, [1, 2, 3, 4, 5, 6]);
        assert_eq!(rgb(4, false, false, &[1, 2, 3, 0, 4, 5, 6, 0]).0, [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            rgb(3, true, false, &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]).0,
            [1, 2, 3, 4, 5, 6]
        );
    }
}
