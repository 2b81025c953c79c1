"""Data sets: the images that people were shown, and what they answered."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check, _images, _selection, _stored, _tables, _trials
from ._asked import Asked
from ._errors import DatasetError, InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Dataset:
    """A data set as it will be run. `load_dataset`, `Dataset.from_arrays` and
    `Dataset.from_dataframe` make one.

    `dataset[:100]` and `dataset[mask]` are data sets of some of its trials; see `select`. A data
    set pickles: it is opened again where it is unpickled, and an error says so if its annotations
    are others by then.
    """

    def __init__(self, asked: Asked, *, simulated: bool = False) -> None:
        self._asked = asked
        self._handle = asked.open()
        #: Whether a simulated observer answered, which all results then say.
        self.simulated = simulated

    @classmethod
    def from_arrays(
        cls,
        trials: Mapping[str, Any],
        images: Any = None,
        *,
        paradigm: str | None = None,
        labels: Mapping[str, Any] | None = None,
        folder: str | os.PathLike[str] | None = None,
        image_column: str | None = None,
        name: str | None = None,
        level: str | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """A data set of trials and images that are in memory.

        Parameters
        ----------
        trials : mapping of str to array
            The trials, an array for each of their fields, as `Dataset.trials` has them:

            - odd-one-out: `images` `[n, 3]` and `odd` `[n]`, the position of the odd one, 0 to 2
            - two alternatives: `reference`, `left`, `right` `[n]`, and `left_votes` and
              `right_votes`, or `right_vote`, the share that chose the right image, 0 to 1
            - rated pairs: `reference`, `distorted`, `score` `[n]`, higher for closer; and `std`,
              the deviation of the mean score, NaN where it is unknown
            - same or different: `first`, `second` `[n]`, and `same_votes` and `different_votes`, or
              `same_vote`, the share that says they are the same, 0 to 1
            - quadruplets, of which pair differs more: `a_1`, `a_2`, `b_1`, `b_2` `[n]`, and
              `a_votes` and `b_votes`, or `b_vote`, the share that says pair b, 0 to 1

            and `trial` `[n]`, a number that tells each from others. Images are whole numbers,
            positions in `images`, or names.
        images : optional
            A list of paths; PIL images, arrays `[height, width, 3]` of `uint8`, tensors `[3,
            height, width]` of `uint8` or the bytes of image files; an array of many images; a
            mapping of names to any of these; another `alignscope.Dataset`, for its images; a data
            set of Hugging Face with a column of images; a torch `Dataset`, or another sequence, of
            images or of `(image, label)`. By default trials name files below `folder`. With `False`
            the images are not at hand, as for `load_dataset`.
        paradigm : {"pairs", "twoafc", "oddoneout", "samedifferent", "quadruplets"}, optional
            What people were asked; told by the fields of `trials` by default.
        labels : mapping of str to array, optional
            What else is known of each trial, `[n]`. `subject` or `observer` says who answered, for
            `cluster="observer"`; of any other label each value has scores of its own, up to 50 of
            them.
        folder : str or os.PathLike, optional
            Where relative paths begin, the current folder by default. Results call images by their
            paths below it; paths that are all absolute need none.
        image_column : str, optional
            The column of the images, or the key in each row; the only column of images by default.
        name, level : str, optional
            As for `load_dataset`.
        cache : str or os.PathLike, optional
            Where the data set is kept; the user's cache by default.

        Returns
        -------
        Dataset
            Its images, `dataset.images`, keep the order in which they are given; those that no
            trial shows are not among them.

        Raises
        ------
        DatasetError
            An entry cannot be meant; the message names row, from 0, and column.
        InvalidTypeError, InvalidValueError
            An argument cannot be meant; arrays have different lengths.
        MissingFileError
            An image is not there.

        Notes
        -----
        The data set is kept as a folder with a manifest (`pairs.csv`, `twoafc.csv`,
        `oddoneout.csv`, …) in `datasets` in the cache, named by a hash of trials and images: so a run
        of it can be repeated and verified, and it pickles. Images that are files are linked to;
        others are written once as PNG files, which are lossless and take about 0.6 of the pixels'
        bytes. Pictures are asked for one after the other, and only those that trials show; PIL
        images are brought to RGB by `convert("RGB")`, as image files are: alpha is dropped and the
        EXIF orientation is not applied. Nothing removes these folders but their user.

        Examples
        --------
        >>> import numpy as np
        >>> import alignscope
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
        >>> trials = {"images": [[0, 1, 2], [1, 2, 3]], "odd": [2, 0]}
        >>> labels = {"observer": ["ann", "bob"]}
        >>> dataset = alignscope.Dataset.from_arrays(trials, images, labels=labels, name="mine")
        >>> dataset.images
        ['0', '1', '2', '3']
        >>> features = {"layer": np.eye(4, dtype=np.float32)}
        >>> len(alignscope.score(dataset, features, distances="euclidean", resamples=0).scores) > 0
        True
        """
        found = _trials.from_arrays(trials, paradigm, labels)
        return cls._of(found, images, folder, image_column, name, level, cache)

    @classmethod
    def from_dataframe(
        cls,
        df: Any,
        images: Any = None,
        *,
        paradigm: str | None = None,
        labels: str | list[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        image_column: str | None = None,
        name: str | None = None,
        level: str | None = None,
        cache: str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """A data set of trials in a data frame, with the columns of a manifest.

        Parameters
        ----------
        df
            A data frame of pandas or polars, a table of pyarrow, or whatever gives Arrow's
            PyCapsules. Its columns are those of `pairs.csv`, `twoafc.csv` or `oddoneout.csv`
            (docs/datasets.md): of odd-one-out trials `image_1`, `image_2`, `image_3` and `odd`, 1
            to 3. Images are names or paths, or positions in `images`.
        labels : str or list of str, optional
            Columns that are labels, beside `group`, `subject`, `split` and `label_…`, which always
            are. Any other column is passed over.
        images, paradigm, folder, image_column, name, level, cache
            As for `Dataset.from_arrays`.

        Returns
        -------
        Dataset

        Raises
        ------
        DatasetError, InvalidTypeError, InvalidValueError, MissingFileError
            As for `Dataset.from_arrays`.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> import alignscope
        >>> noise = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
        >>> images = dict(zip(["a.png", "b.png", "c.png"], noise))
        >>> rows = [("a.png", "b.png", 3), ("a.png", "c.png", 1)]
        >>> frame = pd.DataFrame(rows, columns=["reference", "distorted", "score"])
        >>> alignscope.Dataset.from_dataframe(frame, images).images
        ['a.png', 'b.png', 'c.png']
        """
        found = _trials.from_table(_tables.columns(df), paradigm, labels)
        return cls._of(found, images, folder, image_column, name, level, cache)

    @classmethod
    def _of(
        cls,
        trials: _trials.Trials,
        images: Any,
        folder: object,
        image_column: object,
        name: object,
        level: object,
        cache: object,
    ) -> Dataset:
        """The data set of trials that are checked."""
        root = check.optional_path("folder", folder)
        column = check.optional_text("image_column", image_column)
        if isinstance(images, Dataset):
            if not images.has_images:
                raise InvalidValueError(
                    "images is a data set that was loaded without its images, expected one with "
                    "them; load it with `images=True`"
                )
            images = dict(zip(images.images, images.files))
        given: _images.Images | None
        if images is False:
            given = None
        elif images is None:
            given = _images.of_paths(_named(trials), root, "image")
        else:
            given = _images.of(images, root, column)
        kept = _stored.keep(trials, given, check.optional_path("cache", cache))
        return cls(
            Asked(
                trials.paradigm.format,
                str(kept),
                check.optional_text("name", name),
                check.optional_text("level", level),
                images=given is not None,
            )
        )

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
        """The level of abstraction that its question is about: `low`, `middle`, `high` or
        `none`."""
        return self._handle.level

    @cached_property
    def images(self) -> list[str]:
        """The images that the trials use, as results call them: their paths below the data set's
        folder, in order of first use, or in that of `Dataset.from_arrays`. Numbers of images, in
        trials and pairs, are positions here."""
        return self._handle.images

    @cached_property
    def files(self) -> list[Path]:
        """Where the images are, in the same order."""
        return [Path(path) for path in self._handle.files]

    @cached_property
    def trials(self) -> dict[str, NDArray[np.generic]]:
        """The trials, an array for each of their fields, in the order of the annotations.

        - rated pairs (`tid2013`, `pairs`): `reference`, `distorted` `[n]`, `score` `[n]` in the
          data set's own units (higher is closer to the reference), `std` `[n]` (NaN where it is
          unknown)
        - two alternatives (`nights`, `twoafc`): `reference`, `left`, `right` `[n]`, `left_votes`,
          `right_votes` `[n]`, ≥ 0
        - odd-one-out (`things`, `oddoneout`): `images` `[n, 3]`, `odd` `[n]`, 0 to 2

        and `trial` `[n]`, the id or the 0-based record of each in the annotation file. Images are
        `uint32`, positions in `images`.
        """
        return self._handle.trials()

    @cached_property
    def labels(self) -> dict[str, NDArray[np.object_]]:
        """What else is known of each trial (`split`, `distortion_type`, `subject`, …): texts
        `[n]`."""
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
        and 1, 0 and 2, 1 and 2). `distances[dataset.pairs_of_trials]` are the distances of
        trials."""
        return self._handle.pairs_of_trials().reshape(len(self), -1)

    @property
    def notes(self) -> list[str]:
        """What one must know: the release found, substitutes, what was left out and why."""
        return self._handle.notes

    @property
    def skipped_trials(self) -> int:
        """Trials left out because an image is missing (`skip_missing`)."""
        return self._handle.skipped_trials

    @property
    def has_images(self) -> bool:
        """Whether its images are at hand. If not (`images=False`), only `Features` can be
        measured."""
        return self._asked.images

    def select(self, trials: Any = None, *, label: Mapping[str, Any] | None = None) -> Dataset:
        """The data set with some of its trials, and the images that these show.

        Parameters
        ----------
        trials : slice, array of bool, or sequence of int, optional
            Which trials: a slice, a mask with an entry for each, or positions, where -1 is the
            last. They keep their order, whatever that of the positions.
        label : mapping of str to a value or several, optional
            Trials whose labels have these values (`{"split": "val"}`); see `Dataset.labels`. With
            `trials` too, those of both.

        Returns
        -------
        Dataset
            It has the same name; a note, the manifest of a run and its page say how many trials are
            selected, and published scores are not held against it. All trials are the data set
            itself.

        Raises
        ------
        InvalidTypeError, InvalidValueError
            No trial is left; a position is beyond them, or stands there twice; a mask has another
            length; no trial has the label.

        Examples
        --------
        >>> import alignscope
        >>> trials = {"images": [[0, 1, 2], [1, 2, 3], [0, 2, 3]], "odd": [2, 0, 1]}
        >>> labels = {"observer": ["ann", "bob", "ann"]}
        >>> dataset = alignscope.Dataset.from_arrays(trials, images=False, labels=labels)
        >>> len(dataset[:2]), len(dataset[dataset.trials["odd"] == 1])
        (2, 1)
        >>> dataset.select(label={"observer": "ann"}).trials["trial"].tolist()
        [0, 2]
        """
        import numpy as np

        chosen = np.arange(len(self), dtype=np.uint32)
        if trials is not None:
            chosen = _selection.positions(trials, len(self))
        elif label is None:
            raise InvalidTypeError("select() is called without `trials` and without `label`")
        if label is not None:
            chosen = chosen[_selection.of_labels(label, self.labels)[chosen]]
        if len(chosen) == 0:
            raise InvalidValueError(f"none of the {len(self)} trials is selected")
        if len(chosen) == len(self):
            return self
        before = self._asked.selection
        asked = replace(self._asked, selection=chosen if before is None else before[chosen])
        return Dataset(asked, simulated=self.simulated)

    def save(self, folder: str | os.PathLike[str], *, copy: bool = False) -> Dataset:
        """Write the data set as a folder of one's own, whatever it was read from: a table of trials
        (`pairs.csv`, `twoafc.csv`, `oddoneout.csv`, `quadruplets.csv` or `samedifferent.csv`),
        `image_order.txt`, a `README.txt` that says where it comes from, and its images.

        Parameters
        ----------
        folder : str or os.PathLike
            A folder that is new or empty.
        copy : bool, default: False
            Copy the images, so that the folder needs no other. By default they are links to the
            files.

        Returns
        -------
        Dataset
            What is read there: the same trials, numbers of trials, labels and clusters, and so the
            same scores, under the same name and level. It is of no known release any more: a
            table does not say it, and published scores are not held against it.

        Raises
        ------
        DatasetError
            The folder holds something; the trials are people's matrices, which no table has.

        Examples
        --------
        >>> import os
        >>> import tempfile
        >>> import alignscope
        >>> trials = {"images": [["a", "b", "c"]], "odd": [2]}
        >>> dataset = alignscope.Dataset.from_arrays(trials, images=False, name="mine")
        >>> saved = dataset.save(os.path.join(tempfile.mkdtemp(), "mine"))
        >>> saved.name, saved.images, sorted(os.listdir(saved.path))
        ('mine', ['a', 'b', 'c'], ['README.txt', 'image_order.txt', 'oddoneout.csv'])
        """
        path = check.path("folder", folder)
        format, _ = self._handle.write(path, check.yes_or_no("copy", copy))
        asked = Asked(format, path, self.name, self.level, images=self.has_images)
        return Dataset(asked, simulated=self.simulated)

    def __getitem__(self, trials: Any) -> Dataset:
        """The data set with some of its trials: `dataset[:100]`, `dataset[mask]`,
        `dataset[[3, 5]]`; see `select`."""
        return self.select(trials)

    def __len__(self) -> int:
        """The number of trials."""
        return len(self._handle)

    def __repr__(self) -> str:
        counts = f"{len(self)} trials, {len(self.pairs)} pairs, {len(self.images)} images"
        return f"Dataset({self.name!r}, {str(self.path)!r}: {counts})"

    def _identity(self) -> str:
        """A hash of trials, answers, labels and the names of images."""
        names = "\n".join(self.images).encode("utf-8", "surrogatepass")
        return f"{self._handle.trials_sha256} {hashlib.sha256(names).hexdigest()}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self._asked.from_anywhere(), self.simulated, self._identity())


def _unpickled(asked: Asked, simulated: bool, identity: str) -> Dataset:
    """The data set that was pickled, opened again."""
    dataset = Dataset(asked, simulated=simulated)
    if dataset._identity() != identity:
        raise DatasetError(
            f"the data set in {asked.path} is not what it was when it was pickled: its trials, "
            "labels or images are others; load it anew"
        )
    return dataset


def _named(trials: _trials.Trials) -> list[str]:
    """The names of the images of trials, in order of first use."""
    names = list(dict.fromkeys(trials.shown()))
    for name in names:
        if not isinstance(name, str):
            raise InvalidValueError(
                f"trials number images ({name}), expected `images` that says which they are, or "
                "`images=False` if they are not at hand"
            )
    return [str(name) for name in names]
