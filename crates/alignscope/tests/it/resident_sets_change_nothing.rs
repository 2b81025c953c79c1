//! However the images are split into resident sets, wherever differences are kept, and however
//! many threads work: the results are the same bytes.

use std::path::Path;
use std::sync::Mutex;

use crate::golden::folder;
use alignscope::encoder::{Checkpoint, Encoder, encode_stages};
use alignscope::energy::{EnergyOf, EnergyRow};
use alignscope::image::{ImageError, RgbImage};
use alignscope::pair_statistics::Activations;
use alignscope::results::OutputFolder;
use alignscope::{
    Dataset, DatasetFormat, DatasetOptions, DatasetSpec, Distance, DreamSim, Experiment,
    ExperimentError, MetricKind, ModelSpec, Pairs, Precision, Progress, Stage, Tokens, demo,
};

fn experiment(model: &ModelSpec, data: &Path, memory_bytes: u64) -> Experiment {
    let dataset = DatasetSpec::new(DatasetFormat::PAIRS, data.to_owned());
    Experiment {
        pixels: false,
        simulated: true,
        ..Experiment::new(vec![model.clone()], vec![dataset], memory_bytes)
    }
}

/// The memory that an error says would do.
fn needed<T: std::fmt::Debug>(result: Result<T, ExperimentError>) -> u64 {
    let error = result.expect_err("no memory is too little");
    error.too_little_memory().expect("no memory is too little").needed
}

/// Keeps what a run notes.
#[derive(Debug, Default)]
struct Notes(Mutex<String>);

impl Progress for Notes {
    fn begin(&self, _task: &str, _steps: u64) {}

    fn advance(&self, _steps: u64) {}

    fn end(&self) {}

    fn note(&self, message: &str) {
        self.0.lock().expect("notes").push_str(&format!("{message}\n"));
    }
}

/// The bytes of all results of a run on so many threads, and its notes.
fn noted_run(
    experiment: &Experiment,
    threads: usize,
) -> Result<([Vec<u8>; 6], String), ExperimentError> {
    let out = tempfile::tempdir().expect("a temporary folder");
    let claimed = OutputFolder::claim_run(out.path(), false).expect("an empty folder");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let notes = Notes::default();
    pool.install(|| experiment.run(vec![], &claimed, &notes))?;
    let read = |name| std::fs::read(out.path().join(name)).expect(name);
    let tables = ["scores.csv", "ceilings.csv", "findings.csv", "comparisons.csv"].map(read);
    let [scores, ceilings, findings, comparisons] = tables;
    let (distances, scale) = (read("distances.parquet"), read("scale.parquet"));
    let files = [scores, ceilings, findings, comparisons, distances, scale];
    Ok((files, notes.0.into_inner().expect("notes")))
}

fn run(
    model: &ModelSpec,
    data: &Path,
    memory_bytes: u64,
    threads: usize,
) -> Result<[Vec<u8>; 6], ExperimentError> {
    noted_run(&experiment(model, data, memory_bytes), threads).map(|(files, _)| files)
}

/// The energy of each channel at each stage by the plainest loops: of the activations of the
/// chosen tokens, and of the differences of all comparisons.
fn energies(model: &Path, dataset: &Dataset, tokens: Tokens) -> Vec<(Stage, [Vec<f64>; 2])> {
    let checkpoint = Checkpoint::open(model).expect("a checkpoint");
    let encoder = Encoder::load(&checkpoint).expect("an encoder");
    let pairs = Pairs::of(&dataset.trials);
    let mut found = Vec::new();
    let load = |i: usize, pixels: &mut [f32]| {
        let image = RgbImage::open(&dataset.images[i].path)?;
        encoder.preprocessing().apply_into(&image, pixels);
        Ok::<(), ImageError>(())
    };
    let visit = |stage: Stage, activations: Activations<'_>| {
        let selected = tokens.select(activations, encoder.prefix());
        let seen = selected.activations();
        let channels = seen.channels();
        let mean = |squares: &mut dyn Iterator<Item = (usize, f64)>| {
            let (mut sums, mut n) = (vec![0.0; channels], 0);
            for (i, x) in squares {
                sums[i % channels] += x * x;
                n += 1;
            }
            sums.into_iter().map(|sum| sum / (n / channels) as f64).collect::<Vec<f64>>()
        };
        let image = |i: usize| seen.image(i).iter().map(|x| f64::from(*x)).enumerate();
        let activations = mean(&mut (0..seen.images()).flat_map(image));
        let differences = mean(&mut pairs.of_trials.iter().flat_map(|pair| {
            let [a, b] = pairs.images[*pair as usize].map(|image| image as usize);
            image(a).zip(image(b)).map(|((i, a), (_, b))| (i, a - b))
        }));
        found.push((stage, [activations, differences]));
        Ok(())
    };
    encode_stages(&encoder, dataset.images.len(), load, visit, |_| Ok(())).expect("encoded");
    found
}

