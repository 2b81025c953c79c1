//! The program as a user starts it, and what it answers.

use assert_cmd::Command;

use crate::place::Place;

/// Where the program is, for tests that start it with the commands of the standard library.
#[cfg(unix)]
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_alignscope");

/// Exit code, standard output and standard error.
pub type Outcome = (i32, String, String);

/// A command of the program without arguments. All tests that start it so share one cache;
/// [`Place::command`] has a cache of its own.
pub fn command() -> Command {
    let mut command = Command::cargo_bin("alignscope").expect("the program");
    command.env("ALIGNSCOPE_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/kept"));
    command
}

/// Runs a command, which has to end by itself, without a panic.
pub fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    for text in [&stdout, &stderr] {
        assert!(!text.contains("panicked"), "{text}");
    }
    (output.status.code().expect("it ends by itself"), stdout, stderr)
}

/// Like [`outcome`], with standard error after standard output in one text.
pub fn merged(command: &mut Command) -> (i32, String) {
    let (code, stdout, stderr) = outcome(command);
    (code, stdout + &stderr)
}

/// Runs the program with these arguments and the cache that tests share.
pub fn alignscope(arguments: &[&str]) -> Outcome {
    outcome(command().args(arguments))
}

/// Holds exit code 2 and the message to what is expected.
pub fn is_refused(code: i32, message: &str, parts: &[&str]) {
    assert_eq!(code, 2, "{message}");
    has_parts(message, parts);
}

/// Holds a text to the parts that are expected in it.
pub fn has_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// Prints the row of `docs/errors.md` that belongs to this test and this message; it is seen with
/// `--nocapture`.
pub fn print_row(place: &Place, message: &str) {
    let thread = std::thread::current();
    // A test's thread is called by its path: `wrong_input::an_empty_folder`.
    let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or_default();
    let shown = match message.lines().find(|line| line.starts_with("error:")) {
        Some(usage) => usage.to_owned(),
        None => {
            let said = message.rfind("alignscope: ").map_or(message, |start| &message[start..]);
            said.lines().map(str::trim).collect::<Vec<_>>().join("<br>")
        }
    };
    let shown = shown.trim_start_matches("alignscope: ");
    let mut row = format!("{} | {shown} ", test.replace('_', " "));
    let here = place.root().display().to_string();
    // The folder itself is the place; what lies in it is shown without it.
    for end in [" ", ":", ";"] {
        row = row.replace(&format!("{here}/{end}"), &format!("DATA{end}"));
    }
    println!("{}", row.replace(&format!("{here}/"), "").trim_end());
}
