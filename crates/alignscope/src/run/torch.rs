//! Models of a run that torch runs: those of its libraries, and with its backend encoders too.

use std::path::PathBuf;

use super::ExperimentError;
use crate::encoder::{EncoderError, torch_library};
use crate::experiment::Experiment;
use crate::hub::{Hub, HubModel, HubSettings};
use crate::model::{Model, ModelError, TorchModels, TorchRequest};
use crate::model_spec::{Backend, ModelSource, ModelSpec, NamedModel, TorchName};
use crate::progress::Progress;

impl Experiment {
    /// A torch model, opened.
    pub(super) fn torch_model<'a>(
        &self,
        model: &TorchName,
        name: &str,
        torch: &'a dyn TorchModels,
        progress: &'a dyn Progress,
    ) -> Result<Box<dyn Model + 'a>, ExperimentError> {
        progress.begin(&format!("{name}: opening it with {}", model.library), 0);
        let (options, tokens) = (&self.torch, self.tokens);
        let opened = torch.open(TorchRequest { name, model, options, tokens }, progress);
        progress.end();
        Ok(opened?.into_model()?)
    }

    /// The torch model that an encoder is.
    ///
    /// `name` — what errors call it
    ///
    /// # Errors
    /// No library of torch reads it.
    pub(super) fn by_torch(
        &self,
        source: &ModelSource,
        bare_patches: bool,
        name: &str,
        progress: &dyn Progress,
    ) -> Result<TorchName, ModelError> {
        if bare_patches {
            let what = "fed the bare patch embedding, as libraries do not";
            return Err(refused(name, what, "name it without `@bare-patches`"));
        }
        if self.projection.is_some() {
            let what = "to have another form of its projection than its library gives";
            return Err(refused(name, what, "leave the form out"));
        }
        let folder = folder_of(source, name, progress)?;
        let library = torch_library(&folder).map_err(|source| cannot_load(name, source))?;
        let library = library.ok_or_else(|| {
            let what = "a folder with an adapter, or with a model of DreamSim";
            let instead = "merge an adapter with peft's `merge_and_unload()`, save the model, and \
                           name that folder";
            refused(name, what, instead)
        })?;
        Ok(TorchName::in_folder(library, folder))
    }

    /// Refuses a choice of how torch models run where there is none.
    pub(super) fn check_torch(&self, models: &[NamedModel]) -> Result<(), ExperimentError> {
        let by_torch = |model: &NamedModel| match model.spec {
            ModelSpec::Torch(_) => true,
            _ => model.spec.is_encoder() && self.backend == Backend::Torch,
        };
        let said = self.backend == Backend::Torch || !self.torch.is_empty();
        match said && !models.iter().any(by_torch) {
            true => Err(ExperimentError::TorchUnused),
            false => Ok(()),
        }
    }
}

/// The folder of an encoder's checkpoint; one of the hub is fetched.
fn folder_of(
    source: &ModelSource,
    name: &str,
    progress: &dyn Progress,
) -> Result<PathBuf, ModelError> {
    let (what, instead) = match source {
        ModelSource::Folder(folder) => return Ok(folder.clone()),
        ModelSource::Hub(HubModel { id, .. }) if id.starts_with("torchvision/") => {
            let named = format!("name `torchvision:{}`", id.trim_start_matches("torchvision/"));
            return Err(refused(name, "an architecture of torchvision, without weights", &named));
        }
        ModelSource::Hub(model) => {
            let found = Hub::new(HubSettings::from_env()).model(model, progress);
            return found.map_err(|source| cannot_load(name, source.into()));
        }
        ModelSource::Random { .. } => (
            "an untrained control, whose weights alignscope draws by a rule of its own",
            "name the control of a torch model, such as `random:timm:vit_base_patch16_224`",
        ),
        ModelSource::File(_) => (
            "a file of weights, which does not say what its architecture is",
            "save the model with its library (`save_pretrained`), and name that folder",
        ),
        ModelSource::DreamSim { .. } => {
            ("a model of DreamSim, which no library of torch models reads", "leave it out")
        }
    };
    Err(refused(name, what, instead))
}

