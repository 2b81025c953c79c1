//! Texts from elsewhere, as a terminal may show them.
//!
//! A file name, a label or a model's name may hold the sequences by which a program moves the
//! cursor, sets the window's title or turns the direction of a text, so that a reader sees another
//! line than was printed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text in one line, in which characters that are not shown, or obeyed instead, stand as escapes:
/// `\n`, or `\u{1b}` of the character's number.
///
/// Those are the control characters (C0, DEL and C1), the ends of lines and paragraphs, what turns
/// the direction of a text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), and what
/// has no width (U+200B, U+2060 to U+206F, U+FEFF). The two that join letters or keep them apart
/// (U+200C, U+200D) stay: Persian and Hindi are written with them, and emoji made of several.
pub fn in_one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// The same of a text of several lines, whose line breaks are kept.
pub fn in_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c != '\n' && is_hidden(c))
}

/// Whether a character does not show, or changes how others are shown: see [`in_one_line`]. No model
/// has one in its name.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match (is_escaped(c), c) {
            (false, c) => out.push(c),
            (true, '\n' | '\r' | '\t') => out.extend(c.escape_default()),
            (true, c) => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("a string takes all"),
        }
    }
    Cow::Owned(out)
}

/// A number with commas.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        for (text, shown) in [
            ("a\x1b[31mred", "a\\u{1b}[31mred"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\rb\tc\u{7f}\u{8}", "a\\rb\\tc\\u{7f}\\u{8}"),
            ("gpj.\u{202e}exe\u{2066}", "gpj.\\u{202e}exe\\u{2066}"),
            ("a\u{2028}b\u{200f}", "a\\u{2028}b\\u{200f}"),
            ("a\u{61c}b\u{200b}\u{2060}\u{feff}", "a\\u{61c}b\\u{200b}\\u{2060}\\u{feff}"),
            ("two\nlines", "two\\nlines"),
        ] {
            assert_eq!(in_one_line(text), shown);
        }
        assert_eq!(in_lines("two\nlines\r"), "two\nlines\\r");
    }

    #[test]
    fn names_of_every_script_are_left_as_they_are() {
        let names =
            ["ssim", "C:\\models\\a", "modèle", "模型", "مُوديل", "नमूना", "👩‍🔬", "κ ≥ 0 → −1"];
        for name in names {
            assert!(matches!(in_one_line(name), Cow::Borrowed(same) if same == name), "{name}");
        }
    }
}
