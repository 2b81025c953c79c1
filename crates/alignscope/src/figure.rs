//! Score against depth, drawn from score rows alone.

mod curves;
mod legend;
mod palette;
mod panel;

use std::path::Path;
use std::sync::Once;

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use crate::dataset::Level;
use crate::results::{ResultsError, ScoreRow, write_whole};
use curves::PanelData;

pub use palette::{Color, color_of};

/// The one font of every figure, in SVG by name, in PNG by these bytes.
const FONT: &[u8] = include_bytes!("../assets/DejaVuSans-subset.ttf");
const FONT_NAME: &str = "DejaVu Sans";

/// Sizes in pixels of the SVG. A panel at 420 is a third of a page wide at 2.5 inches.
const PANEL_WIDTH_PX: u32 = 430;
const PANEL_HEIGHT_PX: u32 = 400;
const MARGIN_PX: u32 = 14;
const TEXT_PX: u32 = 15;
const TITLE_PX: u32 = 18;

/// The PNG has so many pixels for one of the SVG.
const PNG_SCALE: f32 = 2.0;

/// What stands over a figure.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FigureOptions {
    /// A line over the panels; "Alignment with human judgements" unless said otherwise.
    pub title: Option<String>,
    /// A second line, such as what is simulated.
    pub caption: Option<String>,
}

/// A figure, as an SVG document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    svg: String,
}

/// A figure could not be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FigureError {
    /// There is nothing to draw.
    #[error("there is no score of a whole data set to draw")]
    NoScores,
    /// The drawing library failed.
    #[error("cannot draw: {0}")]
    Draw(String),
    /// The SVG could not be turned into pixels.
    #[error("cannot turn the figure into pixels: {0}")]
    Raster(String),
    /// The files could not be written.
    #[error(transparent)]
    Write(#[from] ResultsError),
}

impl Figure {
    /// Draws one panel for each data set, from the low to the high level of abstraction: score
    /// against depth in percent, one curve for each model and kind of distance.
    ///
    /// Rated pairs are shown by Spearman's correlation, the others by their accuracy. Only rows of
    /// whole data sets are drawn. The score of the pixels stands at 0 %, and every curve begins
    /// there.
    ///
    /// # Errors
    /// There is no such row.
    pub fn from_scores(rows: &[ScoreRow], options: &FigureOptions) -> Result<Self, FigureError> {
        register();
        let mut panels = PanelData::of_rows(rows);
        if panels.is_empty() {
            return Err(FigureError::NoScores);
        }
        panels.sort_by_key(|panel| (panel.dataset.level(), panel.dataset));

        let width = PANEL_WIDTH_PX * panels.len() as u32 + 2 * MARGIN_PX;
        let entries = legend::entries(&panels);
        let lines = legend::lines(&entries, width - 2 * MARGIN_PX);
        let header =
            MARGIN_PX + TITLE_PX + 12 + options.caption.as_ref().map_or(0, |_| TEXT_PX + 8);
        let footer = legend::height(&lines) + MARGIN_PX;
        let height = header + PANEL_HEIGHT_PX + footer;

        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
            let draw = |e: &dyn std::fmt::Display| FigureError::Draw(e.to_string());
            root.fill(&WHITE).map_err(|e| draw(&e))?;
            let title = title_of(options);
            let left = MARGIN_PX as i32;
            root.draw(&Text::new(title.to_owned(), (left, left), font(TITLE_PX)))
                .map_err(|e| draw(&e))?;
            if let Some(caption) = &options.caption {
                let style = font(TEXT_PX).color(&palette::ALERT);
                let place = (left, left + TITLE_PX as i32 + 10);
                root.draw(&Text::new(caption.clone(), place, style)).map_err(|e| draw(&e))?;
            }
            let (_, rest) = root.split_vertically(header);
            let (area, below) = rest.split_vertically(PANEL_HEIGHT_PX);
            let area = area.margin(0, 0, MARGIN_PX, MARGIN_PX);
            for (panel, area) in panels.iter().zip(area.split_evenly((1, panels.len()))) {
                panel::draw(&area, panel).map_err(FigureError::Draw)?;
            }
            legend::draw(&below, &lines).map_err(FigureError::Draw)?;
            root.present().map_err(|e| draw(&e))?;
        }
        Ok(Self { svg: described(&svg, title_of(options), options, &panels) })
    }

    /// The SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The figure in pixels, as a PNG file, two for each of the SVG.
    ///
    /// # Errors
    /// The SVG cannot be turned into pixels.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        use resvg::{tiny_skia, usvg};
        let mut options = usvg::Options::default();
        let fonts = options.fontdb_mut();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family(FONT_NAME);
        let raster = |e: &dyn std::fmt::Display| FigureError::Raster(e.to_string());
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(|e| raster(&e))?;
        let size =
            tree.size().to_int_size().scale_by(PNG_SCALE).ok_or_else(|| raster(&"no size"))?;
        let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())
            .ok_or_else(|| raster(&"no memory for its pixels"))?;
        let scale = tiny_skia::Transform::from_scale(PNG_SCALE, PNG_SCALE);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().map_err(|e| raster(&e))
    }

    /// Writes `stem.svg` and `stem.png` into a folder.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn save(&self, folder: &Path, stem: &str) -> Result<(), FigureError> {
        let png = self.png()?;
        write_whole(&folder.join(format!("{stem}.svg")), self.svg.as_bytes())?;
        write_whole(&folder.join(format!("{stem}.png")), &png)?;
        Ok(())
    }
}

