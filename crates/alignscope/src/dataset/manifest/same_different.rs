//! `samedifferent.csv`.

use std::path::Path;

use super::columns::SAME_DIFFERENT;
use super::{Reading, VoteColumns, open, recognise};
use crate::dataset::format::Format;
use crate::dataset::table::Table;
use crate::dataset::{
    Dataset, DatasetError, DatasetOptions, ImageIndex, Level, SameDifferent, Trials,
};

/// `samedifferent.csv`.
pub(in crate::dataset) struct SameDifferentManifest;

impl Format for SameDifferentManifest {
    fn name(&self) -> &'static str {
        "samedifferent"
    }

    fn description(&self) -> &'static str {
        "whether two images are the same, of your own: samedifferent.csv with first,second,\
         same_vote or different_votes,same_votes[,group,subject,split,response_time]"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        recognise(self, folder)
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(self, data, options, same_different)
    }
}

fn same_different(reading: &Reading<'_>, table: Table) -> Result<Dataset, DatasetError> {
    let votes = VoteColumns::find(&table, "same_vote", SAME_DIFFERENT.answers)?;
    reading.read(
        table,
        SAME_DIFFERENT.images,
        |row| {
            let [different_votes, same_votes] = votes.read(row)?;
            Ok(move |images: [ImageIndex; 2]| SameDifferent { images, same_votes, different_votes })
        },
        Trials::SameDifferent,
    )
}
