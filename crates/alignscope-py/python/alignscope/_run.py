"""A run in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast, overload

from ._errors import InvalidValueError
from ._experiment import Experiment
from ._finished import Run
from ._inputs import Datasets, Models, OwnModel
from ._options import Options
from ._progress import Reporter
from ._results import Table

if TYPE_CHECKING:
    from typing_extensions import Unpack


@overload
def run(
    experiment: Models | None = None,
    datasets: Datasets | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    models: Models | None = None,
    own: OwnModel | Sequence[OwnModel] = (),
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    untrained: bool = False,
    control: bool = False,
    cache: str | os.PathLike[str] | bool = True,
    shard: None = None,
    fresh: bool = False,
    overwrite: bool = False,
    keep_going: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
    **options: Unpack[Options],
) -> Run: ...


@overload
def run(
    experiment: Models | None = None,
    datasets: Datasets | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    models: Models | None = None,
    own: OwnModel | Sequence[OwnModel] = (),
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    untrained: bool = False,
    control: bool = False,
    cache: str | os.PathLike[str] | bool = True,
    shard: str,
    fresh: bool = False,
    overwrite: bool = False,
    keep_going: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
    **options: Unpack[Options],
) -> Table: ...


def run(
    experiment: Models | None = None,
    datasets: Datasets | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    models: Models | None = None,
    own: OwnModel | Sequence[OwnModel] = (),
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    untrained: bool = False,
    control: bool = False,
    cache: str | os.PathLike[str] | bool = True,
    shard: str | None = None,
    fresh: bool = False,
    overwrite: bool = False,
    keep_going: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
    **options: Unpack[Options],
) -> Run | Table:
    """Run models on data sets and fill a folder: encoders by id or folder, metrics, features,
    functions and distances stand in one figure, with paired comparisons of all. Or run what a file
    says.

    Parameters
    ----------
    experiment : models, or str or os.PathLike
        The models, as for `Experiment`; or the path of a file that ends in `.toml`, an experiment,
        or in `.json`, the `manifest.json` of a run, which is repeated.
    datasets : optional
        As for `Experiment`; with a file, instead of its own.
    out : str or os.PathLike
        A folder that is new or empty, or that of this very run.
    models : optional
        With a file, models instead of its own.
    own, data, untrained
        With a file, as for `Experiment.from_file`.
    control : bool, default False
        Whether the untrained control of each encoder is added behind it.
    shard : str, optional
        Compute one part of the run into the cache, as `"2/8"`, and write no results, as
        `Experiment.run_shard` does. The same call without it then assembles the run.
    cache, fresh, overwrite, keep_going, threads, progress
        As for `Experiment.run`.
    **options
        What `Experiment` takes beside models and data sets; with a file, instead of what it says.

    Returns
    -------
    Run
        The folder, with its tables; with `shard` a Table of what was done.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant.
    AlignscopeError
        As for `Experiment.run` and `Experiment.from_file`.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> datasets = [
    ...     alignscope.load_dataset("pairs", "demo/low"),
    ...     alignscope.load_dataset("twoafc", "demo/middle"),
    ... ]
    >>> run = alignscope.run(["ssim", "psnr"], datasets, "two", progress=False)
    >>> len(run.comparisons)
    12

    Models of one's own stand beside them; here features at two stages, random numbers:

    >>> rng = np.random.default_rng(0)
    >>> names = sorted({name for dataset in datasets for name in dataset.images})
    >>> arrays = {f"layer{i}": rng.normal(size=(len(names), 8)) for i in (1, 2)}
    >>> mine = alignscope.Features(arrays, file_names=names, name="mine")
    >>> options = {"distances": "cosine", "progress": False}
    >>> run = alignscope.run(["ssim", mine], datasets, "with mine", **options)

    The same once more, from what the first run says of itself:

    >>> again = alignscope.run("two/manifest.json", out="again", progress=False)
    >>> all(again.scores["value"] == alignscope.results("two")["value"])
    True
    """
    if isinstance(experiment, (str, os.PathLike)) and _is_file(experiment):
        asked = Experiment.from_file(
            experiment,
            models=models,
            datasets=datasets,
            own=own,
            data=data,
            untrained=untrained,
            control=control,
            **options,
        )
    else:
        for name, value in {"own": own, "data": data, "untrained": untrained}.items():
            if value:
                raise InvalidValueError(
                    f"{name} goes with an experiment in a file, expected `models` and `datasets` "
                    "that say all"
                )
        if experiment is not None and models is not None:
            raise InvalidValueError(
                "models is given twice, expected an experiment that is a file in the first place"
            )
        asked = Experiment(
            cast(Models, experiment if models is None else models),
            cast(Datasets, datasets),
            control=control,
            **options,
        )
    if shard is not None:
        if fresh or overwrite:
            raise InvalidValueError(
                "a shard discards nothing, expected neither fresh nor overwrite with shard"
            )
        return asked.run_shard(
            shard, cache=cache, keep_going=keep_going, threads=threads, progress=progress
        )
    return asked.run(
        cast(str, out),
        cache=cache,
        fresh=fresh,
        overwrite=overwrite,
        keep_going=keep_going,
        threads=threads,
        progress=progress,
    )


def _is_file(experiment: str | os.PathLike[str]) -> bool:
    """Whether it is an experiment in a file rather than a model."""
    return os.fspath(experiment).lower().endswith((".toml", ".json"))
