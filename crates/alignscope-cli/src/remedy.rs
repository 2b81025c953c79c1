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
        Remedy::SmallerSquare => {
            "bring images to a smaller square with `--baseline-size` (in an experiment: \
             `baseline_size`)"
        }
        Remedy::LargerSquare => {
            "bring images to a larger square with `--baseline-size` (in an experiment: \
             `baseline_size`)"
        }
        Remedy::PrecisionF32 => {
            "choose `--precision f32` (in an experiment: `precision = \"f32\"`), whose weights take \
             a third less"
        }
        Remedy::Spill => "let activations be spilled to a temporary file",
        Remedy::FreeSpace => "free some space there",
        Remedy::OtherTemporaryFolder => "name another folder in the environment variable TMPDIR",
        Remedy::FewerResamples => "draw fewer with `--resamples` of `run`, `score` or `compare`",
        Remedy::FewerTrials => {
            "take a part of them with `--limit` (in an experiment: `limit` under [[datasets]])"
        }
        Remedy::LeaveOutImages => {
            "leave the trials of such images out with `--keep-going` of `run` (in an experiment: \
             `keep_going = true`)"
        }
        Remedy::LeaveOutMissing => {
            "leave those trials out with `--skip-missing` of `run` or `score` (in an experiment: \
             `skip_missing = true` under [[datasets]])"
        }
        Remedy::NameData => {
            "name the folder where it is (for a data set of an experiment: `--data NAME=PATH` of \
             `run`; paths in an experiment begin at its own folder)"
        }
        Remedy::WithImages => "leave out `without_images` under [[datasets]] of the experiment",
        Remedy::WithoutPixels => {
            "leave the pixels out with `--no-pixels` (in an experiment: `pixels = false`)"
        }
        Remedy::AllowOutside => {
            "if you trust the file, allow that with `--allow-outside` (in an experiment: \
             `allow_outside = true` under [[datasets]])"
        }
        Remedy::SayOdd { place } => {
            return format!(
                "if it does, say so with `--odd {place}` (in an experiment: `odd = \"{place}\"` \
                 under [[datasets]])"
            );
        }
        Remedy::NameFile => "name one of them instead of the folder",
        Remedy::RenameDataset { format } => {
            return format!(
                "give one another name, as in `--dataset mine={format}`, or with `name` under \
                 [[datasets]] of an experiment"
            );
        }
        Remedy::ClusterByDefault => {
            "choose `--cluster default` (in an experiment: `cluster = \"default\"`)"
        }
        Remedy::LeaveOut(choice) => return format!("leave out {}", option(*choice)),
        Remedy::PythonPackage { library } => {
            return format!(
                "install the Python package with `pip install alignscope torch {library}`, and give \
                 the same command again (with `python -m alignscope` in place of `alignscope` if this \
                 program is still found first)"
            );
        }
        Remedy::TorchBackend => {
            "let torch run encoders with `--backend torch` (in an experiment: `backend = \"torch\"`)"
        }
        Remedy::OwnBackend => {
            "let alignscope run encoders itself with `--backend own` (in an experiment: `backend = \
             \"own\"`)"
        }
        Remedy::OtherTokens => {
            "choose `--tokens all`, `patches` or `mean` (in an experiment: `tokens = \"mean\"`)"
        }
        Remedy::OneVector => {
            "choose `--tokens class` or `mean` (in an experiment: `tokens = \"mean\"`)"
        }
        Remedy::SayLike => {
            "name a model of the same architecture and preprocessing behind the file, as in \
             `FILE@like=openai/clip-vit-base-patch32`"
        }
        Remedy::SayPrefix => {
            "say with `--prefix-tokens` how many stand before the patches, such as 5 for a class \
             token and 4 registers, 0 for none (in an experiment: `prefix_tokens`)"
        }
        Remedy::SayOtherPrefix => {
            "if that is not so, say with `--prefix-tokens` how many stand before the patches (in an \
             experiment: `prefix_tokens`)"
        }
        Remedy::SayClassToken => {
            "if the first is a class token, say so with `--prefix-tokens 1` (in an experiment: \
             `prefix_tokens = 1`)"
        }
        Remedy::SayLayouts { layouts, axes } => {
            let options: Vec<_> = layouts.iter().map(|name| format!("--layout {name}")).collect();
            return format!(
                "if its axes are {axes}, say so with `{}` (in an experiment: `layouts = [{}]`)",
                options.join(" "),
                layouts.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
            );
        }
        Remedy::FetchWeights { metric } => {
            return format!("fetch them with `alignscope fetch {metric}`");
        }
        Remedy::NameWeights => {
            "bring the files from elsewhere and name their folder with `--weights` (in an \
             experiment: `weights`)"
        }
        Remedy::NameCache => {
            "keep them elsewhere, in a place that you name with `--cache` or in the environment \
             variable ALIGNSCOPE_CACHE"
        }
        Remedy::WithoutCache => "keep nothing of a run with `--no-cache` of `run`",
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
             `--lower-is-better=false` that higher ones are (in an experiment: `lower_is_better = \
             true` or `false` under [[datasets]])"
        }
        Remedy::Verify => "look into it with `alignscope verify`",
        Remedy::RunAgain => "run it again",
        Remedy::OneDataset { dataset } => {
            return format!("compare on one that both have, with `--dataset {dataset}`");
        }
        Remedy::Gallery => "put them on one board with `alignscope gallery`",
        Remedy::NameBoardRuns => "give one another name, as in `NAME=FOLDER`",
        Remedy::TakeAltered => "take it as it is, and have it marked, with `--altered`",
        Remedy::NameSide => "name one side with `--model-a`, `--stage-a` or `--distance-a`",
        Remedy::NameRuns => "compare two of them by naming a model of each",
        Remedy::RunWithTies => "run one of them again with `--ties` of `run`",
    };
    text.to_owned()
}

