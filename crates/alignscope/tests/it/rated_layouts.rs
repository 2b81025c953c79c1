//! The layouts in which image quality data sets are published, as small folders; and which way
//! scores run.

use std::fs;
use std::path::Path;

use alignscope::dataset::DatasetError;
use alignscope::{ClusterBy, Dataset, DatasetFormat, DatasetOptions, RatedPair, Trials};
use tempfile::TempDir;

use crate::dataset_layouts::{folder, label, open};
use crate::golden;

fn lower(lower_is_better: bool) -> DatasetOptions {
    DatasetOptions { lower_is_better: Some(lower_is_better), ..DatasetOptions::default() }
}

fn rated(dataset: &Dataset) -> &[RatedPair] {
    let Trials::RatedPairs(trials) = &dataset.trials else { panic!("rated pairs") };
    trials
}

fn scores(dataset: &Dataset) -> Vec<f64> {
    rated(dataset).iter().map(|trial| trial.score).collect()
}

/// The reference and the distorted image of a trial, by their names.
fn images(dataset: &Dataset, trial: usize) -> [&str; 2] {
    let RatedPair { reference, distorted, .. } = rated(dataset)[trial];
    [reference, distorted].map(|image| dataset.images[image as usize].id.as_str())
}

fn has_note(dataset: &Dataset, words: &str) -> bool {
    dataset.notes.iter().any(|note| note.contains(words))
}

#[track_caller]
fn refused(found: Result<Dataset, DatasetError>, words: &[&str]) -> DatasetError {
    let error = found.expect_err("refused");
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "no `{word}` in `{message}`");
    }
    error
}

fn pairs(table: &str) -> TempDir {
    folder(&[("a.png", ""), ("b.png", ""), ("c.png", ""), ("pairs.csv", table)])
}

#[test]
fn scores_of_ones_own_are_turned_where_the_user_or_the_column_says_so() {
    let rows = "a.png,b.png,3,0.5\na.png,c.png,0,0.25\n";
    let [score, dmos] =
        ["score", "dmos"].map(|column| pairs(&format!("reference,distorted,{column},std\n{rows}")));
    for (data, options, expected) in [
        (&score, DatasetOptions::default(), [3.0, 0.0]),
        (&score, lower(true), [-3.0, 0.0]),
        (&score, lower(false), [3.0, 0.0]),
        (&dmos, DatasetOptions::default(), [-3.0, 0.0]),
        (&dmos, lower(true), [-3.0, 0.0]),
        (&dmos, lower(false), [3.0, 0.0]),
    ] {
        let dataset = Dataset::open(DatasetFormat::PAIRS, data.path(), &options).expect("read");
        assert_eq!(scores(&dataset), expected);
        assert!(scores(&dataset)[1].is_sign_positive(), "zeros stay ties");
        assert_eq!(rated(&dataset)[0].std, Some(0.5), "a deviation has no direction");
        assert_eq!(has_note(&dataset, "scores are turned"), expected[0] < 0.0);
    }
    let as_it_stands = Dataset::open(DatasetFormat::PAIRS, dmos.path(), &lower(false));
    assert!(has_note(&as_it_stands.expect("read"), "`dmos`"));
}

#[test]
fn two_columns_of_scores_are_an_error() {
    let data = pairs("reference,distorted,score,DMOS\na.png,b.png,3,2\n");
    let words = ["pairs.csv", "`score` and `dmos`", "leave one out"];
    refused(open(DatasetFormat::PAIRS, data.path()), &words);
}

#[test]
fn scores_of_other_data_sets_are_not_turned_by_the_user() {
    let data = folder(&[("mos_with_names.txt", "5 I01_01_1.bmp\n")]);
    let found = Dataset::open(DatasetFormat::TID2013, data.path(), &lower(true));
    refused(found, &["which way scores run cannot be chosen for tid2013"]);
}

