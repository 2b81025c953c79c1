"""One model of one's own on one data set."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from . import _alignscope, _arguments as check
from ._dataset import Dataset
from ._experiment import Run, scoring
from ._models import Features, Function, _name
from ._progress import Reporter, reporter
from ._results import Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Holding(TypedDict):
    """How the activations of a function's model were held until their pairs were reduced."""

    place: str
    """`memory`, or `file` for a temporary file."""
    image_groups: int
    """Groups of images that were reduced one after the other."""
    stage_groups: list[list[str]]
    """Groups of stages, for each of which all images were encoded."""
    calls: int
    """How often the function was called, once for one image alone."""
    text: str
    """The same in words."""


class Measurement:
    """What was measured of a model on a data set. `score` and `evaluate` make one."""

    def __init__(self, dataset: Dataset, measured: _alignscope.Measured, out: Path | None) -> None:
        self._measured = measured
        #: The data set.
        self.dataset = dataset
        #: The folder with all files, where one was asked for.
        self.run = None if out is None else Run(out)

    @property
    def scores(self) -> Table:
        """The scores with their intervals: one row for each stage, distance, subset and measure."""
        return Table(self._measured.scores)

    @property
    def stages(self) -> list[str]:
        """The stages, in order of depth."""
        return self._measured.stages

    @property
    def kinds(self) -> list[str]:
        """The kinds of distance."""
        return self._measured.kinds

    def distances(self, stage: str, distance: str) -> NDArray[np.float64]:
        """The distance of each pair of the data set, `[pairs]`, in the order of `dataset.pairs`."""
        return self._measured.distances(
            check.text("stage", stage), check.text("distance", distance)
        )

    def trial_distances(self, stage: str, distance: str) -> NDArray[np.float64]:
        """The distances that each trial compares, `[n, 1]`, `[n, 2]` or `[n, 3]`; see
        `Dataset.pairs_of_trials`."""
        return self.distances(stage, distance)[self.dataset.pairs_of_trials]

    def scale(self, stage: str) -> NDArray[np.float64] | None:
        """How much each channel varies over the data set, `[channels]`: the mean squared difference
        over the pairs of all trials. None where the normalized distance was not asked for."""
        return self._measured.scale(check.text("stage", stage))

    @property
    def holding(self) -> Holding | None:
        """How the activations of a function were held; None for features."""
        return self._measured.holding

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self._measured.wall_s

    def __repr__(self) -> str:
        return f"Measurement({self.dataset.name!r}: {len(self.stages)} stages × {self.kinds})"

    def _repr_html_(self) -> str:
        """The figure where there is one, else the scores, as notebooks show them."""
        return self.scores._repr_html_() if self.run is None else self.run._repr_html_()


def _dataset(dataset: object) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    raise check.wrong_type("dataset", dataset, "a data set of alignscope.load_dataset")


def _measurement(
    dataset: Dataset, measured: _alignscope.Measured, out: str | None
) -> Measurement:
    """What was measured; warns of what is probably wrong with the arrays."""
    for warning in measured.warnings:
        warnings.warn(warning, stacklevel=3)
    return Measurement(dataset, measured, None if out is None else Path(out))


