//! Images that are decoded at a time, within a budget of memory.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard};

use super::{
    Header, ImageError, RgbImage, decode, header_in, header_of, ignored_orientation, read,
};
use crate::input_file::ContentHash;

/// The program itself, its tables, and what an allocator keeps for later.
pub(crate) const PROGRAM_BYTES: u64 = 40_000_000;

/// Memory of a budget for decoding where nothing else is done yet. No budget is so small that the
/// program itself would not take as much.
pub(crate) fn for_decoding_alone(memory_bytes: u64) -> u64 {
    memory_bytes.saturating_sub(PROGRAM_BYTES).max(PROGRAM_BYTES)
}

/// Memory for images while they are decoded. Whoever wants to decode one more than it holds waits.
#[derive(Debug)]
pub struct DecodingBudget {
    bytes: u64,
    taken: Mutex<u64>,
    given_back: Condvar,
}

/// What is known of an image's file once it was read and decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Examined {
    /// Width and height in pixels.
    pub(crate) size: (usize, usize),
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Bytes of memory that decoding it takes.
    pub(crate) decoding_bytes: u64,
    pub(crate) hash: ContentHash,
    /// Whether its EXIF orientation was ignored.
    pub(crate) turned: bool,
    /// Whether 16-bit grey above 255 became white.
    pub(crate) saturated: bool,
}

impl Examined {
    /// Of an image that is not at hand: one pixel of no bytes, told from others by its name.
    pub(crate) fn not_at_hand(name: &str) -> Self {
        Self {
            size: (1, 1),
            bytes: 0,
            decoding_bytes: 0,
            hash: ContentHash::of(format!("not at hand: {name}").as_bytes()),
            turned: false,
            saturated: false,
        }
    }
}

impl DecodingBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, taken: Mutex::new(0), given_back: Condvar::new() }
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads and decodes a file, and does something with the image within the budget too.
    ///
    /// # Errors
    /// As for [`RgbImage::open`]; or file and image do not fit the budget, which is told before
    /// anything is decoded.
    pub fn open<T>(&self, path: &Path, work: impl FnOnce(RgbImage) -> T) -> Result<T, ImageError> {
        self.read(path, |bytes, _| Ok(work(RgbImage::decode(bytes, path)?)))
    }

    /// Decodes a file's bytes, which are not counted, and does something with the image.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) fn decode<T>(
        &self,
        bytes: &[u8],
        path: &Path,
        work: impl FnOnce(RgbImage) -> T,
    ) -> Result<T, ImageError> {
        let header = header_in(bytes, path)?;
        let _taken = self.take(header, 0, path)?;
        Ok(work(RgbImage::decode(bytes, path)?))
    }

    /// Reads, hashes and decodes a file.
    pub(crate) fn examine(&self, path: &Path) -> Result<Examined, ImageError> {
        self.read(path, |bytes, header| {
            let decoded = decode(bytes, path)?;
            Ok(Examined {
                size: (decoded.image.width(), decoded.image.height()),
                bytes: bytes.len() as u64,
                decoding_bytes: header.decoding_bytes,
                hash: ContentHash::of(bytes),
                turned: ignored_orientation(bytes).is_some(),
                saturated: decoded.saturated,
            })
        })
    }

    /// Reads a file once there is room for it and its image.
    pub(crate) fn read<T>(
        &self,
        path: &Path,
        work: impl FnOnce(&[u8], Header) -> Result<T, ImageError>,
    ) -> Result<T, ImageError> {
        let header = header_of(path)?;
        let error = |source| ImageError::Read { path: path.to_owned(), source };
        let file_bytes = std::fs::metadata(path).map_err(error)?.len();
        let _taken = self.take(header, file_bytes, path)?;
        let bytes = read(path)?;
        // The file may have been written anew meanwhile.
        if bytes.len() as u64 > file_bytes || header_in(&bytes, path)? != header {
            return Err(error(std::io::Error::other(
                "it was changed while it was read; run again when it is whole",
            )));
        }
        work(&bytes, header)
    }

    /// Waits until there is room.
    fn take(
        &self,
        Header { size: (width, height), decoding_bytes }: Header,
        file_bytes: u64,
        path: &Path,
    ) -> Result<Taken<'_>, ImageError> {
        let needed = decoding_bytes + file_bytes;
        if needed > self.bytes {
            let (path, budget) = (path.to_owned(), self.bytes);
            return Err(ImageError::Memory { path, width, height, needed, budget });
        }
        let has_room = |taken: &mut u64| *taken + needed > self.bytes;
        let mut taken = self
            .given_back
            .wait_while(self.lock(), has_room)
            .expect("no thread panics while it counts");
        *taken += needed;
        Ok(Taken { budget: self, bytes: needed })
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().expect("no thread panics while it counts")
    }
}

