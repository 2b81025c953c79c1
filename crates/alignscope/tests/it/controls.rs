//! Untrained controls: of every checkpoint of the golden files, whatever its family.

use std::convert::Infallible;

use alignscope::encoder::{Checkpoint, Encoder, encode_stages};

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

#[test]
fn every_checkpoint_has_a_control_of_its_shape() {
    let mut families = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder("families")).expect("the golden files") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Ok(trained) = Checkpoint::open(&path) else { continue };
        let control = |seed| Checkpoint::untrained_like(&path, seed).expect("a control");
        assert_eq!(control(3).seed(), Some(3));
        assert_eq!(control(3).architecture, trained.architecture, "{name}");
        families.insert(trained.architecture.family.id);
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
    assert!(families.len() >= 20, "{families:?}");
}
