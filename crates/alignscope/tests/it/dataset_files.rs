//! The files of data sets as systems, editors and disks leave them: what is hashed, what is passed
//! over, how names are compared, and what is said of a file or folder that is something else.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::golden::shared;
use alignscope::features::FeatureFolder;
use alignscope::{ContentHash, Dataset, DatasetFormat, DatasetOptions, Trials};
use tempfile::TempDir;

/// A folder with files; images are never opened, only looked for.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        write(folder.path(), name, content.as_bytes());
    }
    folder
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

/// The data set, or what is said instead, with all causes.
fn open(kind: DatasetFormat, path: &Path) -> Result<Dataset, String> {
    opened(kind, path, &DatasetOptions::default())
}

fn opened(kind: DatasetFormat, path: &Path, options: &DatasetOptions) -> Result<Dataset, String> {
    Dataset::open(kind, path, options).map_err(|error| {
        let mut told = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            told.push_str(&format!(": {error}"));
            source = error.source();
        }
        told
    })
}

/// Holds what is said to the parts that it must have.
fn refused(result: Result<Dataset, String>, parts: &[&str]) {
    let told = result.expect_err("refused");
    println!("{told}");
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in: {told}");
    }
}

fn split(name: &str) -> DatasetOptions {
    DatasetOptions { split: Some(name.to_owned()), ..Default::default() }
}

/// A small data set: its kind, its images, its annotation files.
type Small = (DatasetFormat, &'static [&'static str], &'static [(&'static str, &'static str)]);

const THINGS_IMAGES: &[&str] = &[
    "object_images/axe/axe_01b.jpg",
    "object_images/bee/bee_01b.jpg",
    "object_images/cup/cup_01b.jpg",
];

/// One of each layout with text annotations.
const SMALL: &[Small] = &[
    (
        DatasetFormat::TID2013,
        &["reference_images/I01.BMP", "distorted_images/i01_01_1.bmp"],
        &[("mos_with_names.txt", "5.5 I01_01_1.bmp\n"), ("mos_std.txt", "0.1\n")],
    ),
    (
        DatasetFormat::TID2013,
        &["images/I01.png", "images/I01_01_01.png"],
        &[("dmos.csv", "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.49\n")],
    ),
    (
        DatasetFormat::NIGHTS,
        &["ref/0.png", "distort/0_0.png", "distort/0_1.png"],
        &[(
            "data.csv",
            "left_vote,right_vote,ref_path,left_path,right_path\n\
             1,0,ref/0.png,distort/0_0.png,distort/0_1.png\n",
        )],
    ),
    (
        DatasetFormat::THINGS,
        THINGS_IMAGES,
        &[
            ("unique_id.txt", "axe\nbee\ncup\n"),
            ("triplet_dataset/testset1.txt", "2 0 1\n0 1 2\n"),
            ("triplet_dataset/testset1_subjects.txt", "5\n6\n"),
        ],
    ),
    (
        DatasetFormat::THINGS,
        THINGS_IMAGES,
        &[
            ("things_concepts.tsv", "uniqueID\tWord\naxe\taxe\nbee\tbee\ncup\tcup\n"),
            ("testset1.csv", "image1\timage2\timage3\tchoice\tsubject_id\n1\t2\t3\t2\tabc\n"),
        ],
    ),
    (
        DatasetFormat::THINGS,
        THINGS_IMAGES,
        &[
            ("class_name_number.csv", "ClassID,Class\naxe,axe\nbee,bee\ncup,cup\n"),
            ("testset1_paths.csv", "Im1,Im2,Im3\n1,2,0\n"),
        ],
    ),
    (
        DatasetFormat::PAIRS,
        &["a.png", "b.png"],
        &[("pairs.csv", "reference,distorted,score\na.png,b.png,3\n")],
    ),
    (
        DatasetFormat::TWO_AFC,
        &["a.png", "b.png", "c.png"],
        &[("twoafc.csv", "reference,left,right,right_vote\na.png,b.png,c.png,1\n")],
    ),
    (
        DatasetFormat::ODD_ONE_OUT,
        &["a.png", "b.png", "c.png"],
        &[("oddoneout.csv", "image_1,image_2,image_3,odd\na.png,b.png,c.png,1\n")],
    ),
];

fn small((_, images, files): &Small) -> TempDir {
    let folder = folder(files);
    images.iter().for_each(|image| write(folder.path(), image, b""));
    folder
}