def score(
    dataset: Dataset,
    features: Mapping[str, Any] | str | os.PathLike[str],
    *,
    file_names: Sequence[str | os.PathLike[str]] | None = None,
    distance: str | Sequence[str] | None = None,
    model: str | None = None,
    tokens: str = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    ties: str = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: str = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: bool | Reporter = False,
) -> Measurement:
    """Score features that were made elsewhere — by timm, thingsvision, a model of one's own — as
    `alignscope run` scores its encoders.

    `features` — an array for each stage by name, in order of depth: `[images, channels]`,
    `[images, tokens, channels]`, or feature maps of four axes with a `layout`. Contiguous
    `float32` is taken as it is, without a copy; `float16`, `float64`, arrays with gaps and torch's
    tensors are converted. Or a folder with `features.npy` and `file_names.txt`, or with such a
    folder for each stage, as `alignscope activations` writes them
    `file_names` — the image of each row: a path that ends in the image's path below the data set's
    folder. Without it the rows are the data set's images in its own order (`dataset.images`)
    `distance` — `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`, or a list of
    them; the first three by default
    `model` — its name in the results
    `tokens` — which tokens are compared: `all`; `class` (the first); `patches` (all but those
    before them); or `mean` (over the class token, if there is one, and the patches, without
    registers)
    `prefix` — how many tokens stand before the patches: 1 for a class token, 5 for a class token
    and four registers, 0 for none. By default 1 if the number of tokens is a square and one more,
    0 if it is a square; else an error if `tokens` depends on it
    `layout` — what the axes of the arrays are: `NCHW` (feature maps, `[images, channels, height,
    width]`), `NHWC` (`[images, height, width, channels]`), `NCL` (`[images, channels, tokens]`) or
    `NLC` (`[images, tokens, channels]`, as three axes are by default). The positions of a map are
    its tokens, none of them a class token; `tokens="mean"` is global average pooling. Arrays of
    fewer axes may stand beside maps; `["NCHW", "NCL"]` says what four axes are and what three are
    `ties`, `resamples`, `seed`, `cluster` — as for `Experiment`
    `pixels` — whether the model `pixels` is measured too, for comparison
    `memory` — what to stay within, in bytes or as `8GB`, the features aside; half of the machine's
    by default
    `out` — a new folder for all files of a run: tables, figures, `report.html`; none by default
    `threads`, `progress` — as for `Experiment.run`

    Stages called as an encoder's (`embedding`, `block 1`, …, `projection`) stand at their depth in
    figures; any other names are spread evenly up to 100 %.

    Features that `alignscope activations` wrote give exactly the scores of `alignscope run`.

    Warns of axes that look exchanged: of more tokens than channels, where the channels would be a
    usual number of tokens.
    """
    _dataset(dataset)
    named = None if model is None else _name("model", model)
    own = Features(features, name=named, file_names=file_names, prefix=prefix, layout=layout)
    path = check.optional_path("out", out)
    measured = _alignscope.measure(
        dataset._handle,
        own._own,
        scoring(distance, tokens, ties, resamples, seed, cluster, pixels, memory, dataset.simulated),
        path,
        reporter(progress),
        check.threads(threads),
    )
    return _measurement(dataset, measured, path)


def evaluate(
    dataset: Dataset,
    encode: Callable[[Any, list[str]], Any],
    stages: str | Sequence[str],
    *,
    preprocess: str | os.PathLike[str] | Callable[[NDArray[np.uint8]], Any] | None = None,
    batch: int = 32,
    spill: bool = True,
    distance: str | Sequence[str] | None = None,
    model: str = "model",
    tokens: str = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    ties: str = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: str = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: bool | Reporter = True,
) -> Measurement:
    """Score a model that is a function: a torch model on a GPU, say. Each image is encoded once, and
    pairs are reduced as they come, so that activations are never all kept.

    `encode` — a function of a batch of images and the names of the stages that are asked for. It
    returns their activations, a mapping of names to arrays or tensors (or a list in their order):
    `[images, channels]`, `[images, tokens, channels]`, or feature maps of four axes with a
    `layout`, on any device. It is called on the thread that called `evaluate`, first with one image
    alone, which tells how large activations are; the next batch is made ready meanwhile
    `stages` — the names of its stages, in order of depth
    `preprocess` — how an image is brought to the model: the name of a known model, of a checkpoint or
    of the hub, whose recipe is followed exactly (`encode` gets an array `[images, 3, height, width]`
    of `float32`); or a function of an array `[height, width, 3]` of `uint8`, whose results are put
    into one array; without either, `encode` gets a list of such arrays
    `batch` — images at a time, at most
    `spill` — what to do where images that are connected by pairs do not fit `memory` with all
    stages: their activations go through a temporary file; or with `spill=False`, `encode` is called
    again for one group of stages after the other. `Measurement.holding` says what was done
    `memory` — what to stay within, in bytes or as `8GB`, the function's own aside; half of the
    machine's by default

    All else is as for `score`.
    """
    _dataset(dataset)
    own = Function(
        encode,
        stages,
        name=_name("model", model),
        preprocess=preprocess,
        batch=batch,
        spill=spill,
        prefix=prefix,
        layout=layout,
    )
    path = check.optional_path("out", out)
    measured = _alignscope.measure(
        dataset._handle,
        own._own,
        scoring(distance, tokens, ties, resamples, seed, cluster, pixels, memory, dataset.simulated),
        path,
        reporter(progress),
        check.threads(threads),
    )
    return _measurement(dataset, measured, path)
