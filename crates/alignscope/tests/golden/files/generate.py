"""Golden files of checkpoints as training leaves them, and of LoRA adapters as peft saves them.

    python generate.py [GROUP ...]        # NAME: see the end

The models are those of `../families` and `../clip`, so that most files hold numbers whose activations are already
golden there. What stands beside them, or is merged into them, is made here.

| file | what it is | expected |
|---|---|---|
| `lightning.ckpt` | `families/vit` as Lightning keeps a module whose attribute `model` it is: hyper-parameters (a Namespace, a config of another library, a function), loops, optimizer | `families/vit` |
| `ddp.pth` | `families/vit` within `DistributedDataParallel`, with its epoch | `families/vit` |
| `compiled.pt` | `families/vit` within `torch.compile`, the bare dictionary | `families/vit` |
| `dino.pth` | a student (`module.backbone.…`, random) and a teacher (`backbone.…`, `families/timm_vit`) with their heads | `families/timm_vit` |
| `llava/` | a small LLaVA, as `save_pretrained` writes it, whose tower is CLIP's without its projection | `llava/expected.safetensors` |
| `lora_vit/` | LoRA on query and value of `families/vit`, ranks and alphas by pattern, the last norm saved as a whole | its own |
| `lora_timm/` | LoRA on the fused qkv and the patch embedding of `families/timm_vit`, scaled by the root of the rank | its own |
| `lora_open_clip/` | LoRA on the MLPs of both towers of `families/open_clip` | its own |

Each `expected.safetensors` is as in `../families`, of the model with the adapter in it (not merged).
"""

import argparse
import json
import shutil
import sys
import types
from pathlib import Path

import open_clip
import peft
import timm
import torch
import transformers as tf
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"
sys.path.insert(0, str(FAMILIES))
from generate import pixel_values  # noqa: E402
from vits import run, smallest_deviation  # noqa: E402


def vit():
    return tf.ViTModel.from_pretrained(FAMILIES / "vit").eval()


def timm_vit():
    return timm.create_model(f"local-dir:{FAMILIES / 'timm_vit'}", pretrained=True).eval()


def other_class(module, name):
    """A class of a library that nobody has installed."""
    made = type(name, (), {"__module__": module})
    for i in range(1, module.count(".") + 2):
        part = ".".join(module.split(".")[:i])
        sys.modules.setdefault(part, types.ModuleType(part))
    setattr(sys.modules[module], name, made)
    return made


class Module(torch.nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)


def optimizer_state(module):
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    # Of one tensor alone, so that the file stays small.
    first = next(module.parameters())
    first.grad = torch.zeros_like(first)
    optimizer.step()
    return optimizer.state_dict()


def training():
    module = Module(model=vit(), head=torch.nn.Linear(24, 2), loss=torch.nn.CrossEntropyLoss(weight=torch.ones(2)))
    weights = {k: v.clone() for k, v in module.state_dict().items()}
    config = other_class("omegaconf.dictconfig", "DictConfig")()
    config.__dict__ = {"_content": {"lr": 0.1}, "_parent": None}
    torch.save({
        "epoch": 3, "global_step": 120, "pytorch-lightning_version": "2.4.0", "state_dict": weights,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(0.5), "dirpath": Path("runs")}},
        "optimizer_states": [optimizer_state(module)], "lr_schedulers": [{"last_epoch": 3, "lr_lambdas": [None]}],
        "hparams_name": "kwargs", "hyper_parameters": argparse.Namespace(lr=0.1, config=config, act=torch.nn.functional.gelu),
        "datamodule_hyper_parameters": config,
    }, HERE / "lightning.ckpt")
    wrapped = Module(module=vit())
    torch.save({"model": wrapped.state_dict(), "epoch": 7, "optimizer": optimizer_state(wrapped)}, HERE / "ddp.pth")
    torch.save(Module(_orig_mod=vit()).state_dict(), HERE / "compiled.pt")

    teacher, student = timm_vit(), timm_vit()
    teacher.reset_classifier(0), student.reset_classifier(0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        [p.copy_(torch.randn(p.shape, generator=generator)) for p in student.parameters()]
    head = lambda: torch.nn.Linear(24, 2)
    torch.save({
        "student": Module(module=Module(backbone=student.half(), head=head())).state_dict(),
        "teacher": Module(backbone=teacher, head=head()).state_dict(),
        "optimizer": {"state": {}, "param_groups": []}, "epoch": 100, "args": argparse.Namespace(arch="vit_tiny"),
        "dino_loss": {"center": torch.zeros(1, 2)}, "fp16_scaler": None,
    }, HERE / "dino.pth")


def llava():
    folder = HERE / "llava"
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(5)
    vision = tf.CLIPVisionConfig.from_pretrained(HERE.parent / "clip" / "base")
    text = tf.LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=8)
    model = tf.LlavaForConditionalGeneration(tf.LlavaConfig(vision_config=vision, text_config=text)).eval()
    whole = load_file(HERE.parent / "clip" / "base" / "model.safetensors")
    tower = model.model.vision_tower
    own = tower.state_dict()
    tower.load_state_dict({k: whole[k if k in whole else f"vision_model.{k}"] for k in own})
    model.save_pretrained(folder)
    [path.unlink() for path in folder.iterdir() if path.suffix != ".safetensors"]
    pixels = load_file(HERE.parent / "clip" / "base" / "expected.safetensors")["pixel_values"]
    with torch.no_grad():
        out = tower(pixels, output_hidden_states=True)
    save(folder, pixels, out.hidden_states, {"output": out.pooler_output})
    print(sorted(load_file(folder / "model.safetensors"))[-3:])