/// CSIQ's images of two references, and a file.
fn csiq(name: &str, text: &str) -> TempDir {
    folder(&[
        ("src_imgs/1600.png", ""),
        ("src_imgs/aerial_city.png", ""),
        ("dst_imgs/awgn/1600.AWGN.1.png", ""),
        ("dst_imgs/jpeg2000/aerial_city.jpeg2000.5.png", ""),
        (name, text),
    ])
}

#[test]
fn csiq_in_the_texts_that_people_make_of_its_workbook() {
    for (name, text) in [
        (
            "csiq.beta.txt",
            "1600\t1\tnoise\t1\t0.061\t0.062\naerial_city\t3\tjpeg 2000\t5\t0.1\t0.95\n",
        ),
        ("csiq.txt", "1600 1 noise 1 0.061 0.062\naerial_city 3 jpeg 2000 5 0.1 0.95\n"),
        ("csiq_label.txt", "1600.AWGN.1.png 0.062\naerial_city.jpeg2000.5.png 0.95\n"),
        ("csiq_label.txt", "1600.AWGN.1\t0.062\naerial_city.jpeg2000.5\t0.95\n"),
        (
            "CSIQ.txt",
            "dis_img_path,dis_type,ref_img_path,score\n\
             CSIQ/dst_imgs/AWGN/1600.AWGN.1.png,AWGN,CSIQ/src_imgs/1600.png,0.062\n\
             CSIQ/dst_imgs/jpeg2000/aerial_city.jpeg2000.5.png,JP2K,\
             CSIQ/src_imgs/aerial_city.png,0.95\n",
        ),
        (
            "csiq.DMOS.csv",
            ",,,,,,,,\nall by image,,,,,,,,\n\
             ,,,image,dst_idx,dst_type,dst_lev,dmos_std,dmos\n\
             ,,,1600,1,noise,1,0.061,0.062\n,,,aerial_city,3,jpeg 2000,5,0.1,0.95\n,,,,,,,,\n",
        ),
    ] {
        let dataset = open(DatasetFormat::CSIQ, csiq(name, text).path()).expect(name);
        assert_eq!(scores(&dataset), [-0.062, -0.95], "{name}: a DMOS is turned");
        let places = ["src_imgs/1600.png", "dst_imgs/awgn/1600.AWGN.1.png"];
        assert_eq!(images(&dataset, 0), places, "{name}");
        assert_eq!(label(&dataset, "distortion_type", 1), "jpeg2000");
        assert_eq!(label(&dataset, "distortion_level", 1), "5");
        assert!(has_note(&dataset, "scores are turned"));
        // Two pairs are not the 866 of the release.
        assert_eq!(dataset.name, "csiq-like");
        assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 2);
    }
}

#[test]
fn csiq_is_refused_where_its_scores_are_none() {
    let open = |data: &TempDir| open(DatasetFormat::CSIQ, data.path());
    let line = |text| open(&csiq("csiq.txt", text));
    refused(line("1600.AWGN.1.png 0.1\n1600.AWGN.x.png 0.2\n"), &["csiq.txt, line 2", "AWGN.x"]);
    refused(line("1600.sepia.1.png 0.1\n"), &["line 1", "1600.AWGN.1.png 0.062"]);
    refused(line("1600.AWGN.1.png nan\n"), &["line 1", "nan"]);
    refused(line("1600 1 noise 1 0.061\n"), &["line 1"]);
    let error = open(&csiq("csiq.DMOS.xlsx", "PK"));
    refused(error, &["csiq.DMOS.xlsx", "`all_by_image` as `CSV UTF-8`"]);
    refused(open(&csiq("readme", "")), &["holds no csiq", "`csiq.csv`"]);
    let both = folder(&[("csiq.txt", ""), ("csiq_label.txt", "")]);
    refused(open(&both), &["csiq.txt, csiq_label.txt"]);
    let missing = folder(&[("csiq.txt", "1600.AWGN.1.png 0.1\n")]);
    refused(open(&missing), &["2 images", "1600.png"]);
}

