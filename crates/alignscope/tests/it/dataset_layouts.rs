//! Every layout in which the data sets are published, as small folders; and the real data beside
//! the project, where it is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::golden::shared;
use alignscope::dataset::{DatasetError, ThingsImages};
use alignscope::{ClusterBy, Dataset, DatasetFormat, DatasetOptions, Trials};
use tempfile::TempDir;

/// A folder with files; those that are not texts are never opened, only looked for.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    folder
}

pub(crate) fn open(kind: DatasetFormat, path: &Path) -> Result<Dataset, DatasetError> {
    Dataset::open(kind, path, &DatasetOptions::default())
}

pub(crate) fn label<'a>(dataset: &'a Dataset, name: &str, trial: usize) -> &'a str {
    let column = dataset.labels.iter().find(|l| l.name == name).expect(name);
    &column.values[column.codes[trial] as usize]
}

pub(crate) fn ids(dataset: &Dataset) -> Vec<&str> {
    dataset.images.iter().map(|i| i.id.as_str()).collect()
}

#[test]
fn tid2013_as_released_with_its_mixed_case_and_deviations() {
    let data = folder(&[
        ("reference_images/I01.BMP", ""),
        ("reference_images/i25.bmp", ""),
        ("distorted_images/i01_01_1.bmp", ""),
        ("distorted_images/I25_24_5.bmp", ""),
        ("mos_with_names.txt", "5.51429 I01_01_1.bmp\n3.5 i25_24_5.bmp\n"),
        ("mos_std.txt", "0.1\n0.2\n"),
    ]);
    let dataset = open(DatasetFormat::TID2013, data.path()).expect("read");
    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
    assert_eq!(
        ids(&dataset),
        [
            "reference_images/I01.BMP",
            "distorted_images/i01_01_1.bmp",
            "reference_images/i25.bmp",
            "distorted_images/I25_24_5.bmp"
        ]
    );
    assert_eq!((trials[0].score, trials[0].std), (5.51429, Some(0.1)));
    assert_eq!(label(&dataset, "distortion_type", 1), "24");
    assert_eq!(label(&dataset, "distortion_level", 1), "5");
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 2);
    assert_eq!(dataset.sources.len(), 2);
    // Two pairs are not the 3,000 of the release.
    assert_eq!(dataset.name, "tid-like");
}

#[test]
fn tid_in_the_studys_table_and_in_the_table_with_short_names() {
    for table in [
        ",Reference,Distorted,MOS,Reference_ID,Distortion_ID,Distortion_Intensity\n0,I01.BMP,I01_02_3.bmp,4.5,01,02,3\n",
        "ref_name,dist_name,mos,std\nI01.BMP,I01_02_3.bmp,4.5,0.3\n",
    ] {
        let data = folder(&[("I01.BMP", ""), ("i01_02_3.bmp", ""), ("image_pairs_mos.csv", table)]);
        let dataset = open(DatasetFormat::TID2013, data.path()).expect("read");
        let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
        assert_eq!(trials[0].score, 4.5);
        assert_eq!(trials[0].std, table.contains("std").then_some(0.3));
        assert_eq!(label(&dataset, "distortion_level", 0), "3");
    }
}

#[test]
fn kadid_calls_its_deviation_var() {
    let data = folder(&[
        ("images/I01.png", ""),
        ("images/I01_01_01.png", ""),
        ("dmos.csv", "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.496\n"),
    ]);
    let dataset = open(DatasetFormat::TID2013, data.path()).expect("read");
    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
    // 30 ratings of 4 and 5 with this mean have a variance of 0.245.
    assert_eq!((trials[0].score, trials[0].std), (4.57, Some(0.496)));
}

