//! What the program says to wrong input: each case of `docs/errors.md`.

use std::fs;

use crate::place::{IMAGES, Place, golden, npy, png, text};
use crate::program::{alignscope, command, is_refused, outcome, print_row};

/// A folder in which a run would work, until a test breaks something.
fn place() -> Place {
    let place = Place::with_pairs(".");
    let table = "reference,left,right,right_vote\na.png,b.png,c.png,1\nb.png,a.png,c.png,0\n";
    place.write("twoafc.csv", table);
    place.write("oddoneout.csv", "image_1,image_2,image_3,odd\na.png,b.png,c.png,3\n");
    place.checkpoint("model");
    place
}

/// Runs the small checkpoint on a data set of this folder.
fn run(place: &Place, dataset: &str, data: &str, more: &[&str]) -> (i32, String) {
    let (model, data, out) = (place.path("model"), place.path(data), place.path("out"));
    let mut arguments =
        vec!["run", "--model", text(&model), "--dataset", dataset, "--data", text(&data)];
    if !more.contains(&"--out") {
        arguments.extend(["--out", text(&out)]);
    }
    arguments.extend(more);
    let (code, _, message) = alignscope(&arguments);
    if code != 0 && !more.contains(&"--out") {
        assert!(!out.join("scores.csv").exists(), "no result is left of a run that failed");
    }
    (code, message)
}

/// Runs, and holds exit code 2 and the message to what is expected.
fn refuses(place: &Place, dataset: &str, more: &[&str], parts: &[&str]) {
    refuses_at(place, dataset, "", more, parts);
}

fn refuses_at(place: &Place, dataset: &str, data: &str, more: &[&str], parts: &[&str]) {
    let (code, message) = run(place, dataset, data, more);
    print_row(place, &message);
    is_refused(code, &message, parts);
}

#[test]
fn the_place_itself_works() {
    let place = place();
    for dataset in ["pairs", "twoafc", "oddoneout"] {
        let (code, message) = run(&place, dataset, "", &[]);
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
    let place = place();
    fs::create_dir(place.path("empty")).expect("made");
    for (dataset, expected) in [
        ("tid2013", "`mos_with_names.txt`"),
        ("nights", "`data.csv`"),
        ("things", "`triplet_dataset/testset1.txt`"),
        ("pairs", "`pairs.csv`"),
    ] {
        refuses_at(&place, dataset, "empty", &[], &["holds no", dataset, "expected", expected]);
    }
}

#[test]
fn a_folder_that_does_not_exist() {
    let parts = ["nowhere does not exist", "name the folder where it is", "`--data NAME=PATH`"];
    refuses_at(&place(), "nights", "nowhere", &[], &parts);
}

#[test]
fn the_folder_of_another_data_set() {
    let place = place();
    place.write("data.csv", "id\n");
    refuses(&place, "things", &[], &["holds no things", "it looks like nights: name that"]);
}

#[test]
fn a_table_without_a_column() {
    let place = place();
    place.write("pairs.csv", "reference,other,score\na.png,b.png,3\n");
    refuses(&place, "pairs", &[], &["pairs.csv has no column `distorted`", "`other`", "rename it"]);
    place.write("pairs.csv", "reference,distorted,mos\na.png,b.png,3\n");
    refuses(&place, "pairs", &[], &["pairs.csv has no column `score` (or `dmos`)"]);
    place.write("twoafc.csv", "reference,left,right,votes\na.png,b.png,c.png,3\n");
    let or = ["no column `right_vote` (or `left_votes` and `right_votes`)"];
    refuses(&place, "twoafc", &[], &or);
    place.write("pairs.csv", "");
    refuses(&place, "pairs", &[], &["pairs.csv is empty, expected a first line"]);
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\n");
    refuses(&place, "pairs", &["--split", "val"], &["no column `split`", "leave out `--split`"]);
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png\n");
    refuses(&place, "pairs", &[], &["pairs.csv, line 2: 2 fields, expected 3 as in the first"]);
}

#[test]
fn a_field_that_is_no_number() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,high\n");
    refuses(&place, "pairs", &[], &["line 3", "`score` is `high`, expected a number"]);
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,NaN\n");
    refuses(&place, "pairs", &[], &["line 2", "`score` is `NaN`, expected a number"]);
}

#[test]
fn a_row_with_too_few_fields() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png\n");
    refuses(&place, "pairs", &[], &["pairs.csv, line 2", "2 fields"]);
}

