//! Choices among images in the layouts in which people keep them, as small folders; and the real
//! data beside the project, where it is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::shared;
use alignscope::dataset::{DatasetError, ImageFiles, OddPlace, ThingsImages};
use alignscope::inspection::inspect;
use alignscope::{
    ClusterBy, Dataset, DatasetFormat, DatasetOptions, OddOneOut, Remedy, Silent, Trials,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        write(folder.path(), name, content);
    }
    folder
}

fn write(root: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(&path, content).expect("written");
    path
}

fn open(format: DatasetFormat, path: &Path) -> Result<Dataset, DatasetError> {
    Dataset::open(format, path, &DatasetOptions::default())
}

fn ids(dataset: &Dataset) -> Vec<&str> {
    dataset.images.iter().map(|image| image.id.as_str()).collect()
}

fn triplets(dataset: &Dataset) -> &[OddOneOut] {
    let Trials::OddOneOut(trials) = &dataset.trials else { panic!("triplets") };
    trials
}

fn label<'a>(dataset: &'a Dataset, name: &str, trial: usize) -> &'a str {
    let column = dataset.labels.iter().find(|label| label.name == name).expect(name);
    &column.values[column.codes[trial] as usize]
}

/// An array as `numpy.save` writes it.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(values);
    bytes
}

/// Triplets of numbers.
fn numbers(rows: &[[i64; 3]]) -> Vec<u8> {
    let values: Vec<u8> = rows.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    npy("<i8", &format!("({}, 3)", rows.len()), &values)
}

/// Triplets of names of at most 20 characters.
fn names(rows: &[[&str; 3]]) -> Vec<u8> {
    let characters = |name: &&str| {
        let mut characters: Vec<u32> = name.chars().map(u32::from).collect();
        characters.resize(20, 0);
        characters.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    let values: Vec<u8> = rows.iter().flatten().flat_map(characters).collect();
    npy("<U20", &format!("({}, 3)", rows.len()), &values)
}

/// An archive of stored arrays, as `numpy.savez` writes it.
fn npz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let name = format!("{name}.npy");
        let start = bytes.len() as u32;
        let size = (content.len() as u32).to_le_bytes();
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        fields.extend(crc32fast::hash(content).to_le_bytes());
        fields.extend([size, size].concat());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&fields);
        bytes.extend(name.bytes());
        bytes.extend(*content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.bytes());
    }
    let count = (members.len() as u16).to_le_bytes();
    let (start, size) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
    bytes.extend([count, count].concat());
    bytes.extend([size.to_le_bytes(), start.to_le_bytes()].concat());
    bytes.extend([0, 0]);
    bytes
}

const NIGHTS_RAW: &str = "id,left_vote,right_vote,votes,ref_path,left_path,right_path,is_imagenet
7,0.75,0.25,4,ref/000/000.png,distort/000/000_0.png,distort/000/000_1.png,True
8,0.33,0.67,3,ref/000/001.png,distort/000/001_0.png,distort/000/001_1.png,False
9,,,0,ref/000/002.png,distort/000/002_0.png,distort/000/002_1.png,False
10,0,1,1,ref/000/003.png,distort/000/003_0.png,distort/000/003_1.png,False
";

fn nights_raw(table: &str) -> TempDir {
    let data = folder(&[("nights_raw.csv", table.as_bytes())]);
    for number in 0..4 {
        write(data.path(), &format!("ref/000/00{number}.png"), b"");
        for side in 0..2 {
            write(data.path(), &format!("distort/000/00{number}_{side}.png"), b"");
        }
    }
    data
}

