//! Damaged and hostile data sets, images and results: whatever the bytes, an error or a data set that holds together,
//! and never a panic, a hang, or more memory than is sane.
//!
//! Each test tries changed files for two seconds, or for `ALIGNSCOPE_FUZZ_SECONDS`.

#[path = "it/golden.rs"]
mod golden;
mod hostile;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alignscope::cache::{About, CacheFolder, Fingerprint};
use alignscope::energy::EnergyAccumulator;
use alignscope::image::{DecodingBudget, RgbImage};
use alignscope::matlab::MatFile;
use alignscope::pair_statistics::{Activations, PairStatistics};
use alignscope::results::{read_ceilings, read_findings, read_scores, read_trials};
use alignscope::{ClusterBy, Dataset, DatasetFormat, DatasetOptions, ExperimentFile, Pairs};
use golden::folder;
use hostile::{LEAST, mutate, seconds};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What the largest image that is not refused can take: 179 million pixels of 16-bit RGBA, and of 8-bit RGB.
#[global_allocator]
static MEMORY: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, 3 << 30);

/// A published layout: the images that must be there, and the annotation files.
struct Layout {
    kind: DatasetFormat,
    images: &'static [&'static str],
    files: &'static [(&'static str, &'static str)],
}

const TID_IMAGES: &[&str] = &[
    "reference_images/I01.BMP",
    "reference_images/i25.bmp",
    "distorted_images/i01_01_1.bmp",
    "distorted_images/I25_24_5.bmp",
];

const THINGS_IMAGES: &[&str] = &[
    "object_images/aardvark/aardvark_01b.jpg",
    "object_images/abacus/abacus_01b.jpg",
    "object_images/accordion/accordion_01b.jpg",
];

const CSIQ_IMAGES: &[&str] = &[
    "src_imgs/1600.png",
    "dst_imgs/awgn/1600.AWGN.1.png",
    "dst_imgs/jpeg2000/1600.jpeg2000.5.png",
];

const PIEAPP_IMAGES: &[&str] = &[
    "reference_images/test/ref_7.png",
    "distorted_images/test/ref_7/a.png",
    "distorted_images/test/ref_7/b.png",
];

