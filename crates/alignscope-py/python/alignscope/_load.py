"""Data sets from folders: those of their authors, one's own, and the demo."""

from __future__ import annotations

import os

from . import _alignscope, _arguments as check
from ._asked import Asked
from ._dataset import Dataset


def load_dataset(
    format: str,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    level: str | None = None,
    split: str | None = None,
    min_votes: int | None = None,
    lower_is_better: bool | None = None,
    things_images: str | None = None,
    odd: str | None = None,
    skip_missing: bool = False,
    allow_outside: bool = False,
    limit: int | None = None,
    images: bool = True,
) -> Dataset:
    """Read the annotations of a data set.

    Parameters
    ----------
    format : str
        `tid2013`, `nights` or `things`: the format in which their authors publish them, and
        `Dataset.release` says which release was found in it; `tid2008`, `kadid10k` or `bapps`: that
        release, or an error; `nights-raw`, `alignet` or `levels`, as their authors publish them; or
        `pairs`, `twoafc`, `oddoneout` for `pairs.csv`, `twoafc.csv`,
        `oddoneout.csv` of one's own.
    path : str or os.PathLike
        Its folder; for a manifest also the file.
    name : str, optional
        What results call it, as in `mine=pairs` of the command line; by default the name of the
        release that is found, else of the format.
    level : {"low", "middle", "high", "none"}, optional
        Its level of abstraction; by default that of the format.
    split : str, optional
        One split: a file of THINGS (`testset1` by default), a value of the column `split` elsewhere
        (all rows by default).
    min_votes : int, optional
        Leave out NIGHTS trials with fewer votes.
    lower_is_better : bool, optional
        Of rated pairs: whether a lower score means closer to the reference, as a DMOS's does. Such
        scores are turned (their sign is changed), and a note says so. By default as the data set's
        files have it: a column `dmos` of `pairs.csv` is turned, a column `score` is not.
    things_images : {"first", "01b"}, optional
        Which image stands for a THINGS concept: the first in sorted order, as in the study, or the
        reference image.
    odd : {"first", "second", "last"}, optional
        Where the odd one stands in each triplet of a file that has it at one place (THINGS's texts,
        arrays of NumPy); by default `last`.
    skip_missing : bool, default: False
        Leave out trials whose images are missing, and count them, instead of failing.
    allow_outside : bool, default: False
        Let paths in manifests lead out of the data set's folder.
    limit : int, optional
        Only the first trials that can be run. `Dataset.select` takes any others.
    images : bool, default: True
        With False no image is looked for: for `Features` that came from another machine. Whatever
        reads images then says that the data set has none. `Dataset.images` are the names that the
        annotations give them: TID2013's without folders, THINGS's concepts.

    Returns
    -------
    Dataset

    Raises
    ------
    MissingFileError
        The folder, or an image, is not there.
    DatasetError
        It is not what it should be; the message names file, line and column.

    Examples
    --------
    >>> import pathlib
    >>> import tempfile
    >>> import alignscope
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "pairs.csv").write_text("reference,distorted,score\\na,b,3.5\\na,c,1\\n")
    >>> alignscope.load_dataset("pairs", folder, images=False).trials["score"].tolist()
    [3.5, 1.0]
    """
    return Dataset(
        Asked(
            check.text("format", format),
            check.path("path", path),
            check.optional_text("name", name),
            check.optional_text("level", level),
            check.optional_text("split", split),
            check.votes("min_votes", min_votes),
            check.optional_yes_or_no("lower_is_better", lower_is_better),
            check.optional_text("things_images", things_images),
            check.optional_text("odd", odd),
            check.yes_or_no("skip_missing", skip_missing),
            check.yes_or_no("allow_outside", allow_outside),
            check.optional_whole("limit", limit, 1),
            images=check.yes_or_no("images", images),
        )
    )


def demo(path: str | os.PathLike[str], *, seed: int = 0) -> dict[str, Dataset]:
    """Draw the demo's images and trials into the new folder `path`: three small data sets, one for
    each level of abstraction (`pairs`, `twoafc`, `oddoneout`), without a download.

    About 350 images of 224 × 224 pixels. The answers are a simulated observer's: scores on them
    show that the program works, and say nothing about people. The same seed gives the same bytes.

    Parameters
    ----------
    path : str or os.PathLike
        A folder that is new or empty.
    seed : int, default: 0
        Of images and answers.

    Returns
    -------
    dict of str to Dataset
        By format.

    Examples
    --------
    >>> import os
    >>> import tempfile
    >>> import alignscope
    >>> list(alignscope.demo(os.path.join(tempfile.mkdtemp(), "demo")))
    ['pairs', 'twoafc', 'oddoneout']
    """
    found = _alignscope.draw_demo(check.path("path", path), check.whole("seed", seed))
    found_sets = {name: load_dataset(name, folder) for name, folder in found.items()}
    for dataset in found_sets.values():
        dataset.simulated = True
    return found_sets