#[test]
fn unfiltered_nights_has_the_votes_of_all_who_saw_a_triplet() {
    let data = nights_raw(NIGHTS_RAW);
    let dataset = open(DatasetFormat::NIGHTS_RAW, data.path()).expect("read");
    let Trials::TwoAlternatives(trials) = &dataset.trials else { panic!("two alternatives") };
    let votes: Vec<_> = trials.iter().map(|trial| (trial.left_votes, trial.right_votes)).collect();
    assert_eq!(votes, [(3.0, 1.0), (1.0, 2.0), (0.0, 1.0)]);
    assert_eq!(dataset.trial_ids, [7, 8, 10]);
    assert_eq!((label(&dataset, "votes", 0), label(&dataset, "is_imagenet", 0)), ("4", "True"));
    assert!(dataset.notes[0].contains("1 triplets are left out"), "{:?}", dataset.notes);
    let few = DatasetOptions { min_votes: Some(3), ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::NIGHTS_RAW, data.path(), &few).expect("read");
    assert_eq!(dataset.trial_ids, [7, 8]);
    // As the number of votes instead of their share.
    let counts = NIGHTS_RAW.replace("0.75,0.25,4", "3,1,4").replace("0.33,0.67,3", "1,2,3");
    let data = nights_raw(&counts);
    let dataset = open(DatasetFormat::NIGHTS_RAW, data.path()).expect("read");
    assert_eq!(&dataset.trials, &open(DatasetFormat::NIGHTS_RAW, data.path()).expect("").trials);
    let Trials::TwoAlternatives(counts) = &dataset.trials else { panic!("two alternatives") };
    assert_eq!((counts[0].left_votes, counts[1].right_votes), (3.0, 2.0));
    // Asked for as the filtered release, the folder says what it is.
    let error = open(DatasetFormat::NIGHTS, data.path()).expect_err("another table").to_string();
    assert!(error.contains("it looks like nights-raw"), "{error}");
}