#[test]
fn the_energy_of_a_run_is_that_of_plain_loops_whatever_distances_and_memory() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").high;
    let (model, format) = (folder("clip/base"), DatasetFormat::ODD_ONE_OUT);
    let dataset = Dataset::open(format, &data, &DatasetOptions::default()).expect("the demo");
    for tokens in [Tokens::All, Tokens::Patches, Tokens::Mean] {
        let of = |distances: &[Distance], memory_bytes: u64| {
            let mut experiment = experiment(&ModelSpec::folder(&model), &data, memory_bytes);
            experiment.datasets[0].format = format;
            Experiment { tokens, distances: distances.to_vec(), ..experiment }
        };
        let rows = |experiment: &Experiment| {
            let out = tempfile::tempdir().expect("a temporary folder");
            let claimed = OutputFolder::claim(out.path()).expect("an empty folder");
            experiment.run(vec![], &claimed, &Notes::default()).map(|summary| summary.energy)
        };
        let found = rows(&of(&Distance::ALL, 1 << 32)).expect("plenty of memory");
        let expected = energies(&model, &dataset, tokens);
        assert_eq!(found.len(), expected.len() * 2);
        for row in &found {
            let (_, energies) =
                expected.iter().find(|(stage, _)| *stage == row.stage).expect("a stage");
            let (energy, n) = match row.energy {
                EnergyOf::Activations => (&energies[0], dataset.images.len()),
                EnergyOf::Differences => (&energies[1], Pairs::of(&dataset.trials).len()),
            };
            let total: f64 = energy.iter().sum();
            let top = energy.iter().copied().fold(0.0, f64::max);
            let effective = total * total / energy.iter().map(|e| e * e).sum::<f64>();
            for (found, expected) in
                [(row.top_channel_share, top / total), (row.effective_channels, effective)]
            {
                // Energies are kept in f32, half a unit of which is 6e-8, and twice in a quotient.
                let off = (found / expected - 1.0).abs();
                assert!(off < 2.4e-7, "{tokens}, {}, {}: {off:e}", row.stage, row.energy);
            }
            assert_eq!(row.n, n);
        }

        let needed = needed(rows(&of(&[Distance::Cosine], 0)));
        for memory in [1 << 32, needed, needed + 4_000] {
            let again = rows(&of(&[Distance::Cosine], memory)).expect("enough memory");
            let values = |rows: &[EnergyRow]| {
                let bits =
                    |r: &EnergyRow| [r.top_channel_share, r.effective_channels].map(f64::to_bits);
                rows.iter().map(bits).collect::<Vec<_>>()
            };
            assert_eq!(values(&again), values(&found), "{tokens}, {memory} bytes");
        }
    }
}

/// What is said where activations, and differences, go through a file.
const SPILLED: &str = "their activations go through a temporary file";
const DIFFERENCES: &str = "differences go to a temporary file";

#[test]
fn splits_files_and_threads_change_no_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::folder(folder("clip/base"));
    let whole = run(&model, &data, 1 << 32, 2).expect("plenty of memory");

    for threads in [1, 2, 5] {
        let needed = needed(run(&model, &data, 0, threads));
        assert!(run(&model, &data, needed - 1, threads).is_err());
        // From the least, which holds two images at a time, to where all fit.
        let (mut spilled, mut kept_in_file, mut split, mut plain) = (0, 0, 0, 0);
        for more in [0, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000] {
            let experiment = experiment(&model, &data, needed + more);
            let (found, notes) = noted_run(&experiment, threads).expect("enough memory");
            assert!(found == whole, "{threads} threads, {more} bytes more: other results\n{notes}");
            spilled += usize::from(notes.contains(SPILLED));
            kept_in_file += usize::from(notes.contains(DIFFERENCES));
            split += usize::from(notes.contains("groups of images") && !notes.contains(SPILLED));
            plain += usize::from(!notes.contains("groups of images"));
        }
        let cases = [spilled, kept_in_file, split, plain];
        assert!(cases.iter().all(|n| *n > 0), "spilled, in a file, split, whole: {cases:?}");
    }
}

