//! What a user can do where something cannot be done, as a value: each door words it.

/// What would help.
///
/// The command line names its options for it, Python its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// A memory budget of so many bytes.
    MoreMemory {
        /// The bytes.
        bytes: u64,
    },
    /// The image with fewer pixels.
    SmallerImage,
    /// Metrics that see images as a smaller square.
    SmallerSquare,
    /// Metrics that see images as a larger square.
    LargerSquare,
    /// Products in f32, whose weights take a third less than those in `bf16x6`.
    PrecisionF32,
    /// Activations in a temporary file.
    Spill,
    /// Fewer bootstrap resamples.
    FewerResamples,
    /// A part of the trials.
    FewerTrials,
    /// Trials of images that cannot be read are left out.
    LeaveOutImages,
    /// Another output folder; what is encoded already is not encoded again.
    OtherFolder,
    /// The output folder without what it holds.
    RemoveFolder,
    /// What the folder holds is discarded.
    Fresh,
    /// A look at what of the run has changed.
    Verify,
}

/// A text with what would help, as a door words it: `; do this, or that`. Behind a list it is a line of
/// its own.
pub fn with_remedies(text: &str, words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    let words = words.join(", or ");
    let mut letters = words.chars();
    match letters.next() {
        None => text.to_owned(),
        Some(first) if text.contains('\n') => {
            format!("{text}\n{}{}", first.to_uppercase(), letters.as_str())
        }
        Some(_) => format!("{text}; {words}"),
    }
}