#[test]
fn a_vote_out_of_range() {
    let place = place();
    place.write("twoafc.csv", "reference,left,right,right_vote\na.png,b.png,c.png,2\n");
    refuses(
        &place,
        "twoafc",
        &[],
        &["line 2", "`right_vote` is `2`, expected a share from 0 to 1"],
    );
}

#[test]
fn an_odd_one_out_of_range() {
    let place = place();
    place.write("oddoneout.csv", "image_1,image_2,image_3,odd\na.png,b.png,c.png,4\n");
    refuses(&place, "oddoneout", &[], &["line 2", "`odd` is `4`, expected 1, 2 or 3"]);
}

/// THINGS with three concepts and one triplet.
fn things(triplets: &str) -> Place {
    let place = place();
    place.write("unique_id.txt", "axe\nbee\ncup\n");
    place.write("triplet_dataset/testset1.txt", triplets);
    for concept in ["axe", "bee", "cup"] {
        place.write(&format!("object_images/{concept}/{concept}_01b.png"), png(20, 20));
    }
    place
}

#[test]
fn an_index_out_of_range() {
    refuses(
        &things("0 1 2\n2 1 3\n"),
        "things",
        &[],
        &["testset1.txt, line 2", "`index` is `3`", "the number of a concept, 0 to 2"],
    );
}

#[test]
fn a_triplet_of_two_numbers() {
    refuses(
        &things("0 1\n"),
        "things",
        &[],
        &["line 1", "found `0 1`, expected three whole numbers"],
    );
}

#[test]
fn a_triplet_that_shows_an_image_twice() {
    refuses(&things("0 1 1\n"), "things", &[], &["line 1", "compared with itself"]);
}

#[test]
fn a_split_that_is_not_there() {
    refuses(
        &things("0 1 2\n"),
        "things",
        &["--split", "testset9"],
        &["there is no split `testset9`", "`testset1`"],
    );
    let place = place();
    place.write("pairs.csv", "reference,distorted,score,split\na.png,b.png,3,train\n");
    refuses(&place, "pairs", &["--split", "val"], &["there is no split `val`", "`train`"]);
}

#[test]
fn missing_images() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,gone.png,2\n");
    refuses(&place, "pairs", &[], &["1 images", "gone.png", "1 of 2 trials", "--skip-missing"]);
    let (code, message) = run(&place, "pairs", "", &["--skip-missing"]);
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("1 trials are left out because 1 images are missing"), "{message}");
    fs::remove_dir_all(place.path("out")).expect("removed");
    // Where none is there, the folder is another one than is meant.
    place.write("pairs.csv", "reference,distorted,score\nref/a.png,b/b.png,3\n");
    let (code, message) = run(&place, "pairs", "", &[]);
    let looked = format!("the first was looked for at {}", place.path("ref/a.png").display());
    is_refused(code, &message, &["1 of 1 trials", &looked, "name the folder in which they lie"]);
    assert!(!message.contains("--skip-missing"), "{message}");
    let (code, message) = run(&place, "pairs", "", &["--skip-missing"]);
    is_refused(code, &message, &["1 have missing images (ref/a.png, b/b.png)", "looked for at"]);
    assert!(!message.contains("0 are not of the split"), "{message}");
}

#[test]
fn a_folder_that_is_no_checkpoint() {
    let place = place();
    let refuses_folder = |folder: &str, parts: &[&str]| {
        let (folder, out, data) = (place.path(folder), place.path("out"), place.path(""));
        let (code, _, message) = alignscope(&[
            "run",
            "--model",
            text(&folder),
            "--dataset",
            "pairs",
            "--data",
            text(&data),
            "--out",
            text(&out),
        ]);
        print_row(&place, &message);
        is_refused(code, &message, parts);
        is_refused(code, &message, &["holds no checkpoint: expected `config.json`"]);
    };
    place.write("images/a.png", "");
    refuses_folder("images", &["with its weights"]);
    place.write("features/block-01/features.npy", "");
    refuses_folder("features", &["name it as `features:"]);
    place.write("weights/pytorch_model.bin", "");
    refuses_folder("weights", &["pytorch_model.bin@like=openai/clip-vit-base-patch32`"]);
    place.write("trained/checkpoint-10/config.json", "{}");
    refuses_folder("trained", &["checkpoint-10 has one: name that"]);
}

