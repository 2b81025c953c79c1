//! `alignscope fetch`.

use alignscope::encoder::{Checkpoint, known_models};
use alignscope::{Hub, HubModel, HubSettings, LoadedMetric, MetricFolders, ModelSource, ModelSpec};
use anyhow::{Context, bail};

use crate::arguments::Fetch;
use crate::progress::progress;
use crate::terminal::say;

/// Fetches models, checks that they can be read, and says on stdout where they are.
pub fn run(arguments: &Fetch, quiet: bool) -> anyhow::Result<()> {
    let progress = progress(quiet);
    let hub = Hub::new(HubSettings::from_env());
    for model in &arguments.models {
        if let ModelSpec::MetricKind(baseline) = model {
            let folders = MetricFolders::new(arguments.weights.as_deref())?;
            let files = folders.fetch(*baseline, &*progress)?;
            LoadedMetric::load(*baseline, &folders)
                .with_context(|| format!("{baseline} was fetched, but cannot be used"))?;
            say!("{baseline}\n    {}", baseline.description());
            files.iter().for_each(|file| say!("    {}", file.display()));
            continue;
        }
        if let ModelSpec::DreamSim(dreamsim) = model {
            bail!(
                "`{dreamsim}` is published as an archive, which is not fetched: download {} and \
                 unpack it, or let the package `dreamsim` do so, and name its folder with \
                 `--weights` of `run`",
                dreamsim.url()
            );
        }
        if let ModelSpec::Torch(of_torch) = model {
            bail!(
                "`{model}` is fetched by {} when it is run: there is nothing to fetch here",
                of_torch.library
            );
        }
        let wanted = match model {
            ModelSpec::Encoder { source: ModelSource::Hub(wanted), .. } => wanted,
            // The control of a model that is not of the catalogue has the shapes of its files.
            ModelSpec::Encoder { source: ModelSource::Random { of, .. }, .. } => match &**of {
                ModelSource::Hub(wanted) if !is_known(wanted) => wanted,
                _ => bail!("`{model}` needs no files of the hub: there is nothing to fetch"),
            },
            _ => bail!("`{model}` is not on the hub: there is nothing to fetch"),
        };
        let folder = hub.fetch(wanted, &*progress)?;
        let checkpoint = Checkpoint::open(&folder)
            .with_context(|| format!("{wanted} was fetched, but cannot be used"))?;
        say!("{wanted}\n    {}\n    {}", checkpoint.architecture, folder.display());
    }
    Ok(())
}

/// Whether the architecture is known without files.
fn is_known(model: &HubModel) -> bool {
    model.revision.is_none() && known_models().iter().any(|known| known.id == model.id)
}