#[test]
fn pipal_has_a_text_of_scores_for_each_reference() {
    let files = [
        ("Train_Ref/A0001.bmp", ""),
        ("Train_Ref/A0002.bmp", ""),
        ("Train_Dist/A0001_00_00.bmp", ""),
        ("Distortion_2/A0002_06_26.bmp", ""),
        ("Train_Label/A0001.txt", "A0001_00_00.bmp,1520.0648\n"),
        ("Train_Label/A0002.txt", "A0002_06_26.bmp,1313.9093\n"),
    ];
    let data = folder(&files);
    let dataset = open(DatasetFormat::PIPAL, data.path()).expect("read");
    assert_eq!(scores(&dataset), [1520.0648, 1313.9093], "a higher score is better");
    assert_eq!(images(&dataset, 1), ["Train_Ref/A0002.bmp", "Distortion_2/A0002_06_26.bmp"]);
    assert_eq!(label(&dataset, "distortion_type", 1), "06");
    assert_eq!((dataset.name.as_str(), dataset.sources.len()), ("pipal-like", 2));
    let val = DatasetOptions { split: Some("val".to_owned()), ..DatasetOptions::default() };
    let found = Dataset::open(DatasetFormat::PIPAL, data.path(), &val);
    refused(found, &["no split `val`", "`train`"]);
    for (line, words) in [
        ("A0001_00_00.bmp 1520\n", "a comma, and a score"),
        ("A0001_00.bmp,1520\n", "A0001_00.bmp,1520"),
        ("../A0001_00_00.bmp,1520\n", "../A0001"),
        ("A0001_00_00.bmp,inf\n", "inf"),
    ] {
        let data = folder(&[files[0], files[2], ("Train_Label/A0001.txt", line)]);
        refused(open(DatasetFormat::PIPAL, data.path()), &["A0001.txt, line 1", words]);
    }
    refused(open(DatasetFormat::PIPAL, Path::new(".")), &["holds no pipal", "`Train_Label`"]);
}

const CHOICES: &str = "ref. image, distorted image A, distorted image B, preference for A
ref_7.png,distort_7_blur_inter_1.png,distort_7_noise_inter_2.png,0.8
ref_7.png,ref_7.png,distort_7_noise_inter_2.png,1
";

/// PieAPP's test set with one reference.
fn pieapp(choices: &str, scores: &str) -> TempDir {
    folder(&[
        ("reference_images/test/ref_7.png", ""),
        ("distorted_images/test/ref_7/distort_7_blur_inter_1.png", ""),
        ("distorted_images/test/ref_7/distort_7_noise_inter_2.png", ""),
        ("labels/test/ref_7_pairwise_labels.csv", choices),
        ("labels/test/ref_7_per_image_score.csv", scores),
    ])
}

const SCORES: &str = "ref. image, distorted image, score for distorted image
ref_7.png,distort_7_blur_inter_1.png,1.5
ref_7.png,distort_7_noise_inter_2.png,-0.25
ref_7.png,ref_7.png,0
";

#[test]
fn pieapp_asks_which_of_two_distorted_images_is_closer() {
    let data = pieapp(CHOICES, SCORES);
    let dataset = open(DatasetFormat::PIEAPP, data.path()).expect("read");
    let Trials::TwoAlternatives(trials) = &dataset.trials else { panic!("two alternatives") };
    let [trial] = &trials[..] else { panic!("the other row is beside the reference itself") };
    assert_eq!((trial.left_votes, trial.right_votes), (0.8, 1.0 - 0.8));
    let left = &dataset.images[trial.left as usize].id;
    assert_eq!(left, "distorted_images/test/ref_7/distort_7_blur_inter_1.png");
    assert!(has_note(&dataset, "1 pairs are left out: one of the two images is the reference"));
    assert_eq!(dataset.name, "pieapp-like");
    // To train and to validate, people were asked about some pairs alone.
    let raw = CHOICES
        .replace("preference for A", "raw preference for A, processed preference for A")
        .replace(",0.8\n", ",,0.7\n")
        .replace("png,1\n", "png,1,1\n");
    let error = refused(open(DatasetFormat::PIEAPP, pieapp(&raw, SCORES).path()), &["no trial"]);
    assert!(matches!(error, DatasetError::NoTrials { .. }));
}

