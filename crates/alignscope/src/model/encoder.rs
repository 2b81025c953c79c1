//! An encoder of ours as a source of activations.

use std::ops::Range;
use std::sync::OnceLock;

use alignscope_kernel::huge_pages;
use serde_json::{Value, json};

use super::activations::{ActivationSource, SetImages};
use super::reduction::Begun;
use super::set_reducer::SetReducer;
use super::token_choice::TokenChoice;
use super::{Cell, Facts, ModelError, Role};
use crate::encoder::{
    Checkpoint, Encoded, Encoder, Precision, Tokens, encode_spilled, encode_stages, passes,
};
use crate::pair_statistics::Activations;
use crate::plan::{Beyond, Demand, StageDemand, WorkCost, encoder_bytes};
use crate::progress::Progress;
use crate::remedy::Remedy;
use crate::results::FileRecord;
use crate::stage::Stage;

/// What the blocks of an encoder are fed, where it is as the study had it.
pub const BLOCKS: &str = "input of the blocks";

/// Groups of images that each thread has of a set at least, so that none waits long for the last.
const GROUPS_A_THREAD: usize = 4;

/// An encoder, whose tensors are read when something is to be encoded, and not before.
#[derive(Debug)]
pub struct EncoderSource {
    name: String,
    checkpoint: Box<Checkpoint>,
    loaded: OnceLock<Encoder>,
}

impl EncoderSource {
    /// The encoder of a checkpoint, by the name that results give it.
    pub fn new(name: String, checkpoint: Box<Checkpoint>) -> Self {
        Self { name, checkpoint, loaded: OnceLock::new() }
    }

    /// Hashes of the files with weights, or how they are drawn.
    fn weights(&self) -> Vec<String> {
        match self.checkpoint.drawing() {
            Some(drawing) => vec![drawing],
            None => {
                let files = self.checkpoint.weight_files().into_iter().map(|file| file.sha256);
                files.chain(self.checkpoint.part().map(|part| format!("#{part}"))).collect()
            }
        }
    }

    fn encoder(&self) -> &Encoder {
        self.loaded.get().expect("it was loaded")
    }
}

/// A precision, and the instructions that its bits are bound to.
fn precision_with_instructions(precision: Precision) -> String {
    match precision.bound_to() {
        Some(instructions) => format!("{precision} ({instructions})"),
        None => precision.to_string(),
    }
}

impl Facts for EncoderSource {
    fn role(&self) -> Role {
        Role::Encoder
    }

    fn fingerprint(&self) -> Value {
        let checkpoint = &self.checkpoint;
        json!({
            "weights": self.weights(),
            "architecture": checkpoint.architecture,
            "preprocessing": checkpoint.preprocessing,
            "bare-patches": checkpoint.has_bare_patches(),
            "precision": checkpoint.precision.to_string(),
            "products": checkpoint.precision.bound_to(),
        })
    }

    fn inputs(&self) -> Vec<(String, String)> {
        let checkpoint = &self.checkpoint;
        let precision = checkpoint.precision;
        let blocks =
            checkpoint.has_bare_patches().then_some((BLOCKS, "the bare patch embedding".into()));
        let inputs = [
            ("weights", self.weights().join(" ")),
            ("architecture", json!(checkpoint.architecture).to_string()),
            ("preprocessing", json!(checkpoint.preprocessing).to_string()),
            ("precision", precision_with_instructions(precision)),
        ];
        inputs.into_iter().chain(blocks).map(|(what, value)| (what.to_owned(), value)).collect()
    }

    fn files(&self) -> Vec<FileRecord> {
        self.checkpoint.files.iter().map(FileRecord::new).collect()
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        Some(&self.checkpoint)
    }

    /// A pair is read once at each stage; that takes as long as a few products of each number.
    fn cost(&self, cell: &Cell<'_>) -> WorkCost {
        let numbers = self.compared_numbers(cell).iter().sum();
        WorkCost::of_numbers(self.checkpoint.architecture.products(), numbers)
    }

    fn depths(&self, stages: &[Stage]) -> Vec<f64> {
        let blocks = self.checkpoint.architecture.blocks;
        stages.iter().map(|stage| stage.depth_percent(blocks)).collect()
    }
}

