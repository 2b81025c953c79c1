//! Small images inside a page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::image::RgbImage;
use crate::input_file::{self, ContentHash};
use crate::preprocess::{Resample, resize};
use crate::results::MAX_IMAGE_BYTES;

/// The longer side of a thumbnail.
const SIDE_PX: usize = 112;
const QUALITY: f32 = 72.0;

/// Thumbnails, each made once.
#[derive(Debug, Default)]
pub(super) struct Thumbnails {
    made: BTreeMap<PathBuf, Option<String>>,
}

impl Thumbnails {
    /// The image as a `data:` URI; none where the file is not there, is no image, or has not this
    /// SHA-256.
    pub(super) fn of(&mut self, path: &Path, sha256: &str) -> Option<String> {
        self.made.entry(path.to_owned()).or_insert_with(|| thumbnail(path, sha256)).clone()
    }
}

fn thumbnail(path: &Path, sha256: &str) -> Option<String> {
    let bytes = input_file::read(path, MAX_IMAGE_BYTES).ok()?;
    if ContentHash::of(&bytes).to_string() != sha256 {
        return None;
    }
    let image = RgbImage::decode(&bytes, path).ok()?;
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    let shrunk = |side: usize| (side * SIDE_PX).div_ceil(longer).max(1);
    let small = match longer > SIDE_PX {
        true => resize(&image, shrunk(width), shrunk(height), Resample::Bicubic),
        false => image,
    };
    let bytes = small.to_jpeg(QUALITY).ok()?;
    Some(format!("data:image/jpeg;base64,{}", base64(&bytes)))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let there = digit <= chunk.len();
            text.push(if there { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_the_standard_says() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn an_image_that_is_not_there_has_no_thumbnail_and_a_large_one_a_small_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.png");
        let pixels = (0..600 * 300 * 3).map(|i| (i % 251) as u8).collect();
        let png = RgbImage::new(600, 300, pixels).to_png();
        std::fs::write(&path, &png).expect("written");
        let hash = ContentHash::of(&png).to_string();
        let mut thumbnails = Thumbnails::default();
        assert_eq!(thumbnails.of(&folder.path().join("b.png"), &hash), None);
        let other = ContentHash::of(b"other").to_string();
        assert_eq!(Thumbnails::default().of(&path, &other), None, "another image");
        let uri = thumbnails.of(&path, &hash).expect("an image");
        assert!(uri.starts_with("data:image/jpeg;base64,/9j/"), "{uri}");
        assert!(uri.len() < 20_000, "{}", uri.len());
    }
}
