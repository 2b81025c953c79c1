//! Score, and energy, against depth or over a training, drawn from rows of results alone.

mod axes;
mod board;
mod curves;
mod heat_map;
mod legend;
mod likelihood;
mod map;
mod mark;
mod palette;
mod panel;
mod panels;
mod steps;
mod svg;
mod table;
mod training;

use std::path::Path;
use std::time::Instant;

use crate::energy::EnergyRow;
use crate::results::{GalleryRow, ResultsError, ScoreRow, csv_document, write_whole};
use crate::score::Measure;
use crate::similarity::SimilarityRow;
use crate::study::{AskedParts, published_scores};
use axes::Frame;
use curves::PanelData;
use panels::Panel;
use svg::{Label, Svg, number};

pub(crate) use mark::mark_of_distance;
pub(crate) use palette::baseline_dashes;
pub(crate) use table::MarkRow;

pub use palette::{Color, NoColor, Palette};

/// The one font of every figure, in SVG by name, in PNG by these bytes.
const FONT: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");
const FONT_NAME: &str = "DejaVu Sans";
const FONTS: &str = "DejaVu Sans, Verdana, sans-serif";

/// Width of a figure in units of the SVG. At a column's width of 85 mm the text of 24 units is 5.8 points
/// high.
const WIDTH: f64 = 1000.0;
const MARGIN: f64 = 12.0;
const TEXT: f64 = 24.0;
const TITLE: f64 = 27.0;
/// So many panels stand beside each other.
const COLUMNS: usize = 3;
/// So many maps, which have a scale each.
const MAP_COLUMNS: usize = 2;
const PANEL_HEIGHT: f64 = 500.0;
/// From the foot of a row of panels to the head of the next.
const ROW_GAP: f64 = 0.8 * TEXT;

/// The PNG has so many pixels for a unit: 600 an inch at 85 mm.
const PNG_SCALE: f32 = 2.0;

/// A legend of very many curves would make more pixels than this, four bytes each.
const MAX_PNG_PIXELS: u64 = 1 << 28;

/// What stands over a figure, and how it is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FigureOptions {
    /// A line over the panels; "Alignment with human judgements" or, of energy, "Energy: how much
    /// one channel holds" unless said otherwise.
    pub title: Option<String>,
    /// A second line, such as what is simulated.
    pub caption: Option<String>,
    /// The models' colours.
    pub palette: Palette,
    /// Whether the study's own curves and baselines lie under those of the run.
    pub published: bool,
    /// Data sets of which only a part was asked for: the study's own lie not under them.
    pub parts: AskedParts,
}

/// A figure of one or more panels.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    about: About,
    panels: Vec<Panel>,
    /// Panels that stand beside each other, at most.
    columns: usize,
    options: FigureOptions,
}

/// What a figure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Scores against depth.
    Scores,
    /// Energy against depth.
    Energy,
    /// Scores over a training.
    Training,
    /// Scores over a training and depth.
    Map,
    /// How alike models are.
    Similarity,
    /// Bits against depth.
    Bits,
    /// Bits against depth, as a share of people's.
    Explained,
    /// Models of several runs at their last stage.
    Gallery,
}

impl About {
    /// The title, where none is given.
    fn title(self) -> &'static str {
        match self {
            Self::Scores => "Alignment with human judgements",
            Self::Energy => "Energy: how much one channel holds",
            Self::Training => "Alignment over training",
            Self::Map => "Alignment over training and depth",
            Self::Similarity => "How alike models see the same images",
            Self::Bits => "People's answers in bits, all levels on one axis",
            Self::Explained => "Share of the bits that people's own answers hold",
            Self::Gallery => "Models at their last stage",
        }
    }

    /// What stands against what.
    fn axes(self) -> &'static str {
        match self {
            Self::Scores => "Score against depth in percent",
            Self::Energy => "Energy of channels against depth in percent",
            Self::Training => "Score against training step",
            Self::Map => "Score by training step and stage",
            Self::Similarity => "Similarity by the stages of two models",
            Self::Bits => "Bits beyond chance against depth in percent",
            Self::Explained => "Share of people's bits against depth in percent",
            Self::Gallery => "Models by their score at the last stage",
        }
    }
}

/// A panel by itself, for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlinePanel {
    /// The level and the data set.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub description: String,
    /// An `<svg>` element without namespace; colours for a dark page stand in its `--dark` properties.
    pub svg: String,
}

/// An entry of the legend, for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineEntry {
    /// A sample, as an `<svg>` element.
    pub svg: String,
    /// What it means.
    pub text: String,
}

