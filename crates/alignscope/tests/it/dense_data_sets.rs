//! Data sets that ask for nearly all pairs of their images: distances from products of matrices are
//! those of pairs one by one, and the same bytes from wherever activations come.

use std::path::{Path, PathBuf};

use crate::golden::folder;
use alignscope::cache::CacheFolder;
use alignscope::results::OutputFolder;
use alignscope::{
    DatasetFormat, DatasetSpec, Distance, Experiment, ExperimentError, MatrixRequest, ModelSpec,
    Silent, Tokens, read_matrix,
};

/// Images of a data set.
const IMAGES: usize = 36;

/// A data set of all triplets of neighbours among images that are drawn, and of all pairs.
fn drawn(folder: &Path) -> PathBuf {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).expect("a folder");
    for image in 0..IMAGES {
        let level = |x: u32, y: u32, c: u32| {
            ((x * (3 + image as u32)) ^ (y * 5 + c * 40 * (image as u32 % 7))) as u8
        };
        let picture =
            image::RgbImage::from_fn(40, 40, |x, y| image::Rgb([0, 1, 2].map(|c| level(x, y, c))));
        picture.save(images.join(format!("{image:02}.png"))).expect("written");
    }
    let mut table = "image_1,image_2,image_3,odd\n".to_owned();
    for a in 0..IMAGES {
        for b in a + 1..IMAGES {
            let c = (0..IMAGES).find(|c| *c != a && *c != b).expect("a third");
            table.push_str(&format!(
                "images/{a:02}.png,images/{b:02}.png,images/{c:02}.png,{}\n",
                1 + (a * b) % 3
            ));
        }
    }
    std::fs::write(folder.join("oddoneout.csv"), table).expect("written");
    folder.to_owned()
}

fn experiment(models: Vec<ModelSpec>, data: &Path, memory_bytes: u64) -> Experiment {
    let dataset = DatasetSpec::new(DatasetFormat::ODD_ONE_OUT, data.to_owned());
    Experiment {
        simulated: true,
        distances: Distance::ALL.to_vec(),
        ..Experiment::new(models, vec![dataset], memory_bytes)
    }
}

fn run(experiment: &Experiment, threads: usize) -> Result<[Vec<u8>; 4], ExperimentError> {
    let out = tempfile::tempdir().expect("a temporary folder");
    let claimed = OutputFolder::claim_run(out.path(), false).expect("an empty folder");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| experiment.run(vec![], &claimed, &Silent))?;
    let read = |name| std::fs::read(out.path().join(name)).expect(name);
    Ok(["scores.csv", "energy.csv", "distances.parquet", "scale.parquet"].map(read))
}

#[test]
fn memory_threads_and_what_is_kept_change_nothing() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = drawn(&place.path().join("data"));
    let model = ModelSpec::folder(folder("clip/base"));
    for tokens in [Tokens::All, Tokens::Patches, Tokens::Mean, Tokens::Class] {
        let of = |memory_bytes: u64| Experiment {
            tokens,
            pixels: false,
            ..experiment(vec![model.clone()], &data, memory_bytes)
        };
        let whole = run(&of(1 << 32), 2).expect("plenty of memory");
        // What is decoded at a time grows with the budget: what is needed is found in steps.
        let mut least = 1;
        let from_file = loop {
            match run(&of(least), 3) {
                Ok(found) => break found,
                Err(error) => {
                    let needed = error.too_little_memory().expect("too little memory").needed;
                    assert!(needed > least, "{tokens}: {needed} bytes are not enough");
                    least = needed;
                }
            }
        };
        assert_eq!(from_file, whole, "{tokens}: from a file");

        // Kept, of which two stages are lost again.
        let kept = place.path().join(format!("kept {tokens}"));
        let cached = Experiment { kept: Some(CacheFolder::new(&kept)), ..of(1 << 32) };
        assert_eq!(run(&cached, 1).expect("kept"), whole, "{tokens}: kept");
        assert_eq!(run(&cached, 2).expect("read"), whole, "{tokens}: read");
        let stages = || {
            let entries = std::fs::read_dir(&kept).expect("entries").flatten();
            let files = entries.filter_map(|e| std::fs::read_dir(e.path()).ok()).flatten();
            let files = files.flatten().map(|file| file.path());
            files.filter(|f| f.extension().is_some_and(|e| e == "stage")).collect::<Vec<_>>()
        };
        let all = stages().len();
        assert!(all > 3, "a file for each stage");
        stages()[..2].iter().for_each(|file| std::fs::remove_file(file).expect("removed"));
        assert_eq!(run(&cached, 2).expect("again"), whole, "{tokens}: two stages again");
        assert_eq!(stages().len(), all);
    }
}

#[test]
fn pixels_are_to_the_bit_those_of_pairs_one_by_one() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = drawn(&place.path().join("data"));
    let experiment = experiment(vec![], &data, 1 << 32);
    let out = place.path().join("run");
    let claimed = OutputFolder::claim_run(&out, false).expect("an empty folder");
    experiment.run(vec![], &claimed, &Silent).expect("run");
    let request = MatrixRequest { model: Some("pixels".to_owned()), ..MatrixRequest::default() };
    let found = read_matrix(&out, &request).expect("read");
    let place_of = |i: usize| {
        let name = format!("{i:02}.png");
        found.images.iter().position(|id| id.contains(&name)).expect("an image of the run")
    };
    let images: Vec<_> = (0..IMAGES)
        .map(|i| data.join(format!("images/{i:02}.png")))
        .map(|path| alignscope::image::RgbImage::open(&path).expect("an image"))
        .collect();
    for (a, of_a) in images.iter().enumerate() {
        for (b, of_b) in images.iter().enumerate() {
            assert_eq!(
                found.values[place_of(a) * IMAGES + place_of(b)],
                of_a.rms_difference(of_b),
                "{a}, {b}"
            );
        }
    }
}
