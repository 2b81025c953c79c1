"""Golden files of convolutional networks: small random checkpoints of ResNet and ConvNeXt as transformers, timm and
open_clip save them, and what those libraries give for them.

    python convs.py

A feature map `[images, channels, height, width]` stands in `<case>/expected.safetensors` as tokens, row by row:
`[images, height * width, channels]`. `hidden_states.0` is the stem (ResNet: after the pooling; ConvNeXt: after its norm),
`hidden_states.i` the output of residual block i, counted through all stages; a ConvNeXt's downsampling between stages belongs to
the block after it. `output` is the pooled vector before any classifier: the mean over positions, which ConvNeXt norms; of CLIP's
ResNet it is the projection instead, `image_embeds`.

The pixels are not kept: `formula`.

torchvision's ResNets have timm's names and numbers. AlexNet and VGG have widths of their own, too large to keep here.
"""

import timm
import timm.models
import torch
import torchvision
import transformers as tf
from generate import fresh, write_json
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import save_file
from torchvision.models.convnext import CNBlockConfig
from vits import randomize


def randomize_all(model, seed):
    """BatchNorm's running statistics too."""
    randomize(model, seed)
    generator = torch.Generator().manual_seed(seed + 2)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            # So that few channels are dead after ReLU.
            buffer.copy_(0.3 * torch.randn(buffer.shape, generator=generator) - 0.5)
        elif name.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return model


def formula(size):
    """Two images of numbers that the test repeats."""
    count = torch.arange(2 * 3 * size * size, dtype=torch.int64)
    return ((count * 7919 % 255 - 127).float() / 64).reshape(2, 3, size, size)


def run(stem, blocks, forward):
    stages = []
    hooks = [module.register_forward_hook(lambda _, inputs, output: stages.append(output.clone())) for module in [stem, *blocks]]
    with torch.no_grad():
        result = forward()
    [hook.remove() for hook in hooks]
    assert len(stages) == len(blocks) + 1
    return [s.flatten(2).transpose(1, 2) for s in stages], result


def worst(values):
    """Of the channels that are not dead after ReLU, the smallest deviation over images and positions, in units of the
    largest magnitude: below 1e-3, channels could hardly be compared one by one."""
    rows = values.reshape(-1, values.shape[-1])
    deviations = rows.std(0, unbiased=False) / rows.abs().max()
    alive = deviations[deviations > 0]
    return alive.min().item() if len(alive) else 0.0


def finish(folder, model, seed, compute, save, last="output", attempts=30):
    """`save`s the model with the best of some draws of weights, and writes what `compute` makes of it."""
    def quality(attempt):
        randomize_all(model, seed + 100 * attempt)
        stages, output = compute(model)
        return min(worst(value) for value in [*stages, output])

    randomize_all(model, seed + 100 * max(range(attempts), key=quality))
    stages, output = compute(model)
    save()
    expected = {f"hidden_states.{i}": s for i, s in enumerate(stages)} | {last: output}
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)


def transformers_folder(name, seed, size, model, tower, stem):
    folder = fresh(name)
    processor = tf.ConvNextImageProcessor(size={"shortest_edge": size}, resample=3, image_mean=[0.485, 0.456, 0.406],
                                          image_std=[0.229, 0.224, 0.225])
    blocks = [layer for stage in tower.encoder.stages for layer in stage.layers]

    def compute(_):
        stages, out = run(stem, blocks, lambda: tower(formula(size)))
        return stages, out.pooler_output.flatten(1)

    finish(folder, model, seed, compute, lambda: (model.save_pretrained(folder), processor.save_pretrained(folder)))


def timm_folder(name, seed, size, architecture, stem, blocks, **args):
    folder = fresh(name)
    model = timm.create_model(architecture, **args)

    def compute(model):
        return run(stem(model), blocks(model), lambda: model.forward_head(model.forward_features(formula(size)), pre_logits=True))

    def save():
        timm.models.save_for_hf(model, folder, safe_serialization=True, data_config={"input_size": (3, size, size)})

    finish(folder, model, seed, compute, save)
    # What was saved is what timm reads.
    read = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    assert torch.equal(compute(read)[1], compute(model)[1])