const LAYOUTS: &[Layout] = &[
    Layout {
        kind: DatasetFormat::TID2013,
        images: TID_IMAGES,
        files: &[
            ("mos_with_names.txt", "5.51429 I01_01_1.bmp\n3.5 i25_24_5.bmp\n"),
            ("mos_std.txt", "0.1\n0.2\n"),
            ("mos.txt", "5.51429\n3.5\n"),
        ],
    },
    Layout {
        kind: DatasetFormat::TID2013,
        images: TID_IMAGES,
        files: &[(
            "image_pairs_mos.csv",
            ",Reference,Distorted,MOS,Reference_ID,Distortion_ID,Distortion_Intensity\n0,I01.BMP,i01_01_1.bmp,4.5,01,01,1\n1,i25.bmp,I25_24_5.bmp,2.5,25,24,5\n",
        )],
    },
    Layout {
        kind: DatasetFormat::TID2013,
        images: &["images/I01.png", "images/I01_01_01.png", "images/I01_02_03.png"],
        files: &[(
            "dmos.csv",
            "dist_img,ref_img,dmos,var\nI01_01_01.png,I01.png,4.57,0.49\nI01_02_03.png,I01.png,2.5,0.6\n",
        )],
    },
    Layout {
        kind: DatasetFormat::NIGHTS,
        images: &["ref/000/000.png", "distort/000/000_0.png", "distort/000/000_1.png"],
        files: &[(
            "data.csv",
            "id,left_vote,right_vote,votes,ref_path,left_path,right_path,split,is_imagenet\n0,1,0,6,ref/000/000.png,distort/000/000_0.png,distort/000/000_1.png,train,True\n1,0,1,8,ref/000/000.png,distort/000/000_1.png,distort/000/000_0.png,test,False\n",
        )],
    },
    Layout {
        kind: DatasetFormat::THINGS,
        images: THINGS_IMAGES,
        files: &[
            ("unique_id.txt", "aardvark\nabacus\naccordion\n"),
            ("triplet_dataset/testset1.txt", "0 1 2\n2 1 0\n1 2 0\n"),
            ("triplet_dataset/testset1_subjects.txt", "a\nb\na\n"),
        ],
    },
    Layout {
        kind: DatasetFormat::THINGS,
        images: THINGS_IMAGES,
        files: &[
            ("unique_id.txt", "aardvark\nabacus\naccordion\n"),
            (
                "testset1.csv",
                "image1\timage2\timage3\tchoice\tRT\tsubject_id\n1\t2\t3\t1\t900\ta\n3\t2\t1\t3\t800\tb\n",
            ),
        ],
    },
    Layout {
        kind: DatasetFormat::THINGS,
        images: &["Images/axe/axe_01b.jpg", "Images/bee/bee_01b.jpg", "Images/cup/cup_01b.jpg"],
        files: &[
            ("things_first_imgs_idx.txt", "axe/axe_01b.jpg\nbee/bee_01b.jpg\ncup/cup_01b.jpg\n"),
            ("testset1.txt", "0 1 2\n2 1 0\n"),
        ],
    },
    Layout {
        kind: DatasetFormat::THINGS,
        images: &["things_src_images/a.png", "things_src_images/b.png", "things_src_images/c.png"],
        files: &[("testset1.txt", "a b c\nc b a\n")],
    },
    Layout {
        kind: DatasetFormat::NIGHTS_RAW,
        images: &["r.png", "a.png", "b.png"],
        files: &[(
            "nights_raw.csv",
            "id,left_vote,right_vote,votes,ref_path,left_path,right_path\n0,0.75,0.25,4,r.png,a.png,b.png\n1,,,0,r.png,b.png,a.png\n2,1,2,3,r.png,b.png,a.png\n",
        )],
    },
    Layout {
        kind: DatasetFormat::LEVELS,
        images: &["train/n01_1.JPEG", "train/n01_2.JPEG", "train/n02_1.JPEG"],
        files: &[(
            "a.json",
            "{\"subject_id\":\"p\", \"image1Path\":\"n01_1.JPEG\", \"image2Path\":\"x/n01_2.JPEG\", \"image3Path\":\"n02_1.JPEG\", \"selected_image\":\"n02_1.JPEG\", \"exp_trial_type\":\"exp_trial\"}\n{\"rt\":1}\n",
        )],
    },
    Layout {
        kind: DatasetFormat::PAIRS,
        images: &["a.png", "b.png", "c.png"],
        files: &[(
            "pairs.csv",
            "reference,distorted,score,std,group,split\na.png,b.png,3,0.5,g,x\na.png,c.png,2.5,0.1,h,y\n",
        )],
    },
    Layout {
        kind: DatasetFormat::PAIRS,
        images: &["a.png", "b.png", "c.png"],
        files: &[("pairs.csv", "reference,distorted,dmos\na.png,b.png,3\na.png,c.png,2.5\n")],
    },
    Layout {
        kind: DatasetFormat::CSIQ,
        images: CSIQ_IMAGES,
        files: &[("csiq.txt", "1600\t1\tnoise\t1\t0.1\t0.2\n1600\t3\tjpeg 2000\t5\t0.1\t0.9\n")],
    },
    Layout {
        kind: DatasetFormat::CSIQ,
        images: CSIQ_IMAGES,
        files: &[(
            "csiq.csv",
            ",,,\nimage,dst_type,dst_lev,dmos\n1600,noise,1,0.2\n1600,jpeg 2000,5,0.9\n,,,\n",
        )],
    },
    Layout {
        kind: DatasetFormat::PYIQA,
        images: CSIQ_IMAGES,
        files: &[(
            "meta_info_CSIQDataset.csv",
            "ref_name,dist_name,dmos,std,official_split\n1600.png,1600.AWGN.1.png,0.2,0.1,train\n1600.png,1600.jpeg2000.5.png,0.9,,test\n",
        )],
    },
    Layout {
        kind: DatasetFormat::PIPAL,
        images: &[
            "Train_Ref/A0001.bmp",
            "Train_Dist/A0001_00_00.bmp",
            "Train_Dist/A0001_06_26.bmp",
        ],
        files: &[("Train_Label/A0001.txt", "A0001_00_00.bmp,1520.0\nA0001_06_26.bmp,1313.9\n")],
    },
    Layout {
        kind: DatasetFormat::PIEAPP,
        images: PIEAPP_IMAGES,
        files: &[(
            "labels/test/ref_7_pairwise_labels.csv",
            "ref. image, distorted image A, distorted image B, preference for A\nref_7.png,a.png,b.png,0.8\nref_7.png,ref_7.png,b.png,1\n",
        )],
    },
    Layout {
        kind: DatasetFormat::PIEAPP_SCORES,
        images: PIEAPP_IMAGES,
        files: &[(
            "labels/test/ref_7_per_image_score.csv",
            "ref. image, distorted image, score for distorted image\nref_7.png,a.png,1.5\nref_7.png,b.png,-0.2\n",
        )],
    },
    Layout {
        kind: DatasetFormat::TWO_AFC,
        images: &["a.png", "b.png", "c.png"],
        files: &[(
            "twoafc.csv",
            "reference,left,right,left_votes,right_votes,group,split\na.png,b.png,c.png,3,4,g,x\nb.png,a.png,c.png,0,2,h,y\n",
        )],
    },
    Layout {
        kind: DatasetFormat::ODD_ONE_OUT,
        images: &["a.png", "b.png", "c.png"],
        files: &[(
            "oddoneout.csv",
            "image_1,image_2,image_3,odd,subject,split\na.png,b.png,c.png,3,s,x\nc.png,a.png,b.png,1,t,y\n",
        )],
    },
    Layout {
        kind: DatasetFormat::SAME_DIFFERENT,
        images: &["a.png", "b.png", "c.png"],
        files: &[(
            "samedifferent.csv",
            "first,second,different_votes,same_votes,group,response_time\na.png,b.png,3,1,g,800\nb.png,c.png,0,2,h,\n",
        )],
    },
    Layout {
        kind: DatasetFormat::QUADRUPLETS,
        images: &["a.png", "b.png", "c.png"],
        files: &[(
            "quadruplets.csv",
            "a_1,a_2,b_1,b_2,b_vote,group,split\na.png,b.png,a.png,c.png,0.75,g,x\nb.png,c.png,a.png,b.png,1,h,y\n",
        )],
    },
    Layout {
        kind: DatasetFormat::RAID,
        images: &[
            "x/rot_img_03_level_01.png",
            "rot_img_03_level_02.png",
            "rot_img_03_level_10.png",
        ],
        files: &[(
            "answers.csv",
            "transformation,image_id_01,distortion_level_11,distortion_level_12,distortion_level_21,distortion_level_22,reaction_time_ms,answer\nrotation,3,2,1,2,10,3335,2\nrotation,3,10,2,1,2,900,1\n",
        )],
    },
    Layout {
        kind: DatasetFormat::RDM,
        images: &["a.png", "b.png", "c.png"],
        files: &[
            ("rdm_anna.csv", "5,1,2\n1,5,\n2,,5\n"),
            ("rdm_bert.csv", "1\n4\n3\n"),
            ("images.txt", "a.png\nb.png\nc.png\n"),
            ("rdm.toml", "similarity = true\n"),
        ],
    },
];

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(&path, bytes).expect("written");
    path
}