/// A figure could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("there is no score of a whole data set to draw")]
    NoScores,
    /// The SVG could not be turned into pixels.
    #[error("cannot turn the figure into pixels: {0}")]
    Raster(String),
    /// The files could not be written.
    #[error(transparent)]
    Write(#[from] ResultsError),
}

impl Figure {
    /// One panel for each data set, from the low to the high level of abstraction: score against
    /// depth in percent, one curve for each model and kind of distance.
    ///
    /// Rated pairs are shown by Spearman's correlation, the others by their accuracy. Only rows of
    /// whole data sets are drawn. The score of the pixels stands at 0 %, and every curve begins
    /// there. Bands are intervals; several seeds of one control become their mean, with a band
    /// from the least to the greatest.
    ///
    /// # Errors
    /// There is no such row.
    pub fn from_scores(rows: &[ScoreRow], options: &FigureOptions) -> Result<Self, FigureError> {
        let published = if options.published { published_scores() } else { &[] };
        let panels = PanelData::of_rows(rows, options.palette.specs(), published, &options.parts);
        match panels.is_empty() {
            true => Err(FigureError::NoScores),
            false => Ok(Self::of_curves(About::Scores, panels, COLUMNS, options)),
        }
    }

    fn of_curves(
        about: About,
        panels: Vec<PanelData>,
        columns: usize,
        options: &FigureOptions,
    ) -> Self {
        let panels = panels.into_iter().map(Panel::Curves).collect();
        Self { about, panels, columns, options: options.clone() }
    }

    /// How the scores of series change over their training, one panel for each series and data set:
    /// a line for each of at most five stages (the first, those at quarters of the depth, the last),
    /// with bands that are intervals; and lines of the pixels, baselines, people and chance.
    ///
    /// `rows` — of one kind of distance, but for pixels and baselines
    ///
    /// `None` where no row is of a series.
    pub fn from_series(rows: &[ScoreRow], options: &FigureOptions) -> Option<Self> {
        let panels = training::panels(rows);
        let of_first = |panel: &&PanelData| panel.series == panels[0].series;
        let columns = match panels.iter().filter(of_first).count() {
            1 => COLUMNS,
            datasets => datasets.min(COLUMNS),
        };
        (!panels.is_empty()).then(|| Self::of_curves(About::Training, panels, columns, options))
    }

    /// The scores of series at all stages and steps as colours, one map for each series and data set.
    ///
    /// `rows` — as for [`from_series`](Self::from_series)
    ///
    /// `None` where no row is of a series.
    pub fn map_of_series(rows: &[ScoreRow], options: &FigureOptions) -> Option<Self> {
        let panels: Vec<Panel> = map::maps(rows).into_iter().map(Panel::Map).collect();
        let (about, columns, options) = (About::Map, MAP_COLUMNS, options.clone());
        (!panels.is_empty()).then_some(Self { about, panels, columns, options })
    }

    /// How alike the stages of models see the same images, one matrix for each two models, and for
    /// each with itself.
    ///
    /// `rows` — of one data set and measure
    ///
    /// `None` without a row.
    pub fn from_similarities(rows: &[SimilarityRow], options: &FigureOptions) -> Option<Self> {
        let panels: Vec<Panel> =
            heat_map::heat_maps(rows).into_iter().map(Panel::HeatMap).collect();
        let (about, columns, options) = (About::Similarity, MAP_COLUMNS, options.clone());
        (!panels.is_empty()).then_some(Self { about, panels, columns, options })
    }

    /// How the energy of stages is spread over channels, against depth in percent: for each data
    /// set a panel of the share that the largest channel holds, from 0 to 1, and one of the
    /// effective number of channels, on a logarithmic axis. Curves of activations are whole, those
    /// of differences are dashed. Several seeds of one control become their mean, with a band from
    /// the least to the greatest.
    ///
    /// None where there is no row of energy, as in runs without an encoder.
    pub fn from_energy(rows: &[EnergyRow], options: &FigureOptions) -> Option<Self> {
        let panels = PanelData::of_energy(rows, options.palette.specs(), COLUMNS);
        let columns = match panels.len() / 2 {
            datasets @ 2..=COLUMNS => datasets,
            _ => 2,
        };
        (!panels.is_empty()).then(|| Self::of_curves(About::Energy, panels, columns, options))
    }

