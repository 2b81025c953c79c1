//! The page itself.

use maud::{Markup, PreEscaped, html};

use super::examples::{Example, Examples};
use super::shell::{Page, explorer};
use super::summary::{energy, summarize};
use super::table::{Cell, Table};
use super::view::json;
use super::{NamedFigure, Run, tables};
use crate::figure::{InlineEntry, InlinePanel};
use crate::findings::Finding;
use crate::model_spec::short_name;
use crate::results::{ResultsError, is_there, parts_of};
use crate::shown::thousands;
use crate::study::{
    PublishedDifference, other_tokens, published_notes, read_published_differences,
};

/// The page as HTML.
pub(super) fn render(
    run: &Run,
    figures: &[NamedFigure],
    examples: &[Examples],
) -> Result<String, ResultsError> {
    let told = &run.told;
    let title = match (told.simulated, &told.title) {
        (true, _) => "Alignment with a simulated observer",
        (false, Some(title)) => title,
        (false, None) => "Alignment with human judgements",
    };
    let sections: Vec<(&'static str, &'static str, Markup)> = vec![
        ("figure", "Score against depth", explorer()),
        ("summary", "In words", summary(run)),
        ("disagreements", "Where two models disagree", disagreements()),
        ("figures", "Figures as saved", figures_section(run, figures)),
        ("scores", "Scores", html! { (tables::scores(run).html()) }),
        ("findings", "Findings", findings(run)),
        ("comparisons", "Comparisons", comparisons(run)),
        ("ceilings", "Ceilings", some_of(tables::ceilings(run), "ceilings.csv")),
        ("parts", "Parts of the data sets", parts(run)),
        ("published", "Beside the published scores", published(run)?),
        ("trials", "Trials", trials(run, examples)),
        ("data", "What was run", what_was_run(run)),
        ("manifest", "Manifest", manifest(run)),
    ];
    let page = Page {
        title,
        simulated: told.simulated,
        opening: opening(run),
        sections,
        data: json(&run.shown(title, examples)?),
        footer: format!(
            "Written by alignscope {}, from the files of the run alone.",
            told.alignscope_version
        ),
    };
    Ok(page.html())
}

/// What was run on what, in a sentence.
fn opening(run: &Run) -> Markup {
    let told = &run.told;
    let standing = told.models.iter().filter(|model| run.stands(model));
    let models = standing.map(|model| match (&model.series, run.states(model)) {
        (Some(series), Some(states)) => format!("{} ({states} states)", short_name(series)),
        _ => short_name(&model.name),
    });
    let models = models.collect::<Vec<_>>().join("; ");
    let datasets = told
        .datasets
        .iter()
        .map(|d| format!("{} ({} trials)", d.asked.name, thousands(d.trials)))
        .collect::<Vec<_>>()
        .join(", ");
    html! {
        strong { (models) } " on " strong { (datasets) } ". "
        "For each stage of a model: how well its image distances follow the answers of " (run.people()) "."
    }
}

/// Trials on which two models that are chosen disagree, shown by the script.
fn disagreements() -> Markup {
    html! {
        div id="disagree" {}
        noscript { p.note { "To choose two models, let the page's own script run." } }
    }
}

fn summary(run: &Run) -> Markup {
    let said = summarize(run);
    html! {
        p.note {
            "By the distance " (run.main_distance()) ", baselines and pixels. A score stands as on its axis, a difference in points of 0.01; in brackets is the 95 % interval. "
            "What is ahead is said only where the intervals support it, after Holm’s correction. Onsets, falls and drops have intervals that hold for all stages of a curve together; the score at a peak has one that does not know that the peak was chosen."
        }
        @for paragraph in &said {
            @if !paragraph.sentences.is_empty() {
                h3 { (paragraph.heading) }
                ul { @for sentence in &paragraph.sentences { li { (sentence) } } }
            }
        }
        @if said.iter().all(|p| p.sentences.is_empty()) {
            p { "There is no interval or comparison from which anything could be said in words; the scores stand below." }
        }
    }
}

fn figures_section(run: &Run, figures: &[NamedFigure]) -> Markup {
    html! {
        p.note.screen { "Point at a figure to read values; or focus a panel and press the arrow keys." }
        @for named in figures {
            @let figure = &named.figure;
            figure.chart {
                figcaption {
                    h3 { (figure.title()) }
                    @if run.told.simulated && !figure.is_of_energy() { p.alert { "Simulated answers, not human data" } }
                }
                @if figure.is_of_energy() { (energy_words(run)) }
                div.panels.two[figure.columns() == 2] { @for panel in figure.inline_panels() { (panel_html(&panel)) } }
                ul.legend aria-label="Legend" { @for entry in figure.inline_legend() { (entry_html(&entry)) } }
                details {
                    summary { "The numbers behind this figure" }
                    @match tables::behind(&figure.rows(), figure.title()) {
                        Some(table) => (table.html()),
                        None => p { "They are many: see " code { (named.name) ".csv" } "." },
                    }
                }
                p.note { "Files: " code { (named.name) ".svg" } ", " code { (named.name) ".png" } ", " code { (named.name) ".csv" } }
            }
        }
    }
}

