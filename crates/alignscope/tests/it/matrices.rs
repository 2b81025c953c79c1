//! People's matrices: one's own and published layouts, and what is wrong with them.

use std::fs;

use alignscope::dataset::{ImageFiles, SimilarityMatrices};
use alignscope::{ClusterBy, Dataset, DatasetFormat, DatasetOptions, Trials};
use tempfile::TempDir;

use crate::golden::folder;

const IMAGES: [&str; 4] = ["a.png", "b.png", "c.png", "d.png"];

/// A folder with four images, and files of the golden folder or texts.
fn with(files: &[(&str, &str)]) -> TempDir {
    let place = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, bytes).expect("written");
    };
    IMAGES.iter().for_each(|name| write(&format!("images/{name}"), b""));
    for (name, content) in files {
        match content.strip_prefix('@') {
            Some(golden) => {
                write(name, &fs::read(folder("matrices").join(golden)).expect(golden));
            }
            None => write(name, content.as_bytes()),
        }
    }
    place
}

const NO: (&str, &str) = ("rdm.toml", "similarity = false\n");

const LISTED: (&str, &str) = ("images.txt", "a.png\nb.png\nimages/c.png\nd.png\n");

fn open(format: DatasetFormat, place: &TempDir) -> Result<Dataset, String> {
    let options = DatasetOptions::default();
    Dataset::open(format, place.path(), &options).map_err(|e| e.to_string())
}

fn matrices(dataset: &Dataset) -> &SimilarityMatrices {
    match &dataset.trials {
        Trials::Matrices(matrices) => matrices,
        _ => panic!("matrices"),
    }
}