    /// The bits of models against depth, or the share explained of those that people's own answers
    /// hold: a panel for each model that has several stages, a line for each data set, and one axis
    /// of values for all of them. The caption names the data sets whose people's mean scores it is of,
    /// and not their single answers.
    ///
    /// `rows` — of one kind of distance, but for pixels and distances of a model's own
    ///
    /// `measure` — [`Measure::Bits`] or [`Measure::Explained`]
    ///
    /// `None` if no model has several stages with such scores.
    pub fn from_likelihood(
        rows: &[ScoreRow],
        measure: Measure,
        options: &FigureOptions,
    ) -> Option<Self> {
        let about = if measure == Measure::Bits { About::Bits } else { About::Explained };
        let panels = likelihood::panels(rows, measure);
        let captions = options.caption.iter().cloned().chain(likelihood::of_means(rows, measure));
        let caption = captions.reduce(|all, one| format!("{all}; {one}"));
        let options = FigureOptions { caption, ..options.clone() };
        (!panels.is_empty()).then(|| Self::of_curves(about, panels, COLUMNS, &options))
    }

    /// The models of a board, one panel for each data set: a dot, its interval and its rank for each,
    /// the best first, at most 24 of them.
    ///
    /// `None` without a row.
    pub fn from_gallery(rows: &[GalleryRow], options: &FigureOptions) -> Option<Self> {
        let panels: Vec<Panel> = board::boards(rows).into_iter().map(Panel::Board).collect();
        let (about, columns, options) = (About::Gallery, MAP_COLUMNS, options.clone());
        (!panels.is_empty()).then_some(Self { about, panels, columns, options })
    }

    /// Whether it shows energy, and so nothing that people answered.
    pub fn is_of_energy(&self) -> bool {
        self.about == About::Energy
    }

    /// The panels that have curves.
    fn curves(&self) -> Vec<&PanelData> {
        self.panels.iter().filter_map(Panel::curves).collect()
    }

    /// How many panels stand beside each other where there is room for all.
    pub fn columns(&self) -> usize {
        self.panels.len().min(self.columns)
    }

    /// The title.
    pub fn title(&self) -> &str {
        self.options.title.as_deref().unwrap_or(self.about.title())
    }

    /// The figure as an SVG document, 85 mm wide or more without loss.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let rows = self.panels.len().div_ceil(columns);
        let entries = legend::entries(&self.curves());
        let lines = legend::lines(&entries, WIDTH - 2.0 * MARGIN, 0.92 * TEXT);
        let caption = self.options.caption.as_deref();
        let header = MARGIN + 1.5 * TITLE + if caption.is_some() { 1.5 * TEXT } else { 0.0 };
        let step = PANEL_HEIGHT + ROW_GAP;
        let below = header + step * rows as f64 - ROW_GAP + 0.4 * TEXT;
        let height = below + legend::height(lines.len(), 0.92 * TEXT) + MARGIN;

