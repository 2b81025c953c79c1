//! What would help with an error, in the words of the command line.

use alignscope::Remedy;

/// What to do, and by which option.
pub fn words(remedy: Remedy) -> String {
    let text = match remedy {
        Remedy::MoreMemory { bytes } => {
            return format!("allow more with `--memory {}MB`", bytes.div_ceil(1_000_000));
        }
        Remedy::SmallerImage => "make the image smaller",
        Remedy::SmallerSquare => "bring images to a smaller square with `--baseline-size`",
        Remedy::LargerSquare => "bring images to a larger square with `--baseline-size`",
        Remedy::PrecisionF32 => "choose `--precision f32`, whose weights take a third less",
        Remedy::Spill => "let activations be spilled to a temporary file",
        Remedy::FewerResamples => "draw fewer with `--resamples`",
        Remedy::FewerTrials => "take a part of them with `--limit`",
        Remedy::LeaveOutImages => "leave their trials out with `--keep-going`",
        Remedy::OtherFolder => "name another folder with `--out`",
        Remedy::RemoveFolder => "remove what is there",
        Remedy::Fresh => "discard that run with `--fresh`",
        Remedy::Verify => "look into it with `alignscope verify`",
        _ => return format!("{remedy:?}"),
    };
    text.to_owned()
}