/// What the figure of energy shows, in words.
fn energy_words(run: &Run) -> Markup {
    let said = energy(run);
    html! {
        p.note {
            "The energy of a channel is the mean of its squares: of its activations over all images (whole lines), of its differences over all pairs (dashed). A plain Euclidean distance weighs each channel by it: where one channel holds most, the distance is that channel's alone. The normalized distance gives all channels the same weight."
        }
        @if !said.is_empty() { ul { @for sentence in &said { li { (sentence) } } } }
    }
}

pub(super) fn panel_html(panel: &InlinePanel) -> Markup {
    html! {
        div.panel tabindex="0" role="group" aria-label={ (panel.title) ": values by arrow keys" } {
            (PreEscaped(&panel.svg))
            p.readout role="status" aria-live="polite" {}
        }
    }
}

fn entry_html(entry: &InlineEntry) -> Markup {
    html! { li { (PreEscaped(&entry.svg)) span { (entry.text) } } }
}

/// The first rows of a table, and how many more stand in which file.
fn cut(mut table: Table, file: &str) -> Markup {
    let more = table.rows.len().saturating_sub(tables::MOST_ROWS);
    table.rows.truncate(tables::MOST_ROWS);
    html! {
        (table.html())
        @if more > 0 {
            p.note { (thousands(more)) " more rows are left out here; they stand in " code { (file) } "." }
        }
    }
}

/// How near each model comes to its ceiling from level to level, then all findings.
fn findings(run: &Run) -> Markup {
    let missing = tables::normalized_missing(run);
    html! {
        @match tables::normalized(run) {
            Some(table) => {
                (table.html())
                @if !missing.is_empty() { p.note { "Missing here: " (missing.join("; ")) "." } }
            },
            None => p.note { "What part of the way from chance to the ceiling a score goes is not known: no data set of this run has a ceiling." },
        }
        @if run.findings.iter().any(|f| f.finding == Finding::ChosenStage) {
            p.note {
                "A peak is the highest of many scores. Each of them is a little off by chance, and the highest is more often one that chance has raised than one that it has lowered: so a peak is a little too high. For a " code { "chosen-stage" } " the stage is chosen by one half of the clusters and scored on the other half, where chance raises it no more than any other, over many splits. For " code { "stage-chosen-on" } " it is the stage that is best on another data set."
            }
        }
        (some_of(tables::findings(run), "findings.csv"))
    }
}

/// The first rows of a table of a file, or that there are none.
fn some_of(table: Table, file: &str) -> Markup {
    match table.rows.is_empty() {
        true => html! { p { "There are none." } },
        false => cut(table, file),
    }
}

fn comparisons(run: &Run) -> Markup {
    html! {
        (some_of(tables::comparisons(run), "comparisons.csv"))
        p.note { "The same in full precision: " code { "comparisons.csv" } ". Other stages, distances, models and runs: " code { "alignscope compare" } "." }
    }
}

fn parts(run: &Run) -> Markup {
    html! {
        @match tables::parts(run) {
            Some(table) => details { summary { (thousands(table.rows.len())) " scores of parts of the data sets" } (cut(table, "scores.csv")) },
            None => p { "This run has no scores of parts." },
        }
    }
}

