//! Some trials of a data set, chosen by their positions.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::{Dataset, DatasetError};

/// Positions of trials, from 0, among those that the other options of a data set leave. They stand
/// in ascending order, each once, and are written as `0-99,105`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Ascending, with a gap between any two.
    ranges: Vec<RangeInclusive<u32>>,
}

/// A text names no trials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` selects no trials, expected positions and ranges of them, ascending, as in \
     `0-99,105`"
)]
pub struct SelectionError {
    /// The part of the text that is none.
    pub found: String,
}

impl Selection {
    /// The trials at these positions, in any order.
    pub fn new(positions: impl IntoIterator<Item = u32>) -> Self {
        let mut positions: Vec<u32> = positions.into_iter().collect();
        positions.sort_unstable();
        let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
        for position in positions {
            match ranges.last_mut() {
                Some(last) if position <= last.end().saturating_add(1) => {
                    *last = *last.start()..=position;
                }
                _ => ranges.push(position..=position),
            }
        }
        Self { ranges }
    }

    /// The positions, ascending.
    pub fn positions(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// The last position; `None` if there is none.
    fn last(&self) -> Option<u32> {
        self.ranges.last().map(|range| *range.end())
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match range.start() == range.end() {
                true => write!(f, "{}", range.start())?,
                false => write!(f, "{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
        for part in text.split(',') {
            let wrong = || SelectionError { found: part.chars().take(40).collect() };
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
            let (first, last) = (number(first)?, number(last)?);
            let follows = ranges.last().is_none_or(|before| *before.end() < first);
            if last < first || !follows {
                return Err(wrong());
            }
            ranges.push(first..=last);
        }
        Ok(Self { ranges })
    }
}

impl Dataset {
    /// The data set with the trials of a selection alone; a note says how many they are.
    ///
    /// # Errors
    /// [`DatasetError::Selection`]: it has no trial at the last position.
    pub(super) fn selected(&self, selection: &Selection) -> Result<Self, DatasetError> {
        let trials = self.trials.len();
        let last = selection.last().unwrap_or(u32::MAX);
        if last as usize >= trials {
            let dataset = self.name.clone();
            return Err(DatasetError::Selection { dataset, position: last, trials });
        }
        let positions: Vec<u32> = selection.positions().collect();
        let mut part = self.part(&positions);
        part.notes.push(format!("{} of {trials} trials are selected", positions.len()));
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_written_as_ranges_and_read_again() {
        for (positions, text) in [
            (vec![7], "7"),
            (vec![2, 0, 1, 5, 4, 9], "0-2,4-5,9"),
            (vec![3, 3, 4, 3], "3-4"),
            (vec![u32::MAX, u32::MAX - 1], "4294967294-4294967295"),
        ] {
            let selection = Selection::new(positions.clone());
            assert_eq!(selection.to_string(), text);
            assert_eq!(text.parse(), Ok(selection.clone()));
            let mut sorted = positions;
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(selection.positions().collect::<Vec<_>>(), sorted);
        }
    }

    #[test]
    fn what_is_no_list_of_positions_is_refused() {
        for (text, found) in [
            ("", ""),
            ("a", "a"),
            ("1,", ""),
            ("3-1", "3-1"),
            ("1-3,2", "2"),
            ("-1", "-1"),
            ("1.5", "1.5"),
            ("5000000000", "5000000000"),
        ] {
            let error = text.parse::<Selection>().expect_err(text);
            assert_eq!(error.found, found);
        }
    }
}