#[test]
fn in_every_precision_splits_and_threads_change_no_byte() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::folder(folder("clip/base"));
    for precision in Precision::ALL {
        let of = |memory_bytes| Experiment { precision, ..experiment(&model, &data, memory_bytes) };
        let (whole, _) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
        for threads in [1, 3] {
            let needed = needed(noted_run(&of(0), threads));
            for more in [0, 100_000, 1_000_000] {
                let (found, notes) = noted_run(&of(needed + more), threads).expect("enough");
                assert!(
                    found == whole,
                    "{precision}, {threads} threads, {more} bytes more: {notes}"
                );
            }
        }
    }
}

#[test]
fn one_component_of_all_images_is_spilled_for_every_choice_of_tokens() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").high;
    for tokens in Tokens::ALL {
        let name = match tokens {
            Tokens::Registers => "families/dinov2_registers",
            _ => "clip/base",
        };
        let model = ModelSpec::folder(folder(name));
        let of = |memory_bytes| {
            let mut experiment = experiment(&model, &data, memory_bytes);
            experiment.datasets[0].format = DatasetFormat::ODD_ONE_OUT;
            Experiment { tokens, ..experiment }
        };
        let (whole, notes) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
        assert!(!notes.contains(SPILLED));
        let needed = needed(noted_run(&of(0), 2));
        for more in [0, 1_500, 4_000, 9_000] {
            let (found, notes) = noted_run(&of(needed + more), 2).expect("enough memory");
            assert!(notes.contains(SPILLED), "{tokens}, {more} bytes more: {notes}");
            assert!(found == whole, "{tokens}, {more} bytes more: other results");
        }
    }
}

#[test]
fn so_is_one_whose_stages_are_of_several_sizes() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").high;
    for name in ["families/resnet", "families/convnext"] {
        let model = ModelSpec::folder(folder(name));
        for tokens in [Tokens::All, Tokens::Patches, Tokens::Mean] {
            let of = |memory_bytes| {
                let mut experiment = experiment(&model, &data, memory_bytes);
                experiment.datasets[0].format = DatasetFormat::ODD_ONE_OUT;
                Experiment { tokens, ..experiment }
            };
            let (whole, notes) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
            assert!(!notes.contains(SPILLED));
            let needed = needed(noted_run(&of(0), 2));
            for more in [0, 4_000, 9_000] {
                let (found, notes) = noted_run(&of(needed + more), 2).expect("enough memory");
                assert!(notes.contains(SPILLED), "{name}, {tokens}, {more} bytes more: {notes}");
                assert!(found == whole, "{name}, {tokens}, {more} bytes more: other results");
            }
        }
    }
}

#[test]
fn a_baseline_gives_the_same_where_its_features_are_computed_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::MetricKind(MetricKind::Ssim);
    let whole = run(&model, &data, 1 << 32, 2).expect("plenty of memory");
    let needed = needed(run(&model, &data, 0, 2));
    // One image at a time, which is the least; five; and one component of the pairs' graph.
    for share in [1, 2, 8] {
        let tiled = run(&model, &data, share * needed, 2).expect("just enough memory");
        assert!(tiled == whole, "{share} times the least: other results");
    }
}

#[test]
fn dreamsim_gives_the_same_whatever_the_budget_and_the_threads() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let data = demo::draw(&place.path().join("data"), 5).expect("drawn").low;
    let model = ModelSpec::DreamSim(DreamSim::Ensemble);
    let of = |memory_bytes| {
        let weights = Some(folder("dreamsim/models"));
        Experiment { weights, ..experiment(&model, &data, memory_bytes) }
    };
    let (whole, _) = noted_run(&of(1 << 32), 2).expect("plenty of memory");
    let needed = needed(noted_run(&of(0), 2));
    for (memory_bytes, threads) in [(needed, 2), (needed + (1 << 20), 2), (1 << 32, 5)] {
        let (found, _) = noted_run(&of(memory_bytes), threads).expect("enough memory");
        assert!(found == whole, "{memory_bytes} bytes, {threads} threads: other results");
    }
}
