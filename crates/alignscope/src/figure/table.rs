//! The numbers behind a figure.

use super::curves::{Kind, Of, PanelData, Point, Reference};
use crate::distance::Distance;
use crate::results::csv_document;

/// The columns, in order.
const COLUMNS: [&str; 14] = [
    "dataset",
    "measure",
    "n",
    "model",
    "kind",
    "distance",
    "stage",
    "depth_percent",
    "value",
    "band",
    "low",
    "high",
    "chance",
    "ceiling",
];

/// One mark of a figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark<'a> {
    pub(super) model: &'a str,
    pub(super) kind: &'static str,
    pub(super) of: Of,
    pub(super) n: usize,
    pub(super) point: Point,
    /// What the band is: `interval` or `seeds`; empty where there is none.
    pub(super) band: &'static str,
}

/// Every mark of a panel, in the order in which it is drawn.
pub(super) fn marks(panel: &PanelData) -> Vec<Mark<'_>> {
    let band = |point: &Point, kind| match (point.band, kind) {
        (None, _) => "",
        (Some(_), Some(Kind::Seeds(_))) => "seeds",
        (Some(_), _) => "interval",
    };
    let pixels = panel.pixels.iter().map(|point| Mark {
        model: "pixels",
        kind: "pixels",
        of: Of::Distance(Distance::Euclidean),
        n: panel.n,
        point: *point,
        band: band(point, None),
    });
    let curves = panel.curves.iter().flat_map(|curve| {
        curve.points.iter().map(move |point| Mark {
            model: &curve.model,
            kind: curve.kind.name(),
            of: curve.of,
            n: curve.n,
            point: *point,
            band: band(point, Some(curve.kind)),
        })
    });
    let baselines = panel.baselines.iter().map(|baseline| Mark {
        model: &baseline.model,
        kind: if baseline.published { "published" } else { "baseline" },
        of: Of::Distance(Distance::Own),
        n: panel.n,
        point: baseline.point,
        band: band(&baseline.point, None),
    });
    pixels.chain(curves).chain(baselines).collect()
}

/// The table as CSV, in full precision; undefined scores are empty.
pub(super) fn csv(panels: &[PanelData]) -> String {
    let number = |x: f64| if x.is_finite() { x.to_string() } else { String::new() };
    let rows = panels.iter().flat_map(|panel| {
        let chance = match panel.reference {
            Some(Reference::Chance(chance)) => Some(chance),
            _ => None,
        };
        marks(panel).into_iter().map(move |mark| {
            let (low, high) = mark.point.band.unwrap_or((f64::NAN, f64::NAN));
            [
                panel.dataset.to_string(),
                panel.quantity.to_string(),
                mark.n.to_string(),
                mark.model.to_owned(),
                mark.kind.to_owned(),
                mark.of.to_string(),
                mark.point.stage.to_string(),
                mark.point.depth.to_string(),
                number(mark.point.value),
                mark.band.to_owned(),
                number(low),
                number(high),
                chance.map_or_else(String::new, number),
                panel.ceiling.map_or_else(String::new, number),
            ]
        })
    });
    String::from_utf8(csv_document(COLUMNS, rows)).expect("fields are text")
}
