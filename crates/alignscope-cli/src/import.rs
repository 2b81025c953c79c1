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
    let asked = format!("--dataset {}={} --data {}", dataset.name, written.format, out.display());
    let level = match dataset.level == written.format.format().format().level() {
        true => String::new(),
        false => format!(" --level {}={}", dataset.name, dataset.level),
    };
    say!("{}", shown(format!("run it with {asked}{level}")));
    Ok(())
}
