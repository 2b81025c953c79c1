"""Runs: models × data sets to scores, with all files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, Union

from . import _alignscope, _arguments as check
from ._dataset import Dataset, load_dataset
from ._models import Features, Function, Own
from ._progress import Reporter, reporter
from ._results import Table, results

#: A model of a run: an id of the hub, a folder, `random:ID`, a baseline, `pixels`, or one's own.
Model = Union[str, "os.PathLike[str]", Features, Function]

#: The kinds of distance.
DISTANCES = ("euclidean", "normalized-euclidean", "cosine", "correlation", "dot")
#: Those of the study: the default.
STUDY_DISTANCES = ("euclidean", "normalized-euclidean", "cosine")


class Scoring(TypedDict):
    """How distances become scores, as the compiled part takes it."""

    distances: list[str]
    tokens: str
    ties: str
    resamples: int
    seed: int
    cluster: str
    pixels: bool
    memory: int | None
    simulated: bool


def scoring(
    distances: str | Sequence[str] | None,
    tokens: str,
    ties: str,
    resamples: int,
    seed: int,
    cluster: str,
    pixels: bool,
    memory: int | str | None,
    simulated: bool,
    distance: str = "distance",
) -> Scoring:
    """How distances become scores; the study's kinds of distance where none is named.

    `distance` — what the argument with the distances is called
    """
    return Scoring(
        distances=check.words(distance, distances, STUDY_DISTANCES, "a kind of distance"),
        tokens=check.text("tokens", tokens),
        ties=check.text("ties", ties),
        resamples=check.whole("resamples", resamples),
        seed=check.whole("seed", seed),
        cluster=check.text("cluster", cluster),
        pixels=check.yes_or_no("pixels", pixels),
        memory=check.memory(memory),
        simulated=simulated,
    )


class Run:
    """The folder of a run."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        bad_images: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        #: The folder.
        self.path = Path(check.path("path", path))
        #: Images that could not be read, with `keep_going`: data set, image, and why.
        self.bad_images = list(bad_images)

    @property
    def scores(self) -> Table:
        """All scores: one row for each data set, subset, model, stage, distance and measure."""
        return self.table("scores")

    @property
    def report(self) -> Path:
        """The run as a page without network."""
        return self.path / "report.html"

    def table(self, name: str) -> Table:
        """A table of the run; see `results`."""
        return results(self.path, name)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """The figure, as notebooks show it."""
        try:
            return (self.path / "alignment.svg").read_text(encoding="utf-8")
        except OSError:
            return f"<p>{self!r}</p>"


