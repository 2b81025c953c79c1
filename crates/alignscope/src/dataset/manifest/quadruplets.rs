//! `quadruplets.csv`.

use std::path::Path;

use super::columns::QUADRUPLETS;
use super::{Reading, VoteColumns, open, recognise};
use crate::dataset::format::Format;
use crate::dataset::table::Table;
use crate::dataset::{
    Dataset, DatasetError, DatasetOptions, ImageIndex, Level, Quadruplet, Trials,
};

/// `quadruplets.csv`.
pub(in crate::dataset) struct QuadrupletsManifest;

impl Format for QuadrupletsManifest {
    fn name(&self) -> &'static str {
        "quadruplets"
    }

    fn description(&self) -> &'static str {
        "which of two pairs differs more, of your own: quadruplets.csv with a_1,a_2,b_1,b_2,\
         b_vote or a_votes,b_votes[,group,subject,split,response_time]"
    }

    fn level(&self) -> Level {
        Level::Low
    }

    fn recognise(&self, folder: &Path) -> Option<&'static str> {
        recognise(self, folder)
    }

    fn open(&self, data: &Path, options: &DatasetOptions) -> Result<Dataset, DatasetError> {
        open(self, data, options, quadruplets)
    }
}

fn quadruplets(reading: &Reading<'_>, table: Table) -> Result<Dataset, DatasetError> {
    let votes = VoteColumns::find(&table, "b_vote", QUADRUPLETS.answers)?;
    let reading = Reading { compared: Some(&[[0, 1], [2, 3]]), ..*reading };
    reading.read(
        table,
        QUADRUPLETS.images,
        |row| {
            let [first_votes, second_votes] = votes.read(row)?;
            Ok(move |[a, b, c, d]: [ImageIndex; 4]| Quadruplet {
                first: [a, b],
                second: [c, d],
                first_votes,
                second_votes,
            })
        },
        Trials::Quadruplets,
    )
}
