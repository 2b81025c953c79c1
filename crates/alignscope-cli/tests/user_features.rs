//! `alignscope score` with features that are no plain tokens: registers, feature maps.

use std::fs;
use std::path::{Path, PathBuf};

use alignscope::image::RgbImage;
use assert_cmd::Command;
use tempfile::TempDir;

/// The images of the data set.
const IMAGES: [&str; 3] = ["a.png", "b.png", "c.png"];

/// A folder with three images and a manifest.
fn place() -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    for (i, name) in IMAGES.iter().enumerate() {
        let pixels = (0..3 * 20 * 17).map(|p| ((p * (i + 3)) % 251) as u8).collect();
        fs::write(place.path().join(name), RgbImage::new(20, 17, pixels).to_png())
            .expect("written");
    }
    let table = "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\nb.png,c.png,1\n";
    fs::write(place.path().join("pairs.csv"), table).expect("written");
    place
}

/// Features of the images in a file `features.npy`, as `numpy.save` writes it.
///
/// `order` — what the header says of Fortran's order
fn write(folder: &Path, shape: &[usize], order: &str, values: &[f32]) {
    fs::create_dir_all(folder).expect("made");
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(folder.join("features.npy"), bytes).expect("written");
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
fn score(place: &TempDir, features: &Path, more: &[&str]) -> (i32, String, PathBuf) {
    let out = tempfile::tempdir_in(place.path()).expect("a folder").keep();
    let text = |path: &Path| path.to_str().expect("Unicode").to_owned();
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .args(["score", "--dataset", "pairs", "--no-pixels", "--name", "mine", "--data"])
        .args([text(place.path()), "--features".into(), text(features), "--out".into(), text(&out)])
        .args(more)
        .output()
        .expect("it starts");
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().expect("an exit code"), message, out)
}

/// The tables of features that can be scored.
fn tables(place: &TempDir, features: &Path, more: &[&str]) -> [Vec<u8>; 2] {
    let (code, message, out) = score(place, features, more);
    assert_eq!(code, 0, "{message}");
    ["scores.csv", "distances.parquet"].map(|name| fs::read(out.join(name)).expect(name))
}

/// Holds exit code 2 and the message to what is expected.
fn refuses(place: &TempDir, features: &Path, more: &[&str], parts: &[&str]) {
    let (code, message, out) = score(place, features, more);
    assert_eq!(code, 2, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    assert!(!out.join("scores.csv").exists(), "no result is left");
}

#[test]
fn registers_are_told_by_prefix_tokens() {
    let place = place();
    // A class token, four registers and 14 × 14 patches.
    let [tokens, channels] = [1 + 4 + 196, 8];
    let values = noise(3 * tokens * channels);
    let folder = |name: &str| place.path().join(name).join("layer");
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
    for tokens in ["patches", "mean", "class"] {
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
        ("0", "class", "`--prefix-tokens 0` says that no token"),
        ("-1", "patches", "invalid"),
        ("five", "patches", "invalid"),
    ] {
        let more = [&format!("--prefix-tokens={prefix}"), "--tokens", tokens];
        refuses(&place, &features, &more, &[part]);
    }
    // 196 tokens have no class token.
    refuses(&place, &alone, &["--tokens", "class"], &["196 tokens are a square"]);
}

#[test]
fn maps_are_told_by_layout() {
    let place = place();
    let [channels, height, width] = [6, 4, 5];
    let of_image = channels * height * width;
    let nchw = noise(3 * of_image);
    // [images, channels, positions] -> [images, positions, channels]
    let at = |i: usize| {
        let (image, position, channel) = (i / of_image, i % of_image / channels, i % channels);
        nchw[image * of_image + channel * height * width + position]
    };
    let nhwc: Vec<f32> = (0..nchw.len()).map(at).collect();
    let folder = |name: &str| place.path().join(name).join("layer");
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
        (&first, &["--layout", "NCL"], "`--layout NHWC`"),
        (&first, &["--layout", "nchw"], "expected one of `NCHW`, `NHWC`, `NLC`, `NCL`"),
        (&first, &["--layout", "NCHW", "--tokens", "class"], "a feature map has none"),
        (&first, &["--layout", "NCHW", "--prefix-tokens", "1"], "`--prefix-tokens 1` has no use"),
        (&tokens, &["--layout", "NCHW"], "no stage has 4 axes"),
    ] {
        refuses(&place, features, more, &[part]);
    }
    let odd = folder("odd");
    write(&odd, &[3, 1, 1, 1, 2], "False", &noise(6));
    refuses(&place, &odd, &["--layout", "NCHW"], &["shape [3, 1, 1, 1, 2]", "four axes"]);
    write(&odd, &[3, 1, 0, 2], "False", &[]);
    refuses(&place, &odd, &["--layout", "NCHW"], &["shape [3, 1, 0, 2]", "none of them 0"]);
    write(&odd, &[3], "False", &noise(3));
    refuses(&place, &odd, &[], &["shape [3]"]);
    write(&odd, &[3, 1, 2, 2], "True", &noise(12));
    refuses(&place, &odd, &["--layout", "NCHW"], &["Fortran's order"]);
}

#[test]
fn axes_that_look_exchanged_are_told() {
    let place = place();
    let features = place.path().join("exchanged").join("layer");
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