#[test]
fn votes_that_are_neither_shares_nor_numbers_of_votes_are_refused() {
    for (wrong, words) in [
        (
            "0.75,0.20,4",
            "`right_vote` is `0.20`, expected with `0.75` the share or the number of 4",
        ),
        ("0.6,0.4,4", "the share or the number of 4 votes"),
        ("3,3,4", "the share or the number of 4 votes"),
        ("-1,2,4", "`left_vote` is `-1`"),
        ("0.75,0.25,4.5", "`votes` is `4.5`"),
        ("0.75,0.25,x", "`votes` is `x`"),
    ] {
        let data = nights_raw(&NIGHTS_RAW.replace("0.75,0.25,4", wrong));
        let error = open(DatasetFormat::NIGHTS_RAW, data.path()).expect_err(wrong).to_string();
        assert!(error.contains(words) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn the_votes_of_real_choices_are_the_same_in_the_unfiltered_layout() {
    let Some(data) = shared("data") else { return };
    let data = data.join("materials");
    let counted = open(DatasetFormat::TWO_AFC, &data.join("judgements.csv")).expect("read");
    let Trials::TwoAlternatives(trials) = &counted.trials else { panic!("two alternatives") };
    let mut table = "left_vote,right_vote,votes,ref_path,left_path,right_path\n".to_owned();
    for trial in trials {
        let all = trial.left_votes + trial.right_votes;
        let id = |image: u32| &counted.images[image as usize].id;
        table.push_str(&format!(
            "{:.3},{:.3},{all},{},{},{}\n",
            trial.left_votes / all,
            trial.right_votes / all,
            id(trial.reference),
            id(trial.left),
            id(trial.right)
        ));
    }
    let raw = folder(&[("nights_raw.csv", table.as_bytes())]);
    let options = DatasetOptions { without_images: true, ..Default::default() };
    let raw = Dataset::open(DatasetFormat::NIGHTS_RAW, raw.path(), &options).expect("read");
    assert_eq!(raw.trials, counted.trials);
}

const CONCEPTS: &[u8] = b"axe\nbee\ncup\n";

#[test]
fn things_as_glocal_keeps_it_in_one_folder_with_triplets_in_arrays() {
    let rows = [[2, 0, 1], [0, 1, 2]];
    let data = folder(&[
        ("concepts/things_concepts.tsv", b"Word\tuniqueID\naxe\taxe\nbee\tbee\ncup\tcup\n"),
        ("images/axe.jpg", b""),
        ("images/bee.jpg", b""),
        ("images/cup.jpg", b""),
        ("triplets/test_10.npy", &numbers(&rows)),
        ("triplets/train_90.npz", &npz(&[("triplets", &numbers(&rows[..1]))])),
    ]);
    let split = |split: &str| {
        let options = DatasetOptions { split: Some(split.to_owned()), ..Default::default() };
        Dataset::open(DatasetFormat::THINGS, data.path(), &options)
    };
    let dataset = split("test_10").expect("read");
    assert_eq!(ids(&dataset), ["images/cup.jpg", "images/axe.jpg", "images/bee.jpg"]);
    assert!(triplets(&dataset).iter().all(|trial| trial.odd == 2));
    assert_eq!(split("train_90").expect("read").trials.len(), 1);
    // The file itself.
    let file = data.path().join("triplets/test_10.npy");
    let dataset = open(DatasetFormat::THINGS, &file).expect("read");
    assert_eq!(dataset.trials.len(), 2);
    let error = split("testset1").expect_err("not there").to_string();
    assert!(error.contains("`test_10`, `train_90`"), "{error}");
    // Whole numbers as floats, as `astype(int)` reads them there.
    let floats: Vec<u8> = [2.0_f64, 0.0, 1.0].iter().flat_map(|n| n.to_le_bytes()).collect();
    write(data.path(), "triplets/floats.npy", &npy("<f8", "(1, 3)", &floats));
    assert_eq!(split("floats").expect("read").trials.len(), 1);
    for (values, words) in [
        (numbers(&[[0, 1, 2], [0, 1, 3]]), "row 1 (from 0): found `0, 1, 3`, expected numbers"),
        (numbers(&[[0, 1, 1]]), "three different whole numbers"),
        (numbers(&[[0, 1, -2]]), "row 0 (from 0): found `0, 1, -2`"),
        (npy("<i8", "(3,)", &[0; 24]), "an array of the shape [3]"),
        (npy("|O", "(1, 3)", b"x"), "Python's objects"),
        (b"no array".to_vec(), "it is not an array of NumPy"),
    ] {
        write(data.path(), "triplets/wrong.npy", &values);
        let error = split("wrong").expect_err(words);
        let why = std::error::Error::source(&error).map_or(String::new(), ToString::to_string);
        assert!(format!("{error}: {why}").contains(words), "{error}: {why}");
    }
}

#[test]
fn flat_images_of_thingsplus_and_reference_images_are_found() {
    let data = folder(&[
        ("unique_id.txt", CONCEPTS),
        ("testset1.txt", b"0 1 2\n"),
        ("images/axe_plus.jpg", b""),
        ("images/bee_01b.png", b""),
        ("images/cup.jpg", b""),
    ]);
    let dataset = open(DatasetFormat::THINGS, data.path()).expect("read");
    assert_eq!(ids(&dataset), ["images/axe_plus.jpg", "images/bee_01b.png", "images/cup.jpg"]);
    assert!(dataset.notes.iter().any(|note| note.contains("images lie in one folder")));
    let reference =
        DatasetOptions { things_images: Some(ThingsImages::Reference01b), ..Default::default() };
    let error = Dataset::open(DatasetFormat::THINGS, data.path(), &reference);
    assert!(matches!(error, Err(DatasetError::Missing { trials: 1, .. })), "{error:?}");
}

#[test]
fn things_as_dreamsim_keeps_it_with_names_in_a_text() {
    let data = folder(&[
        ("things_valset.txt", b"cup_02s axe_01b bee_01b\naxe_01b bee_01b cup_02s\n"),
        ("things_src_images/axe_01b.png", b""),
        ("things_src_images/bee_01b.png", b""),
        ("things_src_images/cup_02s.png", b""),
    ]);
    let dataset = open(DatasetFormat::THINGS, &data.path().join("things_valset.txt"));
    let dataset = dataset.expect("read");
    assert_eq!(ids(&dataset)[0], "things_src_images/cup_02s.png");
    assert_eq!((dataset.trials.len(), triplets(&dataset)[0].odd), (2, 2));
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 1);
    let split = Some("things_valset".to_owned());
    let options = DatasetOptions { split, ..Default::default() };
    let same = Dataset::open(DatasetFormat::THINGS, data.path(), &options).expect("read");
    assert_eq!(same.trials, dataset.trials);
    for (line, words) in
        [("axe_01b bee_01b", "expected three names"), ("a b a", "`a` is compared with itself")]
    {
        let text = format!("axe_01b bee_01b cup_02s\n{line}\n");
        let path = write(data.path(), "wrong.txt", text.as_bytes());
        let error = open(DatasetFormat::THINGS, &path).expect_err(line).to_string();
        assert!(error.contains(words) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn things_as_unisim_keeps_it_with_a_list_of_images() {
    let table = "image1\timage2\timage3\tchoice\tRT\n3\t1\t2\t1\t900\n";
    let name = "triplets_large_final_correctednc_correctedorder";
    let data = folder(&[
        ("things_first_imgs_idx.txt", b"axe/axe_01b.jpg\nbee/bee_00a.jpg\ncup/cup_02s.jpg\n"),
        ("Images/axe/axe_01b.jpg", b""),
        ("Images/axe/axe_00a.jpg", b""),
        ("Images/bee/bee_00a.jpg", b""),
        ("Images/cup/cup_02s.jpg", b""),
        (&format!("triplet_dataset/{name}.csv"), table.as_bytes()),
    ]);
    let options = DatasetOptions { split: Some(name.to_owned()), ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::THINGS, data.path(), &options).expect("read");
    let expected = ["Images/cup/cup_02s.jpg", "Images/axe/axe_01b.jpg", "Images/bee/bee_00a.jpg"];
    assert_eq!(ids(&dataset), expected);
    assert_eq!(triplets(&dataset)[0].odd, 0);
    write(data.path(), "things_first_imgs_idx.txt", b"axe/axe_01b.jpg\n../b.jpg\nc\n");
    let error = Dataset::open(DatasetFormat::THINGS, data.path(), &options);
    assert!(matches!(error, Err(DatasetError::Outside { line: 2, .. })), "{error:?}");
}

#[test]
fn triplets_of_ones_own_in_an_array_beside_a_list_of_images() {
    let rows = [[0, 1, 2], [2, 1, 3]];
    for (file, bytes) in [
        ("triplets.npy", numbers(&rows)),
        ("triplets.npz", npz(&[("triplets", &numbers(&rows)), ("other", &numbers(&rows))])),
        ("triplets.npz", npz(&[("mine", &numbers(&rows)), ("who", &npy("<i8", "(2,)", &[0; 16]))])),
    ] {
        let data = folder(&[
            (file, &bytes),
            ("file_names.txt", b"a.png\nb\nsub/c.png\nd.png\n"),
            ("a.png", b""),
            ("images/b.jpg", b""),
            ("sub/c.png", b""),
            ("d.png", b""),
        ]);
        for place in [data.path().to_owned(), data.path().join(file)] {
            let dataset = open(DatasetFormat::ODD_ONE_OUT, &place).expect("read");
            assert_eq!(ids(&dataset), ["a.png", "images/b.jpg", "sub/c.png", "d.png"]);
            let expected =
                [OddOneOut { images: [0, 1, 2], odd: 2 }, OddOneOut { images: [2, 1, 3], odd: 2 }];
            assert_eq!(triplets(&dataset), expected);
            assert_eq!(dataset.sources.len(), 2, "the list is hashed too");
        }
        let options = DatasetOptions { odd: Some(OddPlace::First), ..Default::default() };
        let dataset = Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &options);
        assert!(triplets(&dataset.expect("read")).iter().all(|trial| trial.odd == 0));
        let options = DatasetOptions { split: Some("x".to_owned()), ..Default::default() };
        let error = Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &options);
        assert!(matches!(error, Err(DatasetError::NotApplicable { .. })), "{error:?}");
    }
    // Names instead of numbers need no list.
    let data = folder(&[
        ("triplets.npy", &names(&[["a.png", "b", "c.png"]])),
        ("a.png", b""),
        ("images/b.jpg", b""),
        ("c.png", b""),
    ]);
    let dataset = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect("read");
    assert_eq!(ids(&dataset), ["a.png", "images/b.jpg", "c.png"]);
    // Numbers need one.
    write(data.path(), "triplets.npy", &numbers(&rows));
    let error = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect_err("no list").to_string();
    assert!(error.contains("`images.txt` or `file_names.txt`"), "{error}");
    write(data.path(), "triplets.npy", b"");
    write(data.path(), "triplets.npz", &npz(&[("a", &numbers(&rows)), ("b", &numbers(&rows))]));
    let error = open(DatasetFormat::ODD_ONE_OUT, &data.path().join("triplets.npz"));
    let error = error.expect_err("two could be meant").to_string();
    assert!(error.contains("arrays called `a`, `b`") && error.contains("`triplets`"), "{error}");
}

#[test]
fn a_column_that_says_which_is_odd_leaves_nothing_to_choose() {
    let table = b"image_1,image_2,image_3,odd\na,b,c,1\n";
    let data = folder(&[("oddoneout.csv", table), ("a", b""), ("b", b""), ("c", b"")]);
    let options = DatasetOptions { odd: Some(OddPlace::First), ..Default::default() };
    let error = Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &options);
    let error = error.expect_err("the column says it");
    assert!(error.to_string().contains("column `odd` says it"), "{error}");
    assert!(matches!(error.remedies()[..], [Remedy::LeaveOut(_)]));
    let error = Dataset::open(DatasetFormat::PAIRS, data.path(), &options);
    assert!(matches!(error, Err(DatasetError::NotApplicable { .. })), "{error:?}");
}

#[test]
fn alignet_has_names_of_imagenets_files_and_a_models_answers() {
    let rows =
        [["n01_1.JPEG", "n01_2.JPEG", "n02_1.JPEG"], ["n02_1.JPEG", "n01_1.JPEG", "n03_9.JPEG"]];
    let similarities = npy("<f4", "(2, 3)", &[0; 24]);
    let archive = npz(&[("filenames", &names(&rows)), ("similarities", &similarities)]);
    let data = folder(&[
        ("alignet_valid.npz", &archive),
        ("train/n01/n01_1.JPEG", b""),
        ("train/n01/n01_2.JPEG", b""),
        ("train/n02/n02_1.JPEG", b""),
        ("train/n03/n03_9.JPEG", b""),
    ]);
    let dataset = open(DatasetFormat::ALIGNET, data.path()).expect("read");
    assert_eq!(ids(&dataset)[0], "train/n01/n01_1.JPEG");
    assert_eq!(triplets(&dataset)[1], OddOneOut { images: [2, 0, 3], odd: 2 });
    assert!(dataset.notes[0].contains("those of a model"), "{:?}", dataset.notes);
    let options = DatasetOptions { split: Some("train".to_owned()), ..Default::default() };
    let error = Dataset::open(DatasetFormat::ALIGNET, data.path(), &options);
    assert!(matches!(error, Err(DatasetError::Split { .. })), "{error:?}");
    // In whatever case, and with an image that is there twice, in neither case in its class's folder.
    fs::rename(data.path().join("alignet_valid.npz"), data.path().join("AligNet_Valid.NPZ"))
        .expect("renamed");
    fs::rename(data.path().join("train/n03"), data.path().join("train/x")).expect("renamed");
    write(data.path(), "train/y/n03_9.JPEG", b"");
    let dataset = open(DatasetFormat::ALIGNET, data.path()).expect("read");
    assert_eq!(ids(&dataset)[3], "train/x/n03_9.JPEG");
    assert!(dataset.notes[1].starts_with("1 images are there more than once"));
    fs::remove_file(data.path().join("AligNet_Valid.NPZ")).expect("removed");
    write(data.path(), "alignet_valid.npz", &npz(&[("triplets", &numbers(&[[0, 1, 2]]))]));
    let error = open(DatasetFormat::ALIGNET, data.path()).expect_err("no names").to_string();
    assert!(error.contains("the array `filenames`"), "{error}");
}

#[test]
fn no_more_of_an_array_is_read_than_is_asked_for() {
    // The second row shows one image twice.
    let rows = numbers(&[[0, 1, 2], [1, 1, 2]]);
    let images = [("a.png", &b""[..]), ("b.png", b""), ("c.png", b"")];
    let list = ("images.txt", &b"a.png\nb.png\nc.png\n"[..]);
    let data = folder(&[&images[..], &[list, ("triplets.npy", &rows)]].concat());
    let read = |limit, skip_missing| {
        let options = DatasetOptions { limit, skip_missing, ..Default::default() };
        Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &options)
    };
    assert_eq!(read(Some(1), false).expect("the first alone").trials.len(), 1);
    for (limit, skip_missing) in [(None, false), (Some(2), false), (Some(1), true)] {
        let error = read(limit, skip_missing).expect_err("the second").to_string();
        assert!(error.contains("row 1 (from 0)"), "{error}");
    }
    // A header alone, of more triplets than any file has.
    write(data.path(), "triplets.npy", &npy("<i8", "(67108865, 3)", &[]));
    let error = read(None, false).expect_err("too many").to_string();
    assert!(error.contains("67108865 triplets, expected at most 67108864"), "{error}");
}

#[test]
fn images_of_a_list_lie_out_of_the_folder_where_that_is_allowed() {
    let place = folder(&[
        ("in/triplets.npy", &numbers(&[[0, 1, 2]])),
        ("in/images.txt", b"a.png\n../out/b.png\nc.png\n"),
        ("in/a.png", b""),
        ("in/c.png", b""),
        ("out/b.png", b""),
    ]);
    let data = place.path().join("in");
    let error = open(DatasetFormat::ODD_ONE_OUT, &data).expect_err("outside");
    assert!(error.to_string().contains("images.txt, line 2"), "{error}");
    assert_eq!(error.remedies(), [Remedy::AllowOutside]);
    let options = DatasetOptions { allow_outside: true, ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::ODD_ONE_OUT, &data, &options).expect("allowed");
    assert_eq!(ids(&dataset), ["a.png", "../out/b.png", "c.png"]);
    // Names in the array are no way around that.
    write(&data, "triplets.npy", &names(&[["a.png", "../out/b.png", "c.png"]]));
    let error = open(DatasetFormat::ODD_ONE_OUT, &data);
    assert!(matches!(error, Err(DatasetError::Missing { .. })), "{error:?}");
}

#[test]
fn images_of_one_name_in_several_folders_are_told() {
    let data = folder(&[
        ("triplets.npy", &numbers(&[[0, 1, 2]])),
        ("images.txt", b"a.png\nb.png\nc.png\n"),
        ("x/a.png", b""),
        ("y/a.png", b""),
        ("images/b.png", b""),
        ("z/b.png", b""),
        ("c.png", b""),
    ]);
    let dataset = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect("read");
    assert_eq!(ids(&dataset), ["x/a.png", "images/b.png", "c.png"]);
    let told = "1 images are there more than once; the first in order of path is taken";
    assert_eq!(dataset.notes, [told], "b.png lies where it is looked for first");
}

#[test]
fn a_damaged_row_of_another_split_is_passed_over() {
    let table = NIGHTS_RAW.replace("is_imagenet\n", "split\n").replace("True", "train");
    let table = table.replace("False", "test").replace("0.33,0.67,3", "0.9,0.9,3");
    let data = nights_raw(&table);
    let options =
        |split: &str| DatasetOptions { split: Some(split.to_owned()), ..Default::default() };
    let open = |split| Dataset::open(DatasetFormat::NIGHTS_RAW, data.path(), &options(split));
    assert_eq!(open("train").expect("read").trials.len(), 1);
    assert!(open("test").is_err());
}

#[test]
fn a_name_that_is_a_number_makes_a_line_of_names() {
    let data = folder(&[
        ("testset1.txt", b"7 bottle axe\naxe bottle 7\n"),
        ("images/7.png", b""),
        ("images/bottle.png", b""),
        ("images/axe.png", b""),
    ]);
    let dataset = open(DatasetFormat::THINGS, data.path()).expect("read");
    assert_eq!(ids(&dataset), ["images/7.png", "images/bottle.png", "images/axe.png"]);
}

#[test]
fn layouts_of_things_that_others_keep_are_recognised() {
    for name in ["triplets/test_10.npy", "things_valset.txt", "things_first_imgs_idx.txt"] {
        let data = folder(&[(name, b"")]);
        let error = open(DatasetFormat::NIGHTS, data.path()).expect_err(name).to_string();
        assert!(error.contains("it looks like things"), "{name}: {error}");
    }
}

/// A line of *Levels*: a person's answer to three images.
fn levels_line(person: &str, images: [&str; 3], chosen: &str, kind: &str) -> String {
    let [a, b, c] = images.map(|image| format!("stimuli/x/{image}.JPEG"));
    let chosen =
        if chosen.contains(' ') { chosen.to_owned() } else { format!("stimuli/x/{chosen}.JPEG") };
    format!(
        "{{\"subject_id\":\"{person}\",\"rt\":900.0,\"image1Path\":\"{a}\",\"image2Path\":\"{b}\",\
         \"image3Path\":\"{c}\",\"selected_image\":\"{chosen}\",\"exp_trial_type\":\"{kind}\"}}\n"
    )
}

fn levels() -> TempDir {
    let consent = "{\"rt\":5323.0,\"url\":\"consent.html\",\"subject_id\":\"p_1\"}\n";
    let (fine, coarse) = (["n01_1", "n01_2", "n01_3"], ["n01_1", "n02_1", "n03_1"]);
    let border = ["n01_1", "n02_1", "n01_2"];
    let first = [
        consent.to_owned(),
        levels_line("p_1", fine, "n01_2", "exp_trial"),
        levels_line("p_1", border, "n02_1", "catch_trial"),
        levels_line("p_1", coarse, "No image selected", "exp_trial"),
        levels_line("p_1", coarse, "n03_1", "exp_trial"),
    ];
    let second = [
        levels_line("p_2", border, "n02_1", "exp_trial"),
        levels_line("p_2", fine, "n01_2", "exp_trial"),
    ];
    let data = folder(&[
        ("2024-04-11 08_29_43.json", first.concat().as_bytes()),
        ("2024-04-11 11_00_10.json", second.concat().as_bytes()),
    ]);
    for image in ["n01/n01_1", "n01/n01_2", "n01/n01_3", "n02/n02_1", "n03/n03_1"] {
        write(data.path(), &format!("train/{image}.JPEG"), b"");
    }
    data
}

#[test]
fn levels_has_one_level_a_group() {
    let data = levels();
    let dataset = open(DatasetFormat::LEVELS, data.path()).expect("read");
    let odd: Vec<u8> = triplets(&dataset).iter().map(|trial| trial.odd).collect();
    assert_eq!(odd, [1, 2, 1, 1]);
    let groups = [0, 1, 2, 3].map(|trial| label(&dataset, "group", trial));
    let expected = ["local fine-grained", "global coarse-grained", "class-boundary"];
    assert_eq!(groups, [expected[0], expected[1], expected[2], expected[0]]);
    assert_eq!((label(&dataset, "subject", 0), label(&dataset, "subject", 2)), ("p_1", "p_2"));
    assert_eq!(ids(&dataset)[0], "train/n01/n01_1.JPEG");
    assert!(dataset.notes[0].contains("1 trials are left out as they check attention, 1 as no"));
    let subsets: Vec<String> = dataset.subsets().into_iter().map(|s| s.name).collect();
    let of_groups = ["class-boundary", "global coarse-grained", "local fine-grained"];
    assert_eq!(subsets[1..], of_groups.map(|group| format!("group {group}")));
    // The order of shown images is no cluster.
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").codes, [0, 1, 2, 0]);
    assert_eq!(dataset.clusters(ClusterBy::Observer).expect("clusters").count, 2);

    assert_eq!(dataset.response_times(), Some(&[900.0; 4][..]));
    // Other files of JSON, on one line or on several, are left out, and told.
    write(data.path(), "a config.json", b"{\"name\": \"x\",\n \"rt\": [1]}\n");
    write(data.path(), "b config.json", b"{}\n");
    let with_others = open(DatasetFormat::LEVELS, data.path()).expect("read");
    assert_eq!(with_others.trials, dataset.trials);
    let told = "2 `.json` files are left out, as they have no answers: ";
    assert!(with_others.notes[1].starts_with(told), "{:?}", with_others.notes);
    // What is wrong with a trial is told with its file.
    let twice = levels_line("p", ["n01_1", "n01_1", "n03_1"], "n03_1", "exp_trial");
    write(data.path(), "2024-04-11 11_00_10.json", twice.as_bytes());
    let error = open(DatasetFormat::LEVELS, data.path()).expect_err("twice").to_string();
    assert!(error.contains("11_00_10.json, line 1: the image"), "{error}");
    let without_times = twice.replacen("n01_1.JPEG", "n02_1.JPEG", 1).replace("900.0", "null");
    write(data.path(), "one/only.json", without_times.as_bytes());
    write(data.path(), "one/n01_1.JPEG", b"");
    write(data.path(), "one/n02_1.JPEG", b"");
    write(data.path(), "one/n03_1.JPEG", b"");
    let one = open(DatasetFormat::LEVELS, &data.path().join("one")).expect("read");
    assert_eq!(one.response_times(), None);
    fs::remove_dir_all(data.path().join("one")).expect("removed");

    let wrong = levels_line("p", ["n01_1", "n02_1", "n03_1"], "n09_1", "exp_trial");
    for (text, words) in [(wrong.as_str(), "to be one of the three images"), ("[1,", "JSON")] {
        write(data.path(), "2024-04-11 11_00_10.json", format!("\n{text}").as_bytes());
        let error = open(DatasetFormat::LEVELS, data.path()).expect_err(words).to_string();
        assert!(error.contains(words) && error.contains("line 2"), "{error}");
    }
}

/// Answers of 20 people to 100 triplets of 30 images in a `.npy` file with the odd one first: a PNG
/// of its own for each image.
fn odd_first() -> TempDir {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut rows = Vec::new();
    for triplet in 0..100_i64 {
        let shown = [triplet % 30, (triplet * 7 + 1) % 30, (triplet * 11 + 2 + triplet / 30) % 30];
        if shown[0] == shown[1] || shown[0] == shown[2] || shown[1] == shown[2] {
            continue;
        }
        for _ in 0..20 {
            let odd = if rng.random_bool(0.7) { 0 } else { rng.random_range(1..3) };
            let mut others = [shown[(odd + 1) % 3], shown[(odd + 2) % 3]];
            if rng.random_bool(0.5) {
                others.reverse();
            }
            rows.push([shown[odd], others[0], others[1]]);
        }
    }
    let list: String = (0..30).map(|image| format!("{image}.png\n")).collect();
    let data = folder(&[("triplets.npy", &numbers(&rows)), ("images.txt", list.as_bytes())]);
    for image in 0..30 {
        let pixels = alignscope::image::RgbImage::new(8, 8, vec![image as u8; 8 * 8 * 3]);
        write(data.path(), &format!("{image}.png"), &pixels.to_png());
    }
    data
}

#[test]
fn an_odd_one_that_stands_first_is_told_by_the_notes_and_by_the_inspection() {
    let data = odd_first();
    let dataset = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect("read");
    let told = "the answers look as if the odd one stood first, not last";
    assert!(dataset.notes.iter().any(|note| note.starts_with(told)), "{:?}", dataset.notes);
    let look = |options: &DatasetOptions| {
        inspect(DatasetFormat::ODD_ONE_OUT, data.path(), options, 1 << 30, &Silent).expect("read")
    };
    let found = look(&DatasetOptions::default());
    let [problem] = &found.problems[..] else { panic!("{:?}", found.problems) };
    assert!(problem.what.starts_with(told), "{}", problem.what);
    assert_eq!(problem.remedies, [Remedy::SayOdd { place: "first" }]);
    assert!(!found.notes.contains(&problem.what), "told once");
    // Read as it was written, nothing is wrong.
    let first = DatasetOptions { odd: Some(OddPlace::First), ..Default::default() };
    assert_eq!(look(&first).problems, []);
    let dataset = Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &first).expect("read");
    assert!(triplets(&dataset).iter().all(|trial| trial.odd == 0));
    assert_eq!(dataset.odd_place(), None);
    // Read as the first while it stands last.
    let last = DatasetOptions { odd: Some(OddPlace::Last), ..Default::default() };
    assert_eq!(look(&last).problems, [], "what the user says is known");
    let is_told = |note: &String| note.ends_with("as was asked for, not as the last");
    assert!(dataset.notes.iter().any(is_told), "{:?}", dataset.notes);
    // A table says it of each triplet: nothing can be chosen.
    let dataset = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect("read");
    let out = data.path().join("out");
    dataset.write(&out, ImageFiles::Links).expect("written");
    let options = DatasetOptions::default();
    let found = inspect(DatasetFormat::ODD_ONE_OUT, &out, &options, 1 << 30, &Silent);
    let problems = found.expect("read").problems;
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(problem.fix.contains("the column `odd`"), "{}", problem.fix);
    assert_eq!(problem.remedies, []);
}

#[test]
fn the_real_answers_about_things_give_no_false_alarm() {
    let Some(data) = shared("data") else { return };
    let options = DatasetOptions { skip_missing: true, ..Default::default() };
    let open = |odd| {
        let options = DatasetOptions { odd, ..options.clone() };
        Dataset::open(DatasetFormat::THINGS, &data.join("things"), &options).expect("read")
    };
    let dataset = open(None);
    assert_eq!(dataset.odd_place(), None);
    // And with the place mistaken they give a true one.
    for place in [OddPlace::First, OddPlace::Second] {
        let found = open(Some(place)).odd_place().expect("mistaken");
        assert_eq!((found.taken, found.found), (place, OddPlace::Last));
        let agreement = found.places.map(|place| (100.0 * place.agreement).round());
        assert_eq!(agreement, [39.0, 39.0, 54.0]);
    }
}