fn title_of(options: &FigureOptions) -> &str {
    options.title.as_deref().unwrap_or("Alignment with human judgements")
}

/// Puts a title and a description into the SVG, for screen readers.
fn described(svg: &str, title: &str, options: &FigureOptions, panels: &[PanelData]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let levels: Vec<String> = panels.iter().map(|p| p.title()).collect();
    let caption = options.caption.as_ref().map_or(String::new(), |c| format!("{c}. "));
    let description = format!(
        "<title>{}</title>\n<desc>{}Score against depth in percent. Panels: {}.</desc>\n",
        escaped(title),
        escaped(&caption),
        escaped(&levels.join("; "))
    );
    let Some(end_of_tag) = svg.find('>') else { return svg.to_owned() };
    let (open, rest) = svg.split_at(end_of_tag + 1);
    format!("{open}\n{description}{rest}")
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for style in [FontStyle::Normal, FontStyle::Bold] {
            // The bytes are a whole font; were they not, every test of a figure would fail.
            if register_font(FONT_NAME, style, FONT).is_err() {
                unreachable!("the built-in font is damaged");
            }
        }
    });
}

/// Text in the figure's font.
fn font<'a>(size_px: u32) -> TextStyle<'a> {
    (FONT_NAME, size_px).into_font().into()
}

/// What a level is called over its panel.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Low => "low: distortions",
        Level::Middle => "middle: within a class",
        Level::High => "high: between classes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetKind;
    use crate::distance::Distance;
    use crate::score::{Measure, Ties};
    use crate::stage::Stage;

    fn row(dataset: DatasetKind, model: &str, stage: Stage, distance: Distance) -> ScoreRow {
        let measure = match dataset.level() {
            Level::Low => Measure::Spearman,
            _ => Measure::Accuracy,
        };
        ScoreRow {
            dataset,
            subset: "all".to_owned(),
            model: model.to_owned(),
            stage,
            depth_percent: stage.depth_percent(2),
            distance,
            measure,
            value: 0.6,
            ci_low: None,
            ci_high: None,
            n: 1234,
            n_clusters: 10,
            n_ties: 0,
            chance: 0.5,
            n_left_out: 0,
            zero_channels: 0,
            ties: Ties::Miss,
            simulated: false,
            bca_low: None,
            bca_high: None,
            ceiling: None,
            ci_note: None,
        }
    }

    fn rows(model: &str) -> Vec<ScoreRow> {
        let mut rows = vec![];
        for dataset in [DatasetKind::Things, DatasetKind::Pairs, DatasetKind::Nights] {
            rows.push(row(dataset, "pixels", Stage::Image, Distance::Euclidean));
            for stage in Stage::of_encoder(2) {
                for distance in Distance::ALL {
                    rows.push(row(dataset, model, stage, distance));
                }
            }
        }
        rows
    }

    #[test]
    fn equal_rows_give_equal_bytes_and_names_are_escaped() {
        let rows = rows("a<b&\"c\"");
        let figure = Figure::from_scores(&rows, &FigureOptions::default()).expect("drawn");
        let again = Figure::from_scores(&rows, &FigureOptions::default()).expect("drawn");
        assert_eq!(figure, again);
        assert!(figure.svg().contains("a&lt;b&amp;"), "{}", figure.svg());
        assert!(!figure.svg().contains("a<b"));
        assert_eq!(figure.png().expect("pixels"), again.png().expect("pixels"));
    }

    #[test]
    fn a_simulated_figure_never_says_human() {
        let options = FigureOptions {
            title: Some("Alignment with a simulated observer".to_owned()),
            caption: Some("simulated answers".to_owned()),
        };
        let svg = Figure::from_scores(&rows("m"), &options).expect("drawn").svg;
        assert!(!svg.contains("human"), "{svg}");
        assert_eq!(svg.matches("simulated").count(), 4, "title and caption, seen and described");
    }

    #[test]
    fn panels_go_from_low_to_high_and_say_what_they_show() {
        let svg = Figure::from_scores(&rows("m"), &FigureOptions::default()).expect("drawn").svg;
        let place = |text: &str| svg.find(text).unwrap_or_else(|| panic!("{text} in {svg}"));
        assert!(place("low: distortions") < place("middle: within a class"));
        assert!(place("middle: within a class") < place("high: between classes"));
        for text in ["depth (%)", "Spearman correlation", "accuracy", "chance", "n = 1,234"] {
            place(text);
        }
    }

    #[test]
    fn scores_that_are_not_defined_leave_a_gap_and_no_scores_are_an_error() {
        let mut rows = rows("m");
        rows.iter_mut().for_each(|row| row.value = f64::NAN);
        Figure::from_scores(&rows, &FigureOptions::default()).expect("an empty panel");
        let none = Figure::from_scores(&[], &FigureOptions::default());
        assert!(matches!(none, Err(FigureError::NoScores)));
    }
}
