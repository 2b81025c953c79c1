//! What every page has around its sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Each file has one purpose; the later ones use what the earlier ones define.
const STYLE: &str = concat!(
    include_str!("../../assets/report/page.css"),
    include_str!("../../assets/report/explorer.css"),
);
const SCRIPT: &str = concat!(
    include_str!("../../assets/report/base.js"),
    include_str!("../../assets/report/data.js"),
    include_str!("../../assets/report/state.js"),
    include_str!("../../assets/report/words.js"),
    include_str!("../../assets/report/view.js"),
    include_str!("../../assets/report/marks.js"),
    include_str!("../../assets/report/curves.js"),
    include_str!("../../assets/report/ranking.js"),
    include_str!("../../assets/report/map.js"),
    include_str!("../../assets/report/panels.js"),
    include_str!("../../assets/report/controls.js"),
    include_str!("../../assets/report/explorer.js"),
    include_str!("../../assets/report/export.js"),
    include_str!("../../assets/report/tables.js"),
    include_str!("../../assets/report/disagreements.js"),
    include_str!("../../assets/report/saved.js"),
    include_str!("../../assets/report/start.js"),
);

/// Nothing is fetched, whatever stands on the page.
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// A page.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) simulated: bool,
    /// What is shown, in a sentence or two.
    pub(super) opening: Markup,
    /// Each section's id, its heading and its content.
    pub(super) sections: Vec<(&'static str, &'static str, Markup)>,
    /// What the script draws from, as JSON without `<`.
    pub(super) data: String,
    pub(super) footer: String,
}

impl Page<'_> {
    /// The page as HTML.
    pub(super) fn html(self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header {
                        h1 { (self.title) }
                        @if self.simulated {
                            p.alert role="note" {
                                "A simulated observer answered these trials, no person did: the scores show that the program works, and say nothing about people."
                            }
                        }
                        p { (self.opening) }
                        nav aria-label="Sections" { ul {
                            @for (id, name, _) in &self.sections {
                                li { a href={ "#" (id) } { (name) } }
                            }
                        } }
                    }
                    main id="main" {
                        @for (id, name, content) in &self.sections {
                            section id=(id) aria-labelledby={ "h-" (id) } {
                                h2 id={ "h-" (id) } { (name) }
                                (content)
                            }
                        }
                    }
                    footer { p { (self.footer) } }
                    script type="application/json" id="run-data" { (PreEscaped(self.data)) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        page.into_string()
    }
}

/// The figure that follows what is chosen, drawn by the script.
pub(super) fn explorer() -> Markup {
    html! {
        div id="explorer" {}
        noscript { p.note { "Without scripts the figures stand below, as they were saved." } }
    }
}
