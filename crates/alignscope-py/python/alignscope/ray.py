"""A run on a Ray cluster: each shard is a task, and the run is assembled here.

Needs `ray`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._packages import package
from ._shards import computed, experiment_of, names, shared_cache

if TYPE_CHECKING:
    from ._experiment import Experiment
    from ._finished import Run
    from ._progress import Reporter

__all__ = ["run"]


def run(
    experiment: Experiment | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    shards: int | None = None,
    cache: str | os.PathLike[str] | bool = True,
    address: str | None = None,
    num_cpus: int = 1,
    num_gpus: float = 0.0,
    max_retries: int = 3,
    resources: dict[str, float] | None = None,
    keep_going: bool = False,
    progress: bool | Reporter = True,
) -> Run:
    """Run an experiment in shards on a Ray cluster, and fill a folder. The results are those of one
    machine, to the byte. A shard whose worker is lost is computed again, by another, from what is in
    the cache.

    Parameters
    ----------
    experiment : Experiment, str or os.PathLike
        What is run, or the file that says it. Data sets and folders of models must lie where all
        workers see them, and models of one's own must pickle.
    out : str or os.PathLike
        The folder for the results, on this machine.
    shards : int, optional
        In how many parts; by default one for each task that the cluster has room for at a time, and
        as many again, so that who is done early takes another.
    cache : bool, str or os.PathLike, default True
        The cache, which all workers and this machine must see: the user's, or a folder.
    address : str, optional
        The cluster, as `ray.init` takes it, if this process is not connected to one; by default
        that of `RAY_ADDRESS`, or one on this machine.
    num_cpus : int, default 1
        Cores of a task, and its threads.
    num_gpus : float, default 0.0
        GPUs of a task, for torch models with `device="cuda"`: each task sees its own.
    max_retries : int, default 3
        So often a shard is computed again whose worker was lost.
    resources : dict of str to float, optional
        What else a task needs, as `ray.remote` takes it.
    keep_going, progress
        As for `Experiment.run`.

    Returns
    -------
    Run
        The folder.

    Raises
    ------
    MissingPackageError
        ray is not installed.
    InvalidTypeError, InvalidValueError
        An argument cannot be meant, or no node of the cluster has room for a task.
    AlignscopeError
        As for `Experiment.run`.

    Examples
    --------
    >>> import alignscope
    >>> experiment = alignscope.Experiment.from_file("results/manifest.json")
    >>> run = alignscope.ray.run(
    ...     experiment, "by ray", shards=16, num_cpus=4, cache="/shared/cache"
    ... )  # doctest: +SKIP
    """
    ray = package("ray", "alignscope.ray")
    cores = check.whole("num_cpus", num_cpus, 1)
    retries = check.whole("max_retries", max_retries, 0)
    count = check.optional_whole("shards", shards, 1)
    asked = experiment_of(experiment)
    folder, going = shared_cache(asked, cache), check.yes_or_no("keep_going", keep_going)
    options = {"cache": folder, "keep_going": going, "threads": cores}
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False)
    needs = {"CPU": float(cores), "GPU": float(num_gpus), **(resources or {})}
    at_a_time = _at_a_time(ray, {name: of for name, of in needs.items() if of > 0})
    task = ray.remote(computed).options(
        num_cpus=cores,
        num_gpus=num_gpus,
        resources=resources or {},
        max_retries=retries,
        # What a shard itself refuses is refused again.
        retry_exceptions=False,
    )
    given = ray.put(asked)
    waiting = [task.remote(given, shard, options) for shard in names(count or 2 * at_a_time)]
    try:
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1)
            ray.get(done)
    except ray.exceptions.RayTaskError as error:
        # What was raised there comes out as if it had been raised here.
        raise error.cause from error
    finally:
        for left in waiting:
            ray.cancel(left)
    # Beside the tasks this machine has nothing to do: it assembles with all its cores.
    return asked.run(out, cache=folder, keep_going=going, progress=progress)


def _at_a_time(ray: Any, needs: dict[str, float]) -> int:
    """How many tasks that need this the cluster has room for."""
    room = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            room += int(min(has.get(name, 0.0) // of for name, of in needs.items()))
    if room == 0:
        from ._errors import InvalidValueError

        needed = ", ".join(f"{of:g} {name}" for name, of in needs.items())
        raise InvalidValueError(
            f"no node of the Ray cluster has {needed}, which a shard needs; give less with "
            "num_cpus, num_gpus or resources"
        )
    return room