/// Bytes that are given back when it goes.
struct Taken<'a> {
    budget: &'a DecodingBudget,
    bytes: u64,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        *self.budget.lock() -= self.bytes;
        self.budget.given_back.notify_all();
    }
}

/// What is to be told of images that were read as Pillow reads them; a sentence each.
pub(crate) fn notes_on_reading<'a>(images: impl Iterator<Item = &'a Examined>) -> Vec<String> {
    let (mut turned, mut saturated) = (0_usize, 0_usize);
    for image in images {
        turned += usize::from(image.turned);
        saturated += usize::from(image.saturated);
    }
    let mut notes = Vec::new();
    if turned > 0 {
        notes.push(format!(
            "{} an EXIF orientation that is not applied, as in Pillow: {} as stored, turned or \
             mirrored",
            images_have(turned),
            if turned == 1 { "it is seen" } else { "they are seen" },
        ));
    }
    if saturated > 0 {
        notes.push(format!(
            "{} 16-bit grey values above 255, all of which become white, as in Pillow; divide \
             them by 257 and save 8 bits if they should be told apart",
            images_have(saturated),
        ));
    }
    notes
}

fn images_have(count: usize) -> String {
    match count {
        1 => "1 image has".to_owned(),
        _ => format!("{count} images have"),
    }
}

/// Images take no more than this while they are decoded, but where one of them does.
const SHARE_BYTES: u64 = 256_000_000;

/// Memory for images while they are decoded beside other work: enough for one a thread, but where
/// they are large for fewer.
pub(crate) fn decoding_share(largest_image: u64) -> u64 {
    let threads = rayon::current_num_threads() as u64;
    (threads * largest_image).min(SHARE_BYTES.max(largest_image))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_decoded_at_a_time_than_the_budget_holds() {
        let image = RgbImage::new(100, 100, vec![7; 30_000]).to_png();
        let path = Path::new("a.png");
        let one = header_in(&image, path).expect("a header").decoding_bytes;
        let budget = DecodingBudget::new(3 * one + one / 2);
        let (at_work, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let work = |image: RgbImage| {
                            let now = at_work.fetch_add(1, Ordering::SeqCst) + 1;
                            most.fetch_max(now, Ordering::SeqCst);
                            std::thread::sleep(std::time::Duration::from_millis(1));
                            at_work.fetch_sub(1, Ordering::SeqCst);
                            image.width()
                        };
                        assert_eq!(budget.decode(&image, path, work).expect("decoded"), 100);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 3);
        assert_eq!(*budget.lock(), 0);
    }

    #[test]
    fn an_image_beyond_the_budget_is_refused_and_the_next_is_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.png");
        std::fs::write(&path, RgbImage::new(100, 100, vec![7; 30_000]).to_png()).expect("written");
        let needed = match DecodingBudget::new(1000).examine(&path) {
            Err(ImageError::Memory { needed, width: 100, height: 100, budget: 1000, .. }) => needed,
            other => panic!("{other:?}"),
        };
        let budget = DecodingBudget::new(needed);
        let found = budget.examine(&path).expect("it fits");
        assert_eq!((found.size, found.decoding_bytes + found.bytes), ((100, 100), needed));
        assert!(budget.open(folder.path(), drop).is_err());
        assert_eq!(*budget.lock(), 0);
    }
}
