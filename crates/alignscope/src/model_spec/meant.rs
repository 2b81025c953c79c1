//! What a word that names no model was probably to be.

use super::DreamSim;
use crate::metric::MetricKind;
use crate::name::nearest;

/// Where models of the hub have their pages.
const HUB: &str = "https://huggingface.co/";

/// Names that papers and libraries give, with the model as it is named here.
const ELSEWHERE: [(&str, &str); 19] = [
    ("vit-b/32", "openai/clip-vit-base-patch32"),
    ("vit-b/16", "openai/clip-vit-base-patch16"),
    ("vit-l/14", "openai/clip-vit-large-patch14"),
    ("vit-l/14@336px", "openai/clip-vit-large-patch14-336"),
    ("vit-b-32", "openai/clip-vit-base-patch32"),
    ("vit-b-16", "openai/clip-vit-base-patch16"),
    ("vit-l-14", "openai/clip-vit-large-patch14"),
    ("vit-l-14-336", "openai/clip-vit-large-patch14-336"),
    ("clip", "openai/clip-vit-base-patch32"),
    ("siglip", "google/siglip-base-patch16-224"),
    ("dinov2", "facebook/dinov2-base"),
    ("dinov3", "facebook/dinov3-vitb16-pretrain-lvd1689m"),
    ("vit", "google/vit-base-patch16-224"),
    ("mae", "facebook/vit-mae-base"),
    ("alexnet", "torchvision:alexnet"),
    ("vgg16", "torchvision:vgg16"),
    ("vgg19", "torchvision:vgg19"),
    ("resnet18", "torchvision:resnet18"),
    ("resnet50", "torchvision:resnet50"),
];

/// The model that others call so.
pub(super) fn elsewhere(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase().replace('_', "-");
    ELSEWHERE.iter().find(|(name, _)| *name == word).map(|(_, model)| *model)
}

/// The model that a word was probably to be, where it is neither a folder nor an id.
pub(super) fn meant(word: &str) -> Option<String> {
    let id = word.strip_prefix(HUB).unwrap_or(word).trim_end_matches('/');
    if id != word && super::is_hub_id(id) {
        return Some(id.to_owned());
    }
    let words = MetricKind::ALL.map(MetricKind::name).into_iter();
    let words = words.chain(DreamSim::ALL.map(DreamSim::name)).chain(["pixels"]);
    elsewhere(word).or_else(|| nearest(word, words)).map(str::to_owned)
}
