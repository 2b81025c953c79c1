//! People's matrices: one's own and published layouts, and what is wrong with them.

use std::fs;

use alignscope::dataset::SimilarityMatrices;
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
    let place = with(&[(&inner("animals_sim.mat"), "@animals_sim.mat")]);
    check(&open(DatasetFormat::PETERSON, &place).expect("Peterson"), &three[..1]);
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
        (&[("images.txt", "a.png\nb.png\nc.png\na.png\n"), ("rdm.csv", square)], "a.png"),
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
