//! What the program prints: all of it goes through here.
//!
//! File names, labels and names of models come from files of others. What a terminal would obey
//! instead of showing it (see [`in_one_line`](alignscope::in_one_line)) is shown as an escape.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::Write;

use alignscope::{in_lines, remedies_of, with_remedies};

use crate::remedy;

/// Prints a line, or several, on stdout; as `println!`.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::print_line(&format!($($text)*)) };
}

/// Prints a line, or several, on stderr; as `eprintln!`.
macro_rules! tell {
    ($($text:tt)*) => { $crate::terminal::tell_line(&format!($($text)*)) };
}

pub(crate) use {say, tell};

/// Prints on stdout.
pub fn print_line(text: &str) {
    println!("{}", in_lines(text));
}

/// Prints text of the program's own on stdout, such as a script, without escapes.
pub fn print_as_it_is(text: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}

/// Prints on stderr.
pub fn tell_line(text: &str) {
    eprintln!("{}", in_lines(text));
}

/// What went wrong, on stderr. Lines after the first are set off, so that a name with a line break
/// in it looks like no line of the program's own.
pub fn tell_error(error: &anyhow::Error) {
    let remedies = remedies_of(error.as_ref());
    let words = remedies.iter().map(remedy::words);
    let text = with_remedies(&format!("alignscope: {error:#}"), words);
    tell_line(&set_off(&text));
}

fn set_off(text: &str) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| match line.starts_with(' ') || line.is_empty() {
        true => format!("{text}\n{line}"),
        false => format!("{text}\n  {line}"),
    })
}

/// What is wrong with what was typed, in the words of clap.
pub fn tell_usage(error: &clap::Error) {
    let text = error.render().to_string();
    tell_line(text.trim_end_matches('\n'));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_of_an_error_begins_as_the_programs_own() {
        assert_eq!(set_off("a\nb\n  c\n\nd"), "a\n  b\n  c\n\n  d");
    }
}