def save(folder, pixels, stages, outputs):
    expected = {"pixel_values": pixels} | {f"hidden_states.{i}": s for i, s in enumerate(stages)} | outputs
    save_file({k: v.detach().float().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    [file.chmod(0o644) for file in folder.iterdir()]


def adapted(name, model, base, seed, compute, size, **config):
    """Wraps `model`, draws the adapter, saves it with `base` as its base, and writes what `compute` makes of images."""
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    model = peft.get_peft_model(model, peft.LoraConfig(**config)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "lora_" in key:
                p.copy_(0.3 * noise)
            elif "modules_to_save" in key:
                p.copy_(1 + 0.2 * noise if key.endswith("weight") else 0.2 * noise)
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    for attempt in range(200):
        pixels = pixel_values(size, seed + 1 + 1000 * attempt)
        with torch.no_grad():
            stages, outputs = compute(model.base_model.model, pixels)
        if all(smallest_deviation(value) > 4e-3 for value in [*stages, *outputs.values()]):
            break
    else:
        raise AssertionError(name)
    save(folder, pixels, stages, outputs)
    print(name, *sorted(load_file(folder / "adapter_model.safetensors")), sep="\n  ")


def lora():
    def compute(model, pixels):
        out = model(pixels, output_hidden_states=True)
        return out.hidden_states, {"output": out.pooler_output}

    adapted("lora_vit", vit(), "../../families/vit", 11, compute, 16, r=2, lora_alpha=5, target_modules=["q_proj", "v_proj"],
            rank_pattern={"0.attention.q_proj": 3, "layers.1.attention.v_proj": 1}, alpha_pattern={"v_proj": 7}, modules_to_save=["layernorm"])

    def compute(model, pixels):
        stages, output = run(model.blocks, lambda: model.forward_head(model.forward_features(pixels), pre_logits=True))
        return stages, {"output": output}

    adapted("lora_timm", timm_vit(), "../../families/timm_vit", 12, compute, 16, r=3, lora_alpha=2, use_rslora=True,
            target_modules=["qkv", "patch_embed.proj"], fan_in_fan_out=True)

    config = json.loads((FAMILIES / "open_clip" / "open_clip_config.json").read_text())["model_cfg"]
    model = CLIP(config["embed_dim"], CLIPVisionCfg(**config["vision_cfg"]), CLIPTextCfg(**config["text_cfg"]), quick_gelu=False)
    model.load_state_dict(load_file(FAMILIES / "open_clip" / "open_clip_model.safetensors"))

    def compute(model, pixels):
        hidden, visual = [], model.visual
        hooks = [visual.ln_pre.register_forward_hook(lambda m, i, o: hidden.append(o))]
        hooks += [b.register_forward_hook(lambda m, i, o: hidden.append(o)) for b in visual.transformer.resblocks]
        embeds = model.encode_image(pixels, normalize=False)
        [h.remove() for h in hooks]
        return hidden, {"image_embeds": embeds}

    adapted("lora_open_clip", model.eval(), "../../families/open_clip", 13, compute, 28, r=2, lora_alpha=4, target_modules=["c_fc", "c_proj"])


def main():
    print(torch.__version__, tf.__version__, timm.__version__, peft.__version__, open_clip.__version__)
    for group in (training, llava, lora):
        if len(sys.argv) < 2 or group.__name__ in sys.argv[1:]:
            group()


if __name__ == "__main__":
    main()
