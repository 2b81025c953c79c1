//! The list of all formats, and the words that ask for them.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::bapps::{Bapps, BappsJnd};
use super::choices::{AligNet, Levels, NightsRaw};
use super::format::Format;
use super::manifest::{
    OddOneOutManifest, PairsManifest, QuadrupletsManifest, SameDifferentManifest, TwoAfcManifest,
};
use super::nights::Nights;
use super::raid::Raid;
use super::rated::{Csiq, Live, LiveMd, PieApp, PieAppScores, Pipal, Pyiqa};
use super::rdm::{Published, RdmManifest};
use super::release::Release;
use super::things::Things;
use super::tid::Tid;
use crate::name::UnknownName;

/// The formats that alignscope reads: the one list of the implementations of [`Format`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AnyFormat {
    /// TID2013's layout, in which TID2008 and KADID-10k come too.
    Tid,
    /// NIGHTS's layout.
    Nights,
    /// BAPPS's layout.
    Bapps,
    /// THINGS's layout.
    Things,
    /// `pairs.csv`.
    Pairs,
    /// `twoafc.csv`.
    TwoAfc,
    /// `oddoneout.csv`.
    OddOneOut,
    /// CSIQ's layout.
    Csiq,
    /// LIVE's layout.
    Live,
    /// LIVE-MD's layout.
    LiveMd,
    /// PIPAL's layout.
    Pipal,
    /// PieAPP's layout: choices.
    PieApp,
    /// PieAPP's layout: scores.
    PieAppScores,
    /// A table of pyiqa.
    Pyiqa,
    /// BAPPS's just noticeable differences.
    BappsJnd,
    /// RAID's layout.
    Raid,
    /// `samedifferent.csv`.
    SameDifferent,
    /// `quadruplets.csv`.
    Quadruplets,
    /// `rdm.npy` and its like.
    Rdm,
    /// `92_brainRDMs.mat`.
    Images92,
    /// Algonauts 2019.
    Algonauts,
    /// Multi-arrangement.
    MultiArrangement,
    /// King et al.'s arrangements.
    FreeArrangement,
    /// Peterson et al.'s similarities.
    Peterson,
    /// NIGHTS's layout before it was filtered.
    NightsRaw,
    /// AligNet's layout.
    AligNet,
    /// The layout of *Levels*.
    Levels,
}

impl AnyFormat {
    /// All of them, in the order in which a folder is held against them.
    pub const ALL: [Self; 27] = [
        Self::Nights,
        Self::Bapps,
        Self::BappsJnd,
        Self::Raid,
        Self::Things,
        Self::PieApp,
        Self::PieAppScores,
        Self::Pyiqa,
        Self::Csiq,
        Self::Live,
        Self::LiveMd,
        Self::Pipal,
        Self::Tid,
        Self::Pairs,
        Self::TwoAfc,
        Self::OddOneOut,
        Self::SameDifferent,
        Self::Quadruplets,
        Self::Rdm,
        Self::Images92,
        Self::Algonauts,
        Self::MultiArrangement,
        Self::FreeArrangement,
        Self::Peterson,
        Self::NightsRaw,
        Self::AligNet,
        Self::Levels,
    ];

    /// The implementation.
    pub fn format(self) -> &'static dyn Format {
        match self {
            Self::Tid => &Tid,
            Self::Nights => &Nights,
            Self::Bapps => &Bapps,
            Self::Things => &Things,
            Self::Pairs => &PairsManifest,
            Self::TwoAfc => &TwoAfcManifest,
            Self::OddOneOut => &OddOneOutManifest,
            Self::Csiq => &Csiq,
            Self::Live => &Live,
            Self::LiveMd => &LiveMd,
            Self::Pipal => &Pipal,
            Self::PieApp => &PieApp,
            Self::PieAppScores => &PieAppScores,
            Self::Pyiqa => &Pyiqa,
            Self::BappsJnd => &BappsJnd,
            Self::Raid => &Raid,
            Self::SameDifferent => &SameDifferentManifest,
            Self::Quadruplets => &QuadrupletsManifest,
            Self::Rdm => &RdmManifest,
            Self::Images92 => &Published::Images92,
            Self::Algonauts => &Published::Algonauts,
            Self::MultiArrangement => &Published::MultiArrangement,
            Self::FreeArrangement => &Published::FreeArrangement,
            Self::Peterson => &Published::Peterson,
            Self::NightsRaw => &NightsRaw,
            Self::AligNet => &AligNet,
            Self::Levels => &Levels,
        }
    }

    /// The format in which `data` is read if this one is asked for: BAPPS asks the same question as
    /// NIGHTS, and is read where NIGHTS was asked for and only BAPPS is there.
    pub(super) fn read_as(self, data: &Path) -> Self {
        let instead = self == Self::Nights
            && data.is_dir()
            && self.format().recognise(data).is_none()
            && Self::Bapps.format().recognise(data).is_some();
        if instead { Self::Bapps } else { self }
    }
}