class Experiment:
    """Models × data sets: what `alignscope run` does.

    `models` — one or several: ids of the hub, folders, `random:ID`, baselines (`ssim`, `lpips-alex`,
    …), `pixels`, `Features` or a `Function`. `NAME=MODEL`, or a mapping of names to models, says what they are called in
    results; a folder without a name is called by the shortest ending of its path that tells it apart
    `datasets` — data sets of `load_dataset`, or a mapping of formats, or `NAME=FORMAT`, to folders
    `distances` — `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`; the first
    three by default
    `tokens` — which tokens are compared: `all` (as published), `class`, `patches` or `mean`
    `projection` — `raw` or `unit`, instead of as each model has it
    `precision` — of the layers' products: `auto`, `f32`, `bf16x6`, `bf16x3` or `bf16`
    `ties` — what a tie between a model's distances counts: `miss` (as published) or `half`
    `resamples`, `seed`, `cluster` — of the bootstrap that makes intervals; 0 resamples for none;
    `cluster` is `default` (the reference image, the triplet), `observer` or `none`
    `pixels` — whether the model `pixels` is added
    `baseline_size` — side of the square that baselines see where images differ in size
    `weights` — a folder in which weights of baselines are looked for first
    `scale_from` — the folder of a run whose scales are used for the normalized distance
    `title` — what stands over figures and page
    `published` — whether the study's own curves lie under those of the run
    `memory` — what to stay within, in bytes or as `8GB`; half of the machine's by default
    """

    def __init__(
        self,
        models: Model | Sequence[Model] | Mapping[str, str | os.PathLike[str]],
        datasets: Dataset | Sequence[Dataset] | Mapping[str, str | os.PathLike[str]],
        *,
        distances: str | Sequence[str] | None = None,
        tokens: str = "all",
        projection: str | None = None,
        precision: str = "auto",
        ties: str = "miss",
        resamples: int = 2000,
        seed: int = 0,
        cluster: str = "default",
        pixels: bool = True,
        baseline_size: int | None = None,
        weights: str | os.PathLike[str] | None = None,
        scale_from: str | os.PathLike[str] | None = None,
        title: str | None = None,
        published: bool = False,
        memory: int | str | None = None,
    ) -> None:
        self._models, self._own = _models(models)
        self._datasets = _datasets(datasets)
        simulated = any(dataset.simulated for dataset in self._datasets)
        self._scoring = scoring(
            distances, tokens, ties, resamples, seed, cluster, pixels, memory, simulated,
            "distances",
        )
        self._projection = check.optional_text("projection", projection)
        self._precision = check.text("precision", precision)
        self._baseline_size = check.optional_whole("baseline_size", baseline_size, 1)
        self._weights = check.optional_path("weights", weights)
        self._scale_from = check.optional_path("scale_from", scale_from)
        self._title = check.optional_text("title", title)
        self._published = check.yes_or_no("published", published)

    def run(
        self,
        out: str | os.PathLike[str],
        *,
        cache: str | os.PathLike[str] | bool = True,
        fresh: bool = False,
        keep_going: bool = False,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Run:
        """Do all of it and fill the folder `out`: scores, distances, trials, figures, `report.html`
        and `manifest.json`. Ctrl-C stops it; the same call then goes on from there.

        `out` — a folder that is new or empty, or that of this very run
        `cache` — where differences are kept, so that nothing is encoded twice: the user's cache, as for
        the command `alignscope run`; a folder; or with False nowhere
        `fresh` — discard what folder and cache hold of this run, and begin anew
        `keep_going` — leave out trials of images that cannot be decoded (`Run.bad_images`), instead of
        failing
        `threads` — how many threads work; all cores unless said otherwise. Results do not depend on
        it
        `progress` — whether it is shown how far the work is; or an object with the methods of
        `Reporter`
        """
        path = check.path("out", out)
        kept: str | bool
        if isinstance(cache, (str, os.PathLike)):
            kept = check.path("cache", cache)
        else:
            kept = check.yes_or_no("cache", cache)
        bad = _alignscope.run_experiment(
            self._models,
            self._own,
            [dataset._handle for dataset in self._datasets],
            path,
            self._scoring,
            self._projection,
            self._precision,
            self._baseline_size,
            self._weights,
            self._scale_from,
            self._title,
            self._published,
            kept,
            check.yes_or_no("fresh", fresh),
            check.yes_or_no("keep_going", keep_going),
            reporter(progress),
            check.threads(threads),
        )
        return Run(path, bad)

    def __repr__(self) -> str:
        datasets = [dataset.name for dataset in self._datasets]
        models = [
            text if name is None else name if text is None else f"{name}={text}"
            for name, text in self._models
        ]
        return f"Experiment(models={models}, datasets={datasets})"


def run(
    models: Model | Sequence[Model] | Mapping[str, str | os.PathLike[str]],
    datasets: Dataset | Sequence[Dataset] | Mapping[str, str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    cache: str | os.PathLike[str] | bool = True,
    fresh: bool = False,
    keep_going: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
    **options: Any,
) -> Run:
    """Run models on data sets and fill the folder `out`: encoders by id or folder, metrics, features
    and functions stand in one figure, with paired comparisons of all.

        alignscope.run(
            ["openai/clip-vit-base-patch32", "ssim", Features(arrays, name="mine"),
             Function(encode, stages, name="torch", version="1")],
            datasets, "results",
        )

    `options` — what `Experiment` takes beside models and data sets
    `cache`, `fresh`, `keep_going`, `threads`, `progress` — as for `Experiment.run`
    """
    return Experiment(models, datasets, **options).run(
        out, cache=cache, fresh=fresh, keep_going=keep_going, threads=threads, progress=progress
    )


def _models(
    given: Model | Sequence[Model] | Mapping[str, str | os.PathLike[str]],
) -> tuple[list[tuple[str | None, str | None]], list[Own]]:
    """The models with the names that they are given, and those that are one's own by their names."""
    if isinstance(given, Mapping):
        expected = "the name or folder of a model (str or os.PathLike)"
        return [
            (check.text("models", name), check.path(f"models[{name!r}]", model, expected))
            for name, model in given.items()
        ], []
    expected = (
        "the name or folder of a model (str or os.PathLike), Features, a Function, or a list of them"
    )
    listed: Any = [given] if isinstance(given, (str, os.PathLike, Features, Function)) else given
    if isinstance(listed, (bytes, Mapping)) or not isinstance(listed, Iterable):
        raise check.wrong_type("models", given, expected)
    models: list[tuple[str | None, str | None]] = []
    own: list[Own] = []
    for number, model in enumerate(listed):
        if isinstance(model, (Features, Function)):
            models.append((model.name, None))
            own.append(model._own)
            continue
        if not isinstance(model, (str, os.PathLike)):
            raise check.wrong_type(f"models[{number}]", model, expected)
        text = check.path(f"models[{number}]", model, expected)
        models.append((None, os.path.expanduser(text)))
    return models, own


def _datasets(
    given: Dataset | Sequence[Dataset] | Mapping[str, str | os.PathLike[str]],
) -> list[Dataset]:
    if isinstance(given, Dataset):
        return [given]
    if isinstance(given, Mapping):
        return [
            load_dataset(format, check.path(f"datasets[{format!r}]", path))
            for format, path in given.items()
        ]
    expected = "data sets of load_dataset, or a mapping of formats to folders"
    if isinstance(given, (str, bytes, os.PathLike)) or not isinstance(given, Iterable):
        raise check.wrong_type("datasets", given, expected)
    found = list(given)
    for number, dataset in enumerate(found):
        if not isinstance(dataset, Dataset):
            raise check.wrong_type(f"datasets[{number}]", dataset, expected)
    return found
