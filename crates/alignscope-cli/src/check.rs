//! `alignscope check`.

use alignscope::inspection::{Count, inspect};
use alignscope::{DatasetOptions, in_one_line};

use crate::DONE;
use crate::arguments::Check;
use crate::progress::progress;
use crate::remedy::words;
use crate::run::{DONE_WITH_FAILURES, memory};
use crate::terminal::say;

/// Looks through a data set's folder and says what is wrong with it.
pub fn run(arguments: &Check, quiet: bool) -> anyhow::Result<u8> {
    let options = DatasetOptions {
        split: arguments.split.clone(),
        lower_is_better: arguments.scores.lower_is_better,
        allow_outside: arguments.allow_outside,
        things_images: arguments.images.map(Into::into),
        odd: arguments.odd,
        ..DatasetOptions::default()
    };
    let (asked, data) = (arguments.dataset, &arguments.data);
    let found =
        inspect(asked, data, &options, memory(arguments.budget.memory)?, &*progress(quiet))?;
    say!("{} in {}", found.name, in_one_line(&arguments.data.display().to_string()));
    for count in &found.counts {
        say!("  {:>7} {}{}", count.found, count.what, beside(count));
    }
    for note in &found.notes {
        say!("  {}", in_one_line(note));
    }
    for problem in &found.problems {
        say!("PROBLEM  {}", in_one_line(&problem.what));
        for example in &problem.examples {
            say!("           {}", in_one_line(example));
        }
        let words = problem.remedies.iter().map(|remedy| format!(", or {}", words(remedy)));
        say!("         to do: {}{}", problem.fix, words.collect::<String>());
    }
    Ok(match found.problems.len() {
        0 => {
            say!("nothing wrong was found");
            DONE
        }
        n => {
            say!("{n} {}", if n == 1 { "problem" } else { "problems" });
            DONE_WITH_FAILURES
        }
    })
}

/// How a count stands to those of the published releases.
fn beside(count: &Count) -> String {
    if let Some(release) = count.release() {
        return format!(", as many as {release} has");
    }
    let all: Vec<String> =
        count.published.iter().map(|(name, count)| format!("{count} in {name}")).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" (published: {})", all.join(", ")),
    }
}