/// A `.npy` file with one number.
fn npy(value: f32) -> Vec<u8> {
    let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    npy.extend_from_slice(format!("{header:<69}\n").as_bytes());
    npy.extend_from_slice(&value.to_le_bytes());
    npy
}

/// BAPPS with two answers of a kind.
fn bapps() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for number in ["000000", "000001"] {
        for part in ["ref", "p0", "p1"] {
            write(folder.path(), &format!("2afc/val/cnn/{part}/{number}.png"), b"");
        }
        write(folder.path(), &format!("2afc/val/cnn/judge/{number}.npy"), &npy(0.25));
    }
    folder
}

#[test]
fn every_annotation_file_is_hashed_as_it_was_read() {
    for data in SMALL {
        let root = small(data);
        let dataset = open(data.0, root.path()).expect("read");
        assert_eq!(dataset.sources.len(), data.2.len(), "{:?}", data.2);
        for source in &dataset.sources {
            let bytes = fs::read(&source.path).expect("read");
            assert_eq!(source.sha256, ContentHash::of(&bytes).to_string());
        }
    }
}

#[test]
fn a_folder_of_answers_has_the_hash_of_all_of_them() {
    let root = bapps();
    let judge = root.path().join("2afc/val/cnn/judge");
    // What `LC_ALL=C sha256sum *.npy | sha256sum` gives in it.
    let hash = ContentHash::of(&npy(0.25));
    let listed = format!("{hash}  000000.npy\n{hash}  000001.npy\n");
    let one = DatasetOptions { limit: Some(1), ..Default::default() };
    for options in [DatasetOptions::default(), one] {
        let dataset = opened(DatasetFormat::NIGHTS, root.path(), &options).expect("read");
        assert_eq!(dataset.sources.len(), 1);
        assert_eq!(dataset.sources[0].path, judge);
        assert_eq!(dataset.sources[0].sha256, ContentHash::of(listed.as_bytes()).to_string());
    }
}

