//! A data set as it is typed: what is asked for, perhaps with a name before it.

use std::fmt;
use std::str::FromStr;

use super::formats::DatasetFormat;
use super::name::check_dataset_name;
use super::{DatasetError, Level};
use crate::name::UnknownName;

/// A data set that a user asks for, as `NAME=FORMAT` or `FORMAT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDataset {
    /// What results call it; by default the name of the release that is found, else of the format.
    pub name: Option<String>,
    /// What is asked for.
    pub format: DatasetFormat,
}

/// What is typed is no data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedDatasetError {
    /// There is no such format.
    #[error(transparent)]
    Format(#[from] UnknownName),
    /// It cannot have its name.
    #[error(transparent)]
    Name(#[from] DatasetError),
}

impl NamedDataset {
    /// What the user calls it: by the name that is given, else by what is asked for.
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(self.format.name())
    }
}

impl fmt::Display for NamedDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}={}", self.format),
            None => self.format.fmt(f),
        }
    }
}

impl FromStr for NamedDataset {
    type Err = NamedDatasetError;

    fn from_str(text: &str) -> Result<Self, NamedDatasetError> {
        let Some((name, format)) = text.split_once('=') else {
            return Ok(Self { name: None, format: text.parse()? });
        };
        let format = format.parse()?;
        check_dataset_name(name)?;
        Ok(Self { name: Some(name.to_owned()), format })
    }
}

/// The level of abstraction of a data set, as `NAME=LEVEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedLevel {
    /// What the data set is called.
    pub name: String,
    /// Its level.
    pub level: Level,
}

/// What is typed is no level of a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedLevelError {
    /// It says not of which data set.
    #[error("`{text}` is no level of a data set, expected NAME=LEVEL, as in `mine=middle`")]
    Form {
        /// What is typed.
        text: String,
    },
    /// There is no such level.
    #[error(transparent)]
    Level(#[from] UnknownName),
}

impl FromStr for NamedLevel {
    type Err = NamedLevelError;

    fn from_str(text: &str) -> Result<Self, NamedLevelError> {
        let form = || NamedLevelError::Form { text: text.to_owned() };
        let (name, level) = text.split_once('=').ok_or_else(form)?;
        Ok(Self { name: name.to_owned(), level: level.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_a_format() {
        let read = |text: &str| text.parse::<NamedDataset>();
        let named = read("my own=pairs").expect("read");
        assert_eq!((named.called(), named.format), ("my own", DatasetFormat::PAIRS));
        assert_eq!(named.to_string(), "my own=pairs");
        assert_eq!(read("nights").expect("read").called(), "nights");
        for (text, words) in [
            ("mine=pair", "unknown data set `pair` (did you mean `pairs`?)"),
            ("=pairs", "it is empty"),
            ("a=b=pairs", "unknown data set `b=pairs`"),
        ] {
            let message = read(text).expect_err("refused").to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_level_is_one_of_a_data_set() {
        let read = |text: &str| text.parse::<NamedLevel>();
        assert_eq!(read("mine=none").expect("read").level, Level::None);
        for (text, words) in [("high", "expected NAME=LEVEL"), ("mine=hi", "unknown level `hi`")] {
            let message = read(text).expect_err("refused").to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
