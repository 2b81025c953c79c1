//! A layout of files on disk.

use std::path::Path;

use super::{Dataset, DatasetError, DatasetOptions, Level, Release};
use crate::remedy::Choice;

/// A layout of files on disk, from which a [`Dataset`] is read.
///
/// One more format is a file under `dataset/` with a type that implements this trait, and a variant
/// of [`AnyFormat`](super::AnyFormat), the list of all formats, with its word in
/// [`DatasetFormat`](super::DatasetFormat) beside it. Nothing else has to know it: the command line,
/// TOML and Python take its [`name`](Self::name) then, and everything below works on the
/// [`Dataset`] that it gives.
///
/// A complete one, of a text with two names and a score in each line:
///
/// ```
/// use std::path::Path;
///
/// use alignscope::dataset::{Format, ImageEntry, Level, RatedPair};
/// use alignscope::{Choice, Dataset, DatasetError, DatasetOptions, Trials};
///
/// /// `ratings.txt`: `reference.png distorted.png 4.5`, a line each.
/// struct Ratings;
///
/// impl Format for Ratings {
///     fn name(&self) -> &'static str {
///         "ratings"
///     }
///
///     fn description(&self) -> &'static str {
///         "rated pairs: ratings.txt with the names of two images and a score in each line"
///     }
///
///     fn level(&self) -> Level {
///         Level::Low
///     }
///
///     fn choices(&self) -> &'static [Choice] {
///         &[]
///     }
///
///     fn recognise(&self, folder: &Path) -> Option<&'static str> {
///         folder.join("ratings.txt").is_file().then_some("ratings")
///     }
///
///     fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
///         let path = data.join("ratings.txt");
///         let text = std::fs::read_to_string(&path)
///             .map_err(|source| DatasetError::Read { path: path.clone(), source })?;
///         let mut images: Vec<ImageEntry> = Vec::new();
///         let mut index = |name: &str| match images.iter().position(|image| image.id == name) {
///             Some(position) => position as u32,
///             None => {
///                 images.push(ImageEntry { id: name.to_owned(), path: data.join(name) });
///                 images.len() as u32 - 1
///             }
///         };
///         let mut pairs = Vec::new();
///         for (line, row) in (1..).zip(text.lines()).take(options.limit.unwrap_or(usize::MAX)) {
///             let fields: Vec<&str> = row.split_whitespace().collect();
///             let [reference, distorted, score] = fields[..] else {
///                 let (path, found) = (path.clone(), row.to_owned());
///                 let expected = "two names and a score, with spaces between them";
///                 return Err(DatasetError::Line { path, line, found, expected });
///             };
///             let (reference, distorted) = (index(reference), index(distorted));
///             let score = score.parse().expect("see the error above");
///             pairs.push(RatedPair { reference, distorted, score, std: None });
///         }
///         Ok(Dataset::new(self.name(), self.level(), images, Trials::RatedPairs(pairs)))
///     }
/// }
///
/// let folder = std::env::temp_dir().join(format!("alignscope-ratings-{}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// std::fs::write(folder.join("ratings.txt"), "a.png b.png 4.5\na.png c.png 2\n")?;
/// assert_eq!(Ratings.recognise(&folder), Some("ratings"));
/// let dataset = Ratings.open(&folder, &DatasetOptions::default())?;
/// assert_eq!((dataset.name.as_str(), dataset.trials.len(), dataset.images.len()), ("ratings", 2, 3));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Format {
    /// The word that asks for this format, which is also the name in results of what lies in it if
    /// that is of no known release and the user gives no name.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn description(&self) -> &'static str;

    /// The level of abstraction of a data set in this format, unless the user says another.
    fn level(&self) -> Level;

    /// Keys of the papers to cite for whatever lies in this format, in `assets/references.bib`; none
    /// where that is the user's own, or of a release, which has its own.
    fn references(&self) -> &'static [&'static str] {
        &[]
    }

    /// Keys of the papers of the method by which such answers are scored, in `assets/references.bib`.
    fn method_references(&self) -> &'static [&'static str] {
        &[]
    }

    /// The releases that come in this format; each can be asked for by its own name.
    fn releases(&self) -> &'static [Release] {
        &[]
    }

    /// What a user may choose of such a data set, among a split, the fewest votes of a trial, which
    /// way scores run and which of THINGS's images. Others are refused.
    fn choices(&self) -> &'static [Choice] {
        &[Choice::Split]
    }

    /// Whether there are usually many more images than trials use, which nobody needs to be told.
    fn has_more_images(&self) -> bool {
        false
    }

    /// Whether a folder seems to hold this format, by a few names of files: the word to ask for it
    /// by. Used where something else was asked for, to say what is there.
    fn recognise(&self, folder: &Path) -> Option<&'static str>;

    /// Reads the data set from `data`: its folder, or the annotation file in it. The data set has
    /// the name of its release, or else of the format, and the format's level.
    ///
    /// # Errors
    /// What is there cannot be read: the error names the file, and line and column if there are
    /// any. If nothing of this format is there, [`DatasetError::nothing_of`] says so; what lies
    /// there instead is added to it by the caller.
    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError>;
}