/// What a user asks for: a format by its name, or a release by its own.
///
/// A release's name opens whatever lies in its format, and results say what that was; but
/// [exact](Release::is_exact) ones are that release or an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetFormat {
    format: AnyFormat,
    release: Option<Release>,
}

impl DatasetFormat {
    /// `tid2013`
    pub const TID2013: Self = Self::of_release(AnyFormat::Tid, Release::Tid2013);
    /// `tid2008`
    pub const TID2008: Self = Self::of_release(AnyFormat::Tid, Release::Tid2008);
    /// `kadid10k`
    pub const KADID10K: Self = Self::of_release(AnyFormat::Tid, Release::Kadid10k);
    /// `tid-like`
    pub const TID_LIKE: Self = Self::plain(AnyFormat::Tid);
    /// `csiq`
    pub const CSIQ: Self = Self::of_release(AnyFormat::Csiq, Release::Csiq);
    /// `csiq-like`
    pub const CSIQ_LIKE: Self = Self::plain(AnyFormat::Csiq);
    /// `live`
    pub const LIVE: Self = Self::of_release(AnyFormat::Live, Release::Live);
    /// `live-like`
    pub const LIVE_LIKE: Self = Self::plain(AnyFormat::Live);
    /// `live-md`
    pub const LIVE_MD: Self = Self::of_release(AnyFormat::LiveMd, Release::LiveMd);
    /// `live-md-like`
    pub const LIVE_MD_LIKE: Self = Self::plain(AnyFormat::LiveMd);
    /// `pipal`
    pub const PIPAL: Self = Self::of_release(AnyFormat::Pipal, Release::Pipal);
    /// `pipal-like`
    pub const PIPAL_LIKE: Self = Self::plain(AnyFormat::Pipal);
    /// `pieapp`
    pub const PIEAPP: Self = Self::of_release(AnyFormat::PieApp, Release::PieApp);
    /// `pieapp-like`
    pub const PIEAPP_LIKE: Self = Self::plain(AnyFormat::PieApp);
    /// `pieapp-scores`
    pub const PIEAPP_SCORES: Self = Self::plain(AnyFormat::PieAppScores);
    /// `pyiqa`
    pub const PYIQA: Self = Self::plain(AnyFormat::Pyiqa);
    /// `raid`
    pub const RAID: Self = Self::plain(AnyFormat::Raid);
    /// `bapps-jnd`
    pub const BAPPS_JND: Self = Self::plain(AnyFormat::BappsJnd);
    /// `nights`
    pub const NIGHTS: Self = Self::of_release(AnyFormat::Nights, Release::Nights);
    /// `nights-like`
    pub const NIGHTS_LIKE: Self = Self::plain(AnyFormat::Nights);
    /// `nights-raw`
    pub const NIGHTS_RAW: Self = Self::plain(AnyFormat::NightsRaw);
    /// `bapps`
    pub const BAPPS: Self = Self::of_release(AnyFormat::Bapps, Release::Bapps);
    /// `bapps-like`
    pub const BAPPS_LIKE: Self = Self::plain(AnyFormat::Bapps);
    /// `things`
    pub const THINGS: Self = Self::of_release(AnyFormat::Things, Release::Things);
    /// `things-like`
    pub const THINGS_LIKE: Self = Self::plain(AnyFormat::Things);
    /// `alignet`
    pub const ALIGNET: Self = Self::plain(AnyFormat::AligNet);
    /// `levels`
    pub const LEVELS: Self = Self::plain(AnyFormat::Levels);
    /// `92-images`
    pub const IMAGES_92: Self = Self::plain(AnyFormat::Images92);
    /// `algonauts2019`
    pub const ALGONAUTS: Self = Self::plain(AnyFormat::Algonauts);
    /// `multi-arrangement`
    pub const MULTI_ARRANGEMENT: Self = Self::plain(AnyFormat::MultiArrangement);
    /// `free-arrangement`
    pub const FREE_ARRANGEMENT: Self = Self::plain(AnyFormat::FreeArrangement);
    /// `peterson`
    pub const PETERSON: Self = Self::plain(AnyFormat::Peterson);
    /// `pairs`
    pub const PAIRS: Self = Self::plain(AnyFormat::Pairs);
    /// `twoafc`
    pub const TWO_AFC: Self = Self::plain(AnyFormat::TwoAfc);
    /// `oddoneout`
    pub const ODD_ONE_OUT: Self = Self::plain(AnyFormat::OddOneOut);
    /// `samedifferent`
    pub const SAME_DIFFERENT: Self = Self::plain(AnyFormat::SameDifferent);
    /// `quadruplets`
    pub const QUADRUPLETS: Self = Self::plain(AnyFormat::Quadruplets);
    /// `rdm`
    pub const RDM: Self = Self::plain(AnyFormat::Rdm);