#[test]
fn two_lists_of_scores_in_one_folder_must_be_told_apart() {
    let data = folder(&[
        ("I01.BMP", ""),
        ("i01_01_1.bmp", ""),
        ("mos_with_names.txt", "5 I01_01_1.bmp\n"),
        ("tid2008_image_pairs_mos.csv", "Reference,Distorted,MOS\nI01.BMP,I01_01_1.bmp,4\n"),
    ]);
    let error = open(DatasetFormat::TID2013, data.path()).expect_err("two of them").to_string();
    assert!(error.contains("mos_with_names.txt, tid2008_image_pairs_mos.csv"), "{error}");
    open(DatasetFormat::TID2013, &data.path().join("mos_with_names.txt")).expect("one of them");
}

#[test]
fn deviations_of_another_length_are_an_error() {
    let data = folder(&[("mos_with_names.txt", "5 I01_01_1.bmp\n"), ("mos_std.txt", "0.1\n0.2\n")]);
    let error = open(DatasetFormat::TID2013, data.path()).expect_err("two deviations").to_string();
    assert!(error.contains("mos_std.txt has 2 lines, expected 1"), "{error}");
}

const NIGHTS: &str =
    "id,left_vote,right_vote,votes,ref_path,left_path,right_path,prompt,split,is_imagenet,category
7,1,0,8,ref/000/000.png,distort/000/000_0.png,distort/000/000_1.png,\"a, b\",train,True,cat
9,0,1,5,ref/000/001.png,distort/000/001_0.png,distort/000/001_1.png,c,val,False,dog
";

fn nights() -> TempDir {
    folder(&[
        ("data.csv", NIGHTS),
        ("ref/000/000.png", ""),
        ("ref/000/001.png", ""),
        ("distort/000/000_0.png", ""),
        ("distort/000/000_1.png", ""),
        ("distort/000/001_0.png", ""),
        ("distort/000/001_1.png", ""),
    ])
}

#[test]
fn nights_as_released() {
    let data = nights();
    let dataset = open(DatasetFormat::NIGHTS, data.path()).expect("read");
    let Trials::TwoAlternatives(trials) = &dataset.trials else { panic!("two alternatives") };
    assert_eq!(trials.len(), 2);
    assert_eq!((trials[0].left_votes, trials[0].right_votes), (1.0, 0.0));
    assert_eq!(dataset.trial_ids, [7, 9]);
    for (name, value) in
        [("split", "val"), ("is_imagenet", "False"), ("votes", "5"), ("category", "dog")]
    {
        assert_eq!(label(&dataset, name, 1), value);
    }
}

#[test]
fn nights_by_split_by_votes_and_limited() {
    let data = nights();
    let take = |options: DatasetOptions| {
        Dataset::open(DatasetFormat::NIGHTS, data.path(), &options).map(|d| d.trial_ids)
    };
    let split = |name: &str| DatasetOptions { split: Some(name.to_owned()), ..Default::default() };
    assert_eq!(take(split("val")).expect("read"), [9]);
    let votes = DatasetOptions { min_votes: Some(6), ..Default::default() };
    assert_eq!(take(votes).expect("read"), [7]);
    let one = DatasetOptions { limit: Some(1), ..Default::default() };
    assert_eq!(take(one).expect("read"), [7]);
    let error = take(split("test")).expect_err("no such split").to_string();
    assert!(error.contains("no split `test`") && error.contains("`train`, `val`"), "{error}");
}

/// A `.npy` file of one number, as BAPPS has them.
fn share_npy(share: f32) -> Vec<u8> {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    let mut npy = b"\x93NUMPY\x01\x00\x46\x00".to_vec();
    npy.extend_from_slice(format!("{header:<69}\n").as_bytes());
    npy.extend_from_slice(&share.to_le_bytes());
    npy
}

