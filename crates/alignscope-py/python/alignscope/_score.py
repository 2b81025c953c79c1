"""One model of one's own on one data set."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check
from ._choices import AnyDistance, Cluster, Ties, TokenChoice
from ._dataset import Dataset
from ._distances import Distances
from ._errors import InvalidValueError
from ._inputs import OwnModel, check_data_sets
from ._measurement import Measurement
from ._models import Features, Function, _name, at_work
from ._options import DistanceKinds, Options, choices
from ._progress import Reporter, reporter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _dataset(dataset: object) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    raise check.wrong_type("dataset", dataset, "a data set of alignscope.load_dataset")


def _measure(
    dataset: Dataset,
    model: OwnModel,
    options: Options,
    out: str | os.PathLike[str] | None,
    overwrite: bool,
    threads: int | None,
    progress: bool | Reporter,
) -> Measurement:
    """Measures a model; warns of what is probably wrong with its arrays."""
    path = check.optional_path("out", out)
    check_data_sets([model._own], [dataset])
    with at_work([model._own]):
        measured = _alignscope.measure(
            dataset._handle,
            model._own,
            choices(options, dataset.simulated),
            path,
            check.yes_or_no("overwrite", overwrite),
            reporter(progress),
            check.threads(threads),
        )
    for warning in measured.warnings:
        warnings.warn(warning, stacklevel=3)
    return Measurement(dataset, measured, None if path is None else Path(path), model.name)


def score(
    dataset: Dataset,
    features: Mapping[str, Any] | str | os.PathLike[str],
    *,
    file_names: Sequence[str | os.PathLike[str]] | None = None,
    distances: DistanceKinds = None,
    model: str | None = None,
    tokens: TokenChoice = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    depths: Sequence[float] | Mapping[str, float] | None = None,
    ties: Ties = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = False,
) -> Measurement:
    """Score features that were made elsewhere — by timm, thingsvision, a model of one's own — as
    `alignscope run` scores its encoders.

    Parameters
    ----------
    dataset : Dataset
        The data set.
    features, file_names, prefix, layout, depths
        As for `Features`.
    distances : str or sequence of str, optional
        `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`; the first three by
        default.
    model : str, optional
        Its name in the results; by default that of the folder, or `features`.
    tokens : {"all", "class", "registers", "patches", "mean"}
        Which tokens are compared: all; the class token (the first); the registers (between it and
        the patches); the patches (all but those before them); or the mean over the class token, if
        there is one, and the patches, without registers.
    ties, resamples, seed, cluster
        As for `Experiment`.
    pixels : bool, default False
        Whether the model `pixels` is measured too, for comparison.
    memory : int or str, optional
        What to stay within, in bytes or as `8GB`, the features aside; half of the machine's by
        default.
    out : str or os.PathLike, optional
        A new folder for all files of a run: tables, figures, `report.html`; none by default.
    overwrite, threads, progress
        As for `Experiment.run`.

    Returns
    -------
    Measurement
        Scores with intervals, and the distances.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant, or an array does not go with the data set.

    Notes
    -----
    Stages called as an encoder's (`embedding`, `block 1`, …, `projection`) stand at their depth in
    figures; any other names are spread evenly up to 100 %, unless `depths` says where they are.
    Features that `alignscope activations` wrote give exactly the scores of `alignscope run`. It
    warns of axes that look exchanged: of more tokens than channels, where the channels would be a
    usual number of tokens.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
    >>> arrays = {"layer4": np.random.default_rng(0).normal(size=(len(dataset.images), 32))}
    >>> found = alignscope.score(dataset, arrays, distances="cosine", resamples=500)
    >>> row = found.scores.where(subset="all", measure="accuracy")
    >>> row["value"].round(2), row["ci_low"] < row["value"]
    (array([0.44]), array([ True]))
    """
    _dataset(dataset)
    named = None if model is None else _name("model", model)
    own = Features(
        features,
        name=named,
        file_names=file_names,
        prefix=prefix,
        layout=layout,
        depths=depths,
    )
    options = Options(
        distances=distances,
        tokens=tokens,
        ties=ties,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        pixels=pixels,
        memory=memory,
    )
    return _measure(dataset, own, options, out, overwrite, threads, progress)


def score_distances(
    dataset: Dataset,
    values: Any,
    *,
    distance: AnyDistance = "own",
    file_names: Sequence[str | os.PathLike[str]] | None = None,
    model: str = "distances",
    depths: Sequence[float] | Mapping[str, float] | None = None,
    ties: Ties = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = False,
) -> Measurement:
    """Score distances that were made elsewhere — DreamSim, a measure of pyiqa, a model of behaviour
    — with intervals, as `score` scores features.

    Parameters
    ----------
    dataset : Dataset
        The data set.
    values, distance, file_names, depths
        As for `Distances`.
    model : str, default "distances"
        Its name in the results.
    ties, resamples, seed, cluster
        As for `Experiment`.
    pixels, memory, out, overwrite, threads, progress
        As for `score`.

    Returns
    -------
    Measurement
        Scores with intervals.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant; the numbers are not as many as pairs or images, or not finite;
        a matrix is not symmetric.

    Notes
    -----
    It warns of a matrix that looks like one of similarities, in which every image is farther from
    itself than from any other.

    Examples
    --------
    A distance for each pair; here how much two images differ that are shrunk to 8 × 8 pixels:

    >>> import numpy as np
    >>> import alignscope
    >>> from PIL import Image
    >>> dataset = alignscope.load_dataset("oddoneout", "demo/high")
    >>> small = [np.asarray(Image.open(file).resize((8, 8)), float) for file in dataset.files]
    >>> small = np.stack([image.ravel() for image in small])
    >>> first, second = dataset.pairs.T
    >>> found = alignscope.score_distances(dataset, abs(small[first] - small[second]).mean(1))
    >>> found.scores.where(subset="all", measure="accuracy")["value"].round(2)
    array([0.33])

    The same as a matrix:

    >>> square = abs(small[:, None] - small).mean(2)
    >>> again = alignscope.score_distances(dataset, {"output": square}, model="small")
    >>> all(again.scores["value"] == found.scores["value"])
    True
    """
    _dataset(dataset)
    own = Distances(
        values,
        name=_name("model", model),
        distance=distance,
        file_names=file_names,
        depths=depths,
    )
    options = Options(
        ties=ties,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        pixels=pixels,
        memory=memory,
    )
    if distance != "own":
        options["distances"] = distance
    return _measure(dataset, own, options, out, overwrite, threads, progress)


def evaluate(
    dataset: Dataset,
    encode: Function | Callable[[Any, list[str]], Any],
    stages: str | Sequence[str] | None = None,
    *,
    preprocess: str | os.PathLike[str] | Callable[[NDArray[np.uint8]], Any] | None = None,
    batch: int | None = None,
    spill: bool | None = None,
    distances: DistanceKinds = None,
    model: str | None = None,
    tokens: TokenChoice = "all",
    prefix: int | None = None,
    layout: str | Sequence[str] | None = None,
    depths: Sequence[float] | Mapping[str, float] | None = None,
    ties: Ties = "miss",
    resamples: int = 2000,
    seed: int = 0,
    cluster: Cluster = "default",
    pixels: bool = False,
    memory: int | str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
) -> Measurement:
    """Score a model that is a function, or a torch model. Each image is encoded once, and pairs are
    reduced as they come, so that activations are never all kept.

    Parameters
    ----------
    dataset : Dataset
        The data set.
    encode : Function or callable
        A `Function`, such as the models of `alignscope.torch`; or as for `Function`, as are
        `stages`, `preprocess`, `batch`, `spill`, `prefix`, `layout` and `depths`, which a
        `Function` has already.
    model : str, optional
        The name in the results; by default the `Function`'s, or `model`.
    memory : int or str, optional
        What to stay within, in bytes or as `8GB`, the function's own aside; half of the machine's
        by default.
    distances, tokens, ties, resamples, seed, cluster, pixels, out, overwrite, threads, progress
        As for `score`.

    Returns
    -------
    Measurement
        Scores with intervals, and the distances.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant, or the function gives what cannot be read.

    Notes
    -----
    An exception of the function comes out as it is.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
    >>> def encode(images, stages):
    ...     return {"colour": np.stack([image.mean((0, 1)) for image in images])}
    >>> options = {"distances": "euclidean", "progress": False}
    >>> found = alignscope.evaluate(dataset, encode, "colour", **options)
    >>> found.scores.where(subset="all", measure="accuracy")["value"].round(2)
    array([0.59])
    """
    _dataset(dataset)
    described: dict[str, Any] = {
        "stages": stages,
        "preprocess": preprocess,
        "batch": batch,
        "spill": spill,
        "prefix": prefix,
        "layout": layout,
        "depths": depths,
    }
    given = {argument: value for argument, value in described.items() if value is not None}
    if isinstance(encode, Function):
        own = _renamed(encode, model, given)
    else:
        name = "model" if model is None else _name("model", model)
        own = Function(encode, name=name, **({"stages": None} | given))
    options = Options(
        distances=distances,
        tokens=tokens,
        ties=ties,
        resamples=resamples,
        seed=seed,
        cluster=cluster,
        pixels=pixels,
        memory=memory,
    )
    return _measure(dataset, own, options, out, overwrite, threads, progress)


def _renamed(given: Function, name: str | None, described: dict[str, Any]) -> Function:
    """A function under a name; what describes it is not given once more."""
    for argument in described:
        raise InvalidValueError(
            f"{argument} is given for {given!r}, which has its own, expected it there"
        )
    if name is None:
        return given
    found = copy.copy(given)
    found.name = _name("model", name)
    found._own = given._own.copy()
    found._own["name"] = found.name
    return found
