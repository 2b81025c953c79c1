# %% [markdown]
# # alignscope in Python
#
# How closely do the image distances inside a vision model follow the judgements of people? This
# tutorial measures an untrained CLIP, then features of your own, then a model that is a function — on
# images that alignscope draws itself, so that nothing has to be downloaded. **The answers here are a
# simulated observer's: the scores show how things work, and say nothing about people.**
#
# It needs `pip install alignscope pandas`, and takes about half a minute on two cores.

# %%
import tempfile
from pathlib import Path

import numpy as np

import alignscope

place = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Data sets: trials as arrays
#
# `demo` draws three small data sets, one for each level of abstraction: rated pairs (how good is this
# image?), two alternatives (which is more like this one?) and odd-one-out triplets. Yours are read with
# `alignscope.load_dataset("nights", path)`.

# %%
sets = alignscope.demo(place / "data")
for dataset in sets.values():
    print(dataset.level, dataset)

# %%
choices = sets["twoafc"]
print({name: values[:3] for name, values in choices.trials.items()})
print(choices.images[:3])

# %% [markdown]
# ## A run: models × data sets
#
# `Experiment` does what the command `alignscope run` does, and fills a folder: tables, figures, and
# `report.html`. `random:` is an untrained control: the architecture with random weights. Leave it out
# for the trained model, which is fetched from the hub.

# %%
experiment = alignscope.Experiment(
    models=["random:openai/clip-vit-base-patch32", "ssim"],
    datasets=[sets["pairs"], sets["twoafc"]],
)
run = experiment.run(place / "run")
run

# %%
scores = run.scores.to_pandas()
main = scores[(scores.subset == "all") & scores.measure.isin(["spearman", "accuracy"])]
shown = main[main.distance.isin(["normalized-euclidean", "own"]) | (main.stage == "image")]
print(shown[["dataset", "model", "stage", "value", "ci_low", "ci_high"]].to_string(index=False))

# %% [markdown]
# `to_polars()` and `to_arrow()` do the same for those who have them. The other tables are there too:
# what is read off the curves, how much people agree, which differences are real.

# %%
findings = run.table("findings").to_pandas()
print(findings[["dataset", "distance", "finding", "stage", "value"]].to_string(index=False))
ceilings = run.table("ceilings").to_pandas()
print(ceilings[ceilings.subset == "all"][["dataset", "ceiling", "measure", "value"]].to_string(index=False))

# %% [markdown]
# ## Activations
#
# `Encoder` takes paths, PIL images or arrays, and gives one array for each stage.

# %%
encoder = alignscope.Encoder("random:openai/clip-vit-base-patch32")
print(encoder.stages)
activations = encoder.activations(choices.files, stages=["block 6", "projection"])
print({stage: array.shape for stage, array in activations.items()})

# %% [markdown]
# ## Features from anywhere
#
# Any array with a row for each image can be scored: `[images, channels]`, or `[images, tokens,
# channels]`. These come from the encoder above; yours may come from timm, thingsvision or a file. Rows
# are in the order of `dataset.images`, or are known by `file_names=`.

# %%
found = alignscope.score(choices, activations, model="mine")
print(found.scores.to_pandas()[["stage", "distance", "measure", "value", "ci_low", "ci_high"]].head(6))

# %% [markdown]
# Exactly the scores of the run, since these are its features. The distances are there for statistics of
# your own: one for each pair, and as each trial compares them.

# %%
same = main[(main.dataset == "twoafc") & (main.stage == "block 6") & (main.distance == "cosine")]
mine = found.scores.to_pandas()
mine = mine[(mine.subset == "all") & (mine.stage == "block 6") & (mine.distance == "cosine")]
assert same.value.iloc[0] == mine[mine.measure == "accuracy"].value.iloc[0]

left, right = found.trial_distances("block 6", "cosine").T
votes = choices.trials
decided = votes["left_votes"] != votes["right_votes"]
agree = (left < right) == (votes["left_votes"] > votes["right_votes"])
print(f"accuracy by hand: {np.mean(agree[decided]):.6f}, by score: {same.value.iloc[0]:.6f}")

# %% [markdown]
# ## A model of your own, batch by batch
#
# `evaluate` streams batches of images through a function, and reduces them as they come: activations of
# large data sets are never all kept. With torch the function would be
#
# ```python
# @torch.inference_mode()
# def encode(images, stages):
#     outputs = model(torch.from_numpy(images).cuda())      # [images, 3, height, width], float32
#     return {stage: outputs[stage] for stage in stages}
#
# alignscope.evaluate(dataset, encode, ["layer3", "layer4"], preprocess="openai/clip-vit-base-patch16")
# ```
#
# Here is a small one without torch: the energy of an image in bands of spatial frequency.


# %%
def encode(images, stages):
    grey = images.mean(axis=1)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(grey), axes=(1, 2)))
    side = grey.shape[-1]
    y, x = np.mgrid[:side, :side] - side // 2
    radius = np.hypot(y, x)
    found = {}
    for stage in stages:
        edges = np.linspace(0, side / 2, int(stage.split()[0]) + 1)
        bands = [(radius >= low) & (radius < high) for low, high in zip(edges, edges[1:])]
        found[stage] = np.log1p(np.stack([spectrum[:, band].mean(axis=1) for band in bands], axis=1))
    return found


bands = alignscope.evaluate(
    sets["pairs"],
    encode,
    stages=["4 bands", "16 bands", "64 bands"],
    preprocess="openai/clip-vit-base-patch32",
    model="frequency bands",
    pixels=True,
    out=place / "bands",
)
table = bands.scores.to_pandas()
table = table[(table.subset == "all") & (table.measure == "spearman")]
print(table[["model", "stage", "distance", "value", "ci_low", "ci_high"]].to_string(index=False))
print(bands.holding["text"])

# %% [markdown]
# With `out=` there are figures and a page too.

# %%
bands

# %%
print(bands.run.report)
