//! BAPPS's just noticeable differences.

use std::path::Path;

use super::{Layout, Split};
use crate::dataset::format::Format;
use crate::dataset::{Dataset, DatasetError, DatasetOptions, Level, SameDifferent, Trials};

/// BAPPS's just noticeable differences.
pub(in crate::dataset) struct BappsJnd;

/// As published.
const JND: Layout = Layout { folder: "jnd", answers: "same" };

impl Format for BappsJnd {
    fn name(&self) -> &'static str {
        "bapps-jnd"
    }

    fn description(&self) -> &'static str {
        "same or different: BAPPS's just noticeable differences (jnd/)"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn references(&self) -> &'static [&'static str] {
        &["zhang2018lpips"]
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        JND.find(folder).map(|_| self.name())
    }

    /// Reads `<split>/<kind>/{p0,p1}/NNNNNN.png` and `same/NNNNNN.npy`, the share of people who say
    /// that the two are the same.
    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        let Some(folder) = JND.find(data) else {
            let expected = "the folder `jnd` with `val` in it";
            return Err(DatasetError::nothing_of(self.name(), data, expected));
        };
        let split = Split::find(&JND, self, &folder, options)?;
        let notes = vec![format!("{} ({})", folder.display(), split.in_words())];
        let (builder, sources) = split.read(["p0", "p1"], options, |images, same_votes| {
            SameDifferent { images, same_votes, different_votes: 1.0 - same_votes }
        })?;
        builder.finish(self, None, Trials::SameDifferent, sources, notes)
    }
}
