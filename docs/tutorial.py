# %% [markdown]
# # alignscope in Python
#
# How closely do the image distances inside a vision model follow the judgements of people? This
# notebook measures an untrained CLIP at every stage, reads the figure and its numbers aloud,
# looks at the trials on which the model is right and wrong, and then measures features and a
# function of your own.
#
# The images are drawn by alignscope, so that nothing has to be downloaded. **The answers are a
# simulated observer's: the scores show how things work, and say nothing about people.** For
# people's answers, name a data set of yours in `DATA`; all cells stay as they are.
#
# It needs `pip install alignscope pandas matplotlib pillow`, and takes about a minute on two
# cores.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import alignscope

# A data set of choices, such as ("nights", "/where/it/is") or ("things", "/where/it/is").
DATA = None
# An untrained CLIP. Without "random:" it is the trained one, which is fetched from the hub.
MODEL = "random:openai/clip-vit-base-patch32"

place = Path(tempfile.mkdtemp())
who = "the simulated observer" if DATA is None else "people"
plt.rcParams["figure.dpi"] = 90

# %% [markdown]
# ## Data sets: trials as arrays
#
# `demo` draws three small data sets, one for each level of abstraction: rated pairs (how good is
# this image?), two alternatives (which of two is more like this one?) and triplets (which of
# three is the odd one out?). `load_dataset` reads one that exists.

# %%
if DATA is None:
    drawn = alignscope.demo(place / "data")
    sets, dataset = list(drawn.values()), drawn["twoafc"]
else:
    dataset = alignscope.load_dataset(*DATA, skip_missing=True)
    if dataset.skipped_trials:
        print(f"{dataset.skipped_trials} trials are left out, because an image is missing.")
    sets = [dataset]
for one in sets:
    print(f"{one.name}: {len(one)} trials with {len(one.images)} images, level: {one.level}")

# %% [markdown]
# This notebook looks most closely at one of them. Its trials are arrays with an entry for each
# trial; images are positions in `dataset.images`.

# %%
for field, values in dataset.trials.items():
    print(f"{field}: {values[:5].tolist()} …")

# %% [markdown]
# ## Look at the trials
#
# Before any number, see what was asked. A trial shows three images. Of two alternatives, the
# answer is the image that more votes found closer to the reference; of a triplet, it is the odd
# one. The two functions below bring both kinds to one form: `shown[i]` are the three images of
# trial `i`, and an answer is the position of one of them.

# %%
trials = dataset.trials
is_odd_one_out = "odd" in trials
if is_odd_one_out:
    shown = trials["images"]
    answers = trials["odd"].astype(int)
    roles = [["first", "second", "third"]] * len(dataset)
else:
    shown = np.stack([trials[role] for role in ("reference", "left", "right")], axis=1)
    left, right = trials["left_votes"], trials["right_votes"]
    answers = np.select([left > right, right > left], [1, 2], default=-1)  # -1: as many for both
    roles = [
        ["reference", f"left, votes: {a:g}", f"right, votes: {b:g}"] for a, b in zip(left, right)
    ]
# Several people may have answered the same question; each question once.
questions = np.sort(np.unique(np.sort(shown, axis=1), axis=0, return_index=True)[1])


def show_trials(rows, given, title):
    """Trials as rows of three images; below each image who chose it.

    `given` has the answers of each by their name: a position for each trial.
    """
    height = max(len(rows), 1)
    figure, axes = plt.subplots(
        height, 3, figsize=(5.2, 2.5 * height), squeeze=False, layout="constrained"
    )
    for line, row in zip(axes, rows):
        for position, ax in enumerate(line):
            picture = Image.open(dataset.files[shown[row][position]]).convert("RGB")
            ax.imshow(picture.resize((128, 128)))
            ax.set(xticks=[], yticks=[])
            ax.set_title(roles[row][position], fontsize=8)
            ax.set_xlabel("\n".join(n for n, a in given.items() if a[row] == position), fontsize=8)
            plt.setp(ax.spines.values(), visible=False)
            if answers[row] == position:
                plt.setp(ax.spines.values(), visible=True, color="tab:green", linewidth=4)
    figure.suptitle(title, fontsize=10)