/// Checks that a person's matrix is that of `golden/matrices/layouts.py`.
fn check(dataset: &Dataset, people: &[&str]) {
    let found = matrices(dataset);
    assert_eq!(found.people, people);
    assert_eq!(found.pairs, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
    for (person, values) in found.dissimilarities.iter().enumerate() {
        let expected: Vec<f64> = (1..7).map(|i| f64::from(10 * person as i32 + i)).collect();
        assert_eq!(*values, expected, "person {person}");
    }
    let ids: Vec<&str> = dataset.images.iter().map(|image| image.id.as_str()).collect();
    assert_eq!(ids, IMAGES.map(|name| format!("images/{name}")));
}

#[test]
fn ones_own_matrices_are_read_from_every_kind_of_file() {
    let three = ["person 1", "person 2", "person 3"];
    check(
        &open(DatasetFormat::RDM, &with(&[LISTED, ("rdm.npy", "@stack.npy")])).expect("npy"),
        &three,
    );
    let fortran = with(&[LISTED, ("rdm.npy", "@fortran.npy")]);
    check(&open(DatasetFormat::RDM, &fortran).expect("Fortran's order"), &three[..2]);
    let named = with(&[LISTED, ("rdm.npz", "@people.npz")]);
    check(&open(DatasetFormat::RDM, &named).expect("npz"), &["anna", "bert"]);
    let said = ("rdm.toml", "similarity = false\n");
    let condensed = with(&[LISTED, ("rdm.npz", "@condensed.npz"), said]);
    check(&open(DatasetFormat::RDM, &condensed).expect("condensed"), &three[..2]);
    let mat = with(&[LISTED, ("rdm.mat", "@judgments_general.mat")]);
    check(&open(DatasetFormat::RDM, &mat).expect("mat"), &three[..2]);
    let square = "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n";
    let second = "0 11 12 13\n11 0 14 15\n12 14 0 16\n13 15 16 0\n";
    let csv = with(&[LISTED, ("rdm_anna.csv", square), ("rdm_bert.csv", second)]);
    check(&open(DatasetFormat::RDM, &csv).expect("csv"), &["anna", "bert"]);
    let column = with(&[LISTED, ("rdm.csv", "1\n2\n3\n4\n5\n6\n"), said]);
    check(&open(DatasetFormat::RDM, &column).expect("a column"), &three[..1]);
}

#[test]
fn similarities_are_turned_and_pairs_that_nobody_judged_are_left_out() {
    let said = ("rdm.toml", "similarity = true\n");
    let square = "9,8,,6\n8,9,5,4\n,5,9,3\n6,4,3,9\n";
    let dataset = open(DatasetFormat::RDM, &with(&[LISTED, ("rdm.csv", square), said]));
    let dataset = dataset.expect("read");
    let found = matrices(&dataset);
    assert_eq!(found.pairs, [[0, 1], [0, 3], [1, 2], [1, 3], [2, 3]]);
    assert_eq!(found.dissimilarities, [[1.0, 3.0, 4.0, 5.0, 6.0]]);
}

#[test]
fn every_published_layout_is_read() {
    let three = ["person 1", "person 2", "person 3"];
    let place = with(&[LISTED, ("92_brainRDMs.mat", "@92_brainRDMs.mat")]);
    let dataset = open(DatasetFormat::IMAGES_92, &place).expect("of sessions");
    check(&dataset, &["subject 1", "subject 2"]);
    let place = with(&[("target_fmri.mat", "@target_fmri.mat")]);
    check(&open(DatasetFormat::ALGONAUTS, &place).expect("Algonauts"), &three);
    let options = DatasetOptions { split: Some("evc".to_owned()), ..DatasetOptions::default() };
    let evc = Dataset::open(DatasetFormat::ALGONAUTS, place.path(), &options).expect("EVC");
    assert_eq!(matrices(&evc).dissimilarities[0][0], 21.0);
    let inner = |name: &str| format!("sim_judgements/{name}");
    let place = with(&[(&inner("judgments_general.mat"), "@judgments_general.mat")]);
    check(&open(DatasetFormat::MULTI_ARRANGEMENT, &place).expect("arranged"), &three[..2]);
    let place = with(&[LISTED, (&inner("BEHAVIOR.mat"), "@BEHAVIOR.mat")]);
    check(&open(DatasetFormat::FREE_ARRANGEMENT, &place).expect("King"), &three[..2]);
    // gLocal's reader has either spelling of the folder.
    for name in ["sim_judgments/animals_sim.mat", "Sim_Judgements/animals_SIM.mat"] {
        let place = with(&[(name, "@animals_sim.mat")]);
        check(&open(DatasetFormat::PETERSON, &place).expect("Peterson"), &three[..1]);
    }
    // Names that differ in case are those that are read.
    let place = with(&[("IMAGES.TXT", LISTED.1), ("92_brainrdms.mat", "@92_brainRDMs.mat")]);
    check(
        &open(DatasetFormat::IMAGES_92, &place).expect("in lower case"),
        &["subject 1", "subject 2"],
    );
}

#[test]
fn files_or_variables_of_which_several_could_be_meant_are_an_error() {
    let one = ("sim_judgments/animals_sim.mat", "@animals_sim.mat");
    let place = with(&[one, ("sim_judgments/fruits_sim.mat", "@animals_sim.mat")]);
    let message = open(DatasetFormat::PETERSON, &place).expect_err("two files");
    assert!(message.contains("animals_sim.mat") && message.contains("fruits_sim.mat"), "{message}");
    // The file that is meant can be named.
    let options = DatasetOptions::default();
    let file = place.path().join(one.0);
    let dataset = Dataset::open(DatasetFormat::PETERSON, &file, &options).expect("named");
    check(&dataset, &["person 1"]);
    let place = with(&[("sim_judgments/two_sim.mat", "@two_sim.mat")]);
    let message = open(DatasetFormat::PETERSON, &place).expect_err("two variables");
    assert!(message.contains("`simMatrix`, `simOther`"), "{message}");
}

#[test]
fn images_of_a_set_are_those_of_its_folder() {
    let mat = ("sim_judgements/BEHAVIOR.mat", "@BEHAVIOR.mat");
    let sets: Vec<String> = ["set1", "set2"]
        .iter()
        .flat_map(|set| (1..=4).map(move |image| format!("images/{set}/000{image}.jpg")))
        .collect();
    let mut files: Vec<(&str, &str)> = sets.iter().map(|name| (name.as_str(), "")).collect();
    files.push(mat);
    let of = |split: Option<&str>, files: &[(&str, &str)]| {
        let place = with(files);
        let split = split.map(str::to_owned);
        let options = DatasetOptions { split, ..DatasetOptions::default() };
        let dataset = Dataset::open(DatasetFormat::FREE_ARRANGEMENT, place.path(), &options);
        dataset.map_err(|error| error.to_string())
    };
    let ids = |dataset: &Dataset| -> Vec<String> {
        dataset.images.iter().map(|image| image.id.clone()).collect()
    };
    assert_eq!(ids(&of(None, &files).expect("of the first set")), sets[..4]);
    let second = of(Some("set2"), &files).expect("of the second set");
    assert_eq!(ids(&second), sets[4..]);
    assert_eq!(matrices(&second).dissimilarities[0][0], 31.0);
    // A list of bare names means those of the set too.
    let list = ("images.txt", "0002.jpg\n0001.jpg\n0003.jpg\n0004.jpg\n");
    let listed = of(Some("set2"), &[&files[..], &[list]].concat()).expect("listed");
    assert_eq!(ids(&listed)[..2], ["images/set2/0002.jpg", "images/set2/0001.jpg"]);
    let message = of(Some("set3"), &files).expect_err("no such set");
    assert!(message.contains("no split `set3`") && message.contains("`set1`, `set2`"), "{message}");
    let message = of(None, &[mat]).expect_err("no images of the set");
    assert!(message.contains("`images/set1`"), "{message}");
    // Ten comes before two by its letters: Python's order and that of numbers differ.
    let unpadded = ["1", "2", "3", "10"].map(|image| format!("images/set1/{image}.jpg"));
    let mut files: Vec<(&str, &str)> = unpadded.iter().map(|name| (name.as_str(), "")).collect();
    files.push(mat);
    let message = of(None, &files).expect_err("two orders");
    assert!(message.contains("images.txt") && message.contains("10.jpg"), "{message}");
}

#[test]
fn the_folder_of_images_is_the_one_that_fits() {
    let mat = ("target_fmri.mat", "@target_fmri.mat");
    let names: Vec<String> = (1..=5).map(|image| format!("118images/image_{image}.jpg")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(mat);
    // Five images in one folder, and the four of the matrices in another.
    let dataset = open(DatasetFormat::ALGONAUTS, &with(&files)).expect("the folder of four");
    check(&dataset, &["person 1", "person 2", "person 3"]);
    files.remove(4);
    let message = open(DatasetFormat::ALGONAUTS, &with(&files)).expect_err("both have four");
    assert!(message.contains("`118images` with 4 images, `images` with 4 images"), "{message}");
    let options = DatasetOptions { split: Some("v4".to_owned()), ..DatasetOptions::default() };
    let error = Dataset::open(DatasetFormat::ALGONAUTS, with(&files).path(), &options);
    let message = error.expect_err("no such split").to_string();
    assert!(message.contains("no split `v4`") && message.contains("target_fmri.mat"), "{message}");
}

#[test]
fn a_file_of_any_name_is_read_and_no_person_is_made_of_it() {
    let place = with(&[LISTED, ("matrices.npy", "@stack.npy"), ("été.npy", "@fortran.npy")]);
    for (name, people) in [("matrices.npy", 3), ("été.npy", 2)] {
        let options = DatasetOptions::default();
        let dataset = Dataset::open(DatasetFormat::RDM, &place.path().join(name), &options);
        let expected = ["person 1", "person 2", "person 3"];
        check(&dataset.expect(name), &expected[..people]);
    }
    let one = with(&[LISTED, ("matrices.csv", "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n")]);
    let path = one.path().join("matrices.csv");
    let dataset = Dataset::open(DatasetFormat::RDM, &path, &DatasetOptions::default());
    check(&dataset.expect("of one"), &["person 1"]);
}

#[test]
fn images_may_lie_outside_where_that_is_allowed() {
    let square = "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n";
    let place = with(&[("in/rdm.csv", square), ("in/images.txt", "../images/a.png\n")]);
    let list = IMAGES.map(|name| format!("../images/{name}\n")).concat();
    fs::write(place.path().join("in/images.txt"), list).expect("written");
    let folder = place.path().join("in");
    let of = |allow_outside: bool| {
        let options = DatasetOptions { allow_outside, ..DatasetOptions::default() };
        Dataset::open(DatasetFormat::RDM, &folder, &options).map_err(|error| error.to_string())
    };
    let dataset = of(true).expect("allowed");
    assert_eq!(dataset.images[3].id, "../images/d.png");
    let message = of(false).expect_err("not allowed");
    assert!(message.contains("line 1") && message.contains("leads out"), "{message}");
}

#[test]
fn an_archive_that_unpacks_to_more_than_the_images_need_is_refused() {
    // Truth values: a byte each in the file, before it is deflated, and eight when read.
    let header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1073741824,), }";
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((header.len() as u16).to_le_bytes());
    array.extend(header.bytes());
    let place = with(&[LISTED]);
    let path = place.path().join("rdm.npz");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).expect("made"));
    archive.start_file("a.npy", zip::write::SimpleFileOptions::default()).expect("begun");
    std::io::Write::write_all(&mut archive, &array).expect("written");
    archive.finish().expect("finished");
    let message = open(DatasetFormat::RDM, &place).expect_err("too many");
    assert!(message.contains("[1073741824], expected 160000 numbers at most"), "{message}");
}

