# %% [markdown]
# # Your own experiment
#
# You asked people which of two images is more like a third, and have images and a table of their
# answers. This notebook goes from there to a checked data set, a figure with a ceiling, the
# comparison of two models, tables for statistics of your own, and what to cite.
#
# Images and answers are made here, so that it runs anywhere. **The participants are simulated:
# the numbers show how things work, and say nothing about people.** For your own, name a folder in
# `DATA`; all cells stay as they are.
#
# It needs `pip install alignscope pandas matplotlib pillow`, and takes less than a minute
# on two cores.

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

import alignscope

# A folder with answers.csv and the images that it names; its columns are below.
DATA = None

# The three images of a trial: which of the last two is more like the first?
SHOWN = ["reference", "left", "right"]

place = Path(tempfile.mkdtemp())
who = "the simulated participants" if DATA is None else "the participants"
NAME = "simulated experiment" if DATA is None else "my experiment"
plt.rcParams["figure.dpi"] = 90

# %% [markdown]
# ## The answers, as an experiment leaves them
#
# One row for each answer: who answered, which three images were shown, which of the two was
# chosen (`left` or `right`), and how long it took in seconds. Paths of images are relative to the
# folder.
#
# Without a folder of yours, images are drawn, and ten simulated participants choose the image in
# which layout and colours were changed less, with noise. An eleventh always presses *left*:
# experiments have such people, too.

# %%
if DATA is None:
    drawn = alignscope.demo(place / "drawn")["twoafc"]
    folder = Path(drawn.path)
    rng = np.random.default_rng(0)
    rows = []
    for trial in range(len(drawn)):
        images = [drawn.images[drawn.trials[role][trial]] for role in SHOWN]
        left, right = (int(drawn.trials[f"{side}_votes"][trial]) for side in ("left", "right"))
        given = rng.permutation(["left"] * left + ["right"] * right)
        doubt = 1 - abs(left - right) / (left + right)  # people take longer where they disagree
        for person, answer in enumerate([*given, "left"], start=1):
            seconds = round((0.8 + doubt) * rng.lognormal(0, 0.3), 3)
            rows.append([f"p{person:02d}", *images, answer, seconds])
    columns = ["participant", "reference", "left", "right", "answer", "seconds"]
    pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=0).to_csv(
        folder / "answers.csv", index=False
    )
else:
    folder = Path(DATA)

answers = pd.read_csv(folder / "answers.csv")
print(
    f"{len(answers)} answers of {answers.participant.nunique()} participants "
    f"to {answers.groupby(SHOWN).ngroups} trials"
)
answers.head()

# %% [markdown]
# ## Who paid attention?
#
# Decide by a rule that was fixed before any model is looked at. Here: whoever agrees with the
# majority of the others in fewer than 60 % of trials is left out. Chance is 50 %.

# %%
answers["chose_left"] = (answers.answer == "left").astype(int)
of_trial = answers.groupby(SHOWN).chose_left
others = of_trial.transform("size") - 1
others_left = of_trial.transform("sum") - answers.chose_left
has_majority = 2 * others_left != others
agrees = (2 * others_left > others) == (answers.chose_left == 1)
agreement = agrees[has_majority].groupby(answers.participant).mean().sort_values()

left_out = agreement[agreement < 0.6]
for person, share in left_out.items():
    print(f"{person} agrees with the others in {share:.0%} of trials, and is left out.")
answers = answers[~answers.participant.isin(left_out.index)]
kept = agreement[agreement >= 0.6]
print(f"The other {len(kept)} do in {kept.min():.0%} to {kept.max():.0%} of trials.")

figure, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
ax.plot(agreement.index, 100 * agreement.to_numpy(), "o", color="tab:blue")
ax.axhline(60, color="tab:red", linestyle="--", label="left out below")
ax.axhline(50, color="0.4", linestyle=":", label="chance")
ax.set(xlabel="participant", ylabel="agrees with others (%)", ylim=(0, 102))
ax.tick_params(axis="x", rotation=90)
legend = ax.legend(loc="lower right", fontsize="small")

# %% [markdown]
# ## From answers to a data set
#
# A trial counts its votes: the columns are those of `twoafc.csv`, and `response_time` may stand
# beside them. `from_dataframe` checks every row and every image.

