//! A data set that is written as a manifest is the same data set when it is read again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use alignscope::dataset::{ImageEntry, ImageFiles, Level, SimilarityMatrices, WriteDatasetError};
use alignscope::score::Ties;
use alignscope::{ClusterBy, Dataset, DatasetFormat, DatasetOptions, Pairs, Trials};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    folder
}

fn open(format: DatasetFormat, path: &Path) -> Dataset {
    let options = DatasetOptions::default();
    Dataset::open(format, path, &options).unwrap_or_else(|error| panic!("{format}: {error}"))
}

/// The labels by their names: the value of each trial.
fn labels(dataset: &Dataset) -> BTreeMap<&str, Vec<&str>> {
    let values = dataset.labels.iter().map(|label| {
        let value = |code: &u32| label.values[*code as usize].as_str();
        (label.name.as_str(), label.codes.iter().map(value).collect())
    });
    values.collect()
}

/// Different images, for copies that are told apart by their bytes.
const IMAGES: [(&str, &str); 5] =
    [("a.png", "A"), ("b.png", "B"), ("sub/ä c,\"d\".png", "C"), ("d.png", "D"), ("e.png", "E")];

/// All of it: trials, their numbers, labels, clusters, subsets, images in order, and scores of the
/// same distances.
fn are_the_same(read: &Dataset, written: &Dataset) {
    assert_eq!(read.trials, written.trials);
    assert_eq!(read.trial_ids, written.trial_ids);
    assert_eq!(labels(read), labels(written));
    // As texts, in which what is not known is the same.
    assert_eq!(format!("{:?}", read.numbers), format!("{:?}", written.numbers));
    let ids =
        |dataset: &Dataset| dataset.images.iter().map(|image| image.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(read), ids(written));
    let bytes = |dataset: &Dataset| {
        dataset.images.iter().map(|image| fs::read(&image.path).expect("read")).collect::<Vec<_>>()
    };
    assert_eq!(bytes(read), bytes(written));
    for by in [ClusterBy::Default, ClusterBy::Observer] {
        assert_eq!(read.clusters(by).ok(), written.clusters(by).ok());
    }
    let subsets = |dataset: &Dataset| {
        let subsets = dataset.subsets().into_iter();
        subsets.map(|subset| (subset.name, subset.trials)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(subsets(read), subsets(written));
    assert_eq!(scores(read), scores(written));
}

/// Scores of distances that follow from the images' names.
fn scores(dataset: &Dataset) -> Vec<String> {
    let pairs = Pairs::of(&dataset.trials);
    let of_pair = |pair: &[u32; 2]| {
        let number = |image: u32| -> u64 {
            let bytes = dataset.images[image as usize].id.bytes();
            bytes.fold(7, |sum, byte| sum * 31 % 1009 + u64::from(byte))
        };
        (number(pair[0]).abs_diff(number(pair[1])) % 97) as f64 / 97.0
    };
    let distances: Vec<f64> =
        pairs.of_trials.iter().map(|pair| of_pair(&pairs.images[*pair as usize])).collect();
    let scores = dataset.trials.paradigm().score(&distances, Ties::Miss);
    scores.iter().map(|score| format!("{:?} {}", score.measure, score.value)).collect()
}

/// A table of each paradigm.
const TABLES: [(DatasetFormat, &str); 5] = [
    (
        DatasetFormat::PAIRS,
        "reference,distorted,score,std,trial,split\n\
         a.png,b.png,3.1000000000000001,0.25,70,x\na.png,\"sub/ä c,\"\"d\"\".png\",-2e-7,,7,y\n\
         d.png,e.png,2,0,9,x\nd.png,a.png,1.5,,8,y\n",
    ),
    (
        DatasetFormat::TWO_AFC,
        "reference,left,right,right_vote,group,label_votes,subject,response_time\n\
         a.png,b.png,d.png,0.1,g,8,s,812.5\nb.png,e.png,d.png,0.7,h,5,t,\n\
         d.png,e.png,\"sub/ä c,\"\"d\"\".png\",1,g,6,s,0.0000001\n",
    ),
    (
        DatasetFormat::ODD_ONE_OUT,
        "image_1,image_2,image_3,odd,response_time,label_observer,group\n\
         a.png,b.png,\"sub/ä c,\"\"d\"\".png\",2,900,ann,\"one, two\"\n\
         b.png,a.png,d.png,3,1e3,bob,three\nb.png,d.png,a.png,1,0.25,ann,three\n",
    ),
    (
        DatasetFormat::QUADRUPLETS,
        "a_1,a_2,b_1,b_2,a_votes,b_votes,group\n\
         a.png,b.png,a.png,d.png,3,1,g\na.png,b.png,d.png,e.png,0,2,g\nb.png,e.png,d.png,e.png,1,1,h\n",
    ),
    (
        DatasetFormat::SAME_DIFFERENT,
        "first,second,different_votes,same_votes,group\n\
         a.png,b.png,3,0,g\na.png,d.png,1,2,g\ne.png,d.png,0,3,h\n",
    ),
];

#[test]
fn every_kind_of_trials_is_read_again_as_it_was_written() {
    for (format, table) in TABLES {
        let data = folder(&IMAGES);
        fs::write(data.path().join(format!("{}.csv", format.name())), table).expect("written");
        let dataset = open(format, data.path());
        for (name, images) in [("links", ImageFiles::Links), ("copies", ImageFiles::Copies)] {
            let out = data.path().join(name).join("deep");
            let written = dataset.write(&out, images).expect("written");
            assert_eq!((written.format, written.notes), (format, vec![]));
            assert_eq!(
                (written.trials, written.images),
                (dataset.trials.len(), dataset.images.len())
            );
            assert!(written.table.is_file());
            let read = open(format, &out);
            are_the_same(&read, &dataset);
            let has_times = table.contains("response_time");
            assert_eq!(read.response_times().is_some(), has_times, "{format}");
            let is_link = read.images[0].path.symlink_metadata().expect("there").is_symlink();
            assert_eq!(is_link, cfg!(unix) && images == ImageFiles::Links);
            // What was read may be written again, to the byte.
            let again = data.path().join(name).join("again");
            read.write(&again, images).expect("written");
            let table = format!("{}.csv", format.name());
            for file in [table.as_str(), "image_order.txt"] {
                let bytes = |root: &Path| fs::read(root.join(file)).expect(file);
                assert_eq!(bytes(&out), bytes(&again));
            }
            let readme = fs::read_to_string(out.join("README.txt")).expect("there");
            assert!(readme.contains("SHA-256") && readme.contains(&table), "{readme}");
        }
    }
}

#[test]
fn some_trials_are_written_without_the_others() {
    let (format, table) = TABLES[2];
    let data = folder(&IMAGES);
    fs::write(data.path().join("oddoneout.csv"), table).expect("written");
    let selection = Some("1-2".parse().expect("a selection"));
    let options = DatasetOptions { selection, ..Default::default() };
    let part = Dataset::open(format, data.path(), &options).expect("read");
    let out = data.path().join("out");
    let written = part.write(&out, ImageFiles::Links).expect("written");
    assert_eq!((written.trials, written.images), (2, 3));
    let read = open(format, &out);
    are_the_same(&read, &part);
    assert_eq!(read.trial_ids, [1, 2], "trials keep the numbers that they had");
    assert!(!out.join("sub").exists(), "only images that are shown");
}

#[test]
fn published_layouts_become_tables_that_say_the_same() {
    let nights = "id,left_vote,right_vote,votes,ref_path,left_path,right_path,split,is_imagenet\n\
                  7,1,0,8,a.png,b.png,d.png,train,True\n9,0,1,5,b.png,e.png,d.png,val,False\n";
    let data = folder(&IMAGES);
    fs::write(data.path().join("data.csv"), nights).expect("written");
    let dataset = open(DatasetFormat::NIGHTS, data.path());
    let out = data.path().join("out");
    let written = dataset.write(&out, ImageFiles::Links).expect("written");
    assert_eq!((written.format, written.notes.len()), (DatasetFormat::TWO_AFC, 0));
    are_the_same(&open(DatasetFormat::TWO_AFC, &out), &dataset);

    let kadid = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.49\n";
    let images = [("images/I01.png", "1"), ("images/I01_01_01.png", "2"), ("dmos.csv", kadid)];
    let data = folder(&images);
    let dataset = open(DatasetFormat::TID2013, data.path());
    let out = data.path().join("out");
    let written = dataset.write(&out, ImageFiles::Links).expect("written");
    assert!(written.notes[0].contains("single ratings"), "{:?}", written.notes);
    let Trials::RatedPairs(trials) = open(DatasetFormat::PAIRS, &out).trials else {
        panic!("pairs")
    };
    assert_eq!((trials[0].score, trials[0].std), (4.57, None));
}

#[test]
fn deviations_are_told_by_what_is_read_not_by_the_name_of_the_file() {
    let table = "reference,distorted,dmos,std\na.png,b.png,3,0.5\n";
    let data = folder(&[("my_dmos.csv", table), ("a.png", ""), ("b.png", "")]);
    let dataset = open(DatasetFormat::PAIRS, &data.path().join("my_dmos.csv"));
    assert!(!dataset.std_of_ratings, "they are of mean scores, and have a ceiling");
    let written = dataset.write(&data.path().join("out"), ImageFiles::Links).expect("written");
    assert_eq!(written.notes, Vec::<String>::new());
    are_the_same(&open(DatasetFormat::PAIRS, &data.path().join("out")), &dataset);

    let kadid = "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.49\n";
    let data = folder(&[("I01.png", "1"), ("I01_01_01.png", "2"), ("scores_mos.csv", kadid)]);
    assert!(open(DatasetFormat::TID2013, data.path()).std_of_ratings, "its column is `var`");

    // Nothing is left out where there is nothing.
    let data = folder(&[("csiq_dmos.csv", "1600 1 noise 1 0.061 0.062\n"), ("1600.png", "1")]);
    fs::write(data.path().join("1600.awgn.1.png"), "2").expect("written");
    let dataset = open(DatasetFormat::CSIQ, data.path());
    let written = dataset.write(&data.path().join("out"), ImageFiles::Links).expect("written");
    assert!(!written.notes.iter().any(|note| note.contains("deviations")), "{:?}", written.notes);
}

#[test]
fn images_whose_paths_no_table_can_have_get_other_names() {
    let data = folder(&[
        ("in/pairs.csv", "reference,distorted,score\n../out/b.png,renamed/000000.png,1\n"),
        ("in/renamed/000000.png", "A"),
        ("out/b.png", "B"),
    ]);
    let options = DatasetOptions { allow_outside: true, ..DatasetOptions::default() };
    let dataset = Dataset::open(DatasetFormat::PAIRS, &data.path().join("in"), &options);
    let out = data.path().join("written");
    let written = dataset.expect("read").write(&out, ImageFiles::Copies).expect("written");
    assert!(written.notes[0].starts_with("1 images are called `renamed/"), "{:?}", written.notes);
    let read = open(DatasetFormat::PAIRS, &out);
    let content = |i: usize| fs::read_to_string(&read.images[i].path).expect("read");
    assert_eq!((content(0), content(1)), ("B".to_owned(), "A".to_owned()));
    assert_eq!(read.images[0].id, "renamed_/000000.png");
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let data = folder(&IMAGES);
    fs::write(data.path().join("pairs.csv"), TABLES[0].1).expect("written");
    let dataset = open(DatasetFormat::PAIRS, data.path());
    let names = || {
        let entries = fs::read_dir(data.path()).expect("listed");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let mut places = vec!["sub", "a.png", "pairs.csv", "."];
    #[cfg(unix)]
    {
        // Not after all images were copied.
        fs::create_dir(data.path().join("hollow")).expect("made");
        std::os::unix::fs::symlink("hollow", data.path().join("link")).expect("linked");
        places.push("link");
    }
    let before = names();
    let refused = |dataset: &Dataset, place: &str| {
        let error = dataset.write(&data.path().join(place), ImageFiles::Copies);
        assert_eq!(names(), before, "{place}");
        error.expect_err(place)
    };
    for place in places {
        let error = refused(&dataset, place);
        assert!(matches!(error, WriteDatasetError::Exists { .. }), "{error}");
    }
    let mut other = dataset.clone();
    other.images[2].path = data.path().join("gone.png");
    let error = refused(&other, "new");
    assert!(matches!(&error, WriteDatasetError::Image { path, .. } if path.ends_with("gone.png")));
    let mut other = dataset.clone();
    let mut label = other.labels[0].clone();
    label.name = "SPLIT".to_owned();
    other.labels.push(label);
    let error = refused(&other, "new").to_string();
    assert!(error.contains("`split` and `SPLIT`"), "{error}");
    let image = |id: &str| ImageEntry { id: id.to_owned(), path: id.into() };
    let matrices = SimilarityMatrices {
        pairs: vec![[0, 1]],
        people: vec!["ann".to_owned()],
        dissimilarities: vec![vec![0.5]],
    };
    let images = vec![image("a.png"), image("b.png")];
    let matrices = Dataset::new("arranged", Level::High, images, Trials::Matrices(matrices));
    let error = refused(&matrices, "new").to_string();
    assert!(error.contains("arranged has people's matrices"), "{error}");
    // An empty folder is as good as none.
    fs::create_dir(data.path().join("empty")).expect("made");
    let written = dataset.write(&data.path().join("empty"), ImageFiles::Absent).expect("written");
    let without = DatasetOptions { without_images: true, ..Default::default() };
    let place = written.table.parent().expect("a folder");
    let read = Dataset::open(DatasetFormat::PAIRS, place, &without).expect("read");
    assert_eq!(read.trials, dataset.trials);
}