#[test]
fn people_of_other_names_are_another_data_set() {
    let square = "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n";
    let of = |name: &str| {
        open(DatasetFormat::RDM, &with(&[LISTED, (name, square)])).expect(name).trials_hash()
    };
    assert_ne!(of("rdm_anna.csv"), of("rdm_zoe.csv"));
    assert_eq!(of("rdm_anna.csv"), of("rdm_anna.csv"));
}

#[test]
fn matrices_are_read_again_as_they_were_written() {
    let named = with(&[LISTED, ("rdm.npz", "@people.npz")]);
    let one = with(&[LISTED, ("rdm_anna.csv", "0,1,,3\n1,0,4,5\n,4,0,0.1\n3,5,0.1,0\n")]);
    let unnamed = with(&[LISTED, ("rdm.npy", "@stack.npy")]);
    for (place, file) in [(&named, "rdm.npz"), (&one, "rdm_anna.npy"), (&unnamed, "rdm.npz")] {
        let dataset = open(DatasetFormat::RDM, place).expect(file);
        let out = place.path().join("out");
        let written = dataset.write(&out, ImageFiles::Copies).expect("written");
        assert_eq!((written.format, written.notes), (DatasetFormat::RDM, vec![]));
        assert_eq!(written.table, out.join(file));
        let read = Dataset::open(DatasetFormat::RDM, &out, &DatasetOptions::default());
        let read = read.expect("read again");
        assert_eq!(read.trials, dataset.trials, "{file}");
        assert_eq!(read.trials_hash(), dataset.trials_hash());
        let ids =
            |dataset: &Dataset| dataset.images.iter().map(|i| i.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&read), ids(&dataset));
    }
}