/// What any data set that was read must be.
fn holds_together(dataset: &Dataset, root: &Path) {
    let images = dataset.images.len();
    let pairs = Pairs::of(&dataset.trials);
    assert!(pairs.images.iter().flatten().all(|image| (*image as usize) < images));
    assert_eq!(dataset.trial_ids.len(), dataset.trials.len());
    assert!(dataset.labels.iter().all(|label| label.codes.len() == dataset.trials.len()));
    assert!(dataset.images.iter().all(|image| image.path.starts_with(root)), "out of the folder");
    assert!(dataset.clusters(ClusterBy::Default).is_ok());
    dataset.subsets();
}

/// Changes text so that it often stays a table: fields for other fields, numbers for numbers.
fn mutate_text(text: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const FIELDS: [&str; 16] = [
        "",
        "-1",
        "0",
        "NaN",
        "inf",
        "1e400",
        "4294967296",
        "18446744073709551616",
        "\"",
        "\"a\nb\"",
        "../../etc/passwd",
        "/etc/passwd",
        "a.png",
        "\u{feff}",
        "é",
        "\0",
    ];
    if rng.random_bool(0.4) {
        return mutate(text, other, rng);
    }
    let text = String::from_utf8_lossy(text).into_owned();
    let breaks = |c: char| matches!(c, ',' | '\n' | '\t' | ' ');
    let mut fields: Vec<String> = text.split_inclusive(breaks).map(str::to_owned).collect();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..fields.len());
        let end: String = fields[at].chars().last().filter(|c| breaks(*c)).into_iter().collect();
        match rng.random_range(0..4) {
            0 => fields[at] = format!("{}{end}", FIELDS[rng.random_range(0..FIELDS.len())]),
            1 => {
                let from = rng.random_range(0..fields.len());
                fields[at] = fields[from].clone();
            }
            2 => drop(fields.remove(at)),
            _ => {
                let field = fields[at].clone();
                fields.splice(at..at, std::iter::repeat_n(field, rng.random_range(1..5)));
            }
        }
        if fields.is_empty() {
            break;
        }
    }
    fields.concat().into_bytes()
}

