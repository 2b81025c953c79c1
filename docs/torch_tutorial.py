# %% [markdown]
# # A model of timm, from its name to the figure
#
# How closely do the distances inside a torch model follow the judgements of people? This notebook
# takes a model of timm, measures every stage of it in one pass over each image, beside a model of
# your own, a metric and the pixels, and reads the numbers aloud.
#
# The model is untrained here and the images are drawn, so that nothing has to be downloaded. **The
# answers are a simulated observer's: the scores show how things work, and say nothing about
# people.** For real ones set `PRETRAINED = True` and load your data set with
# `alignscope.load_dataset("nights", path)`.
#
# It needs `pip install alignscope pandas torch timm`, and takes about a minute on two cores.

# %%
import tempfile
from pathlib import Path

import timm
import torch
from PIL import Image

import alignscope
from alignscope.torch import Recipe, from_timm, module

PRETRAINED = False
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
place = Path(tempfile.mkdtemp())
torch.manual_seed(0)

# %% [markdown]
# ## The model
#
# A name of timm is enough: its stages and its preprocessing are known. `dtype="bfloat16"` and
# `compile=True` make it faster on a GPU, and `device=["cuda:0", "cuda:1"]` takes two of them.

# %%
name = "vit_tiny_patch16_224"
vit = from_timm(name, pretrained=PRETRAINED, device=DEVICE, name="ViT-Ti/16")
print(f"{vit.name} has {len(vit.stages)} stages, from `{vit.stages[0]}` to `{vit.stages[-1]}`.")
print("It runs on " + ", ".join(f"{key} {value}" for key, value in vit.facts.items()) + ".")

# %%
found = vit.activations(torch.zeros(2, 3, 224, 224, device=DEVICE))
images, tokens, channels = found["block 6"].shape
print(f"`block 6` gives {tokens} tokens of {channels} numbers for each of {images} images.")

# %% [markdown]
# ## A module of your own
#
# Any `torch.nn.Module` in evaluation mode goes beside it: name the modules that are stages. A recipe
# says how an image is brought to it; a transform of torchvision would do as well.

# %%
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 16, 7, stride=4, padding=3),
    torch.nn.ReLU(),
    torch.nn.Conv2d(16, 32, 3, stride=2, padding=1),
    torch.nn.ReLU(),
).eval()
recipe = Recipe(shortest=128, crop=(128, 128), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
small = module(
    net, {"block 1": "1", "block 2": "3"}, preprocess=recipe, device=DEVICE, name="two layers"
)

# %% [markdown]
# ## The run
#
# Models, data sets, a folder: each image goes through each model once, and only distances are kept.
# What is measured stays in the cache under a hash of weights, settings and preprocessing, so that the
# same run once more takes a moment.

# %%
sets = alignscope.demo(place / "data")
dataset = sets["twoafc"]
run = alignscope.run([vit, small, "ssim"], dataset, place / "run")
run

# %% [markdown]
# ## The numbers, read aloud

# %%
scores = run.scores.to_pandas()
scores = scores[(scores.subset == "all") & (scores.measure == "accuracy")]
of_vit = scores[(scores.model == vit.name) & (scores.distance == "normalized-euclidean")]
assert list(of_vit.stage) == vit.stages


def in_words(row):
    return (
        f"{row.model} at `{row.stage}` answers as the observers did in {row.value:.0%} of trials "
        f"(95 % interval: {row.ci_low:.0%} to {row.ci_high:.0%})."
    )


best = of_vit.loc[of_vit.value.idxmax()]
print(f"Of {len(dataset)} trials with {len(dataset.images)} images:")
print("At its best, " + in_words(best))
print("At its end, " + in_words(of_vit.iloc[-1]))
for row in scores[scores.model.isin(["ssim", "pixels"])].drop_duplicates("model").itertuples():
    print("For comparison, " + in_words(row))

# %%
fall = best.value - of_vit.iloc[-1].value
print(
    f"From its best stage to its last, {vit.name} loses {100 * fall:.0f} points of a hundred."
    if fall > 0
    else f"{vit.name} is at its best at its last stage."
)

# %% [markdown]
# ## By hand, to be sure
#
# The distances of a stage are in `distances.csv`; from two images and the model they are a few lines.

# %%
table = alignscope.results(run.path, "distances")
keep = (table["model"] == vit.name) & (table["stage"] == "block 6")
keep &= table["distance"] == "euclidean"
first, second = dataset.pairs[0]

config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
transform = timm.data.create_transform(**config)
two = [transform(Image.open(dataset.files[i]).convert("RGB")) for i in (first, second)]
a, b = vit.activations(torch.stack(two).to(DEVICE))["block 6"].double()
by_hand = float((a - b).square().mean().sqrt())
print(f"The first pair is {table['value'][keep][0]:.4f} apart in the run, {by_hand:.4f} by hand.")
assert abs(by_hand / table["value"][keep][0] - 1) < 1e-3

# %% [markdown]
# ## Once more
#
# The same call takes what was measured from the cache. A change of weights, stages or preprocessing
# would be another model to it.

# %%
again = alignscope.run([vit, small, "ssim"], dataset, place / "again", progress=False)
same = (again.path / "scores.csv").read_bytes() == (run.path / "scores.csv").read_bytes()
print(f"The scores are {'the same' if same else 'others'}; the page is {again.report.name}.")
assert same
