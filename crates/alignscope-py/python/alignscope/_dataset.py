"""Data sets: the images that people were shown, and what they answered."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from . import _alignscope, _arguments as check

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Dataset:
    """A data set as it will be run. `load_dataset` makes one."""

    def __init__(self, handle: _alignscope.Dataset, *, simulated: bool = False) -> None:
        self._handle = handle
        #: Whether a simulated observer answered, which all results then say.
        self.simulated = simulated

    @property
    def name(self) -> str:
        """What results call it: the name that was given; else its release; else its format."""
        return self._handle.name

    @property
    def release(self) -> str | None:
        """The release that its annotations were found to be, whatever it is called: `tid2013`,
        `tid2008`, `kadid10k`, `nights`, `bapps` or `things`; None if it is no known one."""
        return self._handle.release

    @property
    def path(self) -> Path:
        """Its folder, or its manifest."""
        return Path(self._handle.path)

    @property
    def level(self) -> str:
        """The level of abstraction that its question is about: `low`, `middle`, `high` or `none`."""
        return self._handle.level

    @cached_property
    def images(self) -> list[str]:
        """The images that the trials use, in order of first use, as results call them: their paths
        below the data set's folder. Numbers of images, in trials and pairs, are positions here."""
        return self._handle.images

    @cached_property
    def files(self) -> list[Path]:
        """Where the images are, in the same order."""
        return [Path(path) for path in self._handle.files]

    @cached_property
    def trials(self) -> dict[str, NDArray[np.generic]]:
        """The trials, an array for each of their fields, in the order of the annotations.

        - rated pairs (`tid2013`, `pairs`): `reference`, `distorted` `[n]`, `score` `[n]` in the data
          set's own units (higher is closer to the reference), `std` `[n]` (NaN where it is unknown)
        - two alternatives (`nights`, `twoafc`): `reference`, `left`, `right` `[n]`, `left_votes`,
          `right_votes` `[n]`, ≥ 0
        - odd-one-out (`things`, `oddoneout`): `images` `[n, 3]`, `odd` `[n]`, 0 to 2

        and `trial` `[n]`, the id or the 0-based record of each in the annotation file. Images are
        `uint32`, positions in `images`.
        """
        return self._handle.trials()

    @cached_property
    def labels(self) -> dict[str, NDArray[np.object_]]:
        """What else is known of each trial (`split`, `distortion_type`, `subject`, …): texts `[n]`."""
        import numpy as np

        return {
            name: np.array(values, dtype=object)[codes]
            for name, (values, codes) in self._handle.labels().items()
        }

    @cached_property
    def pairs(self) -> NDArray[np.uint32]:
        """The different pairs of images that trials compare, `[pairs, 2]`, in order of first use:
        the order of distances."""
        return self._handle.pairs()

    @cached_property
    def pair_uses(self) -> NDArray[np.uint32]:
        """How often trials use each pair, `[pairs]`, ≥ 1."""
        return self._handle.pair_uses()

    @cached_property
    def pairs_of_trials(self) -> NDArray[np.uint32]:
        """The pair of each comparison of each trial: `[n, 1]` for rated pairs, `[n, 2]` for two
        alternatives (reference and left, reference and right), `[n, 3]` for odd-one-out (images 0
        and 1, 0 and 2, 1 and 2). `distances[dataset.pairs_of_trials]` are the distances of trials."""
        return self._handle.pairs_of_trials().reshape(len(self), -1)

    @property
    def notes(self) -> list[str]:
        """What one must know: the release found, substitutes, what was left out and why."""
        return self._handle.notes

    @property
    def skipped_trials(self) -> int:
        """Trials left out because an image is missing (`skip_missing`)."""
        return self._handle.skipped_trials

    def __len__(self) -> int:
        """The number of trials."""
        return len(self._handle)

    def __repr__(self) -> str:
        counts = f"{len(self)} trials, {len(self.pairs)} pairs, {len(self.images)} images"
        return f"Dataset({self.name!r}, {str(self.path)!r}: {counts})"


def load_dataset(
    format: str,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    level: str | None = None,
    split: str | None = None,
    min_votes: int | None = None,
    things_images: str | None = None,
    skip_missing: bool = False,
    allow_outside: bool = False,
    limit: int | None = None,
) -> Dataset:
    """Read the annotations of a data set.

    `format` — `tid2013`, `nights` or `things`: the format in which their authors publish them, and
    `Dataset.release` says which release was found in it; `tid2008`, `kadid10k` or `bapps`: that
    release, or an error; or `pairs`, `twoafc`, `oddoneout` for `pairs.csv`, `twoafc.csv`,
    `oddoneout.csv` of one's own
    `path` — its folder; for a manifest also the file
    `name` — what results call it, as in `mine=pairs` of the command line; by default the name of
    the release that is found, else of the format
    `level` — its level of abstraction: `low`, `middle`, `high` or `none`; by default that of the
    format
    `split` — one split: a file of THINGS (`testset1` unless said otherwise), a value of the column
    `split` elsewhere (all rows unless said otherwise)
    `min_votes` — leave out NIGHTS trials with fewer votes
    `things_images` — which image stands for a THINGS concept: `first` in sorted order, as in the
    study, or `01b`
    `skip_missing` — leave out trials whose images are missing, and count them, instead of failing
    `allow_outside` — let paths in manifests lead out of the data set's folder
    `limit` — only the first trials that can be run

    Raises `FileNotFoundError` where it is not there, `DatasetError` where it is not what it should
    be.
    """
    return Dataset(
        _alignscope.Dataset(
            check.text("format", format),
            check.path("path", path),
            check.optional_text("name", name),
            check.optional_text("level", level),
            check.optional_text("split", split),
            check.votes("min_votes", min_votes),
            check.optional_text("things_images", things_images),
            check.yes_or_no("skip_missing", skip_missing),
            check.yes_or_no("allow_outside", allow_outside),
            check.optional_whole("limit", limit, 1),
        )
    )


def demo(path: str | os.PathLike[str], *, seed: int = 0) -> dict[str, Dataset]:
    """Draw the demo's images and trials into the new folder `path`: three small data sets, one for
    each level of abstraction (`pairs`, `twoafc`, `oddoneout`), without a download.

    About 350 images of 224 × 224 pixels. The answers are a simulated observer's: scores on them show
    that the program works, and say nothing about people. The same seed gives the same bytes.
    """
    found = _alignscope.draw_demo(check.path("path", path), check.whole("seed", seed))
    found_sets = {name: load_dataset(name, folder) for name, folder in found.items()}
    for dataset in found_sets.values():
        dataset.simulated = True
    return found_sets
