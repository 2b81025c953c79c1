//! What would help with an error, in the words of the command line.

use alignscope::{Choice, Remedy};

/// What to do, and by which option.
pub fn words(remedy: &Remedy) -> String {
    let text = match remedy {
        Remedy::MoreMemory { bytes: Some(bytes) } => {
            return format!("allow more with `--memory {}MB`", bytes.div_ceil(1_000_000));
        }
        Remedy::MoreMemory { bytes: None } => "allow more memory with `--memory`",
        Remedy::SmallerImage => "make the image smaller",
        Remedy::SmallerSquare => "bring images to a smaller square with `--baseline-size`",
        Remedy::LargerSquare => "bring images to a larger square with `--baseline-size`",
        Remedy::PrecisionF32 => "choose `--precision f32`, whose weights take a third less",
        Remedy::Spill => "let activations be spilled to a temporary file",
        Remedy::FreeSpace => "free some space there",
        Remedy::OtherTemporaryFolder => "name another folder in the environment variable TMPDIR",
        Remedy::FewerResamples => "draw fewer with `--resamples`",
        Remedy::FewerTrials => "take a part of them with `--limit`",
        Remedy::LeaveOutImages => "leave the trials of such images out with `--keep-going`",
        Remedy::LeaveOutMissing => "leave those trials out with `--skip-missing`",
        Remedy::WithImages => "leave out `without_images` under [[datasets]] of the experiment",
        Remedy::WithoutPixels => "leave the pixels out with `--no-pixels`",
        Remedy::AllowOutside => "if you trust the file, allow that with `--allow-outside`",
        Remedy::SayOdd { place } => {
            return format!("if it does, say so with `--odd {place}`");
        }
        Remedy::NameFile => "name one of them with `--data`",
        Remedy::RenameDataset { format } => {
            return format!(
                "give one another name, as in `--dataset mine={format}`, or with `name` under \
                 [[datasets]] of an experiment"
            );
        }
        Remedy::ClusterByDefault => "choose `--cluster default`",
        Remedy::LeaveOut(choice) => return format!("leave out {}", option(*choice)),
        Remedy::PythonPackage { library } => {
            return format!(
                "install the Python package with `pip install alignscope torch {library}`, and give \
                 the same command again"
            );
        }
        Remedy::TorchBackend => "let torch run encoders with `--backend torch`",
        Remedy::OwnBackend => "let alignscope run encoders itself with `--backend own`",
        Remedy::OtherTokens => "choose `--tokens all`, `patches` or `mean`",
        Remedy::OneVector => "choose `--tokens class` or `mean`",
        Remedy::SayLike => {
            "name a model of the same architecture and preprocessing, as in `--like \
             openai/clip-vit-base-patch32`"
        }
        Remedy::SayPrefix => {
            "say with `--prefix-tokens` how many stand before the patches, such as 5 for a class \
             token and 4 registers, 0 for none"
        }
        Remedy::SayOtherPrefix => {
            "if that is not so, say with `--prefix-tokens` how many stand before the patches"
        }
        Remedy::SayClassToken => "if the first is a class token, say so with `--prefix-tokens 1`",
        Remedy::SayLayouts { layouts, axes } => {
            let options: Vec<_> = layouts.iter().map(|name| format!("--layout {name}")).collect();
            return format!("if its axes are {axes}, say so with `{}`", options.join(" "));
        }
        Remedy::FetchWeights { metric } => {
            return format!("fetch them with `alignscope fetch {metric}`");
        }
        Remedy::NameWeights => {
            "bring the files from elsewhere and name their folder with `--weights`"
        }
        Remedy::NameCache => "keep them elsewhere, in a place that you name with `--cache`",
        Remedy::WithoutCache => "keep nothing of a run with `--no-cache`",
        Remedy::WithCache => "leave out `--no-cache`",
        Remedy::WithoutFresh => {
            "leave out `--fresh`; before the first shard, `alignscope cache clean` removes what is \
             kept"
        }
        Remedy::OtherFolder => "name another folder with `--out`",
        Remedy::ReplaceRun => "remove what is there",
        Remedy::RemoveFolder => "remove what is there",
        Remedy::Fresh => "discard that run with `--fresh`",
        Remedy::SayDirection => {
            "say with `--lower-is-better` that lower scores are better, or with \
             `--lower-is-better=false` that higher ones are"
        }
        Remedy::Verify => "look into it with `alignscope verify`",
        Remedy::NameSide => "name one side with `--model-a`, `--stage-a` or `--distance-a`",
        Remedy::NameRuns => "compare two of them by naming a model of each",
        Remedy::RunWithTies => "run one of them again with `--ties`",
    };
    text.to_owned()
}

/// The option, or options, by which something is chosen.
fn option(choice: Choice) -> &'static str {
    match choice {
        Choice::Split => "`--split`",
        Choice::MinVotes => "`--min-votes`",
        Choice::LowerIsBetter => "`--lower-is-better`",
        Choice::ThingsImages => "`--images`",
        Choice::Odd => "`--odd`",
        Choice::Reading => "`--layout` and `--prefix-tokens`",
        Choice::Prefix => "`--prefix-tokens`",
        Choice::Scales => "`--scale-from`",
        Choice::Transform => "`--transform`",
        Choice::Torch => "`--device`, `--dtype`, `--tf32`, `--compile` and `--batch`",
    }
}
