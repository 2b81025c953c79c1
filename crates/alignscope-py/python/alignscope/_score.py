"""Models of one's own: features from anywhere, and functions that encode images."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from . import _alignscope, _arguments as check
from ._arrays import activations
from ._dataset import Dataset
from ._errors import InvalidTypeError, InvalidValueError
from ._experiment import Run, scoring
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


def _name(model: object) -> str:
    """A name for a model."""
    name = check.text("model", model)
    if not name.strip():
        raise InvalidValueError("model is empty, expected a name for the results")
    return name


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
    `distance` — `euclidean`, `normalized-euclidean`, `cosine`, or a list of them; all by default
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
    given: str | list[tuple[str, NDArray[np.float32]]]
    if isinstance(features, (str, os.PathLike)):
        if file_names is not None:
            raise InvalidValueError("file_names is given, but the folder of features has its own")
        given = check.path("features", features)
        if model is None:
            model = Path(given).resolve().name
    elif isinstance(features, Mapping):
        given = [
            (str(name), activations(array, f"features[{name!r}]"))
            for name, array in features.items()
        ]
    else:
        raise check.wrong_type(
            "features", features, 'a mapping of stages to arrays ({"layer4": array}), or a folder'
        )
    if file_names is not None:
        expected = "a list of the image of each row, or None"
        file_names = check.names("file_names", file_names, expected)
    path = check.optional_path("out", out)
    measured = _alignscope.score(
        dataset._handle,
        given,
        file_names,
        "features" if model is None else _name(model),
        scoring(distance, tokens, ties, resamples, seed, cluster, pixels, memory, dataset.simulated),
        check.optional_whole("prefix", prefix),
        check.optional_words("layout", layout, "a layout"),
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
    if stages is None:
        raise check.wrong_type("stages", stages, "the name of a stage (str) or a list of them")
    names = check.words("stages", stages, (), "the name of a stage")
    check.called("encode", encode, "a function of a batch of images and the names of stages")
    is_name = isinstance(preprocess, (str, os.PathLike))
    recipe = check.path("preprocess", preprocess) if is_name else None
    prepare = preprocess if callable(preprocess) else None
    if preprocess is not None and recipe is None and prepare is None:
        raise check.wrong_type(
            "preprocess", preprocess, "the name of a model, a function, or None"
        )
    path = check.optional_path("out", out)

    def of_batch(images: Any, wanted: list[str]) -> list[NDArray[np.float32]]:
        if prepare is not None:
            images = _stack([prepare(image) for image in images])
        return _in_order(encode(images, wanted), wanted)

    measured = _alignscope.evaluate(
        dataset._handle,
        of_batch,
        names,
        recipe,
        check.whole("batch", batch, 1),
        check.yes_or_no("spill", spill),
        _name(model),
        scoring(distance, tokens, ties, resamples, seed, cluster, pixels, memory, dataset.simulated),
        check.optional_whole("prefix", prefix),
        check.optional_words("layout", layout, "a layout"),
        path,
        reporter(progress),
        check.threads(threads),
    )
    return _measurement(dataset, measured, path)


def _stack(images: list[Any]) -> NDArray[Any]:
    import numpy as np

    arrays = [np.asarray(image) for image in images]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise InvalidValueError(
            f"preprocess gives images of different shapes ({shapes[0]} and {shapes[1]}), expected one"
        )
    return np.stack(arrays)


def _in_order(found: Any, wanted: list[str]) -> list[NDArray[np.float32]]:
    """The arrays that a function gave, in the order of the stages asked for."""
    if isinstance(found, Mapping):
        missing = [name for name in wanted if name not in found]
        if missing:
            raise InvalidValueError(
                f"encode gives no `{missing[0]}`, expected {', '.join(wanted)}; it gives "
                f"{', '.join(map(str, found)) or 'nothing'}"
            )
        return [activations(found[name], f"encode's {name!r}") for name in wanted]
    if hasattr(found, "shape") and len(wanted) == 1:
        found = [found]
    if not isinstance(found, (list, tuple)):
        raise InvalidTypeError(
            f"encode returns a {type(found).__name__}, expected a mapping of stages to arrays, or a "
            "list of arrays in the order asked for"
        )
    if len(found) != len(wanted):
        raise InvalidValueError(
            f"encode returns {len(found)} arrays, expected {len(wanted)}: {', '.join(wanted)}"
        )
    return [activations(array, f"encode's {name!r}") for name, array in zip(wanted, found)]
