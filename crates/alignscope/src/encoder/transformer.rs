//! A vision transformer: its embedding, its blocks and its head.

use std::sync::Arc;

use super::architecture::Architecture;
use super::block::Block;
use super::embedding::Embedding;
use super::head::Head;
use super::rotary::Rotary;
use super::scratch::Scratch;
use super::tower::{Group, Tower};

/// The layers of a vision transformer.
#[derive(Debug)]
pub(super) struct Transformer {
    pub(super) embedding: Embedding,
    pub(super) blocks: Vec<Block>,
    pub(super) head: Head,
    /// Shared by the blocks.
    rotary: Option<Arc<Rotary>>,
}

impl Transformer {
    /// Without rotary positions.
    pub(super) fn new(embedding: Embedding, blocks: Vec<Block>, head: Head) -> Self {
        Self { embedding, blocks, head, rotary: None }
    }

    /// The same with the rotary positions of its architecture, if it has any.
    pub(super) fn with_rotary(mut self, architecture: &Architecture) -> Self {
        let Architecture { channels, heads, image_size, patch_size, .. } = *architecture;
        self.rotary = architecture
            .rotary
            .map(|rotary| Arc::new(rotary.turns(image_size / patch_size, channels / heads)));
        for block in &mut self.blocks {
            block.attention.rotary = self.rotary.clone();
        }
        self
    }
}

impl Tower for Transformer {
    fn embed(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        self.embedding.apply(pixels, out, scratch);
    }

    fn embed_bare_patches(&self, pixels: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        self.embedding.apply_patches(pixels, out, scratch);
    }

    fn step(&self, step: usize, images: Group<'_>, scratch: &mut Scratch) {
        let Group { values, room, shape: [tokens, channels] } = images;
        assert_eq!(room, tokens * channels, "all stages of a transformer are of one size");
        self.blocks[step].apply(values, tokens, scratch);
    }

    fn finish(&self, image: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        self.head.apply(image, self.embedding.channels(), out, scratch);
    }

    fn bytes(&self) -> usize {
        self.blocks.iter().map(Block::bytes).sum::<usize>()
            + self.embedding.bytes()
            + self.rotary.as_ref().map_or(0, |rotary| rotary.bytes())
            + self.head.bytes()
    }

    fn scratch_bytes(&self, images: usize) -> usize {
        let tokens = self.embedding.tokens();
        self.blocks.first().map_or(0, |block| block.scratch_bytes(images * tokens, tokens))
    }
}