asked = "the odd one" if is_odd_one_out else "closer to the reference"
show_trials(questions[:3], {who: answers}, f"{asked}, as {who} answered")

# %% [markdown]
# ## A run: models × data sets
#
# `Experiment` does what the command `alignscope run` does, and fills a folder: tables, figures,
# and `report.html`. Beside the model stand `ssim`, a measure of image quality, and the pixels
# themselves, which every run has. With a trained model, `control=True` adds the same architecture
# with random weights; a model whose name begins with `random:` is such a control already.

# %%
experiment = alignscope.Experiment(
    models=[MODEL, "ssim"],
    datasets=sets,
    control=not MODEL.startswith("random:"),
)
# Progress is shown for a data set of yours, which may take longer.
run = experiment.run(place / "run", progress=DATA is not None)

figure, axes = plt.subplots(
    1, len(sets), figsize=(4.6 * len(sets), 4), squeeze=False, layout="constrained"
)
for ax, one in zip(axes[0], sets):
    run.plot(one.name, ax=ax)
    ax.legend(fontsize="x-small")

# %% [markdown]
# ## How to read it
#
# - **A point** is a stage of the model, from its `embedding` at the left to its `projection` at
#   the right. There the model puts some images near each other and others far apart.
# - **Accuracy** is the share of trials in which these distances say what was answered: the nearer
#   of two images, or the pair of three that leaves the odd one. By chance it is 1/2 or 1/3.
#   **Spearman's correlation** is for ratings: 1 if the model puts pairs in the order of their
#   scores, 0 if there is no relation.
# - **The band is the 95 % interval.** The trials are a sample: other trials would have given
#   another score. To see by how much, alignscope draws as many trials from those that there are,
#   some twice and others not at all, and scores the model again, 2,000 times; the interval holds
#   the middle 95 % of these scores. Of 100 data sets like this one, about 95 have an interval
#   that holds the true score. So read a score with its interval, never alone.
# - **A baseline** is what a simple measure reaches without any learning: the pixels, at depth 0,
#   and SSIM, a dashed line. A model that is not above it tells us nothing that the pixels do not.
# - **A control** is the model's architecture with random weights. What it reaches is not learned,
#   so the gain from training is the distance from the control, not from chance.
# - **The ceiling**, `people agree`, is as high as a score can be expected to go, because those
#   who answer do not agree with each other either.
# - **The peak** is the stage with the highest score. It is the luckiest of many stages, and so a
#   little too high. **The onset** is the first stage that is clearly above the pixels.
#
# More: [measures.md](measures.md) and [statistics.md](statistics.md).
#
# ## The numbers, read aloud

# %%
KIND = "normalized-euclidean"  # the kind of distance in the figure; `cosine` is there, too
scores = run.scores.where(dataset=dataset.name, subset="all", measure="accuracy").to_pandas()


def percent(low, high):
    return f"{low:.0%} to {high:.0%}" if low == low else "none"


def in_words(row):
    interval = percent(row.ci_low, row.ci_high)
    return (
        f"{row.model} at `{row.stage}` answers as {who} did in {row.value:.0%} of trials "
        f"(95 % interval: {interval})."
    )


curve = scores[(scores.model == MODEL) & (scores.distance == KIND)]
baselines = scores[scores.model.isin(["ssim", "pixels"])].drop_duplicates("model")
print(f"On the {len(dataset)} trials of {dataset.name}, by chance {curve.chance.iloc[0]:.0%}:")
print("At its last stage,", in_words(curve.iloc[-1]))
for row in baselines.itertuples():
    print("For comparison,", in_words(row))
