//! `alignscope list`.

use alignscope::encoder::{FamilyEntry, families};
use alignscope::{DatasetFormat, Distance, DreamSim, MetricKind, TorchLibrary};

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
    say!("pixels\n    the pixels themselves, at 0 % depth\n");
    for FamilyEntry { name, model_types, models } in families() {
        let types = model_types.join(", ");
        let types = if types.is_empty() { types } else { format!(" (model type {types})") };
        say!("{}{types}", name.title);
        if models.is_empty() {
            say!("    checkpoints of your own");
        }
        for known in models {
            say!("    {}", known.id);
            say!("        {}", known.architecture());
            say!("        {}", known.preprocessing());
        }
    }
    say!(
        "\nOWNER/NAME[@REVISION], FOLDER, FILE[@like=ID]\n    another checkpoint of a family above, on \
         the hub, in a folder or a file; those of torchvision/ are files alone, as \
         FILE@like=torchvision/resnet50"
    );
    say!(
        "random:ID[@seed=N], random:FOLDER[@seed=N]\n    the untrained control of a model: without any \
         file of one above; of another, its configuration and the shapes of its tensors count"
    );
    say!(
        "series:GLOB\n    one model in many states: the files or checkpoint folders that the pattern \
         matches"
    );
    let types = DreamSim::ALL.iter().filter(|model| model.is_single()).map(|m| m.type_name());
    let types = types.collect::<Vec<_>>().join(", ");
    say!("FOLDER#TYPE\n    the stages of a single model of DreamSim in that folder: {types}");
    for library in TorchLibrary::ALL {
        let forms: Vec<_> =
            library.forms().iter().map(|form| format!("{library}:{form}")).collect();
        say!("{}\n    a torch model of {library}, in the Python package", forms.join(", "));
    }
    say!("random:timm:NAME[@seed=N]\n    the untrained control of a torch model, of any library");
    say!("features:DIR\n    features that are already computed, in the folder DIR\n");
    for baseline in MetricKind::ALL {
        say!("{baseline}\n    baseline: {}", baseline.description());
    }
    for model in DreamSim::ALL {
        say!("{model}\n    baseline: {}", model.description());
    }
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