#[test]
fn pieapp_is_found_in_whatever_case() {
    let data = folder(&[
        ("Reference_Images/test/ref_7.png", ""),
        ("distorted_images/Test/ref_7/distort_7_blur_inter_1.png", ""),
        ("distorted_images/Test/ref_7/distort_7_noise_inter_2.png", ""),
        ("Labels/Test/ref_7_Pairwise_Labels.CSV", CHOICES),
        ("Labels/Test/REF_7_per_image_score.csv", SCORES),
    ]);
    open(DatasetFormat::PIEAPP, data.path()).expect("read");
    open(DatasetFormat::PIEAPP_SCORES, data.path()).expect("read");
    refused(open(DatasetFormat::THINGS, data.path()), &["it looks like pieapp"]);
}

#[test]
fn pieapps_scores_are_dissimilarities() {
    let data = pieapp(CHOICES, SCORES);
    let dataset = open(DatasetFormat::PIEAPP_SCORES, data.path()).expect("read");
    assert_eq!(scores(&dataset), [-1.5, 0.25]);
    let distorted = "distorted_images/test/ref_7/distort_7_noise_inter_2.png";
    assert_eq!(images(&dataset, 1), ["reference_images/test/ref_7.png", distorted]);
    assert!(has_note(&dataset, "scores are turned"));
}

#[test]
fn pieapp_is_refused_where_its_tables_are_wrong() {
    let choices = |text: &str| open(DatasetFormat::PIEAPP, pieapp(text, SCORES).path());
    let table = "ref_7_pairwise_labels.csv";
    refused(choices(&CHOICES.replace("0.8", "1.2")), &[table, "line 2", "a share from 0 to 1"]);
    refused(choices(&CHOICES.replace("image B", "image C")), &[table, "`distorted image B`"]);
    let same = CHOICES.replace("noise_inter_2", "blur_inter_1");
    refused(choices(&same), &[table, "line 2", "another image than A"]);
    let outside = CHOICES.replace("distort_7_blur", "../../x");
    refused(choices(&outside), &[table, "without a folder"]);
    let scores = SCORES.replace("1.5", "much");
    let found = open(DatasetFormat::PIEAPP_SCORES, pieapp(CHOICES, &scores).path());
    refused(found, &["ref_7_per_image_score.csv, line 2", "much", "a number"]);
    let train = DatasetOptions { split: Some("train".to_owned()), ..DatasetOptions::default() };
    let data = pieapp(CHOICES, SCORES);
    let found = Dataset::open(DatasetFormat::PIEAPP, data.path(), &train);
    refused(found, &["no split `train`", "`test`"]);
    // One file in two spellings is compared with itself, in this table.
    let spelled =
        CHOICES.replace("distort_7_noise", "DISTORT_7_blur").replace("inter_2", "inter_1");
    refused(choices(&spelled), &["ref_7_pairwise_labels.csv, line 2: the image"]);
    // It has folders of TID2013's names, and is told apart.
    refused(open(DatasetFormat::TID2013, data.path()), &["it looks like pieapp"]);
}

const META_CSIQ: &str = "ref_name,dist_name,dmos
1600.png,1600.AWGN.1.png,0.061989
aerial_city.png,aerial_city.jpeg2000.5.png,0.955908
";