        let mut svg = Svg::default();
        let view = format!("0 0 {} {}", number(WIDTH), number(height));
        svg.open(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("viewBox", &view),
                ("width", &number(WIDTH)),
                ("height", &number(height)),
                ("font-family", &FONTS),
                ("role", &"img"),
            ],
        );
        svg.titled(self.title());
        svg.raw("\n<desc>");
        svg.raw(&svg::escaped(&self.description()));
        svg.raw("</desc>\n");
        let (w, h) = (number(WIDTH), number(height));
        let page: svg::Attributes<'_> = &[("width", &w), ("height", &h), ("fill", &"#ffffff")];
        svg.element("rect", page, None);
        let ink = palette::INK.to_string();
        let alert = palette::ALERT.to_string();
        let label =
            |y, size, color| Label { x: MARGIN, y, size, anchor: "start", class: "ink", color };
        svg.text(label(MARGIN + TITLE, TITLE, &ink), &fitted(self.title(), TITLE));
        if let Some(caption) = caption {
            svg.text(label(MARGIN + TITLE + 1.5 * TEXT, TEXT, &alert), &fitted(caption, TEXT));
        }
        let width = (WIDTH - 2.0 * MARGIN) / columns as f64;
        for (i, panel) in self.panels.iter().enumerate() {
            let frame = Frame {
                left: MARGIN + width * (i % columns) as f64,
                top: header + step * (i / columns) as f64,
                width,
                height: PANEL_HEIGHT,
                text: TEXT,
            };
            panel.draw(&mut svg, frame, &self.options.palette);
        }
        legend::draw(&mut svg, &lines, (MARGIN, below), 0.92 * TEXT, &self.options.palette);
        svg.close("svg");
        svg.finish()
    }

    /// The figure in pixels, as a PNG file, two for each unit of the SVG.
    ///
    /// # Errors
    /// The SVG cannot be turned into pixels.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        png_of(&self.svg())
    }

    /// The numbers behind the figure, one row a mark, in full precision.
    pub fn csv(&self) -> String {
        String::from_utf8(csv_document(&self.rows())).expect("fields are text")
    }

    /// The rows of that table.
    pub(crate) fn rows(&self) -> Vec<MarkRow> {
        self.panels.iter().flat_map(Panel::rows).collect()
    }

    /// Writes `stem.svg`, `stem.png` and `stem.csv` into a folder.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save(&self, folder: &Path, stem: &str) -> Result<(), FigureError> {
        let png = self.png()?;
        write_whole(&folder.join(format!("{stem}.svg")), self.svg().as_bytes())?;
        write_whole(&folder.join(format!("{stem}.png")), &png)?;
        write_whole(&folder.join(format!("{stem}.csv")), self.csv().as_bytes())?;
        Ok(())
    }

    /// The panels by themselves.
    pub fn inline_panels(&self) -> Vec<InlinePanel> {
        let [width, height, text] = [380.0, 330.0, 13.0];
        let view = format!("0 0 {} {}", number(width), number(height));
        self.panels
            .iter()
            .map(|panel| {
                let title = panel.titles().join(", ");
                let description = panel.described();
                let mut svg = Svg::default();
                let label = format!("{title}. {description}");
                svg.open(
                    "svg",
                    &[
                        ("viewBox", &view),
                        ("font-family", &FONTS),
                        ("role", &"img"),
                        ("aria-label", &label),
                    ],
                );
                let frame = Frame { left: 0.0, top: 0.0, width, height, text };
                panel.draw(&mut svg, frame, &self.options.palette);
                svg.close("svg");
                InlinePanel { title, description, svg: svg.finish() }
            })
            .collect()
    }

    /// The legend by itself.
    pub fn inline_legend(&self) -> Vec<InlineEntry> {
        legend::entries(&self.curves())
            .iter()
            .map(|entry| {
                let mut svg = Svg::default();
                let hidden = "true";
                svg.open(
                    "svg",
                    &[("viewBox", &"0 0 32 16"), ("class", &"sample"), ("aria-hidden", &hidden)],
                );
                legend::sample(&mut svg, entry, (1.0, 8.0), 13.0, &self.options.palette);
                svg.close("svg");
                InlineEntry { svg: svg.finish(), text: entry.text.clone() }
            })
            .collect()
    }

    fn description(&self) -> String {
        let caption = self.options.caption.as_ref().map_or(String::new(), |c| format!("{c}. "));
        let panels: Vec<String> = self
            .panels
            .iter()
            .map(|panel| format!("{}: {}", panel.titles().join(", "), panel.described()))
            .collect();
        format!("{caption}{}. {}", self.about.axes(), panels.join(" "))
    }
}

/// A text that fits into a line of the figure: its end is left out where it does not.
fn fitted(text: &str, size: f64) -> String {
    let wide = |text: &str| svg::text_width(text, size) > WIDTH - 2.0 * MARGIN;
    if !wide(text) {
        return text.to_owned();
    }
    let mut shorter: Vec<char> = text.chars().collect();
    loop {
        shorter.pop();
        let text: String = shorter.iter().chain(&['…']).collect();
        if shorter.is_empty() || !wide(&text) {
            return text;
        }
    }
}

/// An SVG in pixels, as a PNG file.
fn png_of(svg: &str) -> Result<Vec<u8>, FigureError> {
    use resvg::{tiny_skia, usvg};
    let mut options = usvg::Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FONT_NAME);
    let raster = |e: &dyn std::fmt::Display| FigureError::Raster(e.to_string());
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| raster(&e))?;
    let size = tree.size().to_int_size().scale_by(PNG_SCALE).ok_or_else(|| raster(&"no size"))?;
    if u64::from(size.width()) * u64::from(size.height()) > MAX_PNG_PIXELS {
        let (width, height) = (size.width(), size.height());
        let most = MAX_PNG_PIXELS;
        return Err(raster(&format!(
            "it would have {width} × {height} of them, expected at most {most} in all; show \
             fewer models in it"
        )));
    }
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
        .ok_or_else(|| raster(&"no memory for its pixels"))?;
    let scale = tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| raster(&e))
}

/// Seconds of drawing a figure without curves on this machine, by the clock.
pub(crate) fn drawing_s() -> f64 {
    const EMPTY: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='720' height='480' \
        font-family='sans-serif'>\
        <rect width='720' height='480' fill='white'/><text x='40' y='40'>0 10 20 30 40</text></svg>";
    let clock = Instant::now();
    png_of(EMPTY).expect("an SVG");
    clock.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests;
