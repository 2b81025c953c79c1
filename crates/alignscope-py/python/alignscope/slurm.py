"""A run on a Slurm cluster: an array of jobs, one for each shard, and a job that assembles them.

Needs `submitit`. The command `alignscope slurm` writes the same jobs as scripts, without it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import _arguments as check
from ._finished import Run
from ._packages import package
from ._shards import computed, experiment_of, names, shared_cache

if TYPE_CHECKING:
    from ._experiment import Experiment

__all__ = ["Submitted", "submit"]


def submit(
    experiment: Experiment | str | os.PathLike[str],
    *,
    shards: int,
    out: str | os.PathLike[str],
    cache: str | os.PathLike[str] | bool = True,
    folder: str | os.PathLike[str] | None = None,
    cluster: str | None = None,
    at_most: int | None = None,
    cpus: int = 1,
    keep_going: bool = False,
    parameters: dict[str, Any] | None = None,
) -> Submitted:
    """Submit an experiment in shards: an array of jobs, and behind it one that assembles the run
    once all have succeeded. A shard that Slurm preempts, or whose time is over, is put back into
    the queue, and goes on from what is in the cache.

    Parameters
    ----------
    experiment : Experiment, str or os.PathLike
        What is run, or the file that says it. Models of one's own must pickle.
    shards : int
        In how many parts.
    out : str or os.PathLike
        The folder for the results, which the last job writes.
    cache : bool, str or os.PathLike, default True
        The cache, which all nodes must see: the user's, or a folder.
    folder : str or os.PathLike, optional
        Where submitit writes down jobs and what they say; by default `out` with `-slurm` at its
        end.
    cluster : str, optional
        `"slurm"`, or `"local"` for processes of this machine; by default Slurm where it is.
    at_most : int, optional
        At most so many shards at a time.
    cpus : int, default 1
        Cores of a job, and its threads.
    keep_going : bool, default False
        As for `Experiment.run`.
    parameters : dict, optional
        What else `submitit.AutoExecutor.update_parameters` takes, as `{"timeout_min": 240,
        "mem_gb": 16, "slurm_partition": "long", "gpus_per_node": 1}`.

    Returns
    -------
    Submitted
        The jobs.

    Raises
    ------
    MissingPackageError
        submitit is not installed.
    InvalidTypeError, InvalidValueError
        An argument cannot be meant.

    Examples
    --------
    >>> import alignscope
    >>> jobs = alignscope.slurm.submit(
    ...     "experiment.toml", shards=8, out="results", cpus=4,
    ...     parameters={"slurm_partition": "long", "timeout_min": 240, "mem_gb": 16},
    ... )  # doctest: +SKIP
    >>> jobs.result().show()  # doctest: +SKIP
    """
    submitit = package("submitit", "alignscope.slurm")
    count = check.whole("shards", shards, 1)
    path = os.path.abspath(check.path("out", out))
    threads = check.whole("cpus", cpus, 1)
    asked = experiment_of(experiment)
    options = {
        "cache": shared_cache(asked, cache),
        "keep_going": check.yes_or_no("keep_going", keep_going),
        "threads": threads,
    }
    place = path + "-slurm" if folder is None else os.path.abspath(check.path("folder", folder))
    executor = submitit.AutoExecutor(folder=place, cluster=cluster)
    of_slurm = executor.cluster == "slurm"
    executor.update_parameters(cpus_per_task=threads, **(parameters or {}))
    executor.update_parameters(name="alignscope-shards")
    if of_slurm:
        executor.update_parameters(slurm_array_parallelism=at_most or count)
    jobs = executor.map_array(_Shard(asked, options), names(count))
    executor.update_parameters(name="alignscope-assemble")
    if of_slurm:
        array = str(jobs[0].job_id).partition("_")[0]
        behind = dict((parameters or {}).get("slurm_additional_parameters", {}))
        behind |= {"dependency": f"afterok:{array}", "kill_on_invalid_dep": "yes"}
        executor.update_parameters(slurm_additional_parameters=behind)
    # Where nothing knows of dependencies, the last job itself waits for the others.
    waits = [] if of_slurm else jobs
    assembling = executor.submit(_Assembling(asked, path, options, waits))
    return Submitted(jobs, assembling, path)


class Submitted:
    """The jobs of a run in shards, as `submit` gives them."""

    def __init__(self, shards: list[Any], assembling: Any, out: str) -> None:
        #: The jobs of the shards, as submitit has them, in order.
        self.shards = shards
        #: The job that assembles the run.
        self.assembling = assembling
        #: The folder for the results.
        self.out = out

    def result(self) -> Run:
        """Wait until the run is assembled.

        Returns
        -------
        Run
            The folder of the results.

        Raises
        ------
        Exception
            A shard, or the last job, failed: what it raised.
        """
        for job in self.shards:
            job.result()
        bad = self.assembling.result()
        return Run(self.out, bad)

    def cancel(self) -> None:
        """Cancel all jobs; what is computed stays in the cache."""
        for job in [*self.shards, self.assembling]:
            job.cancel()

    def __repr__(self) -> str:
        first, last = self.shards[0].job_id, self.assembling.job_id
        return f"Submitted({len(self.shards)} shards from {first} on, assembled by {last})"


class _Shard:
    """A shard as a job that can be put back into the queue at any moment."""

    def __init__(self, experiment: Experiment, options: dict[str, Any]) -> None:
        self.experiment, self.options = experiment, options

    def __call__(self, shard: str) -> dict[str, Any]:
        return computed(self.experiment, shard, self.options)

    def checkpoint(self, shard: str) -> Any:
        """The same job again: what it computed is in the cache."""
        helpers = package("submitit.helpers", "alignscope.slurm")
        return helpers.DelayedSubmission(self, shard)


class _Assembling:
    """The job that assembles a run."""

    def __init__(
        self, experiment: Experiment, out: str, options: dict[str, Any], waits: list[Any]
    ) -> None:
        self.experiment, self.out, self.options, self.waits = experiment, out, options, waits

    def __call__(self) -> list[tuple[str, str, str]]:
        for job in self.waits:
            job.result()
        run = self.experiment.run(self.out, progress=False, **self.options)
        return run.bad_images

    def checkpoint(self) -> Any:
        """The same job again."""
        helpers = package("submitit.helpers", "alignscope.slurm")
        return helpers.DelayedSubmission(self)
