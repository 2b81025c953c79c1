//! The tables of a run: their names and their files.

/// A table of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RunTable {
    /// `scores.csv`.
    #[default]
    Scores,
    /// `distances.parquet`.
    Distances,
    /// `trials.parquet`.
    Trials,
    /// `judgements.parquet`.
    Judgements,
    /// `scale.parquet`.
    Scale,
    /// `ceilings.csv`.
    Ceilings,
    /// `findings.csv`.
    Findings,
    /// `comparisons.csv`.
    Comparisons,
    /// `energy.csv`.
    Energy,
}

impl RunTable {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Scores,
        Self::Distances,
        Self::Trials,
        Self::Judgements,
        Self::Scale,
        Self::Ceilings,
        Self::Findings,
        Self::Comparisons,
        Self::Energy,
    ];

    /// Their files.
    pub fn files() -> [&'static str; 9] {
        Self::ALL.map(Self::file)
    }

    /// The name used in Python.
    pub fn name(self) -> &'static str {
        let file = self.file();
        file.split_once('.').map_or(file, |(name, _)| name)
    }

    /// Its file in the folder of a run, whose hash the manifest has.
    pub fn file(self) -> &'static str {
        match self {
            Self::Scores => "scores.csv",
            Self::Distances => "distances.parquet",
            Self::Trials => "trials.parquet",
            Self::Judgements => "judgements.parquet",
            Self::Scale => "scale.parquet",
            Self::Ceilings => "ceilings.csv",
            Self::Findings => "findings.csv",
            Self::Comparisons => "comparisons.csv",
            Self::Energy => "energy.csv",
        }
    }
}

choice!(RunTable, "table");
