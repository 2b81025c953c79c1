//! Untrained controls: of every checkpoint of the golden files, whatever its family.

use std::convert::Infallible;

use alignscope::encoder::{Checkpoint, Encoder, encode_stages};
use alignscope::{DreamSim, ModelSource, ModelSpec, Silent, Tokens};

use crate::golden::folder;

/// Every stage's activations of two images.
fn stages(checkpoint: &Checkpoint) -> Vec<(String, Vec<f32>)> {
    let encoder = Encoder::load(checkpoint).expect("loaded");
    let mut found = Vec::new();
    encode_stages(
        &encoder,
        2,
        |image, out| {
            let number = |i: usize| (((i + 31 * image) * 7919 % 255) as f32 - 127.0) / 64.0;
            out.iter_mut().enumerate().for_each(|(i, out)| *out = number(i));
            Ok::<(), Infallible>(())
        },
        |stage, activations| {
            let values = (0..2).flat_map(|i| activations.image(i).to_vec()).collect();
            found.push((stage.to_string(), values));
            Ok(())
        },
        |_| Ok(()),
    )
    .expect("encoded");
    found
}

/// The folders of golden checkpoints, and files, whose configuration a run reads.
fn checkpoints() -> Vec<ModelSource> {
    let mut found = Vec::new();
    for place in ["families", "clip"] {
        let entries = std::fs::read_dir(folder(place)).expect("the golden files");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.push(folder(place));
        for path in paths {
            let has = |name: &str| path.join(name).is_file();
            if has("config.json") || has("open_clip_config.json") {
                found.push(ModelSource::Folder(path));
            }
        }
    }
    let single = DreamSim::ALL.into_iter().filter(|model| model.is_single());
    found.extend(
        single.map(|model| ModelSource::DreamSim { folder: folder("dreamsim/models"), model }),
    );
    found
}

fn open(source: ModelSource) -> Checkpoint {
    let spec = ModelSpec::Encoder { source, bare_patches: false };
    let checkpoint = Checkpoint::of(&spec, None, Tokens::All, &Silent);
    checkpoint.unwrap_or_else(|e| panic!("{spec}: {e}")).expect("an encoder")
}

#[test]
fn every_checkpoint_has_a_control_of_its_shape() {
    let sources = checkpoints();
    assert!(sources.len() >= 40, "{sources:?}");
    for source in sources {
        let name = source.to_string();
        let trained = open(source.clone());
        let control = |seed| open(source.clone().untrained(seed));
        assert_eq!(control(3).seed(), Some(3));
        assert_eq!(control(3).architecture, trained.architecture, "{name}");
        let (trained, one, again, other) =
            (stages(&trained), stages(&control(3)), stages(&control(3)), stages(&control(4)));
        assert_eq!(one, again, "{name}");
        for (((stage, one), (_, other)), (_, trained)) in one.iter().zip(&other).zip(&trained) {
            assert_eq!(one.len(), trained.len(), "{name}, {stage}");
            assert!(one.iter().all(|value| value.is_finite()), "{name}, {stage}");
            assert_ne!(one, other, "{name}, {stage}: seeds");
            assert_ne!(one, trained, "{name}, {stage}: weights");
            let (first, second) = one.split_at(one.len() / 2);
            assert_ne!(first, second, "{name}, {stage}: the images are not told apart");
        }
    }
}
