//! The vision transformers that timm has registered, by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::architecture::PoolingKind;
use super::rotary::{Places, RotaryPositions};
use alignscope_kernel::Activation;

/// What a registered architecture of timm is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Registered {
    pub(super) heads: usize,
    pub(super) eps: f64,
    pub(super) activation: Activation,
    pub(super) pooling: PoolingKind,
    /// Whether tokens before the patches are pooled too.
    pub(super) prefix_pooled: bool,
    pub(super) pool_heads: Option<usize>,
    pub(super) rotary: Option<RotaryPositions>,
    pub(super) size: usize,
    pub(super) blocks: usize,
    /// Channels of a token.
    pub(super) channels: usize,
    pub(super) registers: usize,
    /// Those of `OPTIONAL` that it has.
    parts: &'static str,
}

/// Tensors that some models have and others have not; the first block's stand for all blocks'.
pub(super) const OPTIONAL: [&str; 31] = [
    "cls_token",
    "dist_token",
    "reg_token",
    "pos_embed",
    "patch_embed.proj.bias",
    "patch_embed.norm.weight",
    "norm_pre.weight",
    "norm.weight",
    "fc_norm.weight",
    "blocks.0.norm1.bias",
    "blocks.0.attn.qkv.bias",
    "blocks.0.attn.q_bias",
    "blocks.0.attn.v_bias",
    "blocks.0.attn.q_proj.weight",
    "blocks.0.attn.q_proj.bias",
    "blocks.0.attn.k_proj.bias",
    "blocks.0.attn.v_proj.bias",
    "blocks.0.attn.q_norm.weight",
    "blocks.0.attn.k_norm.weight",
    "blocks.0.attn.norm.weight",
    "blocks.0.attn.proj.bias",
    "blocks.0.ls1.gamma",
    "blocks.0.ls2.gamma",
    "blocks.0.gamma_1",
    "blocks.0.gamma_2",
    "blocks.0.mlp.fc1_g.weight",
    "blocks.0.mlp.fc1_g.bias",
    "blocks.0.mlp.fc1_x.bias",
    "blocks.0.mlp.fc1.bias",
    "blocks.0.mlp.norm.weight",
    "blocks.0.mlp.fc2.bias",
];

/// All of them, by name. The table's generator says what its columns are.
static REGISTERED: LazyLock<BTreeMap<&'static str, Registered>> = LazyLock::new(|| {
    let table = include_str!("../../assets/timm_architectures.csv");
    table.lines().skip(1).map(registered).collect()
});

impl Registered {
    /// The architecture of this name.
    pub(super) fn find(name: &str) -> Option<Self> {
        REGISTERED.get(name).copied()
    }

    /// Whether it has this one of the optional tensors.
    pub(super) fn has(&self, part: &str) -> bool {
        let in_table = part.strip_prefix("blocks.0").unwrap_or(part);
        self.parts.split(' ').any(|name| name == in_table)
    }
}

/// A row of the table.
fn registered(row: &'static str) -> (&'static str, Registered) {
    let fields: Vec<&str> = row.split(',').collect();
    let &[
        name,
        heads,
        eps,
        activation,
        pool,
        prefix_pooled,
        pool_heads,
        rope,
        size,
        depth,
        channels,
        registers,
        parts,
    ] = &fields[..]
    else {
        panic!("thirteen columns: {row}")
    };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("a number: {text}"));
    let activation = Activation::ALL.into_iter().find(|a| a.name() == activation);
    let registered = Registered {
        heads: number(heads),
        eps: eps.parse().expect("a number"),
        activation: activation.unwrap_or_else(|| panic!("an activation: {row}")),
        pooling: pooling_of(pool).unwrap_or_else(|| panic!("a pooling: {row}")),
        prefix_pooled: prefix_pooled == "yes",
        pool_heads: pool_heads.parse().ok(),
        rotary: rotary_of(rope),
        size: number(size),
        blocks: number(depth),
        channels: number(channels),
        registers: number(registers),
        parts,
    };
    (name, registered)
}

/// How tokens are pooled, by timm's word for it.
pub(super) fn pooling_of(name: &str) -> Option<PoolingKind> {
    Some(match name {
        "token" => PoolingKind::ClassToken,
        "avg" => PoolingKind::PatchMean,
        "map" => PoolingKind::Attention,
        _ => return None,
    })
}

/// `none`, `dinov3 BASE` or `cat BASE OFFSET REFERENCE ORDER`.
fn rotary_of(text: &str) -> Option<RotaryPositions> {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    match text.split(' ').collect::<Vec<_>>()[..] {
        ["dinov3", base] => Some(RotaryPositions { base: number(base), places: Places::Centred }),
        ["cat", base, offset, reference, order] => Some(RotaryPositions {
            base: number(base),
            places: Places::Grid {
                offset: number(offset),
                reference: reference.parse().ok().filter(|reference| *reference > 0),
                columns_first: order == "xy",
            },
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read() {
        assert!(REGISTERED.len() > 200);
        let of = |name: &str| REGISTERED[name];
        assert_eq!(of("vit_giant_patch14_dinov2").heads, 24);
        assert_eq!(of("vit_giant_patch14_dinov2").blocks, 40);
        assert_eq!(of("vit_base_patch14_reg4_dinov2").registers, 4);
        for (name, registered) in REGISTERED.iter() {
            let known = OPTIONAL.iter().filter(|part| registered.has(part)).count();
            assert_eq!(known, registered.parts.split(' ').count(), "{name}");
        }
        assert_eq!(of("vit_base_patch32_clip_224").eps, 1e-5);
        assert_eq!(of("vit_so400m_patch14_siglip_384").pooling, PoolingKind::Attention);
        assert_eq!(of("vit_small_patch16_dinov3").rotary.map(|r| r.base), Some(100.0));
        let turns = of("vit_pe_core_base_patch16_224").rotary.expect("rotary positions");
        let places = Places::Grid { offset: 1.0, reference: Some(14), columns_first: true };
        assert_eq!(turns.places, places);
    }
}
