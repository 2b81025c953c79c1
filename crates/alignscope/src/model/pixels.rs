//! The model `pixels`: the stage `image` at 0 % depth of every figure.

use serde_json::{Value, json};

use super::Role;
use super::metric::{ImageMetric, Levels};
use crate::distance::Distance;
use crate::image::RgbImage;
use crate::stage::Stage;

/// The pixels as a metric: the root mean square difference of 8-bit RGB.
#[derive(Debug)]
pub struct Pixels;

impl ImageMetric for Pixels {
    type Features = RgbImage;
    const STAGE: Stage = Stage::Image;
    const DISTANCE: Distance = Distance::Euclidean;
    const ROLE: Role = Role::Pixels;
    const PAIRS_AT_A_TIME: usize = 256;
    const LEVELS: Option<Levels<RgbImage>> = Some(RgbImage::pixels);

    fn name(&self) -> String {
        "pixels".to_owned()
    }

    fn fingerprint(&self) -> Value {
        json!("pixels")
    }

    fn bytes(&self, width: usize, height: usize) -> usize {
        3 * width * height
    }

    fn working_bytes(&self, _: usize, _: usize) -> usize {
        0
    }

    fn features(&self, image: RgbImage) -> RgbImage {
        image
    }

    fn distance(&self, a: &RgbImage, b: &RgbImage) -> f64 {
        a.rms_difference(b)
    }
}