#[test]
fn bapps_has_just_noticeable_differences() {
    let images = ["p0/000000", "p1/000000", "p0/000001", "p1/000001"];
    let images = images.map(|image| format!("jnd/val/traditional/{image}.png"));
    let data = folder(&images.each_ref().map(|image| (image.as_str(), "")));
    let answers = data.path().join("jnd/val/traditional/same");
    fs::create_dir_all(&answers).expect("made");
    for (name, share) in [("000000", 1.0), ("000001", 0.25)] {
        fs::write(answers.join(format!("{name}.npy")), share_npy(share)).expect("written");
    }
    let dataset = open(DatasetFormat::BAPPS_JND, data.path()).expect("read");
    let Trials::SameDifferent(trials) = &dataset.trials else { panic!("same or different") };
    let votes: Vec<_> = trials.iter().map(|t| (t.same_votes, t.different_votes)).collect();
    assert_eq!(votes, [(1.0, 0.0), (0.25, 0.75)]);
    assert_eq!(label(&dataset, "kind", 1), "traditional");
    assert_eq!(dataset.name, "bapps-jnd");
    fs::write(answers.join("000001.npy"), share_npy(1.5)).expect("written");
    let error = open(DatasetFormat::BAPPS_JND, data.path()).expect_err("no share").to_string();
    assert!(error.contains("000001.npy") && error.contains("from 0 to 1"), "{error}");
    let error = open(DatasetFormat::BAPPS, data.path()).expect_err("no 2afc").to_string();
    assert!(error.contains("bapps-jnd"), "{error}");
}

#[test]
fn raid_asks_which_of_two_pairs_differs_more() {
    let image = |level: u32| format!("imagenes_bd/rot_img_03_level_{level:02}.png");
    let images: Vec<String> = (1..=10).map(image).collect();
    let mut files: Vec<(&str, &str)> = images.iter().map(|image| (image.as_str(), "")).collect();
    let header = "gender,age_group,transformation,image_id_01,distortion_level_11,\
                  distortion_level_12,distortion_level_21,distortion_level_22,reaction_time_ms,answer";
    let rows = "man,18-30,rotation,3,2,1,4,10,3335,2\nwoman,18-30,rotation,3,10,4,1,2,900,1\n";
    let table = format!("{header}\n{rows}");
    files.push(("answers.csv", &table));
    let data = folder(&files);
    let dataset = open(DatasetFormat::RAID, data.path()).expect("read");
    let Trials::Quadruplets(trials) = &dataset.trials else { panic!("quadruplets") };
    let ids = ids(&dataset);
    let pair = |pair: [u32; 2]| pair.map(|image| ids[image as usize]);
    assert_eq!(pair(trials[0].first), [images[1].as_str(), images[0].as_str()]);
    assert_eq!((trials[0].first_votes, trials[0].second_votes), (0.0, 1.0));
    assert_eq!((trials[1].first_votes, trials[1].second_votes), (1.0, 0.0));
    let paradigm = dataset.trials.paradigm();
    assert_eq!(paradigm.question(0), paradigm.question(1), "one question, asked twice");
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 1, "one scene");
    assert!(!dataset.notes.iter().any(|note| note.contains("more than once")));
    fs::write(data.path().join("rot_img_03_level_02.png"), "").expect("written");
    let twice = open(DatasetFormat::RAID, data.path()).expect("read");
    assert!(twice.notes.iter().any(|note| note.starts_with("1 images are there more than once")));
    fs::remove_file(data.path().join("rot_img_03_level_02.png")).expect("removed");
    for (from, to, told) in [
        (",4,10,", ",4,11,", "a level from 1 to 10"),
        ("rotation", "shear", "gaussian_noise"),
        ("3335,2", "3335,3", "1 or 2"),
    ] {
        fs::write(data.path().join("answers.csv"), table.replacen(from, to, 1)).expect("written");
        let error = open(DatasetFormat::RAID, data.path()).expect_err("wrong").to_string();
        assert!(error.contains("line 2") && error.contains(told), "{error}");
    }
}