#[test]
fn annotations_of_every_layout() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let roots: Vec<PathBuf> =
        (0..LAYOUTS.len()).map(|i| place.path().join(i.to_string())).collect();
    for (layout, root) in LAYOUTS.iter().zip(&roots) {
        layout.images.iter().for_each(|name| drop(write(root, name, b"")));
        layout.files.iter().for_each(|(name, text)| drop(write(root, name, text.as_bytes())));
        let dataset = Dataset::open(layout.kind, root, &DatasetOptions::default());
        holds_together(&dataset.expect("unchanged, it can be read"), root);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let pick = rng.random_range(0..LAYOUTS.len());
        let (layout, root) = (&LAYOUTS[pick], &roots[pick]);
        let (name, text) = layout.files[rng.random_range(0..layout.files.len())];
        let other = LAYOUTS[rng.random_range(0..LAYOUTS.len())].files[0].1;
        let changed = mutate_text(text.as_bytes(), other.as_bytes(), &mut rng);
        let path = write(root, name, &changed);
        let options =
            DatasetOptions { skip_missing: rng.random_bool(0.7), ..DatasetOptions::default() };
        let begun = Instant::now();
        if let Ok(dataset) = Dataset::open(layout.kind, root, &options) {
            holds_together(&dataset, root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        fs::write(path, text).expect("written");
        rounds += 1;
    }
    println!("annotations: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

/// A `.npy` file of one f64.
fn npy(value: f64) -> Vec<u8> {
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }";
    let header = format!("{header:<117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(118_u16.to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(value.to_le_bytes());
    bytes
}

#[test]
fn judgements_as_npy() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let root = place.path();
    for folder in ["ref", "p0", "p1"] {
        write(root, &format!("2afc/val/cnn/{folder}/000000.png"), b"");
        write(root, &format!("jnd/val/cnn/{folder}/000000.png"), b"");
    }
    let files = [
        (DatasetFormat::NIGHTS, "2afc/val/cnn/judge/000000.npy"),
        (DatasetFormat::BAPPS_JND, "jnd/val/cnn/same/000000.npy"),
    ];
    let open = |format| Dataset::open(format, root, &DatasetOptions::default());
    for (format, file) in files {
        write(root, file, &npy(0.25));
        open(format).expect("unchanged, it can be read");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let (format, file) = files[rng.random_range(0..files.len())];
        let original = npy(rng.random());
        write(root, file, &mutate(&original, &npy(1.0), &mut rng));
        let begun = Instant::now();
        if let Ok(dataset) = open(format) {
            holds_together(&dataset, root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        rounds += 1;
    }
    println!("npy: {rounds} files, {readable} of them readable");
    assert!(rounds >= LEAST && readable < rounds, "{rounds} files, {readable} readable");
}

/// Changed bytes of arrays of triplets, in `.npy` files and in both kinds of archives.
#[test]
fn triplets_in_arrays() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let root = place.path();
    for name in ["a.png", "b.png", "c.png", "d.png"] {
        write(root, name, b"");
    }
    write(root, "images.txt", b"a.png\nb.png\nc.png\nd.png\n");
    let archive = |name: &str| fs::read(folder("numpy").join(name)).expect("a golden archive");
    let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }";
    let mut array = b"\x93NUMPY\x01\x00\x3b\x00".to_vec();
    array.extend(header.bytes());
    array.extend([0, 1, 2, 3, 2, 1].iter().flat_map(|number: &i32| number.to_le_bytes()));
    let originals = [
        ("triplets.npy", array),
        ("triplets.npz", archive("stored.npz")),
        ("triplets.npz", archive("deflated.npz")),
        ("alignet_valid.npz", archive("names.npz")),
    ];
    let open = |name: &str| {
        let format = match name.starts_with("alignet") {
            true => DatasetFormat::ALIGNET,
            false => DatasetFormat::ODD_ONE_OUT,
        };
        Dataset::open(format, &root.join(name), &DatasetOptions::default())
    };
    for (name, bytes) in &originals {
        write(root, name, bytes);
        holds_together(&open(name).expect("unchanged, it can be read"), root);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let (name, bytes) = &originals[rng.random_range(0..originals.len())];
        let other = &originals[rng.random_range(0..originals.len())].1;
        write(root, name, &mutate(bytes, other, &mut rng));
        let begun = Instant::now();
        if let Ok(dataset) = open(name) {
            holds_together(&dataset, root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        rounds += 1;
    }
    println!("arrays of triplets: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

#[test]
fn matrices_as_npy_npz_and_mat() {
    let golden = |name: &str| fs::read(folder("matrices").join(name)).expect("read");
    let files = [
        ("rdm.npy", golden("stack.npy")),
        ("rdm.npz", golden("people.npz")),
        ("rdm.npz", golden("condensed.npz")),
        ("rdm.mat", golden("judgments_general.mat")),
    ];
    let place = tempfile::tempdir().expect("a temporary folder");
    let root = place.path();
    ["a", "b", "c", "d"].iter().for_each(|name| drop(write(root, &format!("{name}.png"), b"")));
    write(root, "images.txt", b"a.png\nb.png\nc.png\nd.png\n");
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let [pick, other] = [0; 2].map(|_: u8| rng.random_range(0..files.len()));
        let path = write(root, files[pick].0, &mutate(&files[pick].1, &files[other].1, &mut rng));
        let begun = Instant::now();
        let options = DatasetOptions::default();
        if let Ok(dataset) = Dataset::open(DatasetFormat::RDM, root, &options) {
            holds_together(&dataset, root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        fs::remove_file(path).expect("removed");
        rounds += 1;
    }
    println!("matrices: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

/// Changed bytes of the published matrices, in all of their layouts.
#[test]
fn published_matrices() {
    let layouts = [
        (DatasetFormat::IMAGES_92, "92_brainRDMs.mat", "92_brainRDMs.mat"),
        (DatasetFormat::ALGONAUTS, "target_fmri.mat", "target_fmri.mat"),
        (
            DatasetFormat::MULTI_ARRANGEMENT,
            "sim_judgements/judgments_general.mat",
            "judgments_general.mat",
        ),
        (DatasetFormat::FREE_ARRANGEMENT, "sim_judgements/BEHAVIOR.mat", "BEHAVIOR.mat"),
        (DatasetFormat::PETERSON, "sim_judgments/animals_sim.mat", "animals_sim.mat"),
    ];
    let golden = layouts.map(|(_, _, name)| fs::read(folder("matrices").join(name)).expect(name));
    let place = tempfile::tempdir().expect("a temporary folder");
    let open = |root: &Path, kind| Dataset::open(kind, root, &DatasetOptions::default());
    for (i, (kind, file, _)) in layouts.iter().enumerate() {
        let root = place.path().join(i.to_string());
        for image in ["a", "b", "c", "d"] {
            let set = if *kind == DatasetFormat::FREE_ARRANGEMENT { "set1/" } else { "" };
            write(&root, &format!("images/{set}{image}.png"), b"");
        }
        // The order is that of a list, or of the folder.
        if i % 2 == 0 {
            write(&root, "images.txt", b"a.png\nb.png\nc.png\nd.png\n");
        }
        write(&root, file, &golden[i]);
        holds_together(&open(&root, *kind).expect("unchanged, it can be read"), &root);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let [pick, other] = [0; 2].map(|_: u8| rng.random_range(0..layouts.len()));
        let (kind, file, _) = layouts[pick];
        let root = place.path().join(pick.to_string());
        write(&root, file, &mutate(&golden[pick], &golden[other], &mut rng));
        let begun = Instant::now();
        if let Ok(dataset) = open(&root, kind) {
            holds_together(&dataset, &root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        rounds += 1;
    }
    println!("published matrices: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

#[test]
fn mat_files() {
    let names = ["plain.mat", "compressed.mat", "big_endian.mat"];
    let originals = names.map(|name| fs::read(folder("matlab").join(name)).expect("read"));
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let [pick, other] = [0; 2].map(|_: u8| rng.random_range(0..originals.len()));
        let changed = mutate(&originals[pick], &originals[other], &mut rng);
        let path = write(place.path(), "a.mat", &changed);
        let begun = Instant::now();
        if let Ok(file) = MatFile::read(&path) {
            file.names().for_each(|name| assert!(file.get(name).is_some()));
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        rounds += 1;
    }
    println!("mat: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

#[test]
fn tables_of_live() {
    let golden = folder("live");
    let table = |name: &str| fs::read(golden.join(name)).expect("a golden file");
    let place = tempfile::tempdir().expect("a temporary folder");
    let [live, live_md] = ["live", "live_md"].map(|name| place.path().join(name));
    let tables = [
        (DatasetFormat::LIVE, &live, "dmos.mat", "dmos.mat"),
        (DatasetFormat::LIVE, &live, "refnames_all.mat", "refnames_all.mat"),
        (DatasetFormat::LIVE_MD, &live_md, "part_1_Imagelists.mat", "Part 1/Imagelists.mat"),
        (DatasetFormat::LIVE_MD, &live_md, "part_1_Scores.mat", "Part 1/Scores.mat"),
    ];
    tables.iter().for_each(|(_, root, from, to)| drop(write(root, to, &table(from))));
    let options = DatasetOptions { without_images: true, ..DatasetOptions::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let (kind, root, from, to) = tables[rng.random_range(0..tables.len())];
        let (original, other) = (table(from), table(tables[rng.random_range(0..4)].2));
        let path = write(root, to, &mutate(&original, &other, &mut rng));
        let begun = Instant::now();
        if let Ok(dataset) = Dataset::open(kind, root, &options) {
            holds_together(&dataset, root);
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "round {rounds} hangs");
        fs::write(path, &original).expect("written");
        rounds += 1;
    }
    println!("tables of LIVE: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

#[test]
fn images_of_every_kind() {
    let mut originals: Vec<Vec<u8>> = Vec::new();
    for golden in ["image/files", "image/refused"] {
        for entry in fs::read_dir(folder(golden)).expect("golden images") {
            originals.push(fs::read(entry.expect("an entry").path()).expect("read"));
        }
    }
    assert!(originals.len() > 20);
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let pick = rng.random_range(0..originals.len());
        let other = rng.random_range(0..originals.len());
        let path =
            write(place.path(), "image", &mutate(&originals[pick], &originals[other], &mut rng));
        let begun = Instant::now();
        let size = RgbImage::dimensions(&path).ok();
        // What the header says that it takes is enough, or the image is refused before.
        let sides = |image: RgbImage| (image.width(), image.height());
        let little = DecodingBudget::new(200_000_000);
        if let Ok(found) = little.open(&path, sides) {
            assert_eq!(size, Some(found), "header and pixels");
        }
        if let Ok(image) = RgbImage::open(&path) {
            assert_eq!(size, Some((image.width(), image.height())), "header and pixels");
            readable += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "round {rounds} hangs");
        rounds += 1;
    }
    println!("images: {rounds} files, {readable} of them readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < rounds,
        "{rounds} files, {readable} readable"
    );
}

#[test]
fn a_png_that_says_it_is_huge_is_refused_before_anything_is_allocated() {
    // Signature and header of a greyscale image of 100,000 × 100,000, with its CRC.
    let mut header = b"IHDR".to_vec();
    header.extend([100_000_u32.to_be_bytes(), 100_000_u32.to_be_bytes()].concat());
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(13_u32.to_be_bytes());
    bytes.extend(&header);
    bytes.extend(crc(&header).to_be_bytes());
    // The beginning of the pixels, which never come.
    let pixels = b"IDAT\x78\x9c\x00";
    bytes.extend(3_u32.to_be_bytes());
    bytes.extend(pixels);
    bytes.extend(crc(pixels).to_be_bytes());
    bytes.extend([0, 0, 0, 0].iter().chain(b"IEND\xae\x42\x60\x82"));
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = write(place.path(), "huge.png", &bytes);
    let before = MEMORY.allocated();
    for message in [
        RgbImage::open(&path).expect_err("refused").to_string(),
        RgbImage::dimensions(&path).expect_err("refused").to_string(),
    ] {
        assert!(message.contains("100000") && message.contains("huge.png"), "{message}");
    }
    assert!(MEMORY.allocated() < before + (1 << 20));
}

#[test]
fn a_tiff_that_says_its_lists_are_huge_is_refused_before_anything_is_allocated() {
    // Tag, type (1: bytes, 3: short numbers, 4: long numbers), count, and value or place of the values.
    const WIDTH: [u32; 4] = [256, 4, 1, 16];
    const HEIGHT: [u32; 4] = [257, 4, 1, 16];
    let place = tempfile::tempdir().expect("a temporary folder");
    for list in [
        [258, 1, 0xf000_0000, 8],
        [258, 3, 0x7000_0000, 8],
        [259, 4, 0x7000_0000, 8],
        [273, 4, 0x7000_0000, 8],
        [279, 4, 0x7000_0000, 8],
        [320, 3, 0x7000_0000, 8],
        [338, 3, 0x7000_0000, 8],
        [339, 3, 0x7000_0000, 8],
    ] {
        let mut bytes = b"II\x2a\x00\x08\x00\x00\x00\x03\x00".to_vec();
        for [tag, kind, count, value] in [WIDTH, HEIGHT, list] {
            bytes.extend((tag as u16).to_le_bytes());
            bytes.extend((kind as u16).to_le_bytes());
            bytes.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
        }
        bytes.extend([0; 4]);
        let path = write(place.path(), "huge.tif", &bytes);
        let message = RgbImage::open(&path).expect_err("refused").to_string();
        assert!(message.contains("huge.tif"), "{message}");
        RgbImage::dimensions(&path).expect_err("refused");
    }
}

/// The CRC-32 of PNG.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 }
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn kept_differences() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let kept = CacheFolder::new(place.path());
    let fingerprint = Fingerprint::new([("a".to_owned(), 1.into())].into_iter().collect());
    let about = About { model: "m".into(), name: "m".into(), dataset: "d".into(), pairs: 3 };
    let entry = || kept.entry(&fingerprint, &about).expect("an entry");
    entry().keep_values(&[0, 1, 2], &[0.5, 1.5, 2.5]).expect("kept");
    let activations: Vec<f32> = (0..4 * 3).map(|i| i as f32).collect();
    let activations = Activations::new(&activations, 4, 1, 3);
    let differences = PairStatistics::of(activations, &[[0, 1], [1, 2], [2, 3]]);
    let mut energy = EnergyAccumulator::new(3);
    energy.add_all(activations);
    let mut first = entry();
    let mut writer = first.writer(&[0, 1, 2], &[3]).expect("a file");
    writer.put(0, &[0, 1, 2], &differences).expect("written");
    writer.put_energy(0, &energy).expect("written");
    writer.finish(&mut first).expect("kept");
    let files: Vec<PathBuf> = fs::read_dir(entry().folder())
        .expect("listed")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|e| e == "set" || e == "values"))
        .collect();
    assert_eq!(files.len(), 2);
    let originals: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).expect("read")).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let (end, mut rounds) = (Instant::now() + seconds(), 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let pick = rng.random_range(0..2);
        let changed = mutate(&originals[pick], &originals[1 - pick], &mut rng);
        fs::write(&files[pick], &changed).expect("written");
        let found = entry();
        let is_whole = changed == originals[pick];
        assert_eq!(found.damaged().len(), usize::from(!is_whole));
        assert_eq!(files[pick].exists(), is_whole);
        fs::write(&files[pick], &originals[pick]).expect("written");
        rounds += 1;
    }
    let found = entry();
    assert_eq!(found.all_values(3), Some(vec![0.5, 1.5, 2.5]));
    assert_eq!(found.covered(3), [true; 3]);
    println!("kept: {rounds} files");
    assert!(rounds >= LEAST, "{rounds} files");
}

#[test]
fn experiments_and_results() {
    let paper = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/paper.toml");
    let toml = fs::read(paper).expect("the experiment");
    let scores = "dataset,subset,model,stage,depth_percent,distance,measure,value,ci_low,ci_high,n,n_clusters,n_ties,chance,n_left_out,zero_channels,ties,simulated,bca_low,bca_high,ceiling,ci_note,level,release,series,step\nthings,all,m,block 1,2.5,cosine,accuracy,0.5,,,1,1,0,0.5,0,0,miss,false,,,,,high,,,\n";
    let place = tempfile::tempdir().expect("a temporary folder");
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (end, mut rounds, mut readable) = (Instant::now() + seconds(), 0_u64, 0_u64);
    while Instant::now() < end || rounds < LEAST {
        let path = write(place.path(), "e.toml", &mutate_text(&toml, scores.as_bytes(), &mut rng));
        readable += u64::from(ExperimentFile::read(&path, &Default::default(), false).is_ok());
        let path = write(place.path(), "t.csv", &mutate_text(scores.as_bytes(), &toml, &mut rng));
        readable += u64::from(read_scores(&path).is_ok());
        // All columns of ceilings are there, but no row of it is a ceiling.
        assert!(read_ceilings(&path).unwrap_or_default().is_empty());
        assert_eq!([read_findings(&path).is_ok(), read_trials(&path).is_ok()], [false; 2]);
        rounds += 1;
    }
    println!("experiments and results: {rounds} of each, {readable} readable");
    assert!(
        rounds >= LEAST && readable > 0 && readable < 2 * rounds,
        "{rounds}, {readable} readable"
    );
}