fn refused(name: &str, what: &'static str, instead: &str) -> ModelError {
    ModelError::NotOfTorch { model: name.to_owned(), what, instead: instead.to_owned() }
}

fn cannot_load(name: &str, source: EncoderError) -> ModelError {
    ModelError::Model { model: name.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetFormat;
    use crate::model::NoTorch;
    use crate::model_spec::{ProjectionForm, TorchDevice, TorchOptions};
    use crate::prepared::DatasetSpec;
    use crate::progress::Silent;

    /// An experiment of one model that torch is to run.
    fn experiment(model: &str) -> Experiment {
        let dataset = DatasetSpec::new(DatasetFormat::PAIRS, "none".into());
        let model = model.parse().expect("a model");
        let own = Experiment::new(vec![model], vec![dataset], 1 << 30);
        Experiment { backend: Backend::Torch, ..own }
    }

    fn said(experiment: &Experiment) -> (String, Vec<crate::Remedy>) {
        match experiment.models(vec![], &NoTorch, &Silent) {
            Ok(_) => panic!("there is no torch"),
            Err(error) => (error.to_string(), error.remedies()),
        }
    }

    #[test]
    fn without_torch_a_torch_model_is_an_error_with_what_to_install() {
        for (model, library) in
            [("timm:vit", "timm"), ("open_clip:ViT-B-32/openai", "open_clip_torch")]
        {
            let (said, remedies) = said(&experiment(model));
            assert!(said.starts_with(&format!("{model} is a torch model")), "{said}");
            assert_eq!(remedies, [crate::Remedy::PythonPackage { library }]);
        }
    }

    #[test]
    fn an_encoder_is_read_by_the_library_of_its_checkpoint() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/families");
        for (name, library) in
            [("vit", "transformers"), ("timm_vit", "timm"), ("open_clip", "open_clip_torch")]
        {
            let (said, remedies) = said(&experiment(&format!("{golden}/{name}")));
            assert!(said.contains("this program cannot run"), "{said}");
            assert_eq!(remedies, [crate::Remedy::PythonPackage { library }]);
        }
    }

    #[test]
    fn what_torch_cannot_run_is_refused_by_name() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let file = place.path().join("last.pt");
        std::fs::write(&file, "").expect("written");
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/families");
        let projected = Experiment {
            projection: Some(ProjectionForm::Unit),
            ..experiment(&format!("{golden}/vit"))
        };
        for (experiment, words) in [
            (experiment("random:openai/clip-vit-base-patch32"), "`random:timm:"),
            (experiment(&file.display().to_string()), "a file of weights"),
            (experiment("torchvision/resnet50"), "name `torchvision:resnet50`"),
            (experiment(&format!("{golden}/open_clip@bare-patches")), "without `@bare-patches`"),
            (projected, "another form of its projection"),
        ] {
            let (said, remedies) = said(&experiment);
            assert!(said.starts_with("torch cannot run ") && said.contains(words), "{said}");
            assert_eq!(remedies, [crate::Remedy::OwnBackend]);
        }
    }

    #[test]
    fn how_torch_models_run_is_an_error_where_there_is_none() {
        let own = |model: &str| Experiment { backend: Backend::Own, ..experiment(model) };
        let device = TorchOptions { device: Some(TorchDevice::Cpu), ..TorchOptions::default() };
        for experiment in [
            experiment("ssim"),
            Experiment { torch: device.clone(), ..own("openai/clip-vit-base-patch32") },
        ] {
            let error = experiment.models(vec![], &NoTorch, &Silent).err();
            assert!(matches!(error, Some(ExperimentError::TorchUnused)), "{error:?}");
        }
        let (said, _) = said(&Experiment { torch: device, ..own("timm:vit") });
        assert!(said.contains("timm:vit is a torch model"), "{said}");
    }
}