# %%
table = (
    answers.groupby(SHOWN, sort=False)
    .agg(
        votes=("answer", "size"),
        left_votes=("chose_left", "sum"),
        response_time=("seconds", "mean"),
    )
    .reset_index()
)
table["right_votes"] = table.votes - table.left_votes
dataset = alignscope.Dataset.from_dataframe(table, folder=folder, name=NAME)
print(f"{len(dataset)} trials, {len(dataset.images)} images, {len(dataset.pairs)} pairs of images")
for note in dataset.notes:
    print(note)

# %% [markdown]
# The same from arrays, if you have no table: images are a list of files (or PIL images, or an
# array of pixels), and trials name them by their positions.

# %%
files = [folder / image for image in dataset.images]
position = {image: i for i, image in enumerate(dataset.images)}
arrays = {role: table[role].map(position).to_numpy() for role in SHOWN}
arrays |= {side: table[side].to_numpy() for side in ("left_votes", "right_votes")}
from_arrays = alignscope.Dataset.from_arrays(arrays, files, folder=folder, name=NAME)
assert all(np.array_equal(from_arrays.trials[role], dataset.trials[role]) for role in SHOWN)
print("The trials are the same from arrays.")

# %% [markdown]
# ## What a mistake looks like
#
# Nothing is guessed: a table that cannot be meant is refused, with the row and the column.

# %%
mistakes = {
    "a misspelt image": {"left": "misspelt.png"},
    "fewer than no votes": {"left_votes": -1},
    "an image beside itself": {"left": table.reference[2]},
}
for what, change in mistakes.items():
    wrong = table.copy()
    for column, value in change.items():
        wrong.loc[2, column] = value
    try:
        alignscope.Dataset.from_dataframe(wrong, folder=folder)
    except alignscope.AlignscopeError as error:
        print(f"{what}: {type(error).__name__}: {error}".replace(str(folder), "FOLDER"))

# %% [markdown]
# `save` writes the data set as a folder that you can publish: table, images, and how they belong
# together. The command `alignscope check` looks at such a folder for more: images that cannot be
# decoded, equal images, repeated trials.


# %%
def command(*words):
    """What the command `alignscope` prints."""
    words = [sys.executable, "-m", "alignscope", *words]
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=True).stdout


dataset.save(place / "published", copy=True)
print(command("check", "--dataset", "twoafc", "--data", "published"))

# %% [markdown]
# ## Look at the trials
#
# The green frame is the image that more votes found closer to the reference.

# %%
shown = np.stack([dataset.trials[role] for role in SHOWN], axis=1)
left, right = dataset.trials["left_votes"], dataset.trials["right_votes"]
majority = np.select([left > right, right > left], [1, 2], default=-1)  # -1: as many for both


def show_trials(rows, given, title):
    """Trials as rows of three images; below each image who chose it."""
    height = max(len(rows), 1)
    figure, axes = plt.subplots(
        height, 3, figsize=(5.2, 2.5 * height), squeeze=False, layout="constrained"
    )
    for line, row in zip(axes, rows):
        titles = ["reference", f"left, votes: {left[row]:g}", f"right, votes: {right[row]:g}"]
        for position, ax in enumerate(line):
            picture = Image.open(dataset.files[shown[row][position]]).convert("RGB")
            ax.imshow(picture.resize((128, 128)))
            ax.set(xticks=[], yticks=[])
            ax.set_title(titles[position], fontsize=8)
            ax.set_xlabel("\n".join(n for n, a in given.items() if a[row] == position), fontsize=8)
            plt.setp(ax.spines.values(), visible=False)
            if majority[row] == position:
                plt.setp(ax.spines.values(), visible=True, color="tab:green", linewidth=4)
    figure.suptitle(title, fontsize=10)


clarity = abs(left - right) / (left + right)
order = np.argsort(clarity, kind="stable")
show_trials(order[[-1, 0]], {}, f"{who}: a clear trial, and one that divides them")

# %% [markdown]
# ## Two models
#
# Anything that gives a row of numbers for each image is a model. These two are hypotheses about
# what people looked at, each from coarse to fine:
#
# - **colours**: the mean colour in each field of a grid, so where which colours are;
# - **textures**: how much edge there is in each of eight directions, wherever it is.
#
# Beside them stand `ssim` and the pixels. An encoder would be a name in the same list, such as
# `"openai/clip-vit-base-patch32"`, and a torch model as in [the notebook about
# torch](torch_tutorial.ipynb).


# %%
def colours(picture, size):
    """The mean colours of a grid of size × size fields."""
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX), np.float32).ravel()