impl ActivationSource for EncoderSource {
    fn prepare(&mut self, cells: &[Cell<'_>], _: &dyn Progress) -> Result<(), ModelError> {
        cells.iter().try_for_each(|cell| cell.check_sizes(&self.checkpoint.preprocessing))
    }

    fn widths(&self, _: &Cell<'_>) -> Vec<(Stage, usize)> {
        let architecture = &self.checkpoint.architecture;
        let width = |stage| (stage, architecture.channels_at(stage));
        architecture.stages().into_iter().map(width).collect()
    }

    fn compared_numbers(&self, cell: &Cell<'_>) -> Vec<u64> {
        let architecture = &self.checkpoint.architecture;
        let prefix = architecture.prefix(self.checkpoint.has_bare_patches());
        let of_stage = |stage| cell.tokens.numbers(architecture.shape_at(stage), prefix);
        architecture.stages().into_iter().map(of_stage).collect()
    }

    /// Reads the tensors: hours may have passed since their files were hashed, against which every byte is held that is
    /// read now.
    fn load(&mut self, _: &Cell<'_>, progress: &dyn Progress) -> Result<(), ModelError> {
        if self.loaded.get().is_some() {
            return Ok(());
        }
        progress.begin(&format!("{}: weights", self.name), 0);
        let encoder = Encoder::load(&self.checkpoint).map_err(|source| ModelError::Model {
            model: self.name.clone(),
            source: Box::new(source),
        })?;
        progress.end();
        self.loaded = encoder.into();
        Ok(())
    }

    fn demand(&self, cell: &Cell<'_>) -> Demand {
        let encoder = self.encoder();
        let stage = |stage: Stage| {
            let [tokens, channels] = encoder.shape(stage);
            let image_bytes = (tokens * channels * size_of::<f32>()) as u64;
            StageDemand { stage, channels, image_bytes }
        };
        let stages: Vec<StageDemand> = encoder.stages().into_iter().map(stage).collect();
        let widest = stages.iter().map(|stage| stage.channels).max().unwrap_or(0);
        let vector = (widest * size_of::<f32>()) as u64;
        let mean = if cell.tokens == Tokens::Mean { vector } else { 0 };
        let image_bytes = encoder.bytes_per_image() as u64 + mean;
        let (precision, weights) = (encoder.precision(), encoder.resident_bytes(0) as u64);
        Demand {
            fixed_bytes: encoder_bytes(encoder),
            stages,
            image_bytes,
            image_of_file_bytes: image_bytes,
            // Its projection, or its one token.
            image_beside_file_bytes: 2 * vector,

            device_images: None,
            busy_images: rayon::current_num_threads()
                * encoder.images_at_a_time()
                * GROUPS_A_THREAD,
            batch_images: 1,
            reading_bytes: Some(cell.reading_bytes()),
            beyond: Beyond::File,
            at_least: format!(
                "its weights in {precision}, the working memory of each thread, two images"
            ),
            remedies: Box::new(move |needed, budget| {
                let may_do = precision == Precision::Bf16x6 && needed - weights / 3 <= budget;
                may_do.then_some(Remedy::PrecisionF32).into_iter().collect()
            }),
        }
    }

    fn passes(&self) -> usize {
        passes(self.encoder())
    }

    fn steps(&self, stages: usize) -> usize {
        stages
    }

    fn encode(
        &mut self,
        cell: &Cell<'_>,
        images: &SetImages<'_>,
        _: Range<usize>,
        reducer: &mut SetReducer<'_>,
    ) -> Result<(), ModelError> {
        let encoder = self.encoder();
        let choice = TokenChoice { tokens: cell.tokens, prefix: encoder.prefix() };
        for of_set in images.sets() {
            let set = of_set.set;
            if reducer.begin(set)? == Begun::TakenOver {
                images.skip(&of_set);
                continue;
            }
            let load = |i: usize, pixels: &mut [f32]| {
                of_set.load(i, |image| encoder.preprocessing().apply_into(&image, pixels))
            };
            let advance = |count: usize| images.advance(count);
            let count = set.images.len();
            if images.plan().is_in_memory(set) {
                let visit = |stage, activations: Activations<'_>| {
                    reducer.stage(stage, Encoded::Memory(activations), choice)
                };
                encode_stages(encoder, count, load, visit, advance)?;
            } else {
                let visit = |stage, encoded: Encoded<'_>| reducer.stage(stage, encoded, choice);
                let in_memory = images.plan().images_in_memory;
                encode_spilled(encoder, count, in_memory, load, visit, advance)?;
            }
            reducer.end()?;
        }
        Ok(())
    }

    fn give_back(&mut self) {
        self.loaded = OnceLock::new();
        huge_pages::give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_spec::{ModelSource, ModelSpec};
    use crate::progress::Silent;

    /// The fingerprint of a golden checkpoint's control.
    fn of_control(name: &str, seed: u64) -> Value {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families");
        let source = ModelSource::Folder(golden.join(name)).untrained(seed);
        let spec = ModelSpec::Encoder { source, bare_patches: false };
        let checkpoint = Checkpoint::of(&spec, None, Default::default(), &Silent);
        let checkpoint = checkpoint.expect("opened").expect("an encoder");
        EncoderSource::new(name.to_owned(), Box::new(checkpoint)).fingerprint()
    }

    #[test]
    fn controls_are_told_apart_by_seed_and_by_the_tensors_that_are_drawn() {
        assert_eq!(of_control("vit", 1), of_control("vit", 1));
        assert_ne!(of_control("vit", 1), of_control("vit", 2));
        // The names of one lie behind `vit.`, so that others are drawn.
        let weights = |name| of_control(name, 1)["weights"].clone();
        assert_ne!(weights("vit"), weights("vit_class"));
        assert_ne!(weights("timm_vit"), weights("timm_deit3"));
    }
}
