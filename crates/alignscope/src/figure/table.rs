//! The numbers behind a figure.

use super::curves::{Kind, Of, PanelData, Point, Reference};
use crate::csv_row::csv_row;
use crate::distance::Distance;
use crate::stage::Stage;

csv_row! {
    /// A mark of a figure: a row of its table.
    #[derive(Debug, Clone, PartialEq)]
    pub(crate) struct MarkRow {
        /// The data set.
        pub(crate) dataset: String,
        /// What is drawn: a measure, or a share of energy.
        pub(crate) measure: String,
        /// Trials.
        pub(crate) n: usize,
        /// The model.
        pub(crate) model: String,
        /// What kind of mark it is.
        pub(crate) kind: String,
        /// The kind of distance, or whose energy.
        pub(crate) distance: String,
        /// The stage.
        pub(crate) stage: Stage,
        /// Where the stage stands.
        pub(crate) depth_percent: f64,
        /// How high it stands; NaN if it is not defined.
        pub(crate) value: f64,
        /// What the band is: `interval` or `seeds`.
        pub(crate) band: Option<String>,
        /// Lower end of the band.
        pub(crate) low: Option<f64>,
        /// Upper end of the band.
        pub(crate) high: Option<f64>,
        /// The score of answers by chance.
        pub(crate) chance: Option<f64>,
        /// The ceiling.
        pub(crate) ceiling: Option<f64>,
        /// The step of the state, in a figure of a training; the model is then the series.
        pub(crate) step: Option<usize>,
    }
}

/// One mark of a figure.
#[derive(Debug, Clone, PartialEq)]
struct Mark<'a> {
    dataset: &'a str,
    model: &'a str,
    kind: &'static str,
    of: Of,
    n: usize,
    point: Point,
    /// What the band is: `interval` or `seeds`.
    band: Option<&'static str>,
}

/// Every mark of a panel, in the order in which it is drawn.
fn marks(panel: &PanelData) -> Vec<Mark<'_>> {
    let band = |point: &Point, kind| match (point.band, kind) {
        (None, _) => None,
        (Some(_), Some(Kind::Seeds(_))) => Some("seeds"),
        (Some(_), _) => Some("interval"),
    };
    let pixels = panel.pixels.iter().map(|point| Mark {
        dataset: &panel.dataset,
        model: "pixels",
        kind: "pixels",
        of: Of::Distance(Distance::Euclidean),
        n: panel.n,
        point: *point,
        band: band(point, None),
    });
    let curves = panel.curves.iter().flat_map(|curve| {
        curve.points.iter().map(move |point| Mark {
            dataset: panel.dataset_of(curve),
            model: &curve.model,
            kind: curve.kind.name(),
            of: curve.of,
            n: curve.n,
            point: *point,
            band: band(point, Some(curve.kind)),
        })
    });
    let baselines = panel.baselines.iter().map(|baseline| Mark {
        dataset: &panel.dataset,
        model: &baseline.model,
        kind: if baseline.published { "published" } else { "baseline" },
        of: Of::Distance(Distance::Own),
        n: panel.n,
        point: baseline.point,
        band: band(&baseline.point, None),
    });
    pixels.chain(curves).chain(baselines).collect()
}

/// The rows of a panel; undefined scores are NaN.
pub(super) fn rows(panel: &PanelData) -> Vec<MarkRow> {
    let finite = |x: &f64| x.is_finite();
    let row = |mark: Mark<'_>| MarkRow {
        dataset: mark.dataset.to_owned(),
        measure: panel.quantity.to_string(),
        n: mark.n,
        model: mark.model.to_owned(),
        kind: mark.kind.to_owned(),
        distance: mark.of.to_string(),
        stage: mark.point.stage,
        depth_percent: mark.point.depth,
        value: Some(mark.point.value).filter(finite).unwrap_or(f64::NAN),
        band: mark.band.map(str::to_owned),
        low: mark.point.band.map(|(low, _)| low).filter(finite),
        high: mark.point.band.map(|(_, high)| high).filter(finite),
        chance: match panel.reference {
            Some(Reference::Chance(chance)) => Some(chance).filter(finite),
            _ => None,
        },
        ceiling: panel.ceiling.filter(finite),
        step: mark.point.step,
    };
    marks(panel).into_iter().map(row).collect()
}
