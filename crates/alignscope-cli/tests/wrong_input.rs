//! What the program says to wrong input: each case of `docs/errors.md`.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// A folder in which a run would work, until a test breaks something.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        for (i, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
            fs::write(place.path(name), png(20 + i as u32, 17)).expect("written");
        }
        place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,2\n");
        place.write(
            "twoafc.csv",
            "reference,left,right,right_vote\na.png,b.png,c.png,1\nb.png,a.png,c.png,0\n",
        );
        place.write("oddoneout.csv", "image_1,image_2,image_3,odd\na.png,b.png,c.png,3\n");
        fs::create_dir(place.path("model")).expect("made");
        for entry in fs::read_dir(golden("base")).expect("the golden checkpoint") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), place.path("model").join(entry.file_name())).expect("copied");
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("written");
    }

    /// Runs the small checkpoint on a data set of this folder.
    fn run(&self, dataset: &str, data: &str, more: &[&str]) -> (i32, String) {
        let data = self.path(data);
        let (model, out) = (self.path("model"), self.path("out"));
        let mut arguments = vec![
            "run",
            "--model",
            model.to_str().expect("Unicode"),
            "--dataset",
            dataset,
            "--data",
            data.to_str().expect("Unicode"),
        ];
        if !more.contains(&"--out") {
            arguments.extend(["--out", out.to_str().expect("Unicode")]);
        }
        arguments.extend(more);
        let (code, message) = alignscope(&arguments);
        if code != 0 && !more.contains(&"--out") {
            assert!(!out.join("scores.csv").exists(), "no result is left of a run that failed");
        }
        (code, message)
    }

    /// Runs, and holds exit code 2 and the message to what is expected.
    fn refuses(&self, dataset: &str, more: &[&str], parts: &[&str]) {
        self.refuses_at(dataset, "", more, parts);
    }

    fn refuses_at(&self, dataset: &str, data: &str, more: &[&str], parts: &[&str]) {
        let (code, message) = self.run(dataset, data, more);
        show(&message, &self.0);
        assert_eq!(code, 2, "{message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        assert!(!message.contains("panicked"), "{message}");
    }

    /// Replaces a piece of a JSON file of the checkpoint.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path("model").join(name);
        let text = fs::read_to_string(&path).expect("read");
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(path, text.replace(from, to)).expect("written");
    }
}

/// Shows a message, seen with `--nocapture`: the rows of `docs/errors.md`.
fn show(message: &str, place: &TempDir) {
    let case = std::thread::current().name().unwrap_or_default().replace('_', " ");
    let shown = match message.lines().find(|line| line.starts_with("error:")) {
        Some(usage) => usage,
        None => message.lines().last().unwrap_or_default(),
    };
    let here = place.path().display().to_string();
    let shown = shown.trim_start_matches("alignscope: ");
    let mut row = format!("{case} | {shown} ");
    // The folder itself is the place; what lies in it is shown without it.
    for end in [" ", ":", ";"] {
        row = row.replace(&format!("{here}/{end}"), &format!("DATA{end}"));
    }
    println!("{}", row.replace(&format!("{here}/"), "").trim_end());
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../alignscope/tests/golden/clip").join(name)
}

/// A grey PNG.
fn png(width: u32, height: u32) -> Vec<u8> {
    let image = alignscope::image::RgbImage::new(
        width as usize,
        height as usize,
        (0..3 * width * height).map(|i| (i * 7 % 251) as u8).collect(),
    );
    image.to_png()
}

fn alignscope(arguments: &[&str]) -> (i32, String) {
    let output = Command::cargo_bin("alignscope")
        .expect("the program")
        .env("ALIGNSCOPE_CACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/kept"))
        .args(arguments)
        .output()
        .expect("it starts");
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&output.stderr).into())
}

#[test]
fn the_place_itself_works() {
    let place = Place::new();
    for dataset in ["pairs", "twoafc", "oddoneout"] {
        let (code, message) = place.run(dataset, "", &[]);
        assert_eq!(code, 0, "{message}");
        let files = ["scores.csv", "distances.parquet", "trials.parquet", "scale.parquet"];
        for file in files.iter().chain(&["manifest.json", "alignment.svg", "alignment.png"]) {
            assert!(place.path("out").join(file).is_file(), "{file}");
        }
        fs::remove_dir_all(place.path("out")).expect("removed");
    }
}