#[test]
fn features_without_the_names_of_their_images() {
    let place = place();
    place.write("f/features.npy", npy(&[3, 2], "False", &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]));
    let (data, out, features) = (place.path(""), place.path("out"), place.path("f"));
    let score = [
        "score",
        "--features",
        text(&features),
        "--dataset",
        "pairs",
        "--data",
        text(&data),
        "--out",
        text(&out),
    ];
    let (code, _, message) = alignscope(&score);
    print_row(&place, &message);
    is_refused(code, &message, &["f has no file_names.txt", "a line for each row of features.npy"]);
    place.write("f/file_names.txt", "x.png\ny.png\nz.png\n");
    let (code, _, message) = alignscope(&score);
    is_refused(code, &message, &["(the first row is `x.png`); are these the features of this"]);
    place.write("f/file_names.txt", "a.png\nb.png\nz.png\n");
    let (code, _, message) = alignscope(&score);
    is_refused(code, &message, &["add their rows, or take the trials of those images out"]);
}

#[test]
fn a_path_that_leads_out_of_the_folder() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score\na.png,../b.png,3\n");
    refuses(&place, "pairs", &[], &["line 2", "`../b.png` leads out of the folder"]);
}

#[test]
fn an_image_compared_with_itself() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score\na.png,a.png,3\n");
    refuses(&place, "pairs", &[], &["line 2", "`a.png` is compared with itself"]);
}

#[test]
fn a_truncated_jpeg() {
    let place = place();
    let bytes = fs::read(golden("image/files/420.jpg")).expect("a JPEG");
    place.write("b.png", &bytes[..bytes.len() / 2]);
    refuses(&place, "pairs", &[], &["b.png", "truncated"]);
}

#[test]
fn an_empty_image_file() {
    let place = place();
    place.write("b.png", "");
    refuses(&place, "pairs", &[], &["1 of the 3 images of pairs", "b.png is empty"]);
}

#[test]
fn a_text_file_called_png() {
    let place = place();
    place.write("b.png", "not an image\n");
    refuses(&place, "pairs", &[], &["b.png is not a PNG, JPEG", "begins with \"not an image\""]);
}