ceiling = curve.ceiling.iloc[0]
print(
    f"The ceiling is {ceiling:.0%}, since those who answered do not all agree."
    if ceiling == ceiling
    else "The data set does not say how far people agree, so there is no ceiling."
)
for one in sets:
    if one is not dataset:
        rows = run.scores.where(dataset=one.name, subset="all", model=MODEL, distance=KIND)
        main = "accuracy" if "accuracy" in rows["measure"] else "spearman"
        end = rows.where(measure=main).to_pandas().iloc[-1]
        print(
            f"On {one.name} its {main} at `{end.stage}` is {end.value:.2f} (95 % interval: "
            f"{end.ci_low:.2f} to {end.ci_high:.2f}), where chance is {end.chance:.2f}."
        )


# %%
def finding(name):
    """What was read off the curve of the model."""
    found = run.table("findings").where(
        dataset=dataset.name, model=MODEL, distance=KIND, finding=name
    )
    return found.to_pandas().iloc[0]


peak, onset, chosen = map(finding, ["peak", "onset", "chosen-stage"])
print(f"Peak: {peak.value:.0%} at `{peak.stage}`, {peak.note}.")
if chosen.value == chosen.value:
    print(f"Chosen on one half of the trials and scored on the other: {chosen.value:.0%}.")
print(
    f"Onset: at `{onset.stage}`, which is {100 * onset.value:.0f} points above the pixels."
    if onset.value == onset.value
    else f"Onset: none; {onset.note}."
)
print(
    f"{MODEL} is a control: nothing of this is learned. A trained model is held against it."
    if MODEL.startswith("random:")
    else f"The control of {MODEL} is in the figure: what lies above it was learned."
)

# %% [markdown]
# Two intervals that overlap do not show that two models are equally good: both answer the same
# trials, so their difference is known better than their scores. A run compares all its models at
# their last stage. `p_holm` is small where a difference is hard to explain by chance, and takes
# into account that many differences were looked at.


# %%
def verdict(row):
    is_clear = row.p_holm <= 0.05
    return ("ahead" if row.difference > 0 else "behind") if is_clear else "not clearly different"


compared = run.comparisons.where(dataset=dataset.name, measure="accuracy").to_pandas()
for row in compared[compared.distance_a.isin([KIND, "own"])].itertuples():
    low, high = 100 * row.ci_low, 100 * row.ci_high
    print(
        f"{row.model_a} less {row.model_b}: {100 * row.difference:+.1f} points "
        f"(95 % interval: {low:+.1f} to {high:+.1f}), p = {row.p_holm:.2g}: {verdict(row)}."
    )

# %% [markdown]
# ## Where the model is right and where it is wrong
#
# The table `distances` has the distance of every pair of images at every stage, in the order of
# `dataset.pairs`; `dataset.pairs_of_trials` says which of them each trial compares. From these
# follow the model's answers.


# %%
def choices(distances):
    """The position that distances choose in each trial: the nearer image, or the odd one."""
    nearest = distances.argmin(axis=1)
    # Of a triplet the nearest pair is 0 and 1, 0 and 2, or 1 and 2: the image that is left.
    return 2 - nearest if is_odd_one_out else 1 + nearest


def distances_of(model, stage, distance):
    table = run.table("distances").where(
        dataset=dataset.name, model=model, stage=stage, distance=distance
    )
    return table["value"][dataset.pairs_of_trials]


inside = distances_of(MODEL, peak.stage, KIND)
given = {
    who: answers,
    f"the model, `{peak.stage}`": choices(inside),
    "ssim": choices(distances_of("ssim", "output", "own")),
}
by_model = given[f"the model, `{peak.stage}`"]
is_decided = answers >= 0
is_right = by_model == answers
by_hand = np.mean(is_right[is_decided])
print(f"By hand the model answers {by_hand:.2%} of trials right; the run says {peak.value:.2%}.")
assert np.isclose(by_hand, peak.value)

# %%
# How sure the model is: how much nearer its choice is than the next one, in parts of the mean.
two_nearest = np.sort(inside, axis=1)[:, :2]
margin = (two_nearest[:, 1] - two_nearest[:, 0]) / inside.mean()


def surest(mask, count=3):
    """The questions among some trials about which the model is surest."""
    rows = questions[mask[questions]]
    return rows[np.argsort(-margin[rows], kind="stable")][:count]


show_trials(surest(is_decided & is_right), given, f"the model agrees with {who}")