#[test]
fn quadruplets_may_share_an_image_between_their_pairs_but_not_within() {
    let images = [("a.png", ""), ("b.png", ""), ("c.png", "")];
    let table = "a_1,a_2,b_1,b_2,b_vote,group\na.png,b.png,a.png,c.png,0.75,one\n";
    let data = folder(&[&images[..], &[("quadruplets.csv", table)]].concat());
    let dataset = open(DatasetFormat::QUADRUPLETS, data.path()).expect("read");
    let Trials::Quadruplets(trials) = &dataset.trials else { panic!("quadruplets") };
    assert_eq!((trials[0].first, trials[0].second), ([0, 1], [0, 2]));
    assert_eq!((trials[0].first_votes, trials[0].second_votes), (0.25, 0.75));
    for (row, told) in [
        ("a.png,a.png,a.png,c.png,1,one", "a.png"),
        ("a.png,b.png,c.png,c.png,1,one", "c.png"),
        ("a.png,b.png,a.png,c.png,1.5,one", "a share from 0 to 1"),
    ] {
        let table = format!("a_1,a_2,b_1,b_2,b_vote,group\n{row}\n");
        fs::write(data.path().join("quadruplets.csv"), table).expect("written");
        let error = open(DatasetFormat::QUADRUPLETS, data.path()).expect_err("wrong").to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn same_or_different_trials_are_shares_or_counts() {
    let images = [("a.png", ""), ("b.png", "")];
    for (table, votes) in [
        ("first,second,same_vote\na.png,b.png,0.75\n", (0.75, 0.25)),
        ("first,second,same_votes,different_votes\na.png,b.png,3,1\n", (3.0, 1.0)),
    ] {
        let data = folder(&[&images[..], &[("samedifferent.csv", table)]].concat());
        let dataset = open(DatasetFormat::SAME_DIFFERENT, data.path()).expect("read");
        let Trials::SameDifferent(trials) = &dataset.trials else { panic!("same or different") };
        assert_eq!((trials[0].same_votes, trials[0].different_votes), votes);
    }
    let table = "first,second,same_votes,different_votes\na.png,b.png,0,0\n";
    let data = folder(&[&images[..], &[("samedifferent.csv", table)]].concat());
    let error = open(DatasetFormat::SAME_DIFFERENT, data.path()).expect_err("no vote").to_string();
    assert!(error.contains("a vote for one of the two"), "{error}");
}

#[test]
fn bapps_has_one_file_an_answer() {
    let npy = share_npy(0.8);
    let answers = ["cnn/judge/000000", "cnn/judge/000001", "color/judge/000000"];
    let images: Vec<String> = answers
        .iter()
        .flat_map(|answer| ["ref", "p0", "p1"].map(|part| answer.replace("judge", part)))
        .map(|image| format!("2afc/val/{image}.png"))
        .collect();
    let files: Vec<(&str, &str)> = images.iter().map(|image| (image.as_str(), "")).collect();
    let data = folder(&files);
    let val = data.path().join("2afc/val");
    for answer in answers {
        let path = val.join(format!("{answer}.npy"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, &npy).expect("written");
    }
    let dataset = open(DatasetFormat::NIGHTS, data.path()).expect("read");
    let Trials::TwoAlternatives(trials) = &dataset.trials else { panic!("two alternatives") };
    assert_eq!(trials.len(), 3);
    assert_eq!(trials[0].right_votes, f64::from(0.8_f32));
    assert_eq!(label(&dataset, "kind", 0), "cnn");
    let sources: Vec<&Path> = dataset.sources.iter().map(|s| s.path.as_path()).collect();
    assert_eq!(sources, ["cnn/judge", "color/judge"].map(|folder| val.join(folder)));
}

fn things(files: &[(&str, &str)]) -> TempDir {
    let mut all = vec![
        ("object_images/axe/axe_01b.jpg", ""),
        ("object_images/axe/axe_02s.jpg", ""),
        ("object_images/bee/bee_00a.jpg", ""),
        ("object_images/bee/bee_01b.jpg", ""),
        ("object_images/cup/cup_02s.jpg", ""),
    ];
    all.extend(files);
    folder(&all)
}

#[test]
fn things_in_text_files_with_the_odd_one_last() {
    let data = things(&[
        ("unique_id.txt", "axe\nbee\ncup\n"),
        ("triplet_dataset/testset1.txt", "2 0 1\n0 1 2\n2 0 1\n"),
        ("triplet_dataset/testset1_subjects.txt", "5\n6\n7\n"),
        ("triplet_dataset/validationset.txt", "1 0 2\n"),
    ]);
    let dataset = open(DatasetFormat::THINGS, data.path()).expect("read");
    let Trials::OddOneOut(trials) = &dataset.trials else { panic!("odd-one-out") };
    assert_eq!(trials.len(), 3);
    assert!(trials.iter().all(|t| t.odd == 2));
    assert_eq!(
        dataset.clusters(ClusterBy::Default).expect("clusters").codes,
        [0, 0, 0],
        "the same three images, in whatever order"
    );
    assert_eq!(label(&dataset, "subject", 2), "7");
    assert_eq!(
        ids(&dataset),
        [
            "object_images/cup/cup_02s.jpg",
            "object_images/axe/axe_01b.jpg",
            "object_images/bee/bee_00a.jpg"
        ],
        "the first image in sorted order stands for its concept"
    );
    assert!(dataset.notes.iter().any(|n| n.contains("1 of 3 concepts have no `_01b` image")));

    let options =
        DatasetOptions { things_images: Some(ThingsImages::Reference01b), ..Default::default() };
    let error =
        Dataset::open(DatasetFormat::THINGS, data.path(), &options).expect_err("cup has none");
    assert!(matches!(error, DatasetError::Missing { images: 1, trials: 3, .. }), "{error}");

    let options = DatasetOptions { split: Some("validationset".to_owned()), ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::THINGS, data.path(), &options).expect("read");
    assert_eq!(dataset.trials.len(), 1);
}

#[test]
fn things_in_the_studys_tables() {
    let data = things(&[
        ("class_name_number.csv", "Class,ClassID\nan axe,axe\na bee,bee\na cup,cup\n"),
        ("unique_id.txt", "axe\nbee\ncup\n"),
        ("testset1_paths.csv", ",Im1,Im2,Im3\n0,1,2,0\n"),
    ]);
    let dataset = open(DatasetFormat::THINGS, data.path()).expect("read");
    let Trials::OddOneOut(trials) = &dataset.trials else { panic!("odd-one-out") };
    assert_eq!(trials[0].odd, 2);
    assert!(ids(&dataset)[2].contains("axe"));
}

#[test]
fn things_in_the_large_table_that_counts_from_one() {
    let data = things(&[
        ("things_concepts.tsv", "Word\tuniqueID\naxe\taxe\nbee\tbee\ncup\tcup\n"),
        (
            "triplets_large_final.csv",
            "image1\timage2\timage3\tchoice\tRT\tsubject_id\n1\t2\t3\t2\t1500\tabc\n",
        ),
    ]);
    let options =
        DatasetOptions { split: Some("triplets_large_final".to_owned()), ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::THINGS, data.path(), &options).expect("read");
    let Trials::OddOneOut(trials) = &dataset.trials else { panic!("odd-one-out") };
    assert_eq!(trials[0].odd, 1);
    assert_eq!(label(&dataset, "subject", 0), "abc");
}

#[test]
fn manifests_with_a_byte_order_mark_windows_lines_quotes_and_spaces() {
    let data = folder(&[
        (
            "pairs.csv",
            "\u{feff}reference, distorted ,score,std,group\r\n\"my a.png\",sub\\b.png, 3.5 ,0.1,x\r\n\r\n",
        ),
        ("my a.png", ""),
        ("sub/B.png", ""),
    ]);
    let dataset = open(DatasetFormat::PAIRS, data.path()).expect("read");
    assert_eq!(ids(&dataset), ["my a.png", "sub/B.png"]);
    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
    assert_eq!((trials[0].score, trials[0].std), (3.5, Some(0.1)));
    assert_eq!(label(&dataset, "group", 0), "x");
}

#[test]
fn votes_as_a_share_or_as_counts() {
    for (table, votes) in [
        ("reference,left,right,right_vote\na.png,b.png,c.png,0.25\n", (0.75, 0.25)),
        ("reference,left,right,left_votes,right_votes\na.png,b.png,c.png,3,1\n", (3.0, 1.0)),
    ] {
        let data = folder(&[("twoafc.csv", table), ("a.png", ""), ("b.png", ""), ("c.png", "")]);
        let dataset = open(DatasetFormat::TWO_AFC, data.path()).expect("read");
        let Trials::TwoAlternatives(trials) = &dataset.trials else { panic!("two alternatives") };
        assert_eq!((trials[0].left_votes, trials[0].right_votes), votes);
    }
}

#[test]
fn the_limit_counts_trials_that_can_be_run() {
    let data = folder(&[
        (
            "oddoneout.csv",
            "image_1,image_2,image_3,odd\na.png,gone.png,c.png,1\na.png,b.png,c.png,2\nb.png,a.png,c.png,3\n",
        ),
        ("a.png", ""),
        ("b.png", ""),
        ("c.png", ""),
    ]);
    let options = DatasetOptions { limit: Some(1), skip_missing: true, ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::ODD_ONE_OUT, data.path(), &options).expect("read");
    assert_eq!(dataset.trial_ids, [1]);
    assert_eq!((dataset.skipped_trials, dataset.missing.len()), (1, 1));
    assert!(!ids(&dataset).contains(&"gone.png"));
}

#[test]
fn a_manifest_numbers_its_trials_labels_them_and_lists_its_images() {
    let table = "reference,distorted,score,trial,label_session,Group,label_,note\n\
                 a.png,b.png,1,70,one,x,y,z\nc.png,b.png,2,7,two,x,y,z\n";
    let data = folder(&[
        ("pairs.csv", table),
        ("image_order.txt", "unused.png\nc.png\nb.png\na.png\n"),
        ("a.png", ""),
        ("b.png", ""),
        ("c.png", ""),
    ]);
    let dataset = open(DatasetFormat::PAIRS, data.path()).expect("read");
    assert_eq!(dataset.trial_ids, [70, 7]);
    assert_eq!(ids(&dataset), ["c.png", "b.png", "a.png"]);
    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
    assert_eq!((trials[0].reference, trials[0].distorted, trials[1].reference), (2, 1, 0));
    let labels: Vec<&str> = dataset.labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(labels, ["group", "session"]);
    assert_eq!(label(&dataset, "session", 1), "two");
    let subsets: Vec<String> = dataset.subsets().into_iter().map(|s| s.name).collect();
    assert_eq!(subsets, ["all", "session one", "session two"]);
    assert_eq!(dataset.sources.len(), 2, "the list is hashed too");

    for (name, content, words) in [
        ("image_order.txt", "a.png\nb.png\n", "does not list the image `c.png`"),
        ("pairs.csv", "reference,distorted,score,trial\na.png,b.png,1,x\n", "`trial` is `x`"),
        (
            "pairs.csv",
            "reference,distorted,score,group,label_group\na.png,b.png,1,x,y\n",
            "the label `group` twice, the second time in the column `label_group`",
        ),
    ] {
        let before = fs::read(data.path().join(name)).expect("read");
        fs::write(data.path().join(name), content).expect("written");
        let error = open(DatasetFormat::PAIRS, data.path()).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
        fs::write(data.path().join(name), before).expect("written");
    }
}

#[test]
fn an_observer_is_a_subject() {
    let rows = "a,b,c,1,x\nb,a,c,2,x\n";
    let cases = [("subject", Ok(1)), ("label_observer", Ok(1)), ("label_who", Err(()))];
    for (column, clusters) in cases {
        let table = format!("image_1,image_2,image_3,odd,{column}\n{rows}");
        let data = folder(&[("oddoneout.csv", &table), ("a", ""), ("b", ""), ("c", "")]);
        let dataset = open(DatasetFormat::ODD_ONE_OUT, data.path()).expect("read");
        let found = dataset.clusters(ClusterBy::Observer).map(|found| found.count);
        assert_eq!(found.map_err(|_| ()), clusters, "{column}");
    }
}

#[test]
fn trials_are_selected_by_their_positions() {
    let table = "reference,distorted,score,split\na,b,1,x\nb,c,2,y\na,c,3,x\nc,d,4,x\n";
    let data = folder(&[("pairs.csv", table), ("a", ""), ("b", ""), ("c", ""), ("d", "")]);
    let select = |text: &str, split: Option<&str>| {
        let selection = Some(text.parse().expect("a selection"));
        let split = split.map(str::to_owned);
        let options = DatasetOptions { selection, split, ..Default::default() };
        Dataset::open(DatasetFormat::PAIRS, data.path(), &options)
    };
    let dataset = select("1,3", None).expect("selected");
    assert_eq!((dataset.trial_ids.clone(), ids(&dataset)), (vec![1, 3], vec!["b", "c", "d"]));
    assert!(dataset.notes.contains(&"2 of 4 trials are selected".to_owned()));
    // Positions are those among the trials of the split.
    let dataset = select("1-2", Some("x")).expect("selected");
    assert_eq!(dataset.trial_ids, [2, 3]);
    let error = select("1-4", None).expect_err("there are four").to_string();
    assert!(error.contains("position 4 of pairs") && error.contains("from 0 to 3"), "{error}");
    let whole = open(DatasetFormat::PAIRS, data.path()).expect("read");
    assert_ne!(whole.trials_hash(), dataset.trials_hash());
    assert_eq!(select("0-3", None).expect("all").trials_hash(), whole.trials_hash());
}

/// A format, its annotation files, and what its images are called without them.
type WithoutImages<'a> = (DatasetFormat, &'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn trials_are_read_without_their_images() {
    let options = DatasetOptions { without_images: true, ..Default::default() };
    let cases: [WithoutImages<'_>; 5] = [
        (
            DatasetFormat::PAIRS,
            &[("pairs.csv", "reference,distorted,score\nx/a.png,b.png,1\n")],
            &["x/a.png", "b.png"],
        ),
        (
            DatasetFormat::TID_LIKE,
            &[("mos_with_names.txt", "5.5 I01_01_1.bmp\n")],
            &["I01.bmp", "I01_01_1.bmp"],
        ),
        (
            DatasetFormat::NIGHTS_LIKE,
            &[("data.csv", "ref_path,left_path,right_path,left_vote,right_vote\nr,a,b,1,0\n")],
            &["r", "a", "b"],
        ),
        (
            DatasetFormat::THINGS_LIKE,
            &[("unique_id.txt", "cat\ndog\nowl\n"), ("testset1.txt", "0 2 1\n")],
            &["cat", "owl", "dog"],
        ),
        (
            DatasetFormat::ODD_ONE_OUT,
            &[("oddoneout.csv", "image_1,image_2,image_3,odd\na,b,c,1\n")],
            &["a", "b", "c"],
        ),
    ];
    for (format, files, expected) in cases {
        let data = folder(files);
        let dataset = Dataset::open(format, data.path(), &options)
            .unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(ids(&dataset), expected, "{format}");
        assert!(open(format, data.path()).is_err(), "{format}: images are missing");
    }
}

fn real(name: &str) -> Option<PathBuf> {
    Some(shared("data")?.join(name))
}

#[test]
fn the_real_triplets_of_things() {
    let Some(data) = real("things") else { return };
    let options = DatasetOptions { skip_missing: true, ..Default::default() };
    let dataset = Dataset::open(DatasetFormat::THINGS, &data, &options).expect("read");
    assert_eq!(dataset.trials.len(), 18_985);
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 949);
    assert_eq!((dataset.skipped_trials, dataset.name.as_str()), (1_015, "things"));
    // The concepts are those of THINGS, but no such triplets are published.
    let own = tempfile::tempdir().expect("a temporary folder");
    fs::copy(data.join("unique_id.txt"), own.path().join("unique_id.txt")).expect("copied");
    for concept in ["aardvark", "abacus", "accordion"] {
        let folder = own.path().join("object_images").join(concept);
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join(format!("{concept}_01b.jpg")), "").expect("written");
    }
    for split in ["testset1", "mine"] {
        let triplets = own.path().join(format!("{split}.txt"));
        fs::write(triplets, "0 1 2\n").expect("written");
        let options = DatasetOptions { split: Some(split.to_owned()), ..Default::default() };
        let own = Dataset::open(DatasetFormat::THINGS, own.path(), &options).expect("read");
        assert_eq!(own.name, "things-like", "{split}");
    }
    assert!(matches!(open(DatasetFormat::THINGS, &data), Err(DatasetError::Missing { .. })));
}

#[test]
fn the_real_choices_about_materials() {
    let Some(data) = real("materials") else { return };
    let dataset = open(DatasetFormat::NIGHTS, &data).expect("read");
    assert_eq!((dataset.trials.len(), dataset.images.len()), (24_144, 100));
    assert_eq!(dataset.name, "nights-like");
    let votes = open(DatasetFormat::TWO_AFC, &data.join("judgements.csv")).expect("read");
    let Trials::TwoAlternatives(trials) = &votes.trials else { panic!("two alternatives") };
    assert_eq!(trials.len(), 25_801);
    assert_eq!(trials.iter().filter(|t| t.left_votes == t.right_votes).count(), 1_657);
}

#[test]
fn the_real_scores_of_tid() {
    let Some(data) = real("tid") else { return };
    assert_eq!(open(DatasetFormat::PAIRS, &data).expect("read").trials.len(), 5);
    let options = DatasetOptions { skip_missing: true, ..Default::default() };
    for (list, release, kind, here) in [
        ("tid2008_image_pairs_mos.csv", "TID2008", DatasetFormat::TID2008, 4),
        ("tid2013_mos_with_names.txt", "TID2013", DatasetFormat::TID2013, 5),
    ] {
        let dataset =
            Dataset::open(DatasetFormat::TID2013, &data.join(list), &options).expect(list);
        assert_eq!(dataset.trials.len(), here, "{list}");
        assert_eq!(dataset.name, kind.name(), "told by all rows, of which few have images here");
        let one = DatasetOptions { limit: Some(1), ..options.clone() };
        let one = Dataset::open(DatasetFormat::TID2013, &data.join(list), &one).expect(list);
        assert_eq!((one.name.as_str(), one.trials.len()), (kind.name(), 1));
        assert!(dataset.notes[0].contains(release), "{:?}", dataset.notes);
    }
}

#[test]
fn paths_lead_out_of_the_folder_only_where_that_is_allowed() {
    let data = folder(&[
        ("in/pairs.csv", "reference,distorted,score\na.png,../out/b.png,1\n"),
        ("in/a.png", ""),
        ("out/b.png", ""),
    ]);
    let path = data.path().join("in");
    let error = open(DatasetFormat::PAIRS, &path).expect_err("refused").to_string();
    assert!(error.contains("`../out/b.png` leads out") && error.contains("below it"), "{error}");
    let options = DatasetOptions { allow_outside: true, ..DatasetOptions::default() };
    let dataset = Dataset::open(DatasetFormat::PAIRS, &path, &options).expect("allowed");
    assert_eq!(ids(&dataset), ["a.png", "../out/b.png"]);
}