    /// All that can be asked for: the low level, the middle, the high, then one's own files.
    pub const ALL: [Self; 38] = [
        Self::TID2013,
        Self::TID2008,
        Self::KADID10K,
        Self::TID_LIKE,
        Self::CSIQ,
        Self::CSIQ_LIKE,
        Self::LIVE,
        Self::LIVE_LIKE,
        Self::LIVE_MD,
        Self::LIVE_MD_LIKE,
        Self::PIPAL,
        Self::PIPAL_LIKE,
        Self::PIEAPP,
        Self::PIEAPP_LIKE,
        Self::PIEAPP_SCORES,
        Self::PYIQA,
        Self::RAID,
        Self::BAPPS_JND,
        Self::NIGHTS,
        Self::NIGHTS_LIKE,
        Self::NIGHTS_RAW,
        Self::BAPPS,
        Self::BAPPS_LIKE,
        Self::THINGS,
        Self::THINGS_LIKE,
        Self::ALIGNET,
        Self::LEVELS,
        Self::IMAGES_92,
        Self::ALGONAUTS,
        Self::MULTI_ARRANGEMENT,
        Self::FREE_ARRANGEMENT,
        Self::PETERSON,
        Self::PAIRS,
        Self::TWO_AFC,
        Self::ODD_ONE_OUT,
        Self::SAME_DIFFERENT,
        Self::QUADRUPLETS,
        Self::RDM,
    ];

    const fn of_release(format: AnyFormat, release: Release) -> Self {
        Self { format, release: Some(release) }
    }

    const fn plain(format: AnyFormat) -> Self {
        Self { format, release: None }
    }

    /// The format.
    pub fn format(self) -> AnyFormat {
        self.format
    }

    /// The release whose name asked for it.
    pub fn release(self) -> Option<Release> {
        self.release
    }

    /// The format in which `data` is read if this is asked for.
    pub(crate) fn found_in(self, data: &Path) -> AnyFormat {
        self.format.read_as(data)
    }

    /// The word that asks for it.
    pub fn name(self) -> &'static str {
        match self.release {
            Some(release) => release.name(),
            None => self.format.format().name(),
        }
    }

    /// What it is, in a line.
    pub fn description(self) -> &'static str {
        match self.release {
            Some(release) => release.description(),
            None => self.format.format().description(),
        }
    }

    /// The name that results give what is asked for, if that is known before it is read: of a
    /// format in which releases come, it is not.
    pub(crate) fn known_name(self) -> Option<&'static str> {
        self.format.format().releases().is_empty().then(|| self.name())
    }
}

impl fmt::Display for DatasetFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DatasetFormat {
    type Err = UnknownName;

    fn from_str(word: &str) -> Result<Self, UnknownName> {
        UnknownName::find("data set", word, &Self::ALL, Self::name)
    }
}

/// The word for what a folder seems to hold, for a message.
pub(super) fn looks_like(folder: &Path) -> Option<(AnyFormat, &'static str)> {
    let found = |format: AnyFormat| Some((format, format.format().recognise(folder)?));
    AnyFormat::ALL.into_iter().find_map(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_and_release_can_be_asked_for_by_its_name() {
        let words = DatasetFormat::ALL.map(DatasetFormat::name);
        for format in AnyFormat::ALL {
            let releases = format.format().releases().iter().map(|release| release.name());
            for word in releases.chain([format.format().name()]) {
                let asked: DatasetFormat = word.parse().expect(word);
                assert_eq!((asked.format(), asked.name()), (format, word));
                assert!(words.contains(&word), "{word}");
            }
        }
        let all: usize = AnyFormat::ALL.iter().map(|f| 1 + f.format().releases().len()).sum();
        assert_eq!(words.len(), all);
    }
}
