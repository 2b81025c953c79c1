//! The data sets, by name.

use std::fmt;

/// The data sets that alignscope reads: known releases, folders in the layout of one that are of
/// no known release, and tables of one's own.
///
/// In results it says what was read. What is asked for is the same list of names: those of
/// [`is_exact`](Self::is_exact) are that release or an error; the others name a layout, and what
/// lies in it is found out by its annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DatasetKind {
    /// TID2013: rated pairs.
    Tid2013,
    /// TID2008, in TID2013's layout.
    Tid2008,
    /// KADID-10k, in TID2013's layout.
    Kadid10k,
    /// Rated pairs in TID2013's layout, of no known release.
    TidLike,
    /// NIGHTS: two-alternative forced choices.
    Nights,
    /// Two-alternative forced choices in NIGHTS's layout, of no known release.
    NightsLike,
    /// BAPPS: two-alternative forced choices, a file each.
    Bapps,
    /// Two-alternative forced choices in BAPPS's layout, of no known release.
    BappsLike,
    /// THINGS: odd-one-out triplets.
    Things,
    /// Odd-one-out triplets in THINGS's layout, of no known release.
    ThingsLike,
    /// `pairs.csv`: rated pairs of one's own.
    Pairs,
    /// `twoafc.csv`: two-alternative forced choices of one's own.
    TwoAfc,
    /// `oddoneout.csv`: odd-one-out triplets of one's own.
    OddOneOut,
}

impl DatasetKind {
    /// All of them: the low level, the middle, the high, then one's own.
    pub const ALL: [Self; 13] = [
        Self::Tid2013,
        Self::Tid2008,
        Self::Kadid10k,
        Self::TidLike,
        Self::Nights,
        Self::NightsLike,
        Self::Bapps,
        Self::BappsLike,
        Self::Things,
        Self::ThingsLike,
        Self::Pairs,
        Self::TwoAfc,
        Self::OddOneOut,
    ];

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self {
            Self::Tid2013 => {
                "rated pairs: TID2013, the folder as published; \
                 one of TID2008 or KADID-10k is found out, and results name it"
            }
            Self::Tid2008 => "rated pairs: TID2008, and nothing else",
            Self::Kadid10k => "rated pairs: KADID-10k, and nothing else",
            Self::TidLike => {
                "rated pairs in TID2013's layout; the name in results of those of no known release"
            }
            Self::Nights => {
                "two-alternative choices: NIGHTS (data.csv), the folder as published; \
                 one of BAPPS is found out, and results name it"
            }
            Self::NightsLike => {
                "two-alternative choices in NIGHTS's layout; \
                 the name in results of those of no known release"
            }
            Self::Bapps => "two-alternative choices: BAPPS (2afc/), and nothing else",
            Self::BappsLike => {
                "two-alternative choices in BAPPS's layout; \
                 the name in results of those of no known release"
            }
            Self::Things => {
                "odd-one-out triplets: THINGS; object_images/, unique_id.txt and triplet_dataset/"
            }
            Self::ThingsLike => {
                "odd-one-out triplets in THINGS's layout; \
                 the name in results of those of no known release"
            }
            Self::Pairs => {
                "rated pairs of your own: pairs.csv with reference,distorted,score[,std,group,split]"
            }
            Self::TwoAfc => {
                "two-alternative choices of your own: twoafc.csv with reference,left,right,\
                 right_vote or left_votes,right_votes[,group,split]"
            }
            Self::OddOneOut => {
                "odd-one-out triplets of your own: oddoneout.csv with image_1,image_2,image_3,odd\
                 [,subject,split]"
            }
        }
    }

    /// The level of abstraction that its question is about.
    pub fn level(self) -> Level {
        match self {
            Self::Tid2013 | Self::Tid2008 | Self::Kadid10k | Self::TidLike | Self::Pairs => {
                Level::Low
            }
            Self::Nights | Self::NightsLike | Self::Bapps | Self::BappsLike | Self::TwoAfc => {
                Level::Middle
            }
            Self::Things | Self::ThingsLike | Self::OddOneOut => Level::High,
        }
    }

    /// The name used on the command line, in Python and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tid2013 => "tid2013",
            Self::Tid2008 => "tid2008",
            Self::Kadid10k => "kadid10k",
            Self::TidLike => "tid-like",
            Self::Nights => "nights",
            Self::NightsLike => "nights-like",
            Self::Bapps => "bapps",
            Self::BappsLike => "bapps-like",
            Self::Things => "things",
            Self::ThingsLike => "things-like",
            Self::Pairs => "pairs",
            Self::TwoAfc => "twoafc",
            Self::OddOneOut => "oddoneout",
        }
    }

    /// The name of the release as its authors write it; `None` for a layout of no known release
    /// and for one's own data.
    pub fn release(self) -> Option<&'static str> {
        match self {
            Self::Tid2013 => Some("TID2013"),
            Self::Tid2008 => Some("TID2008"),
            Self::Kadid10k => Some("KADID-10k"),
            Self::Nights => Some("NIGHTS"),
            Self::Bapps => Some("BAPPS"),
            Self::Things => Some("THINGS"),
            Self::TidLike
            | Self::NightsLike
            | Self::BappsLike
            | Self::ThingsLike
            | Self::Pairs
            | Self::TwoAfc
            | Self::OddOneOut => None,
        }
    }

    /// Whether a user who asks for it gets it or an error. The other names open whatever lies in
    /// their layout, and results say what that was.
    pub fn is_exact(self) -> bool {
        match self {
            Self::Tid2008 | Self::Kadid10k | Self::Bapps => true,
            Self::Tid2013
            | Self::TidLike
            | Self::Nights
            | Self::NightsLike
            | Self::BappsLike
            | Self::Things
            | Self::ThingsLike
            | Self::Pairs
            | Self::TwoAfc
            | Self::OddOneOut => false,
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
