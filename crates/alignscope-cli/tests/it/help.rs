//! What the program says of itself: help, completions of a shell, manual pages.

use std::fs;

use crate::place::Place;
use crate::program::{alignscope, has_parts};

/// The headings of a command's help, in order.
fn headings(help: &str) -> Vec<&str> {
    let is_heading = |line: &&str| line.ends_with(':') && !line.starts_with(' ');
    help.lines().filter(is_heading).map(|line| line.trim_end_matches(':')).collect()
}

#[test]
fn options_stand_under_headings() {
    for (command, expected) in [
        (
            "run",
            &[
                "Arguments",
                "Options",
                "What is run",
                "Torch models (in the Python package)",
                "Data",
                "Scoring",
                "Memory and cache",
                "Output",
            ][..],
        ),
        ("score", &["Options", "What is scored", "Data", "Scoring", "Memory", "Output"]),
        ("activations", &["Options", "What is encoded", "Memory", "Output"]),
        (
            "compare",
            &["Arguments", "Options", "What is compared", "Scoring", "Output", "Models only"],
        ),
        ("combine", &["Arguments", "Options", "Output"]),
    ] {
        let (code, help, _) = alignscope(&[command, "--help"]);
        assert_eq!(code, 0, "{help}");
        assert_eq!(headings(&help), expected, "{help}");
    }
}

#[test]
fn help_lists_the_values_of_every_choice() {
    let (_, help, _) = alignscope(&["run", "-h"]);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    has_parts(
        &help,
        &[
            "[possible values: tid2013, tid2008, kadid10k, tid-like, csiq, csiq-like, live, live-like,",
            "[possible values: euclidean, normalized-euclidean, cosine, correlation, dot]",
            "[possible values: all, class, registers, patches, mean]",
            "[possible values: miss, half]",
            "[possible values: default, observer, image, none]",
            "[possible values: auto, f32, bf16x6, bf16x3, bf16]",
            "[possible values: raw, unit]",
            "[possible values: NCHW, NHWC, NLC, NCL, NC..., N...C]",
            "`series:GLOB[#PART][@like=WHAT]`",
            "`features:DIR`",
            "`timm:NAME`, `transformers:ID`",
            "[possible values: own, torch]",
            "[possible values: float32, bfloat16, float16]",
        ],
    );
    let (_, help, _) = alignscope(&["score", "--help"]);
    has_parts(&help, &["- half: ", "- patches: ", "- cosine: ", "- observer: ", "- NCHW: "]);
}

#[test]
fn completions_know_commands_options_and_values() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, said) = alignscope(&["completions", shell]);
        assert_eq!((code, said.as_str()), (0, ""), "{shell}");
        has_parts(&script, &["alignscope", "activations", "skip-missing"]);
        // Those of these two shells complete only commands and options.
        if !["elvish", "powershell"].contains(&shell) {
            has_parts(&script, &["normalized-euclidean", "kadid10k"]);
        }
    }
    let (code, _, said) = alignscope(&["completions", "csh"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn every_command_has_a_manual_page() {
    let place = Place::with_pairs("data");
    let pages = place.path("share/man1");
    let (code, printed, said) = alignscope(&["man", pages.to_str().expect("UTF-8")]);
    assert_eq!((code, printed.as_str()), (0, ""), "{said}");
    let page = |name: &str| fs::read_to_string(pages.join(name)).expect(name);
    has_parts(&page("alignscope.1"), &["alignscope\\-run(1)", "alignscope\\-man(1)"]);
    has_parts(&page("alignscope-run.1"), &[".SH SCORING", ".SH \"MEMORY AND CACHE\"", "cosine"]);
    has_parts(&page("alignscope-cache-clean.1"), &["older"]);
    let file = place.path("data/pairs.csv");
    let (code, _, said) = alignscope(&["man", file.to_str().expect("UTF-8")]);
    assert_eq!(code, 2, "{said}");
    has_parts(&said, &["cannot write the manual pages to"]);
}
