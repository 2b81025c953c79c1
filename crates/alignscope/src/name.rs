//! Choices that are written as words on the command line, in Python and in files.

/// Bytes of a name, such as a model's, a stage's or an image's; a path has no more.
pub(crate) const MAX_NAME_BYTES: usize = 4096;

/// A word that names none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown {what} `{found}`{}, expected one of {expected}",
    meant.map_or(String::new(), |word| format!(" (did you mean `{word}`?)"))
)]
pub struct UnknownName {
    /// What was to be chosen (`distance`, `data set`, …).
    pub what: &'static str,
    /// The word found.
    pub found: String,
    /// The word that is nearest to it, if one is near.
    pub meant: Option<&'static str>,
    /// The words that would do, with commas.
    pub expected: String,
}

impl UnknownName {
    /// The words that would do, as the end of a sentence.
    pub(crate) fn choices(&self) -> String {
        format!("one of {}", self.expected)
    }

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
            meant: nearest(found, all.iter().map(|&c| name(c))),
            expected: all.iter().map(|&c| format!("`{}`", name(c))).collect::<Vec<_>>().join(", "),
        })
    }
}

/// The word that `found` was probably to be: the same but for case, `_` and spaces, or a slip or two
/// away; or of which it is the beginning.
pub(crate) fn nearest<'a>(found: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |word: &str| word.trim().to_lowercase().replace(['_', ' '], "-");
    let found = plain(found);
    // A word of four letters may have one slip, one of eight two.
    let most = (found.chars().count() / 4).min(3);
    let near = |word: &&'a str| {
        let word = plain(word);
        match slips(&found, &word) {
            few if few <= most => Some(few),
            _ if found.chars().count() >= 3 && word.starts_with(&found) => Some(most + 1),
            _ => None,
        }
    };
    let mut best: Option<(usize, &'a str)> = None;
    for word in words {
        if let Some(few) = near(&word).filter(|few| best.is_none_or(|(least, _)| *few < least)) {
            best = Some((few, word));
        }
    }
    best.map(|(_, word)| word)
}

/// Letters to insert, leave out, replace, or swap with their neighbour, to turn one word into the
/// other (the optimal string alignment distance).
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[a.len()][b.len()]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_another_word_is_not() {
        let words = ["tid2013", "nights", "things", "pairs", "normalized-euclidean", "lpips-alex"];
        for (found, meant) in [
            ("tid2103", Some("tid2013")),
            ("TID2013", Some("tid2013")),
            ("tid-2013", Some("tid2013")),
            ("night", Some("nights")),
            ("Things", Some("things")),
            ("pair", Some("pairs")),
            ("normalised_euclidean", Some("normalized-euclidean")),
            ("lpips", Some("lpips-alex")),
            ("tid2008", None),
            ("cosine", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(found, words.into_iter()), meant, "{found}");
        }
    }

    #[test]
    fn slips_are_counted() {
        for (a, b, count) in [("", "abc", 3), ("abc", "abc", 0), ("acb", "abc", 1), ("ab", "ba", 1)]
        {
            assert_eq!(slips(a, b), count, "{a} {b}");
        }
    }
}
