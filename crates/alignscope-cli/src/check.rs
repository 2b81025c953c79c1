//! `alignscope check`.

use alignscope::DatasetOptions;
use alignscope::inspection::{Count, inspect};

use crate::DONE;
use crate::arguments::Check;
use crate::progress::progress;
use crate::run::{DONE_WITH_FAILURES, memory};

/// Looks through a data set's folder and says what is wrong with it.
pub fn run(arguments: &Check, quiet: bool) -> anyhow::Result<u8> {
    let options = DatasetOptions {
        split: arguments.split.clone(),
        allow_outside: arguments.allow_outside,
        things_images: arguments.images.map(Into::into),
        ..DatasetOptions::default()
    };
    let (kind, data) = (arguments.dataset, &arguments.data);
    let found = inspect(kind, data, &options, memory(arguments.memory)?, &*progress(quiet))?;
    println!("{} in {}", found.kind, arguments.data.display());
    for count in &found.counts {
        println!("  {:>7} {}{}", count.found, count.what, beside(count));
    }
    for note in &found.notes {
        println!("  {note}");
    }
    for problem in &found.problems {
        println!("PROBLEM  {}", problem.what);
        for example in &problem.examples {
            println!("           {example}");
        }
        println!("         to do: {}", problem.fix);
    }
    Ok(match found.problems.len() {
        0 => {
            println!("nothing wrong was found");
            DONE
        }
        n => {
            println!("{n} problems");
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