#[test]
fn wrong_matrices_say_what_to_do() {
    let square = "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n";
    let wrong: &[(&[(&str, &str)], &str)] = &[
        (&[("rdm.csv", square)], "`images.txt`"),
        (&[LISTED], "`rdm.npy`"),
        (&[LISTED, ("rdm.csv", square), ("rdm_b.csv", square)], "rdm_b.csv"),
        (&[LISTED, ("rdm.csv", "1,2\n3\n")], "as many numbers as in the first line"),
        (&[LISTED, ("rdm.csv", "1,b\n")], "expected a number"),
        (&[LISTED, ("rdm.csv", "1,2\n3,4\n")], "[4, 4] for 4 images"),
        (&[LISTED, ("rdm.csv", "1\n2\n3\n4\n5\n6\n")], "similarity = true"),
        (&[LISTED, ("rdm.csv", &square.replace("0,6", "0,7"))], "symmetric"),
        (&[LISTED, ("rdm.csv", &square.replace('6', "inf"))], "inf"),
        (&[LISTED, ("rdm.csv", square), ("rdm.toml", "similar = true\n")], "similarity = true"),
        (&[LISTED, ("rdm.npy", "no array")], "numpy.save"),
        (&[LISTED, ("rdm.npz", "no archive")], "numpy.savez"),
        (&[LISTED, ("rdm.mat", "\u{89}HDF, but not of 128 bytes")], ".mat of MATLAB"),
        (&[LISTED, ("rdm.mat", "@92_brainRDMs.mat")], "`RDMs`"),
        (&[("images.txt", "a.png\nb.png\nc.png\nz.png\n"), ("rdm.csv", square)], "z.png"),
        (
            &[("images.txt", "a.png\n\nb.png\nc.png\na.png\n"), ("rdm.csv", square)],
            "`images/a.png` twice, in lines 1 and 5",
        ),
        (&[("images.txt", "a.png\nb.png\n"), ("rdm.csv", "0,1\n1,0\n")], "a matrix needs three"),
        (&[("images.txt", "a.png\n"), ("rdm.csv", "0\n")], "a matrix needs three"),
        (&[("images.txt", "\n"), ("rdm.csv", "0\n")], "names no images"),
        (&[LISTED, ("rdm.csv", &"nan,".repeat(24)), ("rdm.toml", "similarity = false")], "[1, 25]"),
        (&[LISTED, ("rdm.csv", &"nan,nan,nan,nan\n".repeat(4)), NO], "nobody judged"),
        (
            &[
                ("images.txt", "a.png\nb.png\nc.png\ne.png\n"),
                ("rdm.csv", square),
                ("x/e.png", ""),
                ("y/e.png", ""),
            ],
            "`e.png`, the name of several images",
        ),
        (&[("images.txt", "a.png\nb.png\nc.png\n../d\n"), ("rdm.csv", square)], "../d"),
        (
            &[LISTED, ("rdm.csv", &"2,2,2,2\n".repeat(4)), ("rdm.toml", "similarity = false")],
            "one value",
        ),
    ];
    for (files, said) in wrong {
        let message = open(DatasetFormat::RDM, &with(files)).expect_err(said);
        assert!(message.contains(said), "{message}, expected to say {said}");
    }
}

