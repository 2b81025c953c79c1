"""What a run will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._results import Table


class Plan:
    """What a run will take, as `Experiment.plan` found it.

    Examples
    --------
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("pairs", "demo/low")
    >>> plan = alignscope.Experiment("ssim", dataset).plan(cache="later", progress=False)
    >>> plan.memory_bytes == int(max(plan.cells["memory_bytes"]))
    True
    """

    def __init__(self, cells: Table, summary: Mapping[str, Any]) -> None:
        #: Each model on each data set, of shards each one's part: `model`, `dataset`, `shard`
        #: (`2/8`), `images` and `pairs` that are not in the cache and the number of `stages` at
        #: which they are not, `memory_bytes` (at the most, of the whole program), `cache_bytes`,
        #: `temporary_bytes`, `image_s` and `pair_s` (seconds of one, at all stages), `seconds`,
        #: `scoring_s`. Shards to which stages are dealt have all images and pairs each.
        self.cells = cells
        self._summary = summary

    @property
    def seconds(self) -> float:
        """Seconds of the whole on one machine."""
        return float(self._summary["on_one_machine"]["seconds"])

    @property
    def opening_s(self) -> float:
        """Seconds of them in which the data sets are read and their images checked; each shard does
        that too."""
        return float(self._summary["opening_s"])

    @property
    def assembling_s(self) -> float | None:
        """Seconds in which a run in shards is assembled; None if it is not in shards."""
        found = self._summary["assembling_s"]
        return None if found is None else float(found)

    @property
    def memory_bytes(self) -> int:
        """Memory at the most."""
        return int(self._summary["on_one_machine"]["memory_bytes"])

    @property
    def cache_bytes(self) -> int:
        """What is added to the cache."""
        return int(self._summary["on_one_machine"]["cache_bytes"])

    @property
    def temporary_bytes(self) -> int:
        """Temporary files at the most."""
        return int(self._summary["on_one_machine"]["temporary_bytes"])

    @property
    def shards(self) -> list[dict[str, Any]]:
        """The shards, in order, each with `seconds`, `memory_bytes`, `cache_bytes` and
        `temporary_bytes`."""
        return [dict(shard) for shard in self._summary["shards"]]

    def __repr__(self) -> str:
        memory = self.memory_bytes / 1e6
        return f"Plan({len(self.cells)} cells, {self.seconds:.0f} s, {memory:.0f} MB)"
