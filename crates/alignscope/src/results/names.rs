//! Names of figures: they become names of files beside those that every run has.

use super::RunTable;
use crate::distance::Distance;

/// The figure of `energy.csv`, which every run with an encoder has.
pub(crate) const CHANNEL_ENERGY: &str = "channel-energy";

/// The figures of bits and of the share explained.
pub(crate) const OF_LIKELIHOOD: [&str; 2] = ["bits", "explained"];

/// The figure of series over their training by a kind of distance, and their map: of the run's main
/// distance `training` and `training-map`, of others with their names.
pub(crate) fn training_figures(distance: Distance, is_main: bool) -> [String; 2] {
    let behind = if is_main { String::new() } else { format!("-{distance}") };
    ["training", "training-map"].map(|name| format!("{name}{behind}"))
}

/// The figures that a run without a series may draw beside those that are asked for.
pub(crate) fn figures_of_any_run() -> impl Iterator<Item = String> {
    [CHANNEL_ENERGY].into_iter().chain(OF_LIKELIHOOD).map(str::to_owned)
}

/// The figures that a run draws beside those that are asked for.
pub(crate) fn own_figures() -> impl Iterator<Item = String> {
    let of_series = Distance::ALL.into_iter().flat_map(|d| training_figures(d, false));
    let main = training_figures(Distance::NormalizedEuclidean, true);
    figures_of_any_run().chain(main).chain(of_series)
}

/// Characters of a name, so that it fits any file system with its ending.
const MOST: usize = 100;

/// Figures of a run.
pub const MAX_FIGURES: usize = 200;

/// Bytes of a title.
pub const MAX_TITLE_BYTES: usize = 2000;

/// Files of a run that are neither figures nor tables, without ending.
const OTHERS: [&str; 5] = ["manifest", "unfinished", "run", "report", "published-differences"];

/// Names that mean a device under Windows, whatever their ending.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A figure cannot have its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FigureNameError {
    /// It is not fit for a file on every system.
    #[error(
        "the name `{name}` of a figure is not fit for its files, expected 1 to {MOST} letters, \
         digits, `-` and `_` of ASCII, beginning with a letter or digit, and no device of Windows \
         (`con`, `nul`, `com1`, …)"
    )]
    Unfit {
        /// The name.
        name: String,
    },
    /// It is the name of a file that every run has.
    #[error(
        "the name `{name}` of a figure is taken by a file of the run itself; taken are {}",
        taken().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    Taken {
        /// The name.
        name: String,
    },
    /// Two figures would have one file.
    #[error(
        "two figures are called `{first}` and `{second}`, expected names that differ by more than \
         capitals: some file systems do not tell those apart"
    )]
    Twice {
        /// The first figure's name.
        first: String,
        /// The second figure's name.
        second: String,
    },
    /// There are too many.
    #[error("there are more than {MAX_FIGURES} figures, expected fewer")]
    Many,
    /// A title is too long.
    #[error(
        "the title of the figure `{name}` has {found} bytes, expected at most {MAX_TITLE_BYTES}"
    )]
    Title {
        /// The figure's name.
        name: String,
        /// Bytes of its title.
        found: usize,
    },
}

/// The names, without ending, of the files that a run has beside its figures.
fn taken() -> impl Iterator<Item = String> {
    let files = RunTable::ALL.map(RunTable::name).into_iter().chain(OTHERS);
    files.map(str::to_owned).chain(own_figures())
}

/// Refuses a name that a figure of a run cannot have.
///
/// # Errors
/// It is not fit for a file, or taken.
pub fn check_figure_name(name: &str) -> Result<(), FigureNameError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let lower = name.to_ascii_lowercase();
    let is_port = |kind: &str| {
        let number = lower.strip_prefix(kind).unwrap_or_default().as_bytes();
        matches!(number, [b'0'..=b'9'])
    };
    let fit = (1..=MOST).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(['-', '_'])
        && !DEVICES.contains(&lower.as_str())
        && !is_port("com")
        && !is_port("lpt");
    if !fit {
        return Err(FigureNameError::Unfit { name: name.to_owned() });
    }
    match taken().any(|taken| taken == lower) {
        true => Err(FigureNameError::Taken { name: name.to_owned() }),
        false => Ok(()),
    }
}

/// Refuses figures that cannot all be drawn into the folder of one run, given by name and title.
///
/// # Errors
/// A name is not fit for a file or taken, or two are the same but for capitals; there are more than
/// [`MAX_FIGURES`]; or a title is longer than a line can be.
pub fn check_figures<'a>(
    figures: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<(), FigureNameError> {
    let mut known: Vec<&str> = Vec::new();
    for (name, title) in figures {
        check_figure_name(name)?;
        if let Some(first) = known.iter().find(|other| other.eq_ignore_ascii_case(name)) {
            let (first, second) = ((*first).to_owned(), name.to_owned());
            return Err(FigureNameError::Twice { first, second });
        }
        known.push(name);
        if known.len() > MAX_FIGURES {
            return Err(FigureNameError::Many);
        }
        if let Some(found) = title.map(str::len).filter(|bytes| *bytes > MAX_TITLE_BYTES) {
            return Err(FigureNameError::Title { name: name.to_owned(), found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_figure_takes_the_name_of_a_file_of_the_run() {
        for table in RunTable::ALL {
            let name = table.name();
            for name in [name.to_owned(), name.to_uppercase()] {
                let message = check_figure_name(&name).expect_err("a table").to_string();
                assert!(message.contains("taken are `scores`, `distances`"), "{message}");
            }
        }
        for name in
            ["manifest", "Report", "unfinished", "run", "published-differences", "channel-ENERGY"]
                .into_iter()
                .chain(["training", "training-map", "Training-cosine", "training-map-dot"])
        {
            assert!(
                matches!(check_figure_name(name), Err(FigureNameError::Taken { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn a_name_is_fit_for_a_file_on_every_system() {
        let long = "a".repeat(MOST + 1);
        for name in [
            "", ".", "..", "../x", "/x", "a/b", "a\\b", ".x", "a.b", "a b", "é", "-x", "_x", "con",
            "NUL", "com1", "LPT9", "a:b", "a\0", "a\n", "~", &long,
        ] {
            assert!(
                matches!(check_figure_name(name), Err(FigureNameError::Unfit { .. })),
                "{name}"
            );
        }
        for name in ["alignment", "alignment-cosine", "1", "com", "com10", "data", &long[1..]] {
            assert_eq!(check_figure_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn two_figures_have_two_files_also_where_capitals_do_not_count() {
        let check = |names: &[&str]| check_figures(names.iter().map(|name| (*name, None)));
        assert_eq!(check(&["a", "b"]), Ok(()));
        for names in [["a", "a"], ["low", "Low"]] {
            let message = check(&names).expect_err("one file").to_string();
            assert!(message.contains("differ by more than capitals"), "{message}");
        }
        let many: Vec<String> = (0..=MAX_FIGURES).map(|i| format!("f{i}")).collect();
        let many = check_figures(many.iter().map(|name| (name.as_str(), None)));
        assert_eq!(many, Err(FigureNameError::Many));
        let title = "t".repeat(MAX_TITLE_BYTES + 1);
        let long = check_figures([("a", Some(title.as_str()))]);
        assert!(matches!(long, Err(FigureNameError::Title { .. })));
    }
}