def torchvision_convnext(name, seed, size):
    """torchvision's names, in a file beside a configuration of timm's."""
    folder = fresh(name)
    setting = [CNBlockConfig(6, 8, 1), CNBlockConfig(8, 10, 1), CNBlockConfig(10, 12, 2), CNBlockConfig(12, None, 1)]
    model = torchvision.models.ConvNeXt(setting, num_classes=3).eval()
    stages = model.features[1::2]

    def compute(model):
        def forward():
            return model.classifier[1](model.classifier[0](model.avgpool(model.features(formula(size)))))
        return run(model.features[0], [block for stage in stages for block in stage], forward)

    def save():
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        write_json(folder / "config.json", {
            "architecture": "convnext_tiny", "model_args": {"dims": [6, 8, 10, 12], "depths": [1, 1, 2, 1]},
            "pretrained_cfg": {"input_size": [3, size, size], "interpolation": "bilinear", "crop_pct": 0.95}})

    finish(folder, model, seed, compute, save)


def open_clip_folder(name, seed, size):
    """CLIP's ResNet: three convolutions in the stem, mean poolings in place of strides, pooling by attention."""
    folder = fresh(name)
    vision = {"layers": [1, 2, 1, 1], "width": 2, "head_width": 16, "image_size": size, "patch_size": None}
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    model = CLIP(5, CLIPVisionCfg(**vision), CLIPTextCfg(**text)).eval()
    tower = model.visual
    blocks = [block for i in range(1, 5) for block in getattr(tower, f"layer{i}")]

    def compute(model):
        return run(tower.avgpool, blocks, lambda: model.encode_image(formula(size), normalize=False))

    def save():
        tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
        save_file(tensors, folder / "open_clip_model.safetensors")
        write_json(folder / "open_clip_config.json", {
            "model_cfg": {"embed_dim": 5, "vision_cfg": vision, "text_cfg": text},
            "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}})

    finish(folder, model, seed, compute, save, "image_embeds", attempts=400)


def main():
    open_clip_folder("open_clip_resnet", 750, 64)
    sizes = {"embedding_size": 8, "hidden_sizes": [16, 16, 24, 32], "depths": [1, 2, 1, 1]}
    model = tf.ResNetForImageClassification(tf.ResNetConfig(**sizes))
    transformers_folder("resnet", 700, 32, model, model.resnet, model.resnet.embedder)
    sizes = {"embedding_size": 6, "hidden_sizes": [6, 8, 8, 10], "depths": [1, 1, 1, 1]}
    model = tf.ResNetModel(tf.ResNetConfig(**sizes, layer_type="basic", downsample_in_first_stage=True))
    transformers_folder("resnet_basic", 710, 45, model, model, model.embedder)
    sizes = {"hidden_sizes": [6, 8, 10, 12], "depths": [1, 1, 2, 1]}
    model = tf.ConvNextForImageClassification(tf.ConvNextConfig(**sizes))
    transformers_folder("convnext", 720, 37, model, model.convnext, model.convnext.embeddings)

    def blocks(resnet):
        return [b for i in range(1, 5) for b in getattr(resnet, f"layer{i}")]

    timm_folder("timm_resnet50", 730, 24, "resnet50", lambda m: m.maxpool, blocks, layers=(1, 2, 1, 1), channels=(2, 2, 4, 4), num_classes=3)
    def deep(name, seed, size, architecture, **args):
        timm_folder(name, seed, size, architecture, lambda m: m.maxpool, blocks, num_classes=3, **args)

    # Odd maps, so that the means before shortcuts see a part of a window at the edge.
    deep("timm_resnet50d", 760, 41, "resnet50d", layers=(1, 2, 1, 1), channels=(2, 2, 4, 4), stem_width=4)
    deep("timm_resnet26t", 765, 32, "resnet26t", layers=(1, 1, 1, 1), channels=(2, 2, 4, 4), stem_width=8)
    deep("timm_resnext", 770, 24, "resnext50_32x4d", layers=(1, 2, 1, 1), channels=(2, 2, 4, 4), cardinality=4, base_width=64)
    deep("timm_wide", 775, 33, "wide_resnet50_2", layers=(1, 1, 1, 1), channels=(2, 2, 4, 4))
    torchvision_convnext("torchvision_convnext", 780, 37)
    timm_folder("timm_convnext", 740, 37, "convnext_tiny", lambda m: m.stem, lambda m: [b for s in m.stages for b in s.blocks],
                dims=(6, 8, 10, 12), depths=(1, 1, 2, 1), num_classes=3)


if __name__ == "__main__":
    main()
