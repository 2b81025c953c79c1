//! The columns of manifests: the one list by which they are read and written.

/// The columns of trials with `N` images each, and `A` columns of answers.
pub(in crate::dataset) struct Columns<const N: usize, const A: usize> {
    /// Of the images.
    pub(in crate::dataset) images: [&'static str; N],
    /// Of the answers, as they are written; `pairs.csv` may lack the last of them, and a table of
    /// votes may have one column of shares in their place.
    pub(in crate::dataset) answers: [&'static str; A],
}

/// `pairs.csv`
pub(in crate::dataset) const PAIRS: Columns<2, 2> =
    Columns { images: ["reference", "distorted"], answers: ["score", "std"] };

/// `twoafc.csv`
pub(in crate::dataset) const TWO_AFC: Columns<3, 2> =
    Columns { images: ["reference", "left", "right"], answers: ["left_votes", "right_votes"] };

/// `oddoneout.csv`
pub(in crate::dataset) const ODD_ONE_OUT: Columns<3, 1> =
    Columns { images: ["image_1", "image_2", "image_3"], answers: ["odd"] };

/// `samedifferent.csv`
pub(in crate::dataset) const SAME_DIFFERENT: Columns<2, 2> =
    Columns { images: ["first", "second"], answers: ["different_votes", "same_votes"] };

/// `quadruplets.csv`
pub(in crate::dataset) const QUADRUPLETS: Columns<4, 2> =
    Columns { images: ["a_1", "a_2", "b_1", "b_2"], answers: ["a_votes", "b_votes"] };

/// The number that results call a trial by.
pub(in crate::dataset) const TRIAL: &str = "trial";

/// The labels that a manifest may have by a column of their own name.
pub(in crate::dataset) const LABELS: [&str; 3] = ["group", "subject", "split"];

/// What begins the name of a column with any other label.
pub(in crate::dataset) const LABEL: &str = "label_";