def textures(picture, size):
    """The strength of edges in eight directions, of the image at size × size pixels."""
    grey = np.asarray(picture.convert("L").resize((size, size), Image.Resampling.BOX), np.float32)
    down, across = np.gradient(grey)
    direction, strength = np.arctan2(down, across) % np.pi, np.hypot(down, across)
    bins = np.minimum((direction / np.pi * 8).astype(int), 7)
    return np.bincount(bins.ravel(), strength.ravel(), 8) / size**2


pictures = [Image.open(file).convert("RGB") for file in dataset.files]
models = []
for function, sizes in [(colours, (2, 4, 8, 16)), (textures, (32, 64, 128, 192))]:
    stages = {
        f"{size} × {size}": np.stack([function(picture, size) for picture in pictures])
        for size in sizes
    }
    models.append(alignscope.Features(stages, name=function.__name__))

run = alignscope.run([*models, "ssim"], dataset, place / "run", progress=DATA is not None)
ax = run.plot()

# %% [markdown]
# - **Accuracy** is the share of trials in which the nearer image is the one that more people
#   chose; trials with as many votes for both are left out. Chance is one half.
# - **The band is the 95 % interval**: how far the score would move with other trials. Trials are
#   drawn again from those that there are, 2,000 times; it holds the middle 95 % of the scores.
# - **The line at the top is the ceiling.** People do not agree with each other, so no model can
#   agree with all of them. It is the share of votes that are with the majority.
# - `ssim` and `pixels` are **baselines**. An encoder would have a **control** as well, the same
#   architecture with random weights (`control=True`).
#
# ## The numbers, read aloud

# %%
KIND = "normalized-euclidean"
scores = run.scores.where(subset="all", measure="accuracy").to_pandas()


def in_words(row):
    return (
        f"{row.model} at `{row.stage}` answers as most of {who} did in {row.value:.0%} of trials "
        f"(95 % interval: {row.ci_low:.0%} to {row.ci_high:.0%})."
    )


print(f"{scores.n.iloc[0]} trials have a majority, {scores.n_left_out.iloc[0]} do not.")
best = {}
for model in ("colours", "textures"):
    curve = scores[(scores.model == model) & (scores.distance == KIND)]
    best[model] = curve.loc[curve.value.idxmax()]
    print("At its peak,", in_words(best[model]))
for row in scores[scores.model.isin(["ssim", "pixels"])].drop_duplicates("model").itertuples():
    print("For comparison,", in_words(row))

# %%
ceiling = run.table("ceilings").where(subset="all", measure="accuracy").to_pandas().iloc[0]
print(
    f"The ceiling is {ceiling.value:.0%} ({ceiling.ci_low:.0%} to {ceiling.ci_high:.0%}): "
    "so often a vote is with the majority of its trial."
)
for model, row in best.items():
    reached = (row.value - row.chance) / (ceiling.value - row.chance)
    print(f"From chance to the ceiling, {model} goes {reached:.0%} of the way.")
time = run.scores.where(subset="all", measure="response-time-correlation").to_pandas()
for model, row in best.items():
    is_it = (time.model == model) & (time.stage == row.stage) & (time.distance == KIND)
    value = time[is_it].value.iloc[0]
    print(f"Do people take longer where {model} finds it hard? Correlation {value:+.2f}.")

# %% [markdown]
# ## Is one model better?
#
# Do not compare intervals: both models answer the same trials, so that their difference is known
# better than either score. `compare` takes any stages; without `stages` it takes the last ones.
# The stages below were chosen on these very trials, as the best of four, so read the result as a
# first look.

# %%
found = alignscope.compare(
    run,
    models=("colours", "textures"),
    stages=(best["colours"].stage, best["textures"].stage),
    distances=KIND,
)
row = found.where(measure="accuracy").to_pandas().iloc[0]
low, high = 100 * row.ci_low, 100 * row.ci_high
is_clear = row.p_holm <= 0.05
print(
    f"{row.model_a} less {row.model_b}: {100 * row.difference:+.1f} points "
    f"(95 % interval: {low:+.1f} to {high:+.1f}), p = {row.p_holm:.2g}: "
    + ("a clear difference." if is_clear else "not a clear difference.")
)
print(
    f"Do they err on the same trials? Error consistency is {row.kappa:.2f} "
    f"({row.kappa_low:.2f} to {row.kappa_high:.2f}), where 0 is chance and 1 always."
)

