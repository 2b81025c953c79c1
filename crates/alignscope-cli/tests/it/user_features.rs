//! `alignscope score` with features that are no plain tokens: registers, feature maps.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place::{IMAGES, Place, npy};
use crate::program::{is_refused, outcome};

/// Features of the images in a file `features.npy`.
///
/// `order` — what the header says of Fortran's order
fn write(folder: &Path, shape: &[usize], order: &str, values: &[f32]) {
    fs::create_dir_all(folder).expect("made");
    fs::write(folder.join("features.npy"), npy(shape, order, values)).expect("written");
    fs::write(folder.join("file_names.txt"), IMAGES.join("\n")).expect("written");
}

/// Numbers without a pattern.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(next).collect()
}

/// What `score` says of features, and the folder of its results.
fn score(place: &Place, features: &Path, more: &[&str]) -> (i32, String, PathBuf) {
    let out = tempfile::tempdir_in(place.root()).expect("a folder").keep();
    let mut command = place.command();
    command.args(["score", "--dataset", "pairs", "--no-pixels", "--name", "mine", "--data"]);
    command.arg(place.root()).arg("--features").arg(features).arg("--out").arg(&out).args(more);
    let (code, _, message) = outcome(&mut command);
    (code, message, out)
}

/// The tables of features that can be scored.
fn tables(place: &Place, features: &Path, more: &[&str]) -> [Vec<u8>; 2] {
    let (code, message, out) = score(place, features, more);
    assert_eq!(code, 0, "{message}");
    ["scores.csv", "distances.parquet"].map(|name| fs::read(out.join(name)).expect(name))
}

/// Holds exit code 2 and the message to what is expected.
fn refuses(place: &Place, features: &Path, more: &[&str], parts: &[&str]) {
    let (code, message, out) = score(place, features, more);
    is_refused(code, &message, parts);
    assert!(!out.join("scores.csv").exists(), "no result is left");
}

#[test]
fn registers_are_told_by_prefix_tokens() {
    let place = Place::with_equal_pairs(".");
    // A class token, four registers and 14 × 14 patches.
    let [tokens, channels] = [1 + 4 + 196, 8];
    let values = noise(3 * tokens * channels);
    let folder = |name: &str| place.path(name).join("layer");
    let features = folder("registers");
    write(&features, &[3, tokens, channels], "False", &values);
    let images = values.chunks(tokens * channels);
    let patches: Vec<f32> = images.flat_map(|image| image[5 * channels..].to_vec()).collect();
    let alone = folder("patches");
    write(&alone, &[3, 196, channels], "False", &patches);
    let chosen = ["--tokens", "patches"];
    assert_eq!(
        tables(&place, &features, &["--tokens", "patches", "--prefix-tokens", "5"]),
        tables(&place, &alone, &chosen)
    );
    for tokens in ["patches", "mean", "class", "registers"] {
        refuses(
            &place,
            &features,
            &["--tokens", tokens],
            &["mine at layer", "which of 201 tokens are patches", "`--prefix-tokens`"],
        );
    }
    for (prefix, tokens, part) in [
        ("201", "patches", "there are only 201 tokens"),
        ("201", "all", "there are only 201 tokens"),
        ("0", "class", "it is said that no token stands"),
        ("1", "registers", "of 201 tokens 1 stands before the patches"),
        ("-1", "patches", "invalid"),
        ("five", "patches", "invalid"),
    ] {
        let more = [&format!("--prefix-tokens={prefix}"), "--tokens", tokens];
        refuses(&place, &features, &more, &[part]);
    }
    let images = values.chunks(tokens * channels);
    let four: Vec<f32> = images.flat_map(|i| i[channels..5 * channels].to_vec()).collect();
    let of_registers = folder("four");
    write(&of_registers, &[3, 4, channels], "False", &four);
    assert_eq!(
        tables(&place, &features, &["--tokens", "registers", "--prefix-tokens", "5"]),
        tables(&place, &of_registers, &["--tokens", "all"])
    );
    // 196 tokens have no class token.
    refuses(&place, &alone, &["--tokens", "class"], &["196 tokens are a square"]);
}

