"""What every way to compute an experiment in shards shares."""

from __future__ import annotations

import os
from typing import Any

from . import _arguments as check
from ._errors import InvalidTypeError
from ._experiment import Experiment


def experiment_of(given: object) -> Experiment:
    """An experiment, or that of a file."""
    if isinstance(given, Experiment):
        return given
    if isinstance(given, (str, os.PathLike)):
        return Experiment.from_file(given)
    raise InvalidTypeError(
        f"experiment is {check.shown(given)}, expected an Experiment or the path of a file"
    )


def shared_cache(experiment: Experiment, cache: object) -> str:
    """The folder of the cache as every machine can name it: by its whole path."""
    if cache is True:
        named = experiment._experiment.cache
        found = str(named) if named else os.environ.get("ALIGNSCOPE_CACHE")
        if not found:
            base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            found = os.path.join(base, "alignscope", "cells")
    else:
        found = check.path("cache", cache, "a folder that all machines see, an address, or True")
    return found if "://" in found else os.path.abspath(found)


def names(count: int) -> list[str]:
    """The shards of so many."""
    return [f"{index}/{count}" for index in range(1, count + 1)]


def computed(experiment: Experiment, shard: str, options: dict[str, Any]) -> dict[str, Any]:
    """Computes a shard: what was done, in plain numbers that travel between machines."""
    table = experiment.run_shard(shard, progress=False, **options)
    return {
        "shard": shard,
        "encoded": int(sum(table["encoded"])),
        "wall_s": float(sum(table["wall_s"])),
    }