#[test]
fn a_table_that_is_rewritten_meanwhile_never_has_the_hash_of_another() {
    let root = small(&SMALL[6]);
    let path = root.path().join("pairs.csv");
    // Long enough that it is read in many entries.
    let table = |score: u32| {
        let row = format!("a.png,b.png,{score}\n");
        format!("reference,distorted,score\n{}", row.repeat(100_000))
    };
    let tables = [table(1), table(2)];
    let hashes = tables.each_ref().map(|t| ContentHash::of(t.as_bytes()).to_string());
    fs::write(&path, &tables[0]).expect("written");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::{Seek, Write};
            let mut file = fs::OpenOptions::new().write(true).open(&path).expect("opened");
            for table in tables.iter().cycle().skip(1) {
                file.rewind().expect("at its beginning");
                file.write_all(table.as_bytes()).expect("written");
                std::thread::sleep(Duration::from_millis(15));
                if stop.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        for _ in 0..60 {
            match open(DatasetFormat::PAIRS, root.path()) {
                Err(told) => {
                    assert!(told.contains("changed while it was read"), "{told}");
                    refused += 1;
                }
                Ok(dataset) => {
                    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("pairs") };
                    // A table that was half rewritten when it was hashed is read as it was hashed.
                    let scores: Vec<f64> = trials.iter().map(|t| t.score).collect();
                    let rows: Vec<String> =
                        scores.iter().map(|s| format!("a.png,b.png,{s}\n")).collect();
                    let text = format!("reference,distorted,score\n{}", rows.concat());
                    let hash = ContentHash::of(text.as_bytes()).to_string();
                    assert_eq!(dataset.sources[0].sha256, hash);
                    read += usize::from(hashes.contains(&hash));
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    println!("{read} read whole, {refused} refused");
    // Where the machine is busy, none may be read whole until the writer has ended.
    let dataset = open(DatasetFormat::PAIRS, root.path()).expect("read");
    assert!(hashes.contains(&dataset.sources[0].sha256));
}

#[test]
fn a_byte_order_mark_at_the_beginning_of_any_list_or_table_is_passed_over() {
    for data in SMALL {
        let root = small(data);
        let plain = open(data.0, root.path()).expect("read");
        for (name, text) in data.2 {
            let windows = text.replace('\n', "\r\n");
            write(root.path(), name, format!("\u{feff}{windows}").as_bytes());
        }
        let marked = open(data.0, root.path()).expect("read");
        assert_eq!((marked.trials, marked.labels), (plain.trials, plain.labels));
    }
}

#[test]
fn what_is_no_text_in_utf_8_is_told_with_what_to_do() {
    let utf16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    for data in SMALL {
        for (name, text) in data.2 {
            let root = small(data);
            for (bytes, parts) in [
                (utf16(text), ["UTF-16", "CSV UTF-8"]),
                (b"PK\x03\x04\x14\x00\x06\x00".to_vec(), ["ZIP archive", "unpack it"]),
                ([text.trim_end().as_bytes(), b"\xe9\n"].concat(), ["UTF-8", "line"]),
            ] {
                write(root.path(), name, &bytes);
                refused(open(data.0, root.path()), &[name, parts[0], parts[1]]);
            }
        }
    }
}

#[test]
fn fields_with_semicolons_are_told() {
    let root = folder(&[("pairs.csv", "reference;distorted;score\na.png;b.png;3,5\n")]);
    refused(open(DatasetFormat::PAIRS, root.path()), &["separated by `,` or a tab, not by `;`"]);
}

#[test]
fn what_macos_and_windows_leave_in_folders_is_passed_over() {
    for data in SMALL {
        let root = small(data);
        let plain = open(data.0, root.path()).expect("read");
        let files = data.1.iter().copied().chain(data.2.iter().map(|file| file.0));
        for name in files {
            let (parent, file) = name.rsplit_once('/').unwrap_or((".", name));
            for left in [format!("._{file}"), ".DS_Store".into(), "Thumbs.db".into()] {
                write(root.path(), &format!("{parent}/{left}"), b"\x00\x05\x16\x07");
            }
            write(root.path(), &format!("__MACOSX/{parent}/._{file}"), b"\x00\x05\x16\x07");
        }
        let left = open(data.0, root.path()).expect("read");
        assert_eq!((left.trials, left.images), (plain.trials, plain.images));
        assert_eq!(left.sources, plain.sources);
    }
    let root = bapps();
    let plain = open(DatasetFormat::NIGHTS, root.path()).expect("read");
    for part in ["judge/._000000.npy", "ref/._000000.png", ".DS_Store", "judge/.DS_Store"] {
        write(root.path(), &format!("2afc/val/cnn/{part}"), b"\x00\x05\x16\x07");
    }
    write(root.path(), "2afc/val/._cnn", b"\x00\x05\x16\x07");
    let left = open(DatasetFormat::NIGHTS, root.path()).expect("read");
    assert_eq!((left.trials, left.sources), (plain.trials, plain.sources));
}

#[test]
fn names_meet_whatever_form_their_accents_have() {
    let (one, two) = ("caf\u{e9}", "cafe\u{301}");
    for (disk, table) in [(one, two), (two, one)] {
        let text = format!("reference,distorted,score\n{table}/{table}.png,b.png,3\n");
        let root = folder(&[(&format!("{disk}/{disk}.png"), ""), ("b.png", "")]);
        write(root.path(), "pairs.csv", text.as_bytes());
        let dataset = open(DatasetFormat::PAIRS, root.path()).expect("read");
        assert_eq!(dataset.images[0].id, format!("{disk}/{disk}.png"), "as it is on the disk");

        let text = format!("5 {table}_01_1.bmp\n");
        let root = folder(&[(&format!("{disk}.bmp"), ""), (&format!("{disk}_01_1.bmp"), "")]);
        write(root.path(), "mos_with_names.txt", text.as_bytes());
        open(DatasetFormat::TID2013, root.path()).expect("read");

        let root = folder(&[("triplet_dataset/testset1.txt", "0 1 2\n")]);
        for concept in [disk, "bee", "cup"] {
            let image = format!("object_images/{concept}/{concept}_01b.jpg");
            write(root.path(), &image, b"");
        }
        write(root.path(), "unique_id.txt", format!("{table}\nbee\ncup\n").as_bytes());
        let dataset = open(DatasetFormat::THINGS, root.path()).expect("read");
        assert!(dataset.notes.iter().any(|n| n.contains("0 of 3 concepts have no `_01b`")));
    }
}

#[test]
fn a_name_of_features_with_a_byte_order_mark_before_it_is_read() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
    let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    npy.extend_from_slice(format!("{header:<69}\n").as_bytes());
    npy.extend_from_slice(&[0; 8]);
    write(root.path(), "layer1/features.npy", &npy);
    write(root.path(), "layer1/file_names.txt", "\u{feff}a.png\r\nb.png\r\n".as_bytes());
    write(root.path(), "__MACOSX/features.npy", b"none");
    let features = FeatureFolder::open(root.path()).expect("read");
    assert_eq!(features.file_names, ["a.png", "b.png"]);
    assert_eq!(features.stages.len(), 1);
    let utf16: Vec<u8> =
        "\u{feff}a.png\nb.png\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write(root.path(), "layer1/file_names.txt", &utf16);
    let error = FeatureFolder::open(root.path()).expect_err("UTF-16");
    assert!(error.source().expect("why").to_string().contains("UTF-16"), "{error}");
}

/// Holds that something ends soon.
fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    println!("{what}: {:.2?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(20), "{what} takes long");
    result
}

#[test]
fn a_table_has_an_end_to_its_columns_and_rows() {
    let root = folder(&[("a.png", ""), ("b.png", "")]);
    let table = |text: String| {
        write(root.path(), "pairs.csv", text.as_bytes());
        soon("a table", || open(DatasetFormat::PAIRS, root.path()))
    };
    let columns = |count: usize| -> String { (0..count).map(|i| format!(",{i:x}")).collect() };
    let fine = format!("reference,distorted,score{}\n", columns(9_997));
    table(format!("{fine}a.png,b.png,3{}\n", ",".repeat(9_997))).expect("wide, and read");
    for count in [9_998, 100_000] {
        let header = format!("reference,distorted,score{}\n", columns(count));
        refused(table(header), &["columns, expected at most 10000"]);
    }
    let header = format!("reference,distorted,score{}\n", columns(1_000_000));
    refused(table(header), &["line 1: the row has more than 1048576 bytes"]);
    refused(table("a".repeat(100 << 20)), &["line 1: the row has more than 1048576 bytes"]);
    let text = "reference,distorted,score\na.png,b.png,3\na.png,\"b.png,3\n".to_owned();
    let rows = "a.png,b.png,3\n".repeat(1 << 20);
    refused(table(text + &rows), &["line 3: the row has more than", "is a quote not closed?"]);
    // What stands in a message has an end too.
    let long = "x".repeat(1 << 19);
    let told = table(format!("reference,distorted,score\na.png,b.png,{long}\n"));
    assert!(told.expect_err("no number").len() < 1000);
    let told = table(format!("reference,distorted,score\na.png,{long},1\n"));
    assert!(told.expect_err("no image").len() < 1000);
    let told = table(format!("{}\n", columns(9_000)));
    assert!(told.expect_err("no column").len() < 1000);
}

#[test]
fn lists_and_labels_of_many_values_are_read_in_time() {
    let root = folder(&[("a.png", ""), ("b.png", "")]);
    let rows: String = (0..500_000).map(|i| format!("a.png,b.png,1,{i}\n")).collect();
    write(root.path(), "pairs.csv", format!("reference,distorted,score,split\n{rows}").as_bytes());
    let read = soon("a label of 500,000 values", || open(DatasetFormat::PAIRS, root.path()));
    let dataset = read.expect("read");
    assert_eq!(soon("its subsets", || dataset.subsets()).len(), 1);
    let told = soon("a split that is none of them", || {
        opened(DatasetFormat::PAIRS, root.path(), &split("x"))
    });
    assert!(told.as_ref().expect_err("none").len() < 1000);
    refused(told, &["there is no split `x`", "and 499980 more"]);

    let root = folder(&[("triplet_dataset/testset1.txt", "0 1 2\n")]);
    let concepts: String = (0..300_000).map(|i| format!("c{i}\n")).collect();
    write(root.path(), "unique_id.txt", concepts.as_bytes());
    for i in 0..5000 {
        fs::create_dir_all(root.path().join(format!("object_images/d{i}"))).expect("made");
    }
    refused(
        soon("300,000 concepts", || open(DatasetFormat::THINGS, root.path())),
        &["3 images", "are missing"],
    );
}

#[test]
fn a_concept_is_a_name_in_the_folder_of_images_not_a_path() {
    let root = folder(&[
        ("triplet_dataset/testset1.txt", "0 1 2\n"),
        ("unique_id.txt", "../out\nbee\ncup\n"),
        ("out/x.jpg", ""),
        ("object_images/bee/x.jpg", ""),
        ("object_images/cup/x.jpg", ""),
    ]);
    refused(open(DatasetFormat::THINGS, root.path()), &["1 images", "(../out)"]);
}

#[cfg(unix)]
#[test]
fn a_fifo_in_the_place_of_a_file_is_told_at_once() {
    let fifo = |path: &Path| {
        let _ = fs::remove_file(path);
        let done = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo");
        assert!(done.success());
    };
    for data in SMALL {
        for (name, _) in data.2 {
            let root = small(data);
            fifo(&root.path().join(name));
            refused(open(data.0, root.path()), &[name, "it is a FIFO, expected a regular file"]);
        }
    }
    let root = bapps();
    fifo(&root.path().join("2afc/val/cnn/judge/000001.npy"));
    refused(open(DatasetFormat::NIGHTS, root.path()), &["000001.npy", "it is a FIFO"]);
    for kind in DatasetFormat::ALL {
        let root = tempfile::tempdir().expect("a temporary folder");
        fifo(&root.path().join("fifo"));
        open(kind, &root.path().join("fifo")).expect_err("no data set");
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_followed_once() {
    for data in SMALL {
        let root = small(data);
        let plain = open(data.0, root.path()).expect("read");
        for image in data.1 {
            let parent = root.path().join(image).parent().expect("a folder").to_owned();
            let _ = std::os::unix::fs::symlink(root.path(), parent.join("back"));
            let _ = std::os::unix::fs::symlink(".", parent.join("here"));
        }
        let linked = soon("links", || open(data.0, root.path())).expect("read");
        assert_eq!((linked.trials, linked.images), (plain.trials, plain.images));
    }
}

#[test]
fn an_unknown_split_is_told_with_the_splits_that_are_there() {
    let root = folder(&[
        ("unique_id.txt", "axe\nbee\ncup\n"),
        ("triplet_dataset/train_90.txt", "0 1 2\n"),
        ("triplet_dataset/test_10.txt", "0 1 2\n"),
        ("triplet_dataset/README.txt", "read me"),
        ("triplet_dataset/._train_90.txt", "left"),
    ]);
    THINGS_IMAGES.iter().for_each(|image| write(root.path(), image, b""));
    refused(
        open(DatasetFormat::THINGS, root.path()),
        &["there is no split `testset1`", "there is `test_10`, `train_90`"],
    );
    opened(DatasetFormat::THINGS, root.path(), &split("test_10")).expect("read");
    let root = bapps();
    refused(
        opened(DatasetFormat::NIGHTS, root.path(), &split("test")),
        &["there is no split `test`", "there is `val`"],
    );
    let root = folder(&[("pairs.csv", "reference,distorted,score,split\n")]);
    refused(opened(DatasetFormat::PAIRS, root.path(), &split("val")), &["`val`", "there is none"]);
}

#[test]
fn a_folder_never_looks_like_the_data_set_that_it_does_not_hold() {
    for (kind, files) in [
        (DatasetFormat::THINGS, &[("unique_id.txt", "axe\n")][..]),
        (DatasetFormat::TID2013, &[("distorted_images/x.bmp", "")]),
        (DatasetFormat::NIGHTS, &[("2afc/readme.txt", "")]),
    ] {
        let told = open(kind, folder(files).path()).expect_err("not whole");
        assert!(told.contains("expected") && !told.contains("looks like"), "{told}");
    }
    let nights = folder(&[("data.csv", "")]);
    refused(open(DatasetFormat::THINGS, nights.path()), &["it looks like nights"]);
}

#[test]
fn a_folder_above_or_below_that_holds_the_data_set_is_named() {
    for data in SMALL {
        let root = small(data);
        let inner = root.path().file_name().expect("a name").to_str().expect("Unicode");
        // One level down, as an archive in a folder of its own, and two.
        let place = tempfile::tempdir().expect("a temporary folder");
        for levels in ["unpacked", "unpacked/deeper"] {
            let place = place.path().join(levels.replace('/', "-"));
            let below = place.join(levels);
            fs::create_dir_all(below.parent().expect("a parent")).expect("made");
            let mut copy = std::process::Command::new("cp");
            let copied = copy.arg("-r").args([root.path(), &below]).status();
            assert!(copied.expect("cp").success());
            let named = format!("{} seems to hold it", below.display());
            // `things` is known by its list of concepts.
            if data.2[0].0 != "things_concepts.tsv" && data.2[0].0 != "class_name_number.csv" {
                refused(open(data.0, &place), &["holds no", &named]);
            }
        }
        // A part of it was named.
        if let Some((part, _)) = data.1[0].rsplit_once('/')
            && data.2[0].0 != "things_concepts.tsv"
            && data.2[0].0 != "class_name_number.csv"
        {
            let told = open(data.0, &root.path().join(part));
            refused(told, &["holds no", &format!("{inner} seems to hold it")]);
        }
    }
    let root = bapps();
    let place = tempfile::tempdir().expect("a temporary folder");
    fs::rename(root.path().join("2afc"), place.path().join("moved")).expect("moved");
    fs::create_dir(place.path().join("dataset")).expect("made");
    fs::rename(place.path().join("moved"), place.path().join("dataset/2afc")).expect("moved");
    refused(open(DatasetFormat::NIGHTS, place.path()), &["dataset seems to hold it"]);
    let part = place.path().join("dataset/2afc/val");
    refused(open(DatasetFormat::NIGHTS, &part), &["2afc seems to hold it"]);
}

#[test]
fn layouts_that_are_not_read_are_told_by_name_with_what_to_do() {
    let with_images = |files: &[(&str, &str)]| {
        let root = folder(files);
        THINGS_IMAGES.iter().for_each(|image| write(root.path(), image, b""));
        write(root.path(), "unique_id.txt", b"axe\nbee\ncup\n");
        root
    };
    for names in ["axe bee cup", "axe_01b.jpg bee_01b.jpg cup_01b.jpg", "axe/axe_01b bee cup.png"] {
        let root = with_images(&[("triplet_dataset/things_valset.txt", names)]);
        refused(open(DatasetFormat::THINGS, root.path()), &["there is `things_valset`"]);
        let told = opened(DatasetFormat::THINGS, root.path(), &split("things_valset"));
        match names.contains("cup.png") {
            true => refused(told, &["1 images", "are missing (cup.png)"]),
            false => assert_eq!(told.expect("DreamSim's names are read").trials.len(), 1),
        }
    }
    let root = with_images(&[("triplet_dataset/train_90.npy", "x"), ("triplets/x.npy", "x")]);
    refused(open(DatasetFormat::THINGS, root.path()), &["there is `train_90`, `x`"]);
    let told = opened(DatasetFormat::THINGS, root.path(), &split("train_90"));
    refused(told, &["train_90.npy", "not an array of NumPy"]);

    let lists = [("unique_id.txt", "axe\nbee\ncup\n"), ("triplet_dataset/testset1.txt", "0 1 2\n")];
    for (folder_name, ending) in
        [("images", ".jpg"), ("object_images", "_01b.png"), ("object_images_CC0", "_plus.jpg")]
    {
        let root = folder(&lists);
        for concept in ["axe", "bee", "cup"] {
            write(root.path(), &format!("{folder_name}/{concept}{ending}"), b"");
        }
        match folder_name {
            "object_images_CC0" => {
                let parts = [folder_name, "one folder `images`", "rename it to `images`"];
                refused(open(DatasetFormat::THINGS, root.path()), &parts);
            }
            _ => {
                let dataset =
                    open(DatasetFormat::THINGS, root.path()).expect("flat folders are read");
                assert_eq!(dataset.images[0].id, format!("{folder_name}/axe{ending}"));
            }
        }
    }
    let root = folder(&lists);
    for part in ["A-C/axe", "A-C/bee", "D-K/cup"] {
        write(root.path(), &format!("object_images_{part}/x.jpg"), b"");
    }
    let parts = ["`object_images_A-C`, `object_images_D-K`", "expected one folder `object_images`"];
    refused(open(DatasetFormat::THINGS, root.path()), &parts);
}

#[test]
fn the_cases_of_things_beside_the_project() {
    let Some(cases) = shared("cases/things") else { return };
    let dataset = open(DatasetFormat::THINGS, &cases.join("apple_double")).expect("read");
    assert!(dataset.images.iter().all(|image| image.id.ends_with("_01b.jpg")));
    let told = opened(
        DatasetFormat::THINGS,
        &cases.join("dreamsim_valset_names"),
        &split("things_valset"),
    );
    let dataset = told.expect("names of concepts are read");
    assert!(dataset.images.iter().all(|image| image.id.ends_with("_01b.jpg")));
    let dataset = open(DatasetFormat::THINGS, &cases.join("gLocal_flat_images")).expect("read");
    assert!(dataset.images.iter().all(|image| image.id.starts_with("images/")));
}