#[test]
fn a_table_of_pyiqa_runs_as_pyiqa_says_whatever_its_column_is_called() {
    let table = "meta_info_CSIQDataset.csv";
    let dataset = open(DatasetFormat::PYIQA, csiq(table, META_CSIQ).path()).expect("read");
    assert_eq!(scores(&dataset), [-0.061989, -0.955908]);
    assert_eq!(images(&dataset, 0), ["src_imgs/1600.png", "dst_imgs/awgn/1600.AWGN.1.png"]);
    assert_eq!(dataset.name, "pyiqa");
    let kadid = folder(&[
        ("images/I01.png", ""),
        ("images/I01_01_01.png", ""),
        (
            "meta_info_KADID10kDataset.csv",
            "ref_name,dist_name,dmos,std\nI01.png,I01_01_01.png,4.57,0.496\n",
        ),
    ]);
    let dataset = open(DatasetFormat::PYIQA, kadid.path()).expect("read");
    assert_eq!(scores(&dataset), [4.57], "KADID-10k's DMOS is higher for better images");
    assert_eq!(rated(&dataset)[0].std, None);
    assert!(has_note(&dataset, "of single ratings") && !has_note(&dataset, "turned"));
    let live = folder(&[
        (
            "meta_info/meta_info_LIVEIQADataset.csv",
            "ref_name,dist_name,mos\nrefimgs/ocean.bmp,jp2k/img8.bmp,20\n\
             refimgs/ocean.bmp,jpeg/img8,30\n",
        ),
        ("LIVEIQA_release2/refimgs/ocean.bmp", ""),
        ("LIVEIQA_release2/jp2k/img8.bmp", ""),
        ("LIVEIQA_release2/jpeg/img8.bmp", ""),
    ]);
    let dataset = open(DatasetFormat::PYIQA, &live.path().join("meta_info")).expect("read");
    assert_eq!(scores(&dataset), [-20.0, -30.0], "its column is called `mos`");
    assert_eq!(images(&dataset, 1), ["refimgs/ocean.bmp", "jpeg/img8.bmp"]);
}

#[test]
fn both_parts_of_pyiqas_live_md_are_clustered_by_scene() {
    let table = "ref_name,dist_name,dmos\n\
                 Part 1/blurjpeg/x.bmp,Part 1/blurjpeg/x_blur1.bmp,20\n\
                 Part 2/blurnoise/x.bmp,Part 2/blurnoise/x_noise1.bmp,30\n";
    let root = "LIVEmultidistortiondatabase";
    let names = ["1/blurjpeg/x", "1/blurjpeg/x_blur1", "2/blurnoise/x", "2/blurnoise/x_noise1"];
    let images = names.map(|name| format!("{root}/Part {name}.bmp"));
    let mut files: Vec<(&str, &str)> = images.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("meta_info/meta_info_LIVEMDDataset.csv", table));
    let data = folder(&files);
    let dataset = open(DatasetFormat::PYIQA, &data.path().join("meta_info")).expect("read");
    let reference = "Part 1/blurjpeg/x.bmp";
    assert_eq!(self::images(&dataset, 1), [reference, "Part 2/blurnoise/x_noise1.bmp"]);
    assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 1);
    assert!(has_note(&dataset, "a copy of the references"));
}

#[test]
fn a_table_that_pyiqa_has_not_needs_a_word_about_its_scores() {
    let table = "ref_name,dist_name,mos,std,official_split,own_split\n\
                 a.png,b.png,3,0.5,train,test\na.png,c.png,2,,test,train\n";
    let data =
        folder(&[("a.png", ""), ("b.png", ""), ("c.png", ""), ("meta_info_Mine.csv", table)]);
    let error = refused(
        open(DatasetFormat::PYIQA, data.path()),
        &["which way the scores in the column `mos`", "meta_info_Mine.csv"],
    );
    assert_eq!(error.remedies(), [alignscope::Remedy::SayDirection]);
    let take = |split: Option<&str>, is_lower| {
        let options = DatasetOptions { split: split.map(str::to_owned), ..lower(is_lower) };
        Dataset::open(DatasetFormat::PYIQA, data.path(), &options)
    };
    let whole = take(None, true).expect("read");
    assert_eq!(scores(&whole), [-3.0, -2.0]);
    assert_eq!(rated(&whole)[0].std, Some(0.5));
    let test = take(Some("test"), false).expect("read");
    assert_eq!((scores(&test), &test.trial_ids[..]), (vec![2.0], &[1][..]));
    assert_eq!(scores(&take(Some("own_split=test"), false).expect("read")), [3.0]);
    refused(take(Some("val"), false), &["no split `val`", "`test`, `train`"]);
    refused(take(Some("other=test"), false), &["no column `other`"]);
    let two = table.replace("std", "dmos");
    fs::write(data.path().join("meta_info_Mine.csv"), two).expect("written");
    refused(take(None, true), &["`mos` and `dmos`"]);
    let several = folder(&[("meta_info_A.csv", ""), ("meta_info_B.csv", "")]);
    refused(open(DatasetFormat::PYIQA, several.path()), &["meta_info_A.csv, meta_info_B.csv"]);
}