#[test]
fn images_that_are_missing_are_left_out_where_that_is_wanted() {
    let square = "0,1,2,3\n1,0,4,5\n2,4,0,6\n3,5,6,0\n";
    let listed = ("images.txt", "a.png\nz.png\nc.png\nd.png\n");
    let place = with(&[listed, ("rdm.csv", square)]);
    let options = DatasetOptions { skip_missing: true, ..DatasetOptions::default() };
    let dataset = Dataset::open(DatasetFormat::RDM, place.path(), &options).expect("read");
    assert_eq!(matrices(&dataset).dissimilarities, [[2.0, 3.0, 6.0]]);
    assert_eq!((dataset.skipped_trials, dataset.missing), (3, vec!["z.png".to_owned()]));
}

#[test]
fn a_limit_takes_all_pairs_of_the_first_images() {
    let place = with(&[LISTED, ("rdm.npy", "@stack.npy")]);
    let options = DatasetOptions { limit: Some(5), ..DatasetOptions::default() };
    let dataset = Dataset::open(DatasetFormat::RDM, place.path(), &options).expect("read");
    assert_eq!(matrices(&dataset).pairs, [[0, 1], [0, 2], [1, 2]]);
    assert!(dataset.notes.iter().any(|note| note.contains("on 3 images")), "{:?}", dataset.notes);
    assert_eq!(dataset.images.len(), 3);
}

#[test]
fn intervals_by_what_matrices_do_not_have_are_an_error() {
    let place = with(&[LISTED, ("rdm.npy", "@stack.npy")]);
    let dataset = open(DatasetFormat::RDM, &place).expect("read");
    for by in [ClusterBy::Default, ClusterBy::Observer, ClusterBy::Image] {
        dataset.clusters(by).expect("people and images");
    }
    let message = dataset.clusters(ClusterBy::None).expect_err("pairs share images").to_string();
    assert!(message.contains("share images"), "{message}");
    let pairs = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| fs::write(pairs.path().join(name), text).expect("written");
    write("a.png", "");
    write("b.png", "");
    write("pairs.csv", "reference,distorted,score\na.png,b.png,1\n");
    let dataset = open(DatasetFormat::PAIRS, &pairs).expect("read");
    let message = dataset.clusters(ClusterBy::Image).expect_err("no matrices").to_string();
    assert!(message.contains("matrices"), "{message}");
}