/// The differences from the published scores, where the run was drawn with them.
fn published(run: &Run) -> Result<Markup, ResultsError> {
    let path = run.folder.join("published-differences.csv");
    if !is_there(&path) {
        let how = "Not asked for. A report of this run that asks for published scores lays the \
                   study's own under these.";
        return Ok(html! { p { (how) } });
    }
    let differences = read_published_differences(&path)?;
    let cells = |row: &PublishedDifference| {
        vec![
            Cell::text(row.dataset.as_str()),
            Cell::text(short_name(&row.model)),
            Cell::text(row.distance.name()),
            Cell::text(row.stage.to_string()),
            Cell::number(Some(row.published)),
            Cell::number(Some(row.found)),
            Cell::number(Some(row.difference)),
            Cell::count(row.n),
            Cell::count(row.published_n),
        ]
    };
    let table = Table {
        caption: "Published scores, those of this run, and found less published".to_owned(),
        columns: [
            "data set",
            "model",
            "distance",
            "stage",
            "published",
            "found",
            "difference",
            "n",
            "published n",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: differences.iter().take(tables::MOST_ROWS).map(cells).collect(),
    };
    let parts = parts_of(&run.asked());
    Ok(html! {
        @if table.rows.is_empty() {
            p {
                "No score of this run was published for the same data set, model, distance and "
                "stage; controls (" code { "random:" } ") are other models."
            }
        } @else {
            p.note {
                "Models are matched by their names: whether the weights of this run are those of "
                "the study, trained as those were, is not known."
            }
            (table.html())
        }
        @match run.told.tokens.as_deref() {
            None | Some("all") => {
                @for note in published_notes(&run.scores, &parts) { p.note { (note) "." } }
            }
            Some(tokens) => p.note { (other_tokens(tokens)) "." },
        }
    })
}

fn trials(run: &Run, examples: &[Examples]) -> Markup {
    html! {
        @if examples.is_empty() { p { "This run has no " code { "trials.parquet" } "." } }
        @for of in examples {
            h3 { (of.dataset) }
            @if let Some(why) = &of.without_images {
                p.note { "The images are not shown, their names stand in their place: " (why) "." }
            } @else if of.missing_images > 0 {
                p.note {
                    (of.missing_images) " of the " (of.looked_for)
                    " images shown here are not there any more, or lie outside of the data set's "
                    "folder; their names stand in their place."
                }
            }
            h4 { "Some of the trials" }
            div.cards { @for example in &of.samples { (card(example, run)) } }
            @if !of.misses.is_empty() {
                h4 { "The trials that each model misses most clearly" }
                p.note { (margin_note(run)) }
                @for (model, missed) in &of.misses {
                    details {
                        summary { (short_name(model)) }
                        @if missed.is_empty() { p { "None." } }
                        div.cards { @for example in missed { (card(example, run)) } }
                    }
                }
                @if of.models_left_out > 0 { p.note { (of.models_left_out) " more models are left out." } }
            }
        }
    }
}

fn margin_note(run: &Run) -> String {
    format!(
        "At each model's last stage ({}), a baseline's output, or the pixels. For choices: how much farther the model sees what {} mostly found more alike than what it finds itself, in units of its mean distance. For rated pairs: how far the pair's rank by the model is off its rank by {}.",
        run.main_distance(),
        run.people(),
        run.people()
    )
}

fn card(example: &Example, run: &Run) -> Markup {
    html! {
        article.card {
            h5 { (example.title) }
            div.images {
                @for image in &example.images {
                    figure class=[image.chosen.then_some("chosen")] {
                        @match &image.uri {
                            Some(uri) => img src=(uri) alt=(image.id) loading="lazy";,
                            None => div.absent { "image not shown" },
                        }
                        figcaption {
                            (image.role)
                            @if image.chosen { " · " (chosen_name(image.role, run.told.simulated)) }
                            span.id { (image.id) }
                        }
                    }
                }
            }
            p { (example.people) }
            ul.answers {
                @for (model, answer, agrees) in &example.answers {
                    li {
                        @match agrees {
                            Some(true) => span.yes { "agrees" },
                            Some(false) => span.no { "differs" },
                            None => {},
                        }
                        " " (short_name(model)) ": " (answer)
                    }
                }
            }
        }
    }
}

/// What is said of the image that most people chose.
fn chosen_name(role: &str, simulated: bool) -> &'static str {
    match (matches!(role, "left" | "right"), simulated) {
        (true, false) => "chosen by most",
        (true, true) => "chosen by the observer",
        (false, false) => "the odd one for most",
        (false, true) => "the odd one for the observer",
    }
}

fn what_was_run(run: &Run) -> Markup {
    let told = &run.told;
    let notes = || told.datasets.iter().filter(|d| !d.notes.is_empty());
    let defaults = || told.models.iter().filter(|m| !m.defaults_used.is_empty());
    html! {
        (tables::datasets(run).html())
        @if notes().next().is_some() {
            h3 { "What there is to know of the data" }
            ul { @for d in notes() { @for note in &d.notes { li { (d.asked.name) ": " (note) } } } }
        }
        h3 { "Models" }
        ul { @for m in &told.models {
            li {
                code { (m.name) }
                @if let Some(seed) = m.seed { " — untrained, seed " (seed) }
                @for (what, value) in &m.made_with { "; " (what) ": " (value) }
            }
        } }
        p.note {
            "Only a control is known to be untrained. Whether the weights of other models were "
            "trained cannot be seen: they are as their files, or the user, gave them."
        }
        @if defaults().next().is_some() {
            details {
                summary { "Defaults taken for keys that configurations lack" }
                ul { @for m in defaults() { @for used in &m.defaults_used { li { (short_name(&m.name)) ": " (used) } } } }
            }
        }
        h3 { "Settings" }
        dl {
            @if let Some(tokens) = &told.tokens { dt { "Tokens compared" } dd { (tokens) } }
            @if let Some(precision) = &told.precision {
                dt { "Arithmetic of encoders" }
                dd {
                    (precision) @if let Some(device) = &told.device { " on " (device) }
                    @if let Some(check) = &told.precision_check { br; (check) }
                }
            }
            @if told.models.iter().any(|m| m.of_user && m.made_with.is_empty()) {
                dt { "Arithmetic of the user's model" } dd { "not known to alignscope" }
            }
            dt { "Ties between a model's distances" } dd { (told.ties) }
            dt { "Time" } dd { (format!("{:.1} s", told.times.wall_s)) }
            @if let Some(command) = &told.command { dt { "Command" } dd { code.command { (command.join(" ")) } } }
        }
    }
}

fn manifest(run: &Run) -> Markup {
    html! {
        details {
            summary { "manifest.json" }
            pre tabindex="0" { (run.manifest) }
        }
    }
}
