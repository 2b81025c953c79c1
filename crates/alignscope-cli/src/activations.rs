//! `alignscope activations`.

use std::path::Path;

use alignscope::ModelSpec;
use alignscope::encoder::{Checkpoint, Encoder};
use alignscope::features::{FeatureRequest, Picture, write_features};
use alignscope::listing::images_below;
use alignscope::results::OutputFolder;
use anyhow::{Context, bail};

use crate::arguments::Activations;
use crate::progress::progress;
use crate::run::{LIKE_UNUSED, memory};

/// Encodes images and writes their activations.
pub fn run(arguments: &Activations, quiet: bool) -> anyhow::Result<()> {
    let model = match &arguments.like {
        None => arguments.model.clone(),
        Some(like) => match arguments.model.clone().with_like(like) {
            (model, true) => model,
            (_, false) => bail!("{LIKE_UNUSED}"),
        },
    };
    if let ModelSpec::Series(_) = model {
        bail!("`{model}` is a series of models; name one of its files or folders");
    }
    if let ModelSpec::Torch(of_torch) = &model {
        bail!(
            "`{model}` is a torch model, whose activations are not written here; measure it with \
             `alignscope run --model {model}`, or take the activations from {} itself",
            of_torch.library
        );
    }
    if !model.is_encoder() {
        bail!("`{model}` has no activations; name an encoder");
    }
    let mut images = Vec::new();
    for path in &arguments.images {
        collect(path, &mut images)?;
    }
    if images.is_empty() {
        let places = arguments.images.iter().map(|path| path.display().to_string());
        let places = places.collect::<Vec<_>>().join(", ");
        bail!("there is no image below {places}, expected PNG, JPEG, BMP, WebP or TIFF");
    }
    let loading = || format!("cannot load the model {model}");
    let progress = progress(quiet);
    let mut checkpoint =
        Checkpoint::of(&model, arguments.output.projection, arguments.output.tokens, &*progress)
            .with_context(loading)?
            .with_context(loading)?;
    checkpoint.precision = arguments.precision.resolve();
    let memory_bytes = memory(arguments.budget.memory)?;
    let out = OutputFolder::claim(&arguments.output.folder)?;
    let result = Encoder::load(&checkpoint).with_context(loading).and_then(|encoder| {
        let request = FeatureRequest {
            encoder: &encoder,
            images: &images,
            tokens: arguments.output.tokens,
            stages: &arguments.output.stages,
            memory_bytes,
        };
        Ok(write_features(request, &out, &*progress)?)
    });
    if result.is_err() {
        out.abandon();
    }
    result
}

/// The image at a path, or those below a folder in order of name.
fn collect(path: &Path, images: &mut Vec<Picture>) -> anyhow::Result<()> {
    if path.is_file() {
        images.push(Picture::File(path.to_owned()));
        return Ok(());
    }
    let found = images_below(path).with_context(|| format!("cannot read {}", path.display()))?;
    images.extend(found.into_iter().map(Picture::File));
    Ok(())
}