/// The option, or options, by which something is chosen, with its keys in an experiment.
fn option(choice: Choice) -> &'static str {
    match choice {
        Choice::Split => "`--split` (in an experiment: `split`)",
        Choice::MinVotes => "`--min-votes` (in an experiment: `min_votes`)",
        Choice::LowerIsBetter => "`--lower-is-better` (in an experiment: `lower_is_better`)",
        Choice::ThingsImages => "`--images` (in an experiment: `images`)",
        Choice::Odd => "`--odd` (in an experiment: `odd`)",
        Choice::Reading => {
            "`--layout` and `--prefix-tokens` (in an experiment: `layouts` and `prefix_tokens`)"
        }
        Choice::Prefix => "`--prefix-tokens` (in an experiment: `prefix_tokens`)",
        Choice::Scales => "`--scale-from` (in an experiment: `scale_from`)",
        Choice::Transform => "`--transform` (in an experiment: `transform`)",
        Choice::Torch => {
            "`--device`, `--dtype`, `--tf32`, `--compile` and `--batch` (in an experiment: \
             `device`, `dtype`, `tf32`, `compile` and `batch`)"
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// The commands that read data sets.
    const DATASETS: &[&str] = &["run", "score", "transform", "check", "import", "compare"];

    /// The commands that run models on data sets.
    const MODELS: &[&str] = &["run", "transform", "compare"];

    /// The commands whose models and data sets may stand in an experiment.
    const EXPERIMENTS: &[&str] = &["run", "compare"];

    /// The commands that make a run.
    const RUNS: &[&str] = &["run", "score"];

    /// The commands that may show a remedy.
    fn shown_by(remedy: &Remedy) -> &'static [&'static str] {
        match remedy {
            Remedy::MoreMemory { .. } => {
                &["run", "score", "transform", "activations", "demo", "check", "compare"]
            }
            Remedy::PrecisionF32 => &["run", "transform", "activations", "compare"],
            Remedy::SmallerSquare | Remedy::LargerSquare => EXPERIMENTS,
            Remedy::FewerResamples => &["run", "score", "compare", "combine", "gallery"],
            Remedy::FewerTrials => EXPERIMENTS,
            Remedy::LeaveOutImages
            | Remedy::LeaveOutMissing
            | Remedy::NameData
            | Remedy::AllowOutside
            | Remedy::SayDirection
            | Remedy::NameFile => DATASETS,
            Remedy::SayOdd { .. } => &["run", "score", "transform", "check", "import"],
            Remedy::WithoutPixels | Remedy::ClusterByDefault => RUNS,
            Remedy::WithImages
            | Remedy::TorchBackend
            | Remedy::OwnBackend
            | Remedy::FetchWeights { .. }
            | Remedy::RenameDataset { .. } => EXPERIMENTS,
            Remedy::OtherTokens => &["run", "transform", "activations", "compare"],
            Remedy::OneVector => EXPERIMENTS,
            Remedy::SayPrefix
            | Remedy::SayOtherPrefix
            | Remedy::SayClassToken
            | Remedy::SayLayouts { .. } => &["run", "score", "transform", "compare"],
            Remedy::SayLike => &["run", "transform", "activations", "compare"],
            Remedy::NameWeights => &["run", "fetch", "compare"],
            Remedy::NameCache => &["run", "slurm", "compare", "cache"],
            Remedy::WithoutCache => EXPERIMENTS,
            Remedy::WithCache | Remedy::WithoutFresh | Remedy::Fresh => &["run"],
            Remedy::OtherFolder => &[
                "run",
                "score",
                "transform",
                "activations",
                "demo",
                "published",
                "compare",
                "combine",
                "gallery",
            ],
            Remedy::TakeAltered | Remedy::NameBoardRuns => &["gallery"],
            Remedy::OneDataset { .. } | Remedy::NameSide | Remedy::NameRuns => &["compare"],
            Remedy::RunWithTies => &["compare", "combine", "gallery"],
            Remedy::LeaveOut(choice) => match choice {
                Choice::Split | Choice::LowerIsBetter | Choice::ThingsImages | Choice::Odd => {
                    DATASETS
                }
                Choice::MinVotes => &["run", "score", "transform", "import", "compare"],
                Choice::Reading => &["run"],
                Choice::Prefix => &["run", "score", "transform", "compare"],
                Choice::Scales | Choice::Transform | Choice::Torch => EXPERIMENTS,
            },
            Remedy::SmallerImage
            | Remedy::Spill
            | Remedy::FreeSpace
            | Remedy::OtherTemporaryFolder
            | Remedy::PythonPackage { .. }
            | Remedy::RemoveFolder
            | Remedy::ReplaceRun
            | Remedy::Verify
            | Remedy::RunAgain
            | Remedy::Gallery => MODELS,
        }
    }

    fn remedies() -> Vec<Remedy> {
        let choices = [
            Choice::Split,
            Choice::MinVotes,
            Choice::LowerIsBetter,
            Choice::ThingsImages,
            Choice::Odd,
            Choice::Reading,
            Choice::Prefix,
            Choice::Scales,
            Choice::Torch,
            Choice::Transform,
        ];
        let mut all: Vec<Remedy> = choices.map(Remedy::LeaveOut).to_vec();
        all.extend([
            Remedy::MoreMemory { bytes: None },
            Remedy::MoreMemory { bytes: Some(1) },
            Remedy::SmallerImage,
            Remedy::SmallerSquare,
            Remedy::LargerSquare,
            Remedy::PrecisionF32,
            Remedy::Spill,
            Remedy::FreeSpace,
            Remedy::OtherTemporaryFolder,
            Remedy::FewerResamples,
            Remedy::FewerTrials,
            Remedy::LeaveOutImages,
            Remedy::LeaveOutMissing,
            Remedy::NameData,
            Remedy::WithImages,
            Remedy::WithoutPixels,
            Remedy::AllowOutside,
            Remedy::SayOdd { place: "first" },
            Remedy::NameFile,
            Remedy::RenameDataset { format: "pairs".to_owned() },
            Remedy::ClusterByDefault,
            Remedy::PythonPackage { library: "timm" },
            Remedy::TorchBackend,
            Remedy::OwnBackend,
            Remedy::OtherTokens,
            Remedy::OneVector,
            Remedy::SayLike,
            Remedy::SayPrefix,
            Remedy::SayOtherPrefix,
            Remedy::SayClassToken,
            Remedy::SayLayouts { layouts: vec!["NCHW"], axes: "[images, channels]" },
            Remedy::FetchWeights { metric: "lpips-alex" },
            Remedy::NameWeights,
            Remedy::NameCache,
            Remedy::WithoutCache,
            Remedy::WithCache,
            Remedy::WithoutFresh,
            Remedy::OtherFolder,
            Remedy::RemoveFolder,
            Remedy::ReplaceRun,
            Remedy::Fresh,
            Remedy::SayDirection,
            Remedy::Verify,
            Remedy::RunAgain,
            Remedy::OneDataset { dataset: "pairs".to_owned() },
            Remedy::Gallery,
            Remedy::NameBoardRuns,
            Remedy::TakeAltered,
            Remedy::NameSide,
            Remedy::NameRuns,
            Remedy::RunWithTies,
        ]);
        all
    }

    /// The options that words name, each with what stands behind it.
    fn options(words: &str) -> Vec<(&str, &str)> {
        let found = words.match_indices("`--").map(|(start, _)| {
            let text = &words[start + 3..];
            let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
            text.split_at(end.unwrap_or(text.len()))
        });
        found.collect()
    }

    #[test]
    fn each_command_that_shows_a_remedy_has_its_options_or_is_told_whose_they_are() {
        let program = Arguments::command();
        let takes = |command: &str, option: &str| {
            let command = program.find_subcommand(command).expect("a command");
            let below = command.get_subcommands().flat_map(|below| below.get_arguments());
            let mut all = command.get_arguments().chain(below);
            all.any(|argument| argument.get_long() == Some(option))
        };
        let mut seen = 0;
        for remedy in remedies() {
            let said = words(&remedy);
            for (option, behind) in options(&said) {
                let owned = behind
                    .split_once('`')
                    .and_then(|(_, rest)| rest.strip_prefix(" of `"))
                    .and_then(|rest| rest.split_once('`'))
                    .map(|(owner, _)| owner);
                if let Some(owner) = owned {
                    assert!(takes(owner, option), "{said}: `--{option}` is none of `{owner}`");
                }
                for command in shown_by(&remedy) {
                    let elsewhere = EXPERIMENTS.contains(command)
                        && (said.contains("in an experiment") || said.contains("of an experiment"));
                    assert!(
                        owned.is_some()
                            || takes(command, option)
                            || elsewhere
                            || said.contains("in the environment variable"),
                        "`{command}` shows {said:?}, and has no `--{option}`"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 50, "{seen}");
    }
}
