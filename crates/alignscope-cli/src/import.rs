//! `alignscope import`.

use alignscope::dataset::ImageFiles;
use alignscope::{Dataset, DatasetOptions, in_one_line};

use crate::arguments::Import;
use crate::progress::progress;
use crate::terminal::say;

/// Reads a data set and writes it as a manifest.
pub fn run(arguments: &Import, quiet: bool) -> anyhow::Result<()> {
    let Import { format, source, out, .. } = arguments;
    let options =
        DatasetOptions { without_images: arguments.without_images, ..arguments.part.options() };
    let images = match (arguments.without_images, arguments.copy) {
        (true, _) => ImageFiles::Absent,
        (false, true) => ImageFiles::Copies,
        (false, false) => ImageFiles::Links,
    };
    let progress = progress(quiet);
    progress.begin(&format!("{format}: reading trials"), 0);
    let dataset = Dataset::open(*format, source, &options)?;
    progress.end();
    progress.begin("writing", 0);
    let written = dataset.write(out, images)?;
    progress.end();
    drop(progress);

    let shown = |text: String| in_one_line(&text).into_owned();
    say!("{}", shown(format!("{} from {}", dataset.name, source.display())));
    dataset.notes.iter().for_each(|note| say!("  {}", in_one_line(note)));
    let what = match images {
        ImageFiles::Links => "as links",
        ImageFiles::Copies => "as copies",
        ImageFiles::Absent => "which are not there",
    };
    let counts = format!("{} trials, {} images {what}", written.trials, written.images);
    say!("{}", shown(format!("{}: {counts}", written.table.display())));
    written.notes.iter().for_each(|note| say!("  {}", in_one_line(note)));
    let named = quoted(&format!("{}={}", dataset.name, written.format));
    let asked = format!("--dataset {named} --data {}", quoted(&out.display().to_string()));
    let level = match dataset.level == written.format.format().format().level() {
        true => String::new(),
        false => format!(" --level {}", quoted(&format!("{}={}", dataset.name, dataset.level))),
    };
    say!("{}", shown(format!("run it with {asked}{level}")));
    Ok(())
}

/// A word as a shell takes it: between quotes if it has characters that mean something there.
fn quoted(word: &str) -> String {
    let signs = if cfg!(windows) { r"-_./:=+@%,\" } else { "-_./:=+@%," };
    let is_plain = |c: char| c.is_alphanumeric() || signs.contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_cut_stand_between_quotes() {
        for word in ["mine=pairs", "./out/b-1", "täglich"] {
            assert_eq!(quoted(word), word);
        }
        for (word, expected) in [
            ("my data", "'my data'"),
            ("$(rm x)=pairs", "'$(rm x)=pairs'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
