//! What a user calls a data set.

use super::DatasetError;
use crate::name::MAX_NAME_BYTES;
use crate::shown::is_hidden;

/// Refuses a name that a data set cannot have in results: it has characters, all of which show, no
/// `=`, which ends the name in `NAME=FORMAT`, and fits into a field.
///
/// # Errors
/// It is not so.
pub fn check_dataset_name(name: &str) -> Result<(), DatasetError> {
    let why = if name.trim().is_empty() {
        "it is empty".to_owned()
    } else if let Some(found) = name.chars().find(|c| is_hidden(*c)) {
        format!("it has the character {found:?}, which does not show")
    } else if name.contains('=') {
        "it has a `=`, which ends a name".to_owned()
    } else if name.len() > MAX_NAME_BYTES {
        format!("it has {} bytes, expected at most {MAX_NAME_BYTES}", name.len())
    } else {
        return Ok(());
    };
    let name = name.chars().take(80).collect();
    Err(DatasetError::Name { name, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_characters_that_show_and_ends_before_an_equals_sign() {
        for name in ["mine", "KADID-10k", "täglich 2", "a/b"] {
            check_dataset_name(name).expect(name);
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        let cases =
            [("", "empty"), (" ", "empty"), ("a\u{7}", "show"), ("a=b", "`=`"), (&long, "4097")];
        for (name, words) in cases {
            let message = check_dataset_name(name).expect_err("refused").to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
