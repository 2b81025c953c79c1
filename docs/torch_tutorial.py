# %% [markdown]
# # A model of timm, from its name to the figure
#
# How closely do the distances inside a torch model follow the judgements of people? This notebook
# takes a model of timm, measures every stage of it in one pass over each image, beside a model of
# your own, a metric and the pixels, reads the numbers aloud, and looks at the trials on which two
# models disagree.
#
# The model is untrained here and the images are drawn, so that nothing has to be downloaded.
# **The answers are a simulated observer's: the scores show how things work, and say nothing about
# people.** For real ones set `PRETRAINED = True` and name a data set of yours in `DATA`; all
# cells stay as they are.
#
# It needs `pip install alignscope pandas matplotlib pillow torch timm`, and takes about a minute
# on two cores.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import timm
import torch
from PIL import Image

import alignscope
from alignscope.torch import Recipe, from_timm, module

# A data set of choices, such as ("nights", "/where/it/is") or ("things", "/where/it/is").
DATA = None
PRETRAINED = False
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

place = Path(tempfile.mkdtemp())
who = "the simulated observer" if DATA is None else "people"
plt.rcParams["figure.dpi"] = 90
torch.manual_seed(0)
if DATA is None:
    dataset = alignscope.demo(place / "data")["twoafc"]
else:
    dataset = alignscope.load_dataset(*DATA, skip_missing=True)
    if dataset.skipped_trials:
        print(f"{dataset.skipped_trials} trials are left out, because an image is missing.")
print(f"{dataset.name}: {len(dataset)} trials with {len(dataset.images)} images")

# %% [markdown]
# ## The model
#
# A name of timm is enough: its stages and its preprocessing are known. `dtype="bfloat16"` and
# `compile=True` make it faster on a GPU, and `device=["cuda:0", "cuda:1"]` takes two of them.
# `from_torchvision`, `from_transformers` and `from_open_clip` do the same for their libraries.

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
# Any `torch.nn.Module` in evaluation mode goes beside it: name the modules that are stages. A
# recipe says how an image is brought to it; a transform of torchvision would do as well.

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
# Models, a data set, a folder: each image goes through each model once, and only distances are
# kept. What is measured stays in the cache under a hash of weights, settings and preprocessing,
# so that the same run once more takes a moment.

# %%
run = alignscope.run([vit, small, "ssim"], dataset, place / "run", progress=DATA is not None)
ax = run.plot()

# %% [markdown]
# The figure has score against depth. **Accuracy** is the share of trials in which the nearer of
# two images is the one that was chosen (of a triplet: in which the nearest pair leaves the odd
# one). **The band is the 95 % interval**: trials are drawn again from those that there are, 2,000
# times, and the middle 95 % of the scores are in it, so it says how far the score would move with
# other trials. `ssim` and `pixels` are **baselines**: what is reached without a network. An
# untrained model is a **control**: what a trained one has beyond it was learned. Here both models
# are untrained, since nothing is downloaded.
#
# ## The numbers, read aloud

# %%
KIND = "normalized-euclidean"
scores = run.scores.where(subset="all", measure="accuracy").to_pandas()
of_vit = scores[(scores.model == vit.name) & (scores.distance == KIND)]
assert list(of_vit.stage) == vit.stages


def in_words(row):
    return (
        f"{row.model} at `{row.stage}` answers as {who} did in {row.value:.0%} of trials "
        f"(95 % interval: {row.ci_low:.0%} to {row.ci_high:.0%})."
    )


best = of_vit.loc[of_vit.value.idxmax()]
print(f"Of {len(dataset)} trials with {len(dataset.images)} images, by chance {best.chance:.0%}:")
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
findings = run.table("findings").where(model=vit.name, distance=KIND).to_pandas()
findings = findings.set_index("finding")
peak, onset = findings.loc["peak"], findings.loc["onset"]
print(f"Its peak is at `{peak.stage}`, {peak.note}.")
print(
    f"Its onset, where it is first clearly above the pixels, is `{onset.stage}`."
    if onset.value == onset.value
    else f"It has no onset: {onset.note}."
)

# %% [markdown]
# ## Two models on the same trials
#
# Is one model better than the other? Both answer the same trials, so that their difference is
# known better than either score. And do they err on the same trials? `kappa` (error consistency)
# is 0 if they do so only as often as chance would have it, and 1 if always.

# %%
table = alignscope.compare(run, models=(vit.name, small.name), distances=KIND)
row = table.where(measure="accuracy").to_pandas().iloc[0]
low, high = 100 * row.ci_low, 100 * row.ci_high
print(
    f"{row.model_a} at `{row.stage_a}` less {row.model_b} at `{row.stage_b}`: "
    f"{100 * row.difference:+.1f} points (95 % interval: {low:+.1f} to {high:+.1f}), "
    f"p = {row.p_holm:.2g}: "
    + ("a clear difference." if row.p_holm <= 0.05 else "not a clear difference.")
)
print(f"Error consistency: {row.kappa:.2f} ({row.kappa_low:.2f} to {row.kappa_high:.2f}).")