/// Puts tables of the golden folder into a folder.
fn put(data: &TempDir, tables: &[(&str, &str)]) {
    for (from, to) in tables {
        let to = data.path().join(to);
        fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        fs::copy(golden::folder("live").join(from), to).expect("copied");
    }
}

/// LIVE with all its images, and one table of scores.
fn live(table: &str) -> TempDir {
    let kinds = [("jp2k", 227), ("jpeg", 233), ("wn", 174), ("gblur", 174), ("fastfading", 174)];
    let distorted = kinds
        .iter()
        .flat_map(|(kind, images)| (1..=*images).map(move |n| format!("{kind}/img{n}.bmp")));
    let references = (1..=29).map(|n| format!("refimgs/scene{n}.bmp"));
    let names: Vec<String> = distorted.chain(references).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let data = folder(&files);
    put(&data, &[(table, table), ("refnames_all.mat", "refnames_all.mat")]);
    data
}

#[test]
fn live_has_its_scores_and_references_in_mat_files() {
    for (table, first) in [("dmos.mat", -11.804), ("dmos_realigned.mat", -23.608)] {
        let dataset = open(DatasetFormat::LIVE, live(table).path()).expect("read");
        // The first 58 images of `jp2k` are copies of references.
        assert_eq!(images(&dataset, 0), ["refimgs/scene1.bmp", "jp2k/img59.bmp"]);
        assert!((scores(&dataset)[0] - first).abs() < 1e-9, "{}", scores(&dataset)[0]);
        assert_eq!((dataset.name.as_str(), dataset.trials.len()), ("live", 779));
        assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 29);
        assert_eq!(label(&dataset, "distortion_type", 778), "fastfading");
        assert!(has_note(&dataset, "203 of its entries are left out"));
        assert!(has_note(&dataset, "scores are turned"));
        let files: Vec<_> = dataset.sources.iter().map(|s| s.path.file_name()).collect();
        assert_eq!(files, [Some(table.as_ref()), Some("refnames_all.mat".as_ref())]);
    }
}

#[test]
fn live_is_refused_where_its_tables_are_wrong() {
    let open = |data: &TempDir| open(DatasetFormat::LIVE, data.path());
    let data = live("dmos.mat");
    put(&data, &[("dmos_realigned.mat", "dmos_realigned.mat")]);
    refused(open(&data), &["dmos.mat, dmos_realigned.mat"]);
    fs::remove_file(data.path().join("dmos_realigned.mat")).expect("removed");
    put(&data, &[("part_1_Scores.mat", "dmos.mat")]);
    refused(open(&data), &["dmos.mat", "`dmos` is not there beside `DMOSscores`"]);
    put(&data, &[("dmos.mat", "dmos.mat"), ("part_1_Scores.mat", "refnames_all.mat")]);
    refused(open(&data), &["refnames_all.mat", "`refnames_all`"]);
    fs::write(data.path().join("refnames_all.mat"), "text").expect("written");
    refused(open(&data), &["refnames_all.mat is not a .mat"]);
    fs::remove_file(data.path().join("refnames_all.mat")).expect("removed");
    refused(open(&data), &["holds no live", "`refnames_all.mat`"]);
}

