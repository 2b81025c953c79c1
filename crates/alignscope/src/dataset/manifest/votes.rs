//! Votes for one of two in a manifest.

use crate::dataset::DatasetError;
use crate::dataset::table::{Column, Row, Table};

/// Where a table has the votes: one column with the share of the second, or a count of each.
pub(super) enum VoteColumns {
    Share(Column),
    Counts([Column; 2]),
}

impl VoteColumns {
    /// The column `share` if it is there, else both of `counts`.
    ///
    /// # Errors
    /// Neither is there, or both are: they may say different things.
    pub(super) fn find(
        table: &Table,
        share: &'static str,
        counts: [&'static str; 2],
    ) -> Result<Self, DatasetError> {
        match (table.find(share), counts.into_iter().find(|name| table.find(name).is_some())) {
            (Some(_), Some(count)) => {
                let path = table.hashed_path().path;
                Err(DatasetError::TwoScores { path, columns: [share, count] })
            }
            (Some(share), None) => Ok(Self::Share(share)),
            (None, Some(_)) => {
                Ok(Self::Counts([table.column(counts[0])?, table.column(counts[1])?]))
            }
            (None, None) => {
                let or = format!("`{}` and `{}`", counts[0], counts[1]);
                table.column_or(share, &or).map(Self::Share)
            }
        }
    }

    /// The votes of a row for the first and for the second, of which not both are 0.
    pub(super) fn read(&self, row: &Row<'_>) -> Result<[f64; 2], DatasetError> {
        match self {
            Self::Share(share) => {
                let second: f64 =
                    row.parse(*share, "a share from 0 to 1", |n| (0.0..=1.0).contains(n))?;
                Ok([1.0 - second, second])
            }
            Self::Counts([first, second]) => {
                let votes = |column: Column| {
                    row.parse(column, "a number of votes, 0 or more", |n: &f64| {
                        *n >= 0.0 && n.is_finite()
                    })
                };
                let found = [votes(*first)?, votes(*second)?];
                match found[0] + found[1] > 0.0 {
                    true => Ok(found),
                    false => Err(row.error(*second, "a vote for one of the two")),
                }
            }
        }
    }
}