# %% [markdown]
# ## Where they disagree, in images
#
# A trial shows three images: a reference and two others, or a triplet. An answer is the position
# of one of them: the one that is closer to the reference, or the odd one. From `trial_distances`,
# or the run's table of distances as here, follow the answers of models.

# %%
trials = dataset.trials
is_odd_one_out = "odd" in trials
if is_odd_one_out:
    shown = trials["images"]
    answers = trials["odd"].astype(int)
    roles = ["first", "second", "third"]
else:
    roles = ["reference", "left", "right"]
    shown = np.stack([trials[role] for role in roles], axis=1)
    left, right = trials["left_votes"], trials["right_votes"]
    answers = np.select([left > right, right > left], [1, 2], default=-1)  # -1: as many for both
# Several people may have answered the same question; each question once.
questions = np.sort(np.unique(np.sort(shown, axis=1), axis=0, return_index=True)[1])


def choices(model, stage):
    """The position that a model chooses in each trial: the nearer image, or the odd one."""
    rows = run.table("distances").where(model=model, stage=stage, distance=KIND)
    nearest = rows["value"][dataset.pairs_of_trials].argmin(axis=1)
    # Of a triplet the nearest pair is 0 and 1, 0 and 2, or 1 and 2: the image that is left.
    return 2 - nearest if is_odd_one_out else 1 + nearest


def show_trials(rows, given, title):
    """Trials as rows of three images; below each image who chose it."""
    height = max(len(rows), 1)
    figure, axes = plt.subplots(
        height, 3, figsize=(5.2, 2.5 * height), squeeze=False, layout="constrained"
    )
    for line, row in zip(axes, rows):
        for position, ax in enumerate(line):
            picture = Image.open(dataset.files[shown[row][position]]).convert("RGB")
            ax.imshow(picture.resize((128, 128)))
            ax.set(xticks=[], yticks=[])
            ax.set_title(roles[position], fontsize=8)
            ax.set_xlabel("\n".join(n for n, a in given.items() if a[row] == position), fontsize=8)
            plt.setp(ax.spines.values(), visible=False)
            if answers[row] == position:
                plt.setp(ax.spines.values(), visible=True, color="tab:green", linewidth=4)
    figure.suptitle(title, fontsize=10)


given = {
    who: answers,
    vit.name: choices(vit.name, vit.stages[-1]),
    small.name: choices(small.name, "block 2"),
}
is_decided = answers >= 0
vit_is_right, small_is_right = given[vit.name] == answers, given[small.name] == answers
for words, mask in {
    "Both agree with": vit_is_right & small_is_right,
    f"{vit.name} alone agrees with": vit_is_right & ~small_is_right,
    f"{small.name} alone agrees with": ~vit_is_right & small_is_right,
    "Neither agrees with": ~vit_is_right & ~small_is_right,
}.items():
    print(f"{words} {who} in {np.mean(mask[is_decided]):.0%} of trials.")

# %%
first = questions[(is_decided & vit_is_right & ~small_is_right)[questions]][:3]
show_trials(first, given, f"{vit.name} agrees with {who}, {small.name} does not")

# %%
second = questions[(is_decided & ~vit_is_right & small_is_right)[questions]][:3]
show_trials(second, given, f"{small.name} agrees with {who}, {vit.name} does not")

# %% [markdown]
# ## By hand, to be sure
#
# The distances of a stage are in the table `distances`; from two images and the model they are a
# few lines.

# %%
table = run.table("distances").where(model=vit.name, stage="block 6", distance="euclidean")
i, j = dataset.pairs[0]

config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
transform = timm.data.create_transform(**config)
two = [transform(Image.open(dataset.files[k]).convert("RGB")) for k in (i, j)]
a, b = vit.activations(torch.stack(two).to(DEVICE))["block 6"].double()
by_hand = float((a - b).square().mean().sqrt())
print(f"The first pair is {table['value'][0]:.4f} apart in the run, {by_hand:.4f} by hand.")
assert abs(by_hand / table["value"][0] - 1) < 1e-3

# %% [markdown]
# ## Once more
#
# The same call takes what was measured from the cache. A change of weights, stages or
# preprocessing would be another model to it.

# %%
again = alignscope.run([vit, small, "ssim"], dataset, place / "again", progress=False)
same = (again.path / "scores.csv").read_bytes() == (run.path / "scores.csv").read_bytes()
print(f"The scores are {'the same' if same else 'others'}; the page is {again.report.name}.")
assert same

# %% [markdown]
# `again.show()` opens that page below a cell. More: [torch.md](torch.md), [what the measures
# mean](measures.md), [your own experiment](own_data_tutorial.ipynb).
