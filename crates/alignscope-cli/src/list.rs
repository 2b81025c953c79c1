//! `alignscope list`.

use alignscope::encoder::known_models;
use alignscope::{DatasetFormat, Distance, MetricKind};

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
         a file, of a family above, or of I-JEPA, AIMv2, MetaCLIP 2 or timm's ViTs; those of \
         torchvision/ are files alone, as FILE@like=torchvision/resnet50"
    );
    say!("features:DIR\n    features that are already computed, in the folder DIR");
    for baseline in MetricKind::ALL {
        say!("{baseline}\n    baseline: {}", baseline.description());
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
