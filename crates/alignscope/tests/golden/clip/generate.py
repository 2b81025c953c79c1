"""Golden files for CLIP's vision tower: small random checkpoints written by transformers' own
`save_pretrained`, and what transformers gives for them.

    python generate.py

Each folder holds a checkpoint as it is published (config.json, preprocessor_config.json,
model.safetensors or its shards) with the vision tower and the projection only, and `expected.safetensors`:
`pixel_values` [images, 3, size, size], `hidden_states.0` (the embedding) to `hidden_states.L`
[images, tokens, channels], and `image_embeds` [images, projection]. `versions.json` says what made them.
"""

import json
import shutil
from pathlib import Path

import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPModel, CLIPVisionConfig, CLIPVisionModelWithProjection

HERE = Path(__file__).parent
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]


def preprocessor(size, old):
    """Both generations of preprocessor_config.json."""
    common = {
        "do_center_crop": True, "do_normalize": True, "do_resize": True,
        "image_mean": MEAN, "image_std": STD, "resample": 3,
    }
    if old:
        return common | {"feature_extractor_type": "CLIPFeatureExtractor", "size": size, "crop_size": size}
    return common | {
        "image_processor_type": "CLIPImageProcessor", "do_rescale": True,
        "rescale_factor": 1 / 255, "do_convert_rgb": True,
        "size": {"shortest_edge": size}, "crop_size": {"height": size, "width": size},
    }


def randomize(model, seed, outlier=None):
    """Weights large enough that every part matters: gains and biases are not 1 and 0."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif name.endswith("bias"):
                p.copy_(0.2 * noise)
            elif p.ndim >= 2:
                p.copy_(noise / p[0].numel() ** 0.5)
            else:
                p.copy_(noise)
        if outlier is not None:
            # As trained CLIPs have it: one channel of the residual stream is a hundred times
            # the others, from the embedding on.
            vision = model.vision_model
            vision.pre_layrnorm.weight[outlier] *= 100
            vision.pre_layrnorm.bias[outlier] *= 100


def write(name, *, whole, vision, seed, old, outlier=None, shards=False, dtype=None):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    if whole:
        # The text tower is as small as it can be, and there: a checkpoint holds both.
        text = {"hidden_size": 4, "intermediate_size": 4, "num_hidden_layers": 1,
                "num_attention_heads": 1, "vocab_size": 4, "max_position_embeddings": 4,
                "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        config = CLIPConfig(text_config=text, vision_config=vision,
                            projection_dim=vision["projection_dim"])
        model = CLIPModel(config)
    else:
        model = CLIPVisionModelWithProjection(CLIPVisionConfig(**vision))
    randomize(model, seed, outlier)
    if dtype is not None:
        model = model.to(dtype)
    model.eval()
    model.save_pretrained(folder, max_shard_size="24KB" if shards else "1GB")
    size = vision["image_size"]
    for file in folder.iterdir():
        file.chmod(0o644)
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor(size, old), indent=1) + "\n")

    model = model.float()
    generator = torch.Generator().manual_seed(seed + 1)
    # Plausible pixel values, already preprocessed: the golden files of preprocessing are elsewhere.
    pixels = torch.randn(3, 3, size, size, generator=generator)
    with torch.no_grad():
        tower = model.vision_model(pixel_values=pixels, output_hidden_states=True)
        embeds = model.visual_projection(tower.pooler_output)
    expected = {"pixel_values": pixels, "image_embeds": embeds.contiguous()}
    hidden = tower.hidden_states
    assert len(hidden) == vision["num_hidden_layers"] + 1
    for i, h in enumerate(hidden):
        expected[f"hidden_states.{i}"] = h.contiguous()
    save_file(expected, folder / "expected.safetensors")
    (folder / "expected.safetensors").chmod(0o644)


BASE = {"num_hidden_layers": 2, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5}
write("base", whole=True, seed=0, old=True,
      vision=BASE | {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2,
                     "patch_size": 4, "image_size": 16, "projection_dim": 6})
# 7 pixels more than whole patches, an odd number of tokens, three heads, exact GELU, another epsilon.
write("odd", whole=False, seed=10, old=False, shards=True,
      vision=BASE | {"hidden_size": 24, "intermediate_size": 40, "num_attention_heads": 3,
                     "patch_size": 5, "image_size": 22, "projection_dim": 7,
                     "num_hidden_layers": 3, "hidden_act": "gelu", "layer_norm_eps": 1e-3})
write("outlier", whole=True, seed=20, old=False, outlier=5,
      vision=BASE | {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 4,
                     "patch_size": 4, "image_size": 12, "projection_dim": 8})
write("half", whole=False, seed=30, old=False, dtype=torch.bfloat16,
      vision=BASE | {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2,
                     "patch_size": 4, "image_size": 8, "projection_dim": 6,
                     "hidden_act": "gelu_pytorch_tanh", "num_hidden_layers": 1})
(HERE / "versions.json").write_text(json.dumps({
    "torch": torch.__version__, "transformers": transformers.__version__,
    "safetensors": safetensors.__version__}, indent=1) + "\n")