# %% [markdown]
# ## Where they disagree
#
# From the distances of a stage follow a model's answers: the nearer image.


# %%
def choices(model):
    """The position that a model chooses in each trial: 1 for left, 2 for right."""
    stage = best[model].stage
    distances = run.table("distances").where(model=model, stage=stage, distance=KIND)
    return 1 + distances["value"][dataset.pairs_of_trials].argmin(axis=1)


given = {model: choices(model) for model in ("colours", "textures")}
is_decided = majority > 0
is_right = {model: answer == majority for model, answer in given.items()}
for model, right_ones in is_right.items():
    by_hand = np.mean(right_ones[is_decided])
    by_run = best[model].value
    print(f"{model} is right in {by_hand:.2%} of trials by hand, in {by_run:.2%} by the run.")
    assert np.isclose(by_hand, by_run)

clearest = np.argsort(-clarity, kind="stable")
only = {
    "colours": is_decided & is_right["colours"] & ~is_right["textures"],
    "textures": is_decided & is_right["textures"] & ~is_right["colours"],
}
first = clearest[only["colours"][clearest]][:3]
show_trials(first, given, f"only colours is with most of {who}")

# %%
second = clearest[only["textures"][clearest]][:3]
show_trials(second, given, f"only textures is with most of {who}")

# %% [markdown]
# ## Other people instead of other trials
#
# The intervals above ask: what if other trials had been shown? To ask *what if other people had
# answered*, give every answer a row of its own with the column `subject`, and let
# `cluster="observer"` draw people. The score is then of single answers, not of majorities, and so
# it is lower.

# %%
single = answers.rename(columns={"participant": "subject", "chose_left": "left_votes"})
single["right_votes"] = 1 - single.left_votes
single = single[[*SHOWN, "left_votes", "right_votes", "subject"]]
of_answers = alignscope.Dataset.from_dataframe(single, folder=folder, name="single answers")

stage = best["colours"].stage
size = int(stage.split()[0])
pictures = [Image.open(file).convert("RGB") for file in of_answers.files]
features = {stage: np.stack([colours(picture, size) for picture in pictures])}
for cluster, what in [("default", "trials"), ("observer", "people")]:
    measured = alignscope.score(
        of_answers, features, model="colours", distances=KIND, cluster=cluster
    )
    row = measured.scores.where(subset="all", measure="accuracy").to_pandas().iloc[0]
    print(
        f"colours is with {row.value:.0%} of single answers; "
        f"with other {what} {row.ci_low:.0%} to {row.ci_high:.0%} ({row.n_clusters} {what})."
    )

# %% [markdown]
# ## Tables for statistics of your own
#
# Every table of a run is a data frame by `to_pandas()`, and `to_polars()` and `to_arrow()` are
# there, too ([all columns](results.md)). Here a row for each trial with people's votes and
# models' distances and answers, ready for a regression in any program; and how far each
# participant agrees with a model.

# %%
export = run.table("trials").to_pandas()[["trial", "image_a", "image_b", "image_c"]]
export.columns = ["trial", *SHOWN]
export = export.assign(left_votes=left, right_votes=right)
for model in ("colours", "textures"):
    stage = best[model].stage
    distances = run.table("distances").where(model=model, stage=stage, distance=KIND)
    of_trials = distances["value"][dataset.pairs_of_trials]
    export[[f"{model}_to_left", f"{model}_to_right"]] = of_trials
    export[f"{model}_answer"] = np.where(given[model] == 1, "left", "right")
export.to_csv(place / "trials_and_models.csv", index=False)
export.head().round(3)

# %%
joined = answers.merge(export, on=SHOWN)
agree = {model: joined.answer == joined[f"{model}_answer"] for model in ("colours", "textures")}
by_person = pd.DataFrame(agree).groupby(joined.participant).mean()
for model, shares in by_person.items():
    low, high = shares.min(), shares.max()
    print(f"{model} agrees with each participant in {low:.0%} to {high:.0%} of trials.")
by_person.round(2).head(10)

# %% [markdown]
# ## What to cite, and what to publish
#
# `alignscope cite` prints BibTeX of all that a run used, and names what has no entry: your own
# experiment, which you cite yourself. Publish `manifest.json` and `scores.csv` of the run and the
# folder of the data set; `alignscope verify` then tells anyone that nothing was changed.

# %%
print(command("cite", "run"))
print("verify:", command("verify", "run").splitlines()[-1])