/// LIVE-MD with all its images, in folders of these names.
fn live_md(parts: [&str; 2]) -> TempDir {
    let mut names = Vec::new();
    for (part, images, second) in [(parts[0], "blurjpeg", "jpeg"), (parts[1], "blurnoise", "noise")]
    {
        for place in 1..=15 {
            let stem = format!("{part}/{images}/place{place}");
            names.push(format!("{stem}.bmp"));
            for i in 1..=3 {
                names.extend([format!("{stem}_blur{i}.bmp"), format!("{stem}_{second}{i}.bmp")]);
                names.extend((1..=3).map(|j| format!("{stem}_blur{i}_{second}{j}.bmp")));
            }
        }
    }
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let data = folder(&files);
    for (number, part) in (1..).zip(parts) {
        for table in ["Imagelists.mat", "Scores.mat"] {
            put(&data, &[(&format!("part_{number}_{table}"), &format!("{part}/{table}"))]);
        }
    }
    data
}

#[test]
fn live_md_has_two_parts_of_the_same_references() {
    for parts in [["Part 1", "Part 2"], ["To_Release/Part_1", "To_Release/Part_2"]] {
        let data = live_md(parts);
        let dataset = open(DatasetFormat::LIVE_MD, data.path()).expect("read");
        assert_eq!((dataset.name.as_str(), dataset.trials.len()), ("live-md", 450));
        let [reference, distorted] = images(&dataset, 225);
        assert_eq!(reference, format!("{}/blurjpeg/place1.bmp", parts[0]), "one for both parts");
        assert_eq!(distorted, format!("{}/blurnoise/place1_blur1.bmp", parts[1]));
        assert_eq!(dataset.clusters(ClusterBy::Default).expect("clusters").count, 15);
        assert_eq!(label(&dataset, "part", 225), "2");
        assert_eq!(label(&dataset, "distortion_type", 14), "blur jpeg");
        assert!(scores(&dataset).iter().all(|score| *score < 0.0), "a DMOS is turned");
    }
}

#[test]
fn a_part_of_live_md_alone_is_told_and_damage_is_refused() {
    let data = live_md(["Part 1", "Part 2"]);
    fs::remove_file(data.path().join("Part 2/Imagelists.mat")).expect("removed");
    let dataset = open(DatasetFormat::LIVE_MD, data.path()).expect("read");
    assert_eq!((dataset.name.as_str(), dataset.trials.len()), ("live-md-like", 225));
    assert!(has_note(&dataset, "part 2 is not there"));
    fs::remove_file(data.path().join("Part 1/Scores.mat")).expect("removed");
    refused(open(DatasetFormat::LIVE_MD, data.path()), &["Scores.mat", "does not exist"]);
    put(&data, &[("dmos.mat", "Part 1/Scores.mat")]);
    refused(open(DatasetFormat::LIVE_MD, data.path()), &["Scores.mat", "`DMOSscores`"]);
    fs::remove_file(data.path().join("Part 1/Imagelists.mat")).expect("removed");
    refused(open(DatasetFormat::LIVE_MD, data.path()), &["holds no live-md", "`Imagelists.mat`"]);
}

#[test]
fn each_layout_is_told_apart_from_the_others() {
    let folders = [
        (csiq("csiq.txt", ""), "csiq"),
        (folder(&[("all/1600.png", ""), ("csiq.csv", "")]), "csiq"),
        (pieapp(CHOICES, SCORES), "pieapp"),
        (live("dmos.mat"), "live"),
        (live_md(["Part 1", "Part 2"]), "live-md"),
        (folder(&[("Train_Label/A0001.txt", "")]), "pipal"),
        (folder(&[("meta_info_CSIQDataset.csv", META_CSIQ)]), "pyiqa"),
    ];
    for (data, word) in &folders {
        let message = open(DatasetFormat::THINGS, data.path()).expect_err("none").to_string();
        assert!(message.contains(&format!("it looks like {word}")), "{word}: {message}");
    }
}