# %%
show_trials(surest(is_decided & ~is_right), given, f"the model does not agree with {who}")

# %% [markdown]
# Green frames are the answers of people, or here of the simulated observer, who judges by how
# much layout and colours were changed when an image was drawn. The misses are worth more than a
# score: they show what the distances of a model are about.
#
# ## Activations
#
# `Encoder` takes paths, PIL images or arrays, and gives one array for each stage.

# %%
encoder = alignscope.Encoder(MODEL, progress=False)
print(f"{len(encoder.stages)} stages, from `{encoder.stages[0]}` to `{encoder.stages[-1]}`")
middle, last = encoder.stages[6], encoder.stages[-1]
activations = encoder.activations(dataset.files, stages=[middle, last])
for stage, array in activations.items():
    print(f"`{stage}`: {' × '.join(map(str, array.shape))} numbers, images first")

# %% [markdown]
# ## Features from anywhere
#
# Any array with a row for each image can be scored: `[images, channels]`, or `[images, tokens,
# channels]`. These come from the encoder above; yours may come from timm, thingsvision or a file.
# Rows are in the order of `dataset.images`, or are known by `file_names=`.

# %%
found = alignscope.score(dataset, activations, model="mine")
mine = found.scores.where(subset="all", measure="accuracy", distance="cosine").to_pandas()
for row in mine.itertuples():
    print(in_words(row))
mine[["stage", "distance", "value", "ci_low", "ci_high", "n"]]

# %% [markdown]
# These are exactly the scores of the run, since these are its features. `trial_distances` has the
# distances as each trial compares them, for statistics of your own: here the accuracy once more.

# %%
of_model = scores[(scores.model == MODEL) & (scores.distance == "cosine")]
same = of_model[of_model.stage == middle]
assert same.value.iloc[0] == mine[mine.stage == middle].value.iloc[0]

chosen_by_mine = choices(found.trial_distances(middle, "cosine"))
by_hand = np.mean((chosen_by_mine == answers)[is_decided])
print(f"accuracy by hand: {by_hand:.6f}, by score: {same.value.iloc[0]:.6f}")

# %% [markdown]
# ## A model of your own, batch by batch
#
# `evaluate` streams batches of images through a function, and reduces them as they come:
# activations of large data sets are never all kept. (A torch model needs no function: see [the
# notebook about torch](torch_tutorial.ipynb).) This one has the energy of an image in bands of
# spatial frequency: is it the coarse or the fine structure that matters?


# %%
def encode(images, stages):
    grey = images.mean(axis=1)
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(grey), axes=(1, 2)))
    side = grey.shape[-1]
    y, x = np.mgrid[:side, :side] - side // 2
    radius = np.hypot(y, x)
    energies = {}
    for stage in stages:
        edges = np.linspace(0, side / 2, int(stage.split()[0]) + 1)
        bands = [(radius >= low) & (radius < high) for low, high in zip(edges, edges[1:])]
        means = [spectrum[:, band].mean(axis=1) for band in bands]
        energies[stage] = np.log1p(np.stack(means, axis=1))
    return energies


bands = alignscope.evaluate(
    dataset,
    encode,
    stages=["4 bands", "16 bands", "64 bands"],
    preprocess="openai/clip-vit-base-patch32",
    model="frequency bands",
    pixels=True,
    out=place / "bands",
    progress=DATA is not None,
)
table = bands.scores.where(subset="all", measure="accuracy", distance=KIND).to_pandas()
for row in table[table.model == "frequency bands"].itertuples():
    print(in_words(row))
print(f"While it ran, {bands.holding['text']}.")
ax = bands.run.plot()

# %% [markdown]
# ## And then
#
# - `run.show()` opens the page of the run below a cell: the figure with choosers, every table,
#   and more trials.
# - `run.table("ceilings")`, `"comparisons"`, `"energy"` and others have all that was found, as
#   `to_pandas()`, `to_polars()` or `to_arrow()` ([all columns](results.md)).
# - [A torch model](torch_tutorial.ipynb), and [your own experiment](own_data_tutorial.ipynb).