#[test]
fn an_empty_folder() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).expect("made");
    for (dataset, expected) in [
        ("tid2013", "`mos_with_names.txt`"),
        ("nights", "`data.csv`"),
        ("things", "`triplet_dataset/testset1.txt`"),
        ("pairs", "`pairs.csv`"),
    ] {
        place.refuses_at(dataset, "empty", &[], &["holds no", dataset, "expected", expected]);
    }
}

#[test]
fn a_folder_that_does_not_exist() {
    Place::new().refuses_at("nights", "nowhere", &[], &["nowhere does not exist"]);
}

#[test]
fn the_folder_of_another_data_set() {
    let place = Place::new();
    place.write("data.csv", "id\n");
    place.refuses("things", &[], &["holds no things", "it looks like nights"]);
}

#[test]
fn a_table_without_a_column() {
    let place = Place::new();
    place.write("pairs.csv", "reference,other,score\na.png,b.png,3\n");
    place.refuses("pairs", &[], &["pairs.csv has no column `distorted`", "`other`"]);
}

#[test]
fn a_field_that_is_no_number() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,high\n");
    place.refuses("pairs", &[], &["line 3", "`score` is `high`, expected a number"]);
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,NaN\n");
    place.refuses("pairs", &[], &["line 2", "`score` is `NaN`, expected a number"]);
}

#[test]
fn a_row_with_too_few_fields() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png\n");
    place.refuses("pairs", &[], &["pairs.csv", "line: 2", "2 fields"]);
}

#[test]
fn a_vote_out_of_range() {
    let place = Place::new();
    place.write("twoafc.csv", "reference,left,right,right_vote\na.png,b.png,c.png,2\n");
    place.refuses("twoafc", &[], &["line 2", "`right_vote` is `2`, expected a share from 0 to 1"]);
}

#[test]
fn an_odd_one_out_of_range() {
    let place = Place::new();
    place.write("oddoneout.csv", "image_1,image_2,image_3,odd\na.png,b.png,c.png,4\n");
    place.refuses("oddoneout", &[], &["line 2", "`odd` is `4`, expected 1, 2 or 3"]);
}

/// THINGS with three concepts and one triplet.
fn things(triplets: &str) -> Place {
    let place = Place::new();
    place.write("unique_id.txt", "axe\nbee\ncup\n");
    fs::create_dir_all(place.path("triplet_dataset")).expect("made");
    place.write("triplet_dataset/testset1.txt", triplets);
    for concept in ["axe", "bee", "cup"] {
        let folder = place.path("object_images").join(concept);
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(format!("{concept}_01b.png")), png(20, 20)).expect("written");
    }
    place
}

#[test]
fn an_index_out_of_range() {
    things("0 1 2\n2 1 3\n").refuses(
        "things",
        &[],
        &["testset1.txt, line 2", "`index` is `3`", "the number of a concept, 0 to 2"],
    );
}

#[test]
fn a_triplet_of_two_numbers() {
    things("0 1\n").refuses(
        "things",
        &[],
        &["line 1", "found `0 1`, expected three whole numbers"],
    );
}

#[test]
fn a_triplet_that_shows_an_image_twice() {
    things("0 1 1\n").refuses("things", &[], &["line 1", "compared with itself"]);
}

#[test]
fn a_split_that_is_not_there() {
    things("0 1 2\n").refuses(
        "things",
        &["--split", "testset9"],
        &["there is no split `testset9`", "`testset1`"],
    );
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score,split\na.png,b.png,3,train\n");
    place.refuses("pairs", &["--split", "val"], &["there is no split `val`", "`train`"]);
}

#[test]
fn missing_images() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,gone.png,2\n");
    place.refuses("pairs", &[], &["1 images", "gone.png", "1 trials", "--skip-missing"]);
    let (code, message) = place.run("pairs", "", &["--skip-missing"]);
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("1 trials are left out because 1 images are missing"), "{message}");
}

#[test]
fn a_path_that_leads_out_of_the_folder() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score\na.png,../b.png,3\n");
    place.refuses("pairs", &[], &["line 2", "`../b.png` leads out of the folder"]);
}

#[test]
fn an_image_compared_with_itself() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score\na.png,a.png,3\n");
    place.refuses("pairs", &[], &["line 2", "`a.png` is compared with itself"]);
}

#[test]
fn a_truncated_jpeg() {
    let place = Place::new();
    let jpeg = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../alignscope/tests/golden/image/files/420.jpg");
    let bytes = fs::read(jpeg).expect("a JPEG");
    place.write("b.png", &bytes[..bytes.len() / 2]);
    place.refuses("pairs", &[], &["b.png", "truncated"]);
}

