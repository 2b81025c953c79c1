"""What is asked for of a data set: from it the data set is opened, also in another process."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import _alignscope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Asked:
    """A data set as it is asked for, each argument as the compiled part takes it."""

    format: str
    path: str
    name: str | None = None
    level: str | None = None
    split: str | None = None
    min_votes: int | None = None
    lower_is_better: bool | None = None
    things_images: str | None = None
    odd: str | None = None
    skip_missing: bool = False
    allow_outside: bool = False
    limit: int | None = None
    #: Positions among the trials that all else leaves.
    selection: NDArray[np.uint32] | None = None
    #: Whether its images are at hand.
    images: bool = True

    def open(self) -> _alignscope.Dataset:
        """Reads the annotations."""
        return _alignscope.Dataset(
            self.format,
            self.path,
            self.name,
            self.level,
            self.split,
            self.min_votes,
            self.lower_is_better,
            self.things_images,
            self.odd,
            self.skip_missing,
            self.allow_outside,
            self.limit,
            self.selection,
            not self.images,
        )

    def from_anywhere(self) -> Asked:
        """The same, as a process in another folder finds it."""
        return replace(self, path=os.path.abspath(self.path))
