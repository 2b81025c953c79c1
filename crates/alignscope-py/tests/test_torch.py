"""Features and functions of torch and transformers, for the same checkpoint, on real judgements."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

#: Images that go through a model at a time.
BATCH = 32


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small CLIP with random weights, and its folder."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    text = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
            "vocab_size": 8, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    vision = {"hidden_size": 96, "intermediate_size": 192, "num_hidden_layers": 4,
              "num_attention_heads": 4, "image_size": 224, "patch_size": 32}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=48)
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(folder)
    processor = transformers.CLIPImageProcessorPil()
    processor.save_pretrained(folder)
    return folder, model, processor


@torch.no_grad()
def activations(model, pixels):
    """A tensor for each stage."""
    tower = model.vision_model(pixel_values=pixels, output_hidden_states=True)
    names = ["embedding", *(f"block {i + 1}" for i in range(len(tower.hidden_states) - 1))]
    found = dict(zip(names, tower.hidden_states))
    found["projection"] = model.visual_projection(tower.pooler_output)
    return found


def answers(dataset, distances):
    """What a model answers on each trial: the nearer side, or the odd one."""
    return np.argmin(distances[dataset.pairs_of_trials], axis=1)


def compare(dataset, found, run):
    """Distances within 1e-4 of the run's, relative; at most 1 trial in 500 with another answer."""
    table = alignscope.results(run.path, "distances")
    model = table["model"] != "pixels"
    worst, changed, compared = 0.0, 0, 0
    for stage in found.stages:
        for kind in found.kinds:
            keep = model & (table["stage"] == stage) & (table["distance"] == kind)
            expected = table["value"][keep]
            got = found.distances(stage, kind)
            worst = max(worst, np.max(np.abs(got / expected - 1)))
            changed = max(changed, np.sum(answers(dataset, got) != answers(dataset, expected)))
            compared += 1
    print(f"{dataset.name}: {compared} curves, distances off by {worst:.1e} at most, "
          f"{changed} of {len(dataset)} answers differ at most")
    assert worst <= 1e-4
    assert changed <= len(dataset) / 500


@pytest.fixture(params=["things", "materials"])
def dataset(request):
    folder = request.getfixturevalue(request.param)
    name = {"things": "things", "materials": "nights"}[request.param]
    limit = {"things": 3000, "materials": None}[request.param]
    return alignscope.load_dataset(name, folder, skip_missing=True, limit=limit)


@pytest.fixture()
def run(dataset, checkpoint, tmp_path):
    experiment = alignscope.Experiment(checkpoint[0], dataset, resamples=0)
    return experiment.run(tmp_path / "run", progress=False)


def test_features_of_transformers_score_as_our_encoder(dataset, checkpoint, run):
    image = pytest.importorskip("PIL.Image")
    _, model, processor = checkpoint
    parts = []
    for start in range(0, len(dataset.files), BATCH):
        images = [image.open(path).convert("RGB") for path in dataset.files[start : start + BATCH]]
        pixels = np.stack(processor(images, return_tensors="np")["pixel_values"])
        parts.append(activations(model, torch.from_numpy(pixels)))
    features = {stage: torch.cat([part[stage] for part in parts]) for stage in parts[0]}
    compare(dataset, alignscope.score(dataset, features, resamples=0), run)


def test_a_torch_encoder_scores_as_ours(dataset, checkpoint, run):
    folder, model, _ = checkpoint

    def encode(images, stages):
        found = activations(model, torch.from_numpy(images))
        return {stage: found[stage] for stage in stages}

    stages = alignscope.Encoder(folder, progress=False).stages
    found = alignscope.evaluate(
        dataset, encode, stages, preprocess=str(folder), batch=BATCH, resamples=0, progress=False
    )
    compare(dataset, found, run)


def test_the_users_own_mode_of_torch_holds_in_a_function(rated):
    """torch.inference_mode is a thread's own: the function runs on the thread that called."""
    dataset = alignscope.load_dataset("pairs", rated)
    modes = set()

    def encode(images, stages):
        modes.add(torch.is_inference_mode_enabled())
        return [torch.ones(len(images), 2, dtype=torch.bfloat16)]

    with torch.inference_mode():
        alignscope.evaluate(dataset, encode, "x", progress=False)
    assert modes == {True}