#[test]
fn an_empty_image_file() {
    let place = Place::new();
    place.write("b.png", "");
    place.refuses("pairs", &[], &["1 of the 3 images of pairs", "b.png is empty"]);
}

#[test]
fn a_text_file_called_png() {
    let place = Place::new();
    place.write("b.png", "not an image\n");
    place.refuses("pairs", &[], &["b.png is not a PNG, JPEG", "begins with \"not an image\""]);
}

#[test]
fn an_image_of_one_pixel_is_fine() {
    let place = Place::new();
    place.write("b.png", png(1, 1));
    let (code, message) = place.run("pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
}

#[test]
fn an_image_that_claims_too_many_pixels() {
    let place = Place::new();
    let mut bytes = png(20, 17);
    bytes[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    // With the right checksum, so that it is the number of pixels that is refused.
    let crc = !bytes[12..29].iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    place.write("b.png", bytes);
    place.refuses("pairs", &[], &["1 of the 3 images of pairs", "b.png", "100000 × 100000 pixels"]);
}

#[test]
fn a_configuration_without_a_model_type() {
    let place = Place::new();
    place.edit("config.json", "\"model_type\": \"clip\"", "\"model_kind\": \"clip\"");
    place.refuses("pairs", &[], &["config.json has no `model_type`", "expected `clip`"]);
}

#[test]
fn a_model_of_another_family() {
    let place = Place::new();
    place.edit("config.json", "\"model_type\": \"clip\"", "\"model_type\": \"resnet\"");
    place.refuses("pairs", &[], &["model type `resnet`", "not supported"]);
}

#[test]
fn a_configuration_that_is_not_json() {
    let place = Place::new();
    place.write("model/config.json", "{\"model_type\": ");
    place.refuses("pairs", &[], &["config.json is not valid JSON", "line 1"]);
}

#[test]
fn an_unknown_activation_function() {
    let place = Place::new();
    place.edit("config.json", "\"hidden_act\": \"quick_gelu\"", "\"hidden_act\": \"swish\"");
    place.refuses("pairs", &[], &["hidden_act", "\"swish\"", "`quick_gelu`"]);
}

#[test]
fn a_size_that_contradicts_a_tensor() {
    let place = Place::new();
    place.edit("config.json", "\"intermediate_size\": 24", "\"intermediate_size\": 25");
    place.refuses("pairs", &[], &["mlp.fc1.weight", "shape [24, 16]", "expected [25, 16]"]);
}

#[test]
fn preprocessing_of_another_size_than_the_model() {
    let place = Place::new();
    place.edit("preprocessor_config.json", "\"crop_size\": 16", "\"crop_size\": 18");
    place.refuses("pairs", &[], &["images of 16 × 16 pixels", "makes 18 × 18"]);
}

#[test]
fn a_checkpoint_without_preprocessing() {
    let place = Place::new();
    fs::remove_file(place.path("model/preprocessor_config.json")).expect("removed");
    place.refuses("pairs", &[], &["no preprocessing in", "preprocessor_config.json"]);
}

#[test]
fn a_checkpoint_without_weights() {
    let place = Place::new();
    fs::remove_file(place.path("model/model.safetensors")).expect("removed");
    place.refuses("pairs", &[], &["no weights in", "model.safetensors"]);
}

#[test]
fn truncated_weights() {
    let place = Place::new();
    let path = place.path("model/model.safetensors");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..bytes.len() - 100]).expect("written");
    place.refuses("pairs", &[], &["model.safetensors is not a whole safetensors file"]);
    fs::write(&path, &bytes[..5]).expect("written");
    place.refuses("pairs", &[], &["too few for a header"]);
}

#[test]
fn a_missing_tensor() {
    let place = Place::new();
    let path = place.path("model/model.safetensors");
    let bytes = fs::read(&path).expect("read");
    let text = b"vision_model.pre_layrnorm.weight";
    let at = bytes.windows(text.len()).position(|w| w == text).expect("the tensor");
    let mut changed = bytes.clone();
    // A tensor of the other tower, which is passed over.
    changed[at..at + text.len()].copy_from_slice(b"text_model.xxpre_layrnorm.weight");
    fs::write(&path, changed).expect("written");
    place.refuses(
        "pairs",
        &[],
        &["tensor `vision_model.pre_layrnorm.weight` is missing", "model.safetensors"],
    );
}

