//! The figures of an experiment: each shows some of its scores.

use std::path::Path;

use super::ExperimentError;
use crate::distance::Distance;
use crate::figure::{Figure, FigureOptions};
use crate::results::ScoreRow;
use crate::stage::Stage;

/// A figure of an experiment: some of its models and distances.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FigureSpec {
    /// The name of its files.
    pub name: String,
    /// What stands over it.
    pub title: Option<String>,
    /// The models that it shows, by their names in the results; all where there is none.
    pub models: Vec<String>,
    /// The kinds of distance that it shows.
    #[serde(with = "distance_names")]
    pub distances: Vec<Distance>,
}

impl Default for FigureSpec {
    /// All models and distances, as `alignment.svg`.
    fn default() -> Self {
        let name = "alignment".to_owned();
        Self { name, title: None, models: vec![], distances: Distance::ALL.to_vec() }
    }
}

/// Distances by their names.
mod distance_names {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::distance::Distance;

    pub(super) fn serialize<S: Serializer>(
        distances: &[Distance],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(distances.iter().map(|d| d.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Distance>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names.iter().map(|name| name.parse().map_err(D::Error::custom)).collect()
    }
}

/// Draws the figures of a run from its scores alone.
///
/// # Errors
/// A figure has nothing to show, or the files cannot be written.
pub fn draw(
    rows: &[ScoreRow],
    figures: &[FigureSpec],
    simulated: bool,
    out: &Path,
) -> Result<(), ExperimentError> {
    for figure in figures {
        let shown: Vec<ScoreRow> = rows
            .iter()
            .filter(|row| {
                let of_pixels = row.stage == Stage::Image;
                let model = figure.models.is_empty() || figure.models.contains(&row.model);
                let distance =
                    row.distance == Distance::Own || figure.distances.contains(&row.distance);
                of_pixels || (model && distance)
            })
            .cloned()
            .collect();
        let options = FigureOptions {
            title: match simulated {
                true => Some("Alignment with a simulated observer".to_owned()),
                false => figure.title.clone(),
            },
            caption: simulated.then(|| "simulated answers, not human data".to_owned()),
        };
        Figure::from_scores(&shown, &options)?.save(out, &figure.name)?;
    }
    Ok(())
}