#[test]
fn maps_are_told_by_layout() {
    let place = Place::with_equal_pairs(".");
    let [channels, height, width] = [6, 4, 5];
    let of_image = channels * height * width;
    let nchw = noise(3 * of_image);
    // [images, channels, positions] -> [images, positions, channels]
    let at = |i: usize| {
        let (image, position, channel) = (i / of_image, i % of_image / channels, i % channels);
        nchw[image * of_image + channel * height * width + position]
    };
    let nhwc: Vec<f32> = (0..nchw.len()).map(at).collect();
    let folder = |name: &str| place.path(name).join("layer");
    let [first, last, tokens] = ["first", "last", "tokens"].map(folder);
    write(&first, &[3, channels, height, width], "False", &nchw);
    write(&last, &[3, height, width, channels], "False", &nhwc);
    write(&tokens, &[3, height * width, channels], "False", &nhwc);
    let expected = tables(&place, &tokens, &[]);
    assert!(tables(&place, &first, &["--layout", "NCHW"]) == expected);
    assert!(tables(&place, &last, &["--layout", "NHWC"]) == expected);
    assert!(tables(&place, &first, &["--layout", "NCHW", "--tokens", "patches"]) == expected);

    for (features, more, part) in [
        (&first, &[][..], "`--layout NCHW`"),
        (&first, &["--layout", "NCL"], "`--layout NHWC --layout NCL`"),
        (&first, &["--layout", "NCHW", "--layout", "NHWC"], "are both of 4 axes"),
        (&first, &["--layout", "NCHW", "--layout", "NLC"], "no stage has 3 axes"),
        (&first, &["--layout", "nchw"], "expected one of `NCHW`, `NHWC`, `NLC`, `NCL`"),
        (&first, &["--layout", "NCHW", "--tokens", "class"], "a feature map has none"),
        (
            &first,
            &["--layout", "NCHW", "--prefix-tokens", "1"],
            "before the patches, 1, has no use",
        ),
        (&tokens, &["--layout", "NCHW"], "no stage has 4 axes"),
    ] {
        refuses(&place, features, more, &[part]);
    }
    let odd = folder("odd");
    write(&odd, &[3, 1, 1, 1, 2], "False", &noise(6));
    refuses(&place, &odd, &[], &["shape is [3, 1, 1, 1, 2], of 5 axes", "`--layout N...C`"]);
    write(&odd, &[3, 1, 0, 2], "False", &[]);
    refuses(&place, &odd, &["--layout", "NCHW"], &["shape [3, 1, 0, 2]", "none of size 0"]);
    write(&odd, &[], "False", &noise(1));
    refuses(&place, &odd, &[], &["shape []"]);
    write(&odd, &[3, 1, 2, 2], "True", &noise(12));
    refuses(&place, &odd, &["--layout", "NCHW"], &["Fortran's order"]);
}

#[test]
fn axes_that_look_exchanged_are_told() {
    let place = Place::with_equal_pairs(".");
    let features = place.path("exchanged").join("layer");
    write(&features, &[3, 768, 197], "False", &noise(3 * 768 * 197));
    let (code, message, _) = score(&place, &features, &[]);
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("768 tokens of 197 channels"), "{message}");
    assert!(message.contains("`--layout NCL`"), "{message}");
    for layout in ["NCL", "NLC"] {
        let (code, message, _) = score(&place, &features, &["--layout", layout]);
        assert_eq!(code, 0, "{message}");
        assert!(!message.contains("exchanged"), "{message}");
    }
}

#[test]
fn maps_and_exchanged_tokens_have_a_layout_each() {
    let place = Place::with_equal_pairs(".");
    let [features, right] = ["exchanged", "right"].map(|name| place.path(name));
    let [maps, tokens] = [noise(3 * 4 * 5 * 5), noise(3 * 768 * 197)];
    let turned = |i: usize| {
        let (image, token, channel) = (i / (768 * 197), i % (768 * 197) / 768, i % 768);
        tokens[image * 768 * 197 + channel * 197 + token]
    };
    let turned: Vec<f32> = (0..tokens.len()).map(turned).collect();
    for (folder, shape, tokens) in
        [(&features, [3, 768, 197], &tokens), (&right, [3, 197, 768], &turned)]
    {
        write(&folder.join("conv"), &[3, 4, 5, 5], "False", &maps);
        write(&folder.join("tokens"), &shape, "False", tokens);
    }
    let (code, message, _) = score(&place, &features, &["--layout", "NCHW"]);
    assert_eq!(code, 0, "{message}");
    for advice in ["`--layout NCHW --layout NCL`", ", or if", "`--layout NCHW --layout NLC`"] {
        assert!(message.contains(advice), "{message}");
    }
    let both = ["--layout", "NCHW", "--layout", "NCL"];
    let (code, message, _) = score(&place, &features, &both);
    assert_eq!(code, 0, "{message}");
    assert!(!message.contains("exchanged"), "{message}");
    assert!(tables(&place, &features, &both) == tables(&place, &right, &["--layout", "NCHW"]));
}
