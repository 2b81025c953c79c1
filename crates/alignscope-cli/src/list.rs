//! `alignscope list`.

use alignscope::encoder::known_models;
use alignscope::{DatasetFormat, Distance, DreamSim, MetricKind};

use crate::arguments::Listed;
use crate::terminal::say;

/// Lists models, data sets or distances on stdout.
pub fn run(what: Listed) -> anyhow::Result<()> {
    match what {
        Listed::Models => models(),
        Listed::Datasets => datasets(),
        Listed::Distances => distances(),
    }
    Ok(())
}

fn models() {
    say!("pixels\n    the pixels themselves, at 0 % depth");
    for known in known_models() {
        say!("{}", known.id);
        say!("    {}", known.architecture());
        say!("    {}", known.preprocessing());
    }
    say!(
        "OWNER/NAME[@REVISION], FOLDER, FILE[@like=ID]\n    another checkpoint, on the hub, in a folder or \
         a file, of a family above, or of I-JEPA, AIMv2, MetaCLIP 2, timm's ViTs, AlexNet or VGG"
    );
    let types = DreamSim::ALL.iter().filter(|model| model.is_single()).map(|m| m.type_name());
    let types = types.collect::<Vec<_>>().join(", ");
    say!("FOLDER#TYPE\n    the stages of a single model of DreamSim in that folder: {types}");
    say!("features:DIR\n    features that are already computed, in the folder DIR");
    for baseline in MetricKind::ALL {
        say!("{baseline}\n    baseline: {}", baseline.description());
    }
    for model in DreamSim::ALL {
        say!("{model}\n    baseline: {}", model.description());
    }
    say!("random:ID[@seed=N]\n    the untrained control of a model above, without any file");
}

fn datasets() {
    for kind in DatasetFormat::ALL {
        say!("{kind}\n    {}", kind.description());
    }
}

fn distances() {
    for distance in Distance::ALL {
        say!("{distance}\n    {}", distance.description());
    }
}