#[test]
fn a_number_that_is_not_finite_in_the_weights() {
    let place = Place::new();
    let path = place.path("model/model.safetensors");
    let mut bytes = fs::read(&path).expect("read");
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    // Every number after the header, so that whichever tensor is read first has one.
    for number in bytes[header..].as_chunks_mut::<4>().0 {
        *number = f32::NAN.to_le_bytes();
    }
    fs::write(&path, bytes).expect("written");
    place.refuses("pairs", &[], &["tensor `", "holds NaN at element 0", "expected finite"]);
}

/// Says what is wrong with a model, with these variables set.
fn refuses_model(arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
    let place = Place::new();
    let mut command = Command::cargo_bin("alignscope").expect("the program");
    command.env("HF_HUB_CACHE", place.path("cache")).env_remove("HF_TOKEN").args(arguments);
    for (name, value) in variables {
        command.env(name, value);
    }
    if arguments[0] == "run" {
        command.args(["--dataset", "pairs", "--data"]).arg(place.path(""));
        command.arg("--out").arg(place.path("out"));
    }
    let output = command.output().expect("run");
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    show(&message, &place.0);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn a_model_that_is_neither_a_folder_nor_an_id() {
    let parts = ["`no/such/model` is not a folder, nor an id of the hub"];
    refuses_model(&["run", "--model", "no/such/model"], &[], &parts);
    let parts = ["`@seed=3` in the model `a/b@seed=3` is not understood"];
    refuses_model(&["run", "--model", "a/b@seed=3"], &[], &parts);
}

#[test]
fn a_control_of_a_model_that_is_not_known() {
    let parts = ["no architecture is known for `a/b`", "openai/clip-vit-base-patch32"];
    refuses_model(&["run", "--model", "random:a/b"], &[], &parts);
}

#[test]
fn a_model_of_the_hub_without_a_network() {
    let parts = ["HF_HUB_OFFLINE", "`alignscope fetch a/b`", "`random:ID` with an id of"];
    refuses_model(&["run", "--model", "a/b"], &[("HF_HUB_OFFLINE", "1")], &parts);
    let parts = ["http://127.0.0.1:9 cannot be reached", "`random:ID` with an id of"];
    refuses_model(&["fetch", "a/b"], &[("HF_ENDPOINT", "http://127.0.0.1:9")], &parts);
}

#[test]
fn a_fetch_of_what_is_not_on_the_hub() {
    refuses_model(&["fetch", "pixels"], &[], &["`pixels` is not on the hub"]);
}

#[test]
fn an_output_that_holds_other_files() {
    let place = Place::new();
    fs::create_dir(place.path("out")).expect("made");
    place.write("out/precious.txt", "mine");
    place.refuses("pairs", &[], &["is not empty", "`precious.txt`"]);
    assert_eq!(fs::read_to_string(place.path("out/precious.txt")).expect("read"), "mine");
}

#[test]
fn an_output_that_holds_a_run() {
    let place = Place::new();
    assert_eq!(place.run("pairs", "", &[]).0, 0);
    let before = fs::read(place.path("out/scores.csv")).expect("read");
    let out = place.path("out");
    let again = ["--ties", "half", "--out", out.to_str().expect("Unicode")];
    place.refuses(
        "pairs",
        &again,
        &["holds a finished run already", "ties: miss, now half", "--fresh"],
    );
    let again = ["--tokens", "mean", "--out", out.to_str().expect("Unicode")];
    place.refuses("pairs", &again, &["tokens: all, now mean", "--fresh"]);
    assert_eq!(fs::read(place.path("out/scores.csv")).expect("read"), before);
}

#[test]
fn an_output_that_is_a_file_or_cannot_be_made() {
    let place = Place::new();
    let file = place.path("a.png");
    place.refuses(
        "pairs",
        &["--out", file.to_str().expect("Unicode")],
        &["is a file, expected a folder"],
    );
    let below = place.path("a.png/out");
    place.refuses("pairs", &["--out", below.to_str().expect("Unicode")], &["cannot write"]);
}

#[test]
fn a_failed_run_leaves_no_folder_that_it_made() {
    let place = Place::new();
    place.write("b.png", "not an image\n");
    place.refuses("pairs", &[], &["b.png"]);
    assert!(!place.path("out").exists());
}

#[test]
fn too_little_memory_names_what_would_do() {
    let place = Place::new();
    let little = ["--memory", "1MB", "--no-cache"];
    place.refuses("pairs", &little, &["of memory", "the budget is 1 MB", "--memory"]);
    let other = [&little[..], &["--no-pixels", "--precision", "bf16x6"]].concat();
    place.refuses("pairs", &other, &["its weights in bf16x6"]);
    assert!(!place.path("out").exists(), "a run that could not begin is none to go on with");
}

#[test]
fn options_that_do_not_apply() {
    let place = Place::new();
    place.refuses("pairs", &["--min-votes", "6"], &["--min-votes does not apply to pairs"]);
    place.refuses("pairs", &["--images", "01b"], &["--images does not apply to pairs"]);
}

#[test]
fn words_that_are_not_among_the_choices() {
    let place = Place::new();
    place.refuses("parts", &[], &["unknown data set `parts`", "`pairs`"]);
    place.refuses(
        "pairs",
        &["--distance", "manhattan"],
        &["unknown distance `manhattan`", "`cosine`"],
    );
    place.refuses(
        "pairs",
        &["--ties", "never"],
        &["unknown rule for ties `never`", "`miss`, `half`"],
    );
    place.refuses("pairs", &["--limit", "0"], &["a whole number from 1 on"]);
    place.refuses("pairs", &["--resamples", "10"], &["0 for no intervals", "from 100 to 1000000"]);
    place.refuses("pairs", &["--cluster", "image"], &["unknown cluster `image`", "`observer`"]);
    place.refuses("pairs", &["--memory", "lots"], &["lots"]);
}

#[test]
fn a_scale_of_a_run_without_the_model() {
    let place = Place::new();
    assert_eq!(place.run("twoafc", "", &[]).0, 0);
    fs::rename(place.path("out"), place.path("other")).expect("renamed");
    let other = place.path("other");
    place.refuses(
        "pairs",
        &["--scale-from", other.to_str().expect("Unicode")],
        &["scale.parquet holds no scale of", "on pairs"],
    );
}

#[test]
fn a_data_set_without_its_folder() {
    let place = Place::new();
    place.refuses("pairs", &["--dataset", "twoafc"], &["2 data sets but 1 folders", "--data"]);
}

#[test]
fn a_list_of_concepts_that_is_empty_or_repeats_one() {
    let place = things("0 1 2\n");
    place.write("unique_id.txt", "");
    place.refuses("things", &[], &["unique_id.txt leaves no trial to run: it names no concepts"]);
    place.write("unique_id.txt", "axe\nbee\naxe\n");
    place.refuses("things", &[], &["unique_id.txt, line 3", "`axe`", "each concept once"]);
}

#[test]
fn a_split_that_is_a_path() {
    things("0 1 2\n").refuses(
        "things",
        &["--split", "../unique_id"],
        &["there is no split `../unique_id`", "`testset1`"],
    );
}

#[test]
fn a_column_that_is_there_twice() {
    let place = Place::new();
    place.write("pairs.csv", "reference,distorted,score,score\na.png,b.png,3,4\n");
    place.refuses("pairs", &[], &["pairs.csv has the column `score` twice"]);
}

#[test]
fn a_list_with_a_name_of_other_letters_is_read_like_any_other() {
    let place = Place::new();
    place.write("éyyyyyyyyyyyyy.txt", "5 I01_01_1.bmp\n");
    place.refuses_at("tid2013", "éyyyyyyyyyyyyy.txt", &[], &["2 images", "I01_01_1.bmp"]);
}

#[test]
fn the_same_distance_twice() {
    let place = Place::new();
    place.refuses(
        "pairs",
        &["--distance", "cosine", "cosine"],
        &["the distance cosine is named twice"],
    );
}

#[test]
fn a_scale_that_nothing_needs() {
    let place = Place::new();
    place.refuses(
        "pairs",
        &["--distance", "cosine", "--scale-from", "nowhere"],
        &["--scale-from has no use here"],
    );
}

#[test]
fn more_threads_than_any_machine_has() {
    Place::new().refuses("pairs", &["--threads", "100000"], &["a whole number from 1 to 1024"]);
}

#[test]
fn a_thin_image_is_not_resized_as_long_as_it_likes() {
    let place = Place::new();
    place.write("b.png", png(60_000, 1));
    // The whole image resized by its short side would have 60,000 × 16 by 16 pixels; only the
    // centre is made. Pixels of 224 × 13,440,000 would be 9 GB.
    let (code, message) = place.run("pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
}

#[test]
fn unfinished_files_of_a_run_that_was_killed_do_not_block_the_next() {
    let place = Place::new();
    fs::create_dir(place.path("out")).expect("made");
    place.write("out/.alignscope-abc123", "half");
    let (code, message) = place.run("pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
    assert!(!place.path("out/.alignscope-abc123").exists());
}

#[test]
fn a_baseline_whose_weights_are_not_there() {
    let parts = [
        "lpips-alex needs alexnet-owt-7be5be79.pth and lpips_v0.1_alex.pth",
        "`alignscope fetch lpips-alex`",
    ];
    let nowhere = [("XDG_CACHE_HOME", "/nowhere"), ("ALIGNSCOPE_WEIGHTS", "")];
    refuses_model(&["run", "--model", "lpips-alex"], &nowhere, &parts);
    let named = ["run", "--model", "perceptnet", "--weights", "/nowhere/at/all"];
    refuses_model(&named, &[], &["--weights /nowhere/at/all is not a folder"]);
}

#[test]
fn images_too_small_for_a_baseline() {
    let place = Place::new();
    fs::write(place.path("b.png"), png(20, 17)).expect("written");
    fs::write(place.path("c.png"), png(20, 17)).expect("written");
    place.refuses(
        "pairs",
        &["--model", "ms-ssim"],
        &["ms-ssim needs images of at least 176 pixels"],
    );
}

#[test]
fn too_little_memory_for_a_baseline_is_said_before_anything_runs() {
    let place = Place::new();
    for name in ["a.png", "b.png", "c.png"] {
        fs::write(place.path(name), png(200, 190)).expect("written");
    }
    let arguments = ["--model", "ssim", "--memory", "1MB", "--no-pixels"];
    let parts = ["ssim on pairs needs", "even with one thread", "--memory"];
    place.refuses("pairs", &arguments, &parts);
}

#[test]
fn a_fetched_file_that_is_another() {
    let place = Place::new();
    let folder = place.path("weights");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("percept_colour_tid2008.pth"), "<html>404").expect("written");
    let folder = folder.to_str().expect("Unicode").to_owned();
    let parts = ["percept_colour_tid2008.pth is not the file that was published (SHA-256"];
    refuses_model(&["fetch", "perceptnet", "--weights", &folder], &[], &parts);
}

#[test]
fn clusters_of_observers_whom_nobody_names() {
    let place = Place::new();
    place.refuses(
        "pairs",
        &["--cluster", "observer"],
        &["--cluster observer needs to know who answered", "no label `subject`", "default"],
    );
}

#[test]
fn a_comparison_with_a_model_stage_or_run_that_is_not_there() {
    let place = Place::new();
    assert_eq!(place.run("pairs", "", &[]).0, 0);
    fs::rename(place.path("out"), place.path("first")).expect("renamed");
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,2.5\n");
    assert_eq!(place.run("pairs", "", &["--ties", "half"]).0, 0);
    fs::rename(place.path("out"), place.path("ties")).expect("renamed");
    assert_eq!(place.run("pairs", "", &[]).0, 0);
    let compare = |arguments: &[&str], parts: &[&str]| {
        let run = |name: &str| place.path(name).to_str().expect("Unicode").to_owned();
        let mut all = vec!["compare".to_owned()];
        all.extend(arguments.iter().map(|a| match *a {
            "first" | "ties" | "out" | "none" => run(a),
            other => other.to_owned(),
        }));
        let (code, message) = alignscope(&all.iter().map(String::as_str).collect::<Vec<_>>());
        show(&message, &place.0);
        assert_eq!(code, 2, "{message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    };
    compare(&["none"], &["cannot read", "scores.csv"]);
    compare(&["first", "--model-a", "b/c"], &["has no model `b/c` on pairs; it has `pixels`"]);
    compare(
        &["first", "--model-a", "pixels", "--stage-a", "block 9"],
        &["has no stage `block 9` on pairs; it has `image`"],
    );
    compare(&["first", "--dataset", "nights"], &["has no scores on nights"]);
    compare(
        &["first", "out"],
        &[
            "not of the same trials of pairs",
            "trial 2 of the first is 1",
            "score 2), of the second",
        ],
    );
    compare(&["first", "ties"], &["by the rule `miss`", "by `half`"]);
    compare(
        &["first", "--model-a", "pixels", "--model-b", "pixels"],
        &["there is nothing to compare on pairs"],
    );
}