#[test]
fn an_image_that_is_not_square_and_a_model_that_keeps_proportions() {
    let place = place();
    for file in ["config.json", "preprocessor_config.json", "model.safetensors"] {
        let bytes = fs::read(golden("families/siglip2").join(file)).expect(file);
        place.write(&format!("model/{file}"), bytes);
    }
    // Four by four patches, as a square.
    place.write("b.png", png(18, 17));
    let (code, message) = run(&place, "pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
    fs::remove_dir_all(place.path("out")).expect("removed");
    place.write("b.png", png(20, 10));
    let parts = ["1 of the 3 images of pairs", "b.png", "20 × 10 pixels", "5 × 3 patches"];
    refuses(&place, "pairs", &[], &parts);
}

#[test]
fn an_image_of_one_pixel_is_fine() {
    let place = place();
    place.write("b.png", png(1, 1));
    let (code, message) = run(&place, "pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
}

#[test]
fn an_image_that_claims_too_many_pixels() {
    let place = place();
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
    refuses(
        &place,
        "pairs",
        &[],
        &["1 of the 3 images of pairs", "b.png", "100000 × 100000 pixels"],
    );
}

#[test]
fn a_configuration_without_a_model_type() {
    let place = place();
    place.edit("model/config.json", "\"model_type\": \"clip\"", "\"model_kind\": \"clip\"");
    refuses(&place, "pairs", &[], &["config.json has no `model_type`", "expected `clip`"]);
}

#[test]
fn a_model_of_another_family() {
    let place = place();
    place.edit("model/config.json", "\"model_type\": \"clip\"", "\"model_type\": \"regnet\"");
    refuses(&place, "pairs", &[], &["model type `regnet`", "not supported"]);
}

#[test]
fn a_configuration_that_is_not_json() {
    let place = place();
    place.write("model/config.json", "{\"model_type\": ");
    refuses(&place, "pairs", &[], &["config.json is not valid JSON", "line 1"]);
}

#[test]
fn an_unknown_activation_function() {
    let place = place();
    place.edit("model/config.json", "\"hidden_act\": \"quick_gelu\"", "\"hidden_act\": \"swish\"");
    refuses(&place, "pairs", &[], &["hidden_act", "\"swish\"", "`quick_gelu`"]);
}

#[test]
fn a_size_that_contradicts_a_tensor() {
    let place = place();
    place.edit("model/config.json", "\"intermediate_size\": 24", "\"intermediate_size\": 25");
    refuses(&place, "pairs", &[], &["mlp.fc1.weight", "shape [24, 16]", "expected [25, 16]"]);
}

#[test]
fn preprocessing_of_another_size_than_the_model() {
    let place = place();
    place.edit("model/preprocessor_config.json", "\"crop_size\": 16", "\"crop_size\": 18");
    refuses(&place, "pairs", &[], &["images of 16 × 16 pixels", "makes 18 × 18"]);
}

#[test]
fn a_checkpoint_without_preprocessing() {
    let place = place();
    fs::remove_file(place.path("model/preprocessor_config.json")).expect("removed");
    refuses(&place, "pairs", &[], &["no preprocessing in", "preprocessor_config.json"]);
}

#[test]
fn a_checkpoint_without_weights() {
    let place = place();
    fs::remove_file(place.path("model/model.safetensors")).expect("removed");
    refuses(&place, "pairs", &[], &["no weights in", "model.safetensors"]);
}

#[test]
fn truncated_weights() {
    let place = place();
    let path = place.path("model/model.safetensors");
    let bytes = fs::read(&path).expect("read");
    fs::write(&path, &bytes[..bytes.len() - 100]).expect("written");
    refuses(&place, "pairs", &[], &["model.safetensors is not a whole safetensors file"]);
    fs::write(&path, &bytes[..5]).expect("written");
    refuses(&place, "pairs", &[], &["too few for a header"]);
}

#[test]
fn a_missing_tensor() {
    let place = place();
    let path = place.path("model/model.safetensors");
    let bytes = fs::read(&path).expect("read");
    let text = b"vision_model.pre_layrnorm.weight";
    let at = bytes.windows(text.len()).position(|w| w == text).expect("the tensor");
    let mut changed = bytes.clone();
    // A tensor of the other tower, which is passed over.
    changed[at..at + text.len()].copy_from_slice(b"text_model.xxpre_layrnorm.weight");
    fs::write(&path, changed).expect("written");
    refuses(
        &place,
        "pairs",
        &[],
        &["tensor `vision_model.pre_layrnorm.weight` is missing", "model.safetensors"],
    );
}

#[test]
fn a_number_that_is_not_finite_in_the_weights() {
    let place = place();
    let path = place.path("model/model.safetensors");
    let mut bytes = fs::read(&path).expect("read");
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    // Every number after the header, so that whichever tensor is read first has one.
    for number in bytes[header..].as_chunks_mut::<4>().0 {
        *number = f32::NAN.to_le_bytes();
    }
    fs::write(&path, bytes).expect("written");
    refuses(&place, "pairs", &[], &["tensor `", "holds NaN at element 0", "expected finite"]);
}

/// Says what is wrong with a model, with these variables set.
fn refuses_model(arguments: &[&str], variables: &[(&str, &str)], parts: &[&str]) {
    let place = place();
    let mut command = command();
    command.env("HF_HUB_CACHE", place.path("cache")).env_remove("HF_TOKEN").args(arguments);
    command.envs(variables.iter().copied());
    if arguments[0] == "run" {
        command.args(["--dataset", "pairs", "--data"]).arg(place.path(""));
        command.arg("--out").arg(place.path("out"));
    }
    let (code, _, message) = outcome(&mut command);
    print_row(&place, &message);
    is_refused(code, &message, parts);
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
    let parts = ["cannot load the model random:a/b", "HF_HUB_OFFLINE", "`alignscope fetch a/b`"];
    refuses_model(&["run", "--model", "random:a/b"], &[("HF_HUB_OFFLINE", "1")], &parts);
    let parts = ["did you mean `torchvision:resnet50`?"];
    refuses_model(&["run", "--model", "resnet50"], &[], &parts);
    let parts = ["did you mean `torchvision:vgg11`", "`FILE.pth@like=torchvision/vgg11`"];
    refuses_model(&["run", "--model", "vgg11"], &[], &parts);
    let parts = ["did you mean `openai/clip-vit-base-patch32`?"];
    refuses_model(&["run", "--model", "ViT-B/32"], &[], &parts);
    let parts = ["did you mean `microsoft/beit-base-patch16-224`?"];
    refuses_model(&["run", "--model", "beit"], &[], &parts);
    let parts = ["known by its architecture alone", "`FILE.pth@like=torchvision/resnet50`"];
    refuses_model(&["run", "--model", "torchvision/resnet50"], &[], &parts);
    let parts = ["`random:ssim` is no untrained control", "an id on the hub"];
    refuses_model(&["run", "--model", "random:ssim"], &[], &parts);
}

#[test]
fn a_model_of_the_hub_without_a_network() {
    let parts = ["HF_HUB_OFFLINE", "`alignscope fetch a/b`", "`random:ID` with an id of"];
    refuses_model(&["run", "--model", "a/b"], &[("HF_HUB_OFFLINE", "1")], &parts);
    let parts = ["http://127.0.0.1:9 cannot be reached (", "HF_ENDPOINT", "`random:ID` with an id"];
    refuses_model(&["fetch", "a/b"], &[("HF_ENDPOINT", "http://127.0.0.1:9")], &parts);
}

#[test]
fn a_fetch_of_what_is_not_on_the_hub() {
    refuses_model(&["fetch", "pixels"], &[], &["`pixels` is not on the hub"]);
}

#[test]
fn an_output_that_holds_other_files() {
    let place = place();
    place.write("out/precious.txt", "mine");
    refuses(&place, "pairs", &[], &["is not empty", "`precious.txt`"]);
    assert_eq!(place.read("out/precious.txt"), "mine");
}

#[test]
fn an_output_that_holds_a_run() {
    let place = place();
    assert_eq!(run(&place, "pairs", "", &[]).0, 0);
    let before = fs::read(place.path("out/scores.csv")).expect("read");
    let out = place.path("out");
    let again = ["--ties", "half", "--out", text(&out)];
    refuses(
        &place,
        "pairs",
        &again,
        &["holds a finished run already", "ties: miss, now half", "--fresh"],
    );
    let again = ["--tokens", "mean", "--out", text(&out)];
    refuses(&place, "pairs", &again, &["tokens: all, now mean", "--fresh"]);
    assert_eq!(fs::read(place.path("out/scores.csv")).expect("read"), before);
}

#[test]
fn an_output_that_is_a_file_or_cannot_be_made() {
    let place = place();
    let file = place.path("a.png");
    refuses(&place, "pairs", &["--out", text(&file)], &["is a file, expected a folder"]);
    let below = place.path("a.png/out");
    refuses(&place, "pairs", &["--out", text(&below)], &["cannot write"]);
}

#[test]
fn a_failed_run_leaves_no_folder_that_it_made() {
    let place = place();
    place.write("b.png", "not an image\n");
    refuses(&place, "pairs", &[], &["b.png"]);
    assert!(!place.path("out").exists());
}

#[test]
fn too_little_memory_names_what_would_do() {
    let place = place();
    let little = ["--memory", "1MB", "--no-cache"];
    refuses(&place, "pairs", &little, &["of memory", "the budget is 1 MB", "--memory"]);
    let other = [&little[..], &["--no-pixels", "--precision", "bf16x6"]].concat();
    refuses(&place, "pairs", &other, &["its weights in bf16x6"]);
    assert!(!place.path("out").exists(), "a run that could not begin is none to go on with");
}

#[test]
fn options_that_do_not_apply() {
    let place = place();
    refuses(
        &place,
        "pairs",
        &["--min-votes", "6"],
        &["chosen for pairs", "leave out `--min-votes`"],
    );
    refuses(&place, "pairs", &["--images", "01b"], &["chosen for pairs", "leave out `--images`"]);
    let turned = ["which way scores run cannot be chosen for twoafc", "`--lower-is-better`"];
    refuses(&place, "twoafc", &["--lower-is-better"], &turned);
}

#[test]
fn scores_that_may_run_either_way() {
    let place = place();
    place.write("meta_info_Mine.csv", "ref_name,dist_name,mos\na.png,b.png,3\n");
    let said = ["column `mos`", "meta_info_Mine.csv", "say with `--lower-is-better`"];
    refuses(&place, "pyiqa", &[], &said);
    place.write("pairs.csv", "reference,distorted,score,dmos\na.png,b.png,3,2\n");
    refuses(&place, "pairs", &[], &["pairs.csv", "`score` and `dmos`"]);
    place.write("csiq/csiq.DMOS.xlsx", "PK");
    refuses_at(&place, "csiq", "csiq", &[], &["csiq.DMOS.xlsx", "`CSV UTF-8`"]);
}

#[test]
fn words_that_are_not_among_the_choices() {
    let place = place();
    refuses(&place, "parts", &[], &["unknown data set `parts`", "`pairs`"]);
    refuses(
        &place,
        "pairs",
        &["--distance", "manhattan"],
        &["unknown distance `manhattan`", "`cosine`"],
    );
    refuses(
        &place,
        "pairs",
        &["--ties", "never"],
        &["unknown rule for ties `never`", "`miss`, `half`"],
    );
    refuses(&place, "pairs", &["--limit", "0"], &["a whole number from 1 on"]);
    refuses(
        &place,
        "pairs",
        &["--resamples", "10"],
        &["0 for no intervals", "from 100 to 1000000"],
    );
    refuses(
        &place,
        "pairs",
        &["--cluster", "picture"],
        &["unknown cluster `picture`", "`observer`"],
    );
    refuses(&place, "pairs", &["--memory", "lots"], &["lots"]);
}

#[test]
fn a_scale_of_a_run_without_the_model() {
    let place = place();
    assert_eq!(run(&place, "twoafc", "", &[]).0, 0);
    fs::rename(place.path("out"), place.path("other")).expect("renamed");
    let other = place.path("other");
    refuses(
        &place,
        "pairs",
        &["--scale-from", text(&other)],
        &["scale.parquet holds no scale of", "on pairs"],
    );
}

#[test]
fn a_data_set_without_its_folder() {
    let place = place();
    refuses(&place, "pairs", &["--dataset", "twoafc"], &["2 data sets but 1 folders", "--data"]);
}

#[test]
fn a_list_of_concepts_that_is_empty_or_repeats_one() {
    let place = things("0 1 2\n");
    place.write("unique_id.txt", "");
    refuses(&place, "things", &[], &["unique_id.txt leaves no trial to run: it names no concepts"]);
    place.write("unique_id.txt", "axe\nbee\naxe\n");
    refuses(&place, "things", &[], &["unique_id.txt, line 3", "`axe`", "each concept once"]);
}

#[test]
fn a_split_that_is_a_path() {
    refuses(
        &things("0 1 2\n"),
        "things",
        &["--split", "../unique_id"],
        &["there is no split `../unique_id`", "`testset1`"],
    );
}

#[test]
fn a_column_that_is_there_twice() {
    let place = place();
    place.write("pairs.csv", "reference,distorted,score,score\na.png,b.png,3,4\n");
    refuses(&place, "pairs", &[], &["pairs.csv has the column `score` twice"]);
}

#[test]
fn a_list_with_a_name_of_other_letters_is_read_like_any_other() {
    let place = place();
    place.write("éyyyyyyyyyyyyy.txt", "5 I01_01_1.bmp\n");
    refuses_at(&place, "tid2013", "éyyyyyyyyyyyyy.txt", &[], &["2 images", "I01_01_1.bmp"]);
}

#[test]
fn the_same_distance_twice() {
    let place = place();
    refuses(
        &place,
        "pairs",
        &["--distance", "cosine", "cosine"],
        &["the distance cosine is named twice"],
    );
}

#[test]
fn a_scale_that_nothing_needs() {
    let place = place();
    refuses(
        &place,
        "pairs",
        &["--distance", "cosine", "--scale-from", "nowhere"],
        &["scales of another run have no use here", "leave out `--scale-from`"],
    );
}

#[test]
fn more_threads_than_any_machine_has() {
    refuses(&place(), "pairs", &["--threads", "100000"], &["a whole number from 1 to 1024"]);
}

#[test]
fn a_thin_image_is_not_resized_as_long_as_it_likes() {
    let place = place();
    place.write("b.png", png(60_000, 1));
    // The whole image resized by its short side would have 60,000 × 16 by 16 pixels; only the
    // centre is made. Pixels of 224 × 13,440,000 would be 9 GB.
    let (code, message) = run(&place, "pairs", "", &[]);
    assert_eq!(code, 0, "{message}");
}

#[test]
fn unfinished_files_of_a_run_that_was_killed_do_not_block_the_next() {
    let place = place();
    place.write("out/.alignscope-abc123", "half");
    let (code, message) = run(&place, "pairs", "", &[]);
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
    refuses_model(&named, &[], &["/nowhere/at/all, where weights are to be, is not a folder"]);
}

#[test]
fn dreamsim_whose_weights_are_not_there() {
    let parts = [
        "`clip_vitb32_single_lora` of the archive published at https://github.com/ssundaram21/",
        "`--weights`",
    ];
    let nowhere = [("XDG_CACHE_HOME", "/nowhere"), ("ALIGNSCOPE_WEIGHTS", "")];
    refuses_model(&["run", "--model", "dreamsim-clip-vitb32"], &nowhere, &parts);
}

#[test]
fn dreamsim_that_was_not_unpacked() {
    let place = place();
    place.write("weights/pretrained.zip", "PK");
    let folder = place.path("weights");
    let named = ["run", "--model", "dreamsim", "--weights", text(&folder)];
    refuses_model(&named, &[], &["pretrained.zip is packed; unpack it"]);
    let parts =
        ["is published as an archive, which is not fetched", "dreamsim_ensemble_checkpoint.zip"];
    refuses_model(&["fetch", "dreamsim"], &[], &parts);
}

#[test]
fn images_too_small_for_a_baseline() {
    let place = place();
    place.write("b.png", png(20, 17));
    place.write("c.png", png(20, 17));
    refuses(
        &place,
        "pairs",
        &["--model", "ms-ssim"],
        &["ms-ssim needs images of at least 176 pixels"],
    );
}

#[test]
fn too_little_memory_for_a_baseline_is_said_before_anything_runs() {
    let place = place();
    for name in IMAGES {
        place.write(name, png(200, 190));
    }
    let arguments = ["--model", "ssim", "--memory", "1MB", "--no-pixels"];
    let parts = ["ssim on pairs needs", "even with one thread", "--memory"];
    refuses(&place, "pairs", &arguments, &parts);
}

#[test]
fn a_fetched_file_that_is_another() {
    let place = place();
    place.write("weights/percept_colour_tid2008.pth", "<html>404");
    let folder = place.path("weights");
    let parts = ["percept_colour_tid2008.pth is not the file that was published (SHA-256"];
    refuses_model(&["fetch", "perceptnet", "--weights", text(&folder)], &[], &parts);
}

#[test]
fn clusters_of_observers_whom_nobody_names() {
    let place = place();
    refuses(
        &place,
        "pairs",
        &["--cluster", "observer"],
        &["observers cannot be resampled", "no label `subject`", "choose `--cluster default`"],
    );
}

#[test]
fn a_comparison_with_a_model_stage_or_run_that_is_not_there() {
    let place = place();
    assert_eq!(run(&place, "pairs", "", &[]).0, 0);
    fs::rename(place.path("out"), place.path("first")).expect("renamed");
    place.write("pairs.csv", "reference,distorted,score\na.png,b.png,3\na.png,c.png,2.5\n");
    assert_eq!(run(&place, "pairs", "", &["--ties", "half"]).0, 0);
    fs::rename(place.path("out"), place.path("ties")).expect("renamed");
    assert_eq!(run(&place, "pairs", "", &[]).0, 0);
    let compare = |arguments: &[&str], parts: &[&str]| {
        let run = |name: &str| text(&place.path(name)).to_owned();
        let mut all = vec!["compare".to_owned()];
        all.extend(arguments.iter().map(|a| match *a {
            "first" | "ties" | "out" | "none" => run(a),
            other => other.to_owned(),
        }));
        let (code, _, message) = alignscope(&all.iter().map(String::as_str).collect::<Vec<_>>());
        print_row(&place, &message);
        is_refused(code, &message, parts);
    };
    let none = ["none holds no finished run: there is no such folder", "that was a run's output"];
    compare(&["none"], &none);
    compare(&["first", "--model-a", "b/c"], &["has no model `b/c` on pairs; it has `pixels`"]);
    compare(
        &["first", "--model-a", "pixels", "--stage-a", "block 9"],
        &["`pixels` of ", "first has no stage `block 9` on pairs; it has `image`"],
    );
    compare(&["first", "--dataset", "nights"], &["has no scores on nights; it has pairs"]);
    compare(
        &["first", "--stage", "block 3"],
        &["`--stage` goes with `--models-only`", "--stage-a"],
    );
    compare(&["first", "--images", "30"], &["`--images` goes with `--models-only`"]);
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
