//! `energy.csv`: how the energy of each stage is spread over its channels.

use std::path::Path;

use super::bounds::few;
use super::{MAX_MODELS, ResultsError, csv_file};
use crate::energy::EnergyRow;

/// Writes `energy.csv`.
///
/// # Errors
/// The file cannot be written.
pub fn write_energy(path: &Path, rows: &[EnergyRow]) -> Result<(), ResultsError> {
    csv_file::write(path, rows)
}

/// Reads `energy.csv`.
///
/// # Errors
/// The file is missing, lacks a column, or holds a field that cannot be read.
pub fn read_energy(path: &Path) -> Result<Vec<EnergyRow>, ResultsError> {
    let rows: Vec<EnergyRow> = csv_file::read(path)?;
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
            series: Some("run".to_owned()),
            step: Some(0),
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
