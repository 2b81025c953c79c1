//! The data sets, by name.

use std::fmt;

/// The data sets that alignscope reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DatasetKind {
    /// TID2013 (also TID2008 and KADID-10k, which have its layout): rated pairs.
    Tid2013,
    /// NIGHTS: two-alternative forced choices.
    Nights,
    /// THINGS: odd-one-out triplets.
    Things,
    /// `pairs.csv`: rated pairs of one's own.
    Pairs,
    /// `twoafc.csv`: two-alternative forced choices of one's own.
    TwoAfc,
    /// `oddoneout.csv`: odd-one-out triplets of one's own.
    OddOneOut,
}

impl DatasetKind {
    /// All of them, in the order of the study.
    pub const ALL: [Self; 6] =
        [Self::Tid2013, Self::Nights, Self::Things, Self::Pairs, Self::TwoAfc, Self::OddOneOut];

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Tid2013 => {
                "rated pairs: TID2013, also TID2008 and KADID-10k; the folder as published"
            }
            Self::Nights => {
                "two-alternative choices: NIGHTS (data.csv), also BAPPS; the folder as published"
            }
            Self::Things => {
                "odd-one-out triplets: THINGS; object_images/, unique_id.txt and triplet_dataset/"
            }
            Self::Pairs => {
                "rated pairs of your own: pairs.csv with reference,distorted,score[,std,group,split]"
            }
            Self::TwoAfc => {
                "two-alternative choices of your own: twoafc.csv with reference,left,right,right_vote or left_votes,right_votes[,group,split]"
            }
            Self::OddOneOut => {
                "odd-one-out triplets of your own: oddoneout.csv with image_1,image_2,image_3,odd[,subject,split]"
            }
        }
    }

    /// The level of abstraction that its question is about.
    pub fn level(self) -> Level {
        match self {
            Self::Tid2013 | Self::Pairs => Level::Low,
            Self::Nights | Self::TwoAfc => Level::Middle,
            Self::Things | Self::OddOneOut => Level::High,
        }
    }

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tid2013 => "tid2013",
            Self::Nights => "nights",
            Self::Things => "things",
            Self::Pairs => "pairs",
            Self::TwoAfc => "twoafc",
            Self::OddOneOut => "oddoneout",
        }
    }
}

choice!(DatasetKind, "data set");

/// A level of abstraction of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Small distortions of one image.
    Low,
    /// Variations within a class.
    Middle,
    /// Different classes.
    High,
}

impl Level {
    /// All of them, from low to high.
    pub const ALL: [Self; 3] = [Self::Low, Self::Middle, Self::High];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Middle => "middle",
            Self::High => "high",
        })
    }
}
