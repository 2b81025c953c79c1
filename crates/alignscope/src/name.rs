//! Choices that are written as words on the command line, in Python and in files.

/// A word that names none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`, expected one of {expected}")]
pub struct UnknownName {
    /// What was to be chosen (`distance`, `data set`, …).
    pub what: &'static str,
    /// The word found.
    pub found: String,
    /// The words that would do, with commas.
    pub expected: String,
}

impl UnknownName {
    /// The choice in `all` whose name is `found`.
    pub(crate) fn find<T: Copy>(
        what: &'static str,
        found: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, Self> {
        all.iter().copied().find(|&choice| name(choice) == found).ok_or_else(|| Self {
            what,
            found: found.to_owned(),
            expected: all.iter().map(|&c| format!("`{}`", name(c))).collect::<Vec<_>>().join(", "),
        })
    }
}

/// `Display` and `FromStr` of an enum that has `ALL` and `name()`.
macro_rules! choice {
    ($choice:ty, $what:literal) => {
        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $choice {
            type Err = $crate::name::UnknownName;

            fn from_str(name: &str) -> Result<Self, $crate::name::UnknownName> {
                $crate::name::UnknownName::find($what, name, &Self::ALL, Self::name)
            }
        }
    };
}
