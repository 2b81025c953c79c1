//! `energy.csv`: how the energy of each stage is spread over its channels.

use std::path::Path;

use super::bounds::few;
use super::fields::{self, number};
use super::{MAX_MODELS, ResultsError};
use crate::energy::EnergyRow;

const COLUMNS: [&str; 11] = [
    "dataset",
    "model",
    "stage",
    "depth_percent",
    "energy",
    "top_channel",
    "top_channel_share",
    "effective_channels",
    "zero_channels",
    "n",
    "level",
];

/// Writes `energy.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_energy(path: &Path, rows: &[EnergyRow]) -> Result<(), ResultsError> {
    let record = |row: &EnergyRow| {
        [
            row.dataset.clone(),
            row.model.clone(),
            row.stage.to_string(),
            row.depth_percent.to_string(),
            row.energy.to_string(),
            row.top_channel.to_string(),
            number(row.top_channel_share),
            number(row.effective_channels),
            row.zero_channels.to_string(),
            row.n.to_string(),
            row.level.to_string(),
        ]
    };
    fields::write(path, COLUMNS, rows.iter().map(record))
}

/// Reads `energy.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_energy(path: &Path) -> Result<Vec<EnergyRow>, ResultsError> {
    let rows: Vec<EnergyRow> = fields::read(path, &COLUMNS, COLUMNS.len(), |row| {
        let drawn = |column, high| Ok(row.within(column, 0.0, high)?.unwrap_or(f64::NAN));
        Ok(EnergyRow {
            dataset: row.name(0)?,
            model: row.name(1)?,
            stage: row.stage(2)?,
            depth_percent: row.depth(3)?,
            energy: row.get(4)?,
            top_channel: row.count(5)?,
            top_channel_share: drawn(6, 1.0)?,
            effective_channels: drawn(7, f64::from(u32::MAX))?,
            zero_channels: row.count(8)?,
            n: row.count(9)?,
            level: row.get(10)?,
        })
    })?;
    few(path, "models", rows.iter().map(|row| row.model.as_str()), MAX_MODELS)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Level;
    use crate::energy::EnergyOf;
    use crate::stage::Stage;

    #[test]
    fn energies_are_read_back_as_they_were_written() {
        let row = EnergyRow {
            dataset: "things".to_owned(),
            model: "m".to_owned(),
            stage: Stage::Block(1),
            depth_percent: 7.5 + 90.0 / 11.0,
            energy: EnergyOf::Differences,
            top_channel: 133,
            top_channel_share: 1.0 / 3.0,
            effective_channels: 7.5,
            zero_channels: 3,
            n: 9,
            level: Level::High,
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("energy.csv");
        write_energy(&path, std::slice::from_ref(&row)).expect("written");
        assert_eq!(read_energy(&path).expect("read"), std::slice::from_ref(&row));

        let none = EnergyRow { top_channel_share: f64::NAN, effective_channels: f64::NAN, ..row };
        write_energy(&path, &[none]).expect("written");
        assert!(read_energy(&path).expect("read")[0].effective_channels.is_nan());
    }
}
