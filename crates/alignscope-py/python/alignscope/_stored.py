"""Data sets that are made of arrays, kept as folders with a manifest: whatever reads a folder of
one's own reads them too, and a run of them can be repeated."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from . import _alignscope
from ._errors import DatasetError, InvalidValueError
from ._images import Images
from ._trials import OWN_LABELS, Trials

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The file beside a manifest that says in which order the data set has its images.
ORDER = "image_order.txt"
#: Pictures, each once, whichever data sets have them.
_PICTURES = "pictures"


def keep(trials: Trials, images: Images | None, cache: str | None) -> Path:
    """The folder of a data set, which is written if it is not there: its manifest, its images as
    links to their files or as PNG files, and their order.

    `images` — None if they are not at hand; trials then name them, or number them
    `cache` — where such folders are kept; the user's cache if it is None
    """
    home = Path(_alignscope.datasets_folder() if cache is None else cache)
    home.mkdir(parents=True, exist_ok=True)
    numbers, names = _shown(trials, images)
    work = home / _new()
    work.mkdir()
    try:
        digest = hashlib.sha256(trials.paradigm.format.encode())
        for name in [_write_manifest(work, trials, names), _write_order(work, names.values())]:
            digest.update((work / name).read_bytes())
        if images is not None:
            for number, name in zip(numbers, names.values()):
                content = images.content(number)
                digest.update(f"{name}\0{_place(home, work / name, content)}\0".encode())
        folder = home / f"{trials.paradigm.format}-{digest.hexdigest()[:32]}"
        _rename(work, folder, [] if images is None else list(names.values()))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _shown(
    trials: Trials, images: Images | None
) -> tuple[list[int], dict[int | str, str]]:
    """The numbers of the images that trials show, ascending; and the names of all by what trials
    call them, in that order."""
    shown = dict.fromkeys(trials.shown())
    if images is None:
        named = {image: str(image) for image in sorted(shown, key=_first_numbers)}
        _check_names(list(named.values()))
        return [], named
    by_number: dict[int, list[int | str]] = {}
    for image in shown:
        by_number.setdefault(_number(trials, images, image), []).append(image)
    numbers = sorted(by_number)
    _check_names([images.names[number] for number in numbers])
    return numbers, {by_number[n][0]: images.names[n] for n in numbers} | {
        image: images.names[n] for n in numbers for image in by_number[n][1:]
    }


def _first_numbers(image: int | str) -> int:
    """Numbers in their order; names as they come."""
    return image if isinstance(image, int) else 0


def _number(trials: Trials, images: Images, image: int | str) -> int:
    """The number of an image that trials name or number."""
    count = len(images.names)
    if isinstance(image, int) and image < count:
        return image
    if isinstance(image, str) and image in images.numbers:
        return images.numbers[image]
    for row, images_of_trial in enumerate(zip(*trials.images.values())):
        if image in images_of_trial:
            name = list(trials.images)[images_of_trial.index(image)]
            expected = f"the name of one of the {count} images"
            if isinstance(image, int):
                expected = f"a number from 0 to {count - 1}"
            raise DatasetError(f"trials, row {row}: `{name}` is `{image}`, expected {expected}")
    raise AssertionError("an image of the trials")


def _check_names(names: list[str]) -> None:
    """Each is a path that a manifest can have, and no two are the same."""
    seen: set[str] = set()
    for name in names:
        why = _why_not(name)
        if why is None and name in seen:
            why = "another image has it too"
        if why is not None:
            raise InvalidValueError(
                f"an image cannot be called `{name}`: {why}; give other names, as keys of a mapping"
            )
        seen.add(name)
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) in seen:
                raise InvalidValueError(
                    f"an image cannot be called `{name}`: another is called `{parent}`; give other "
                    "names, as keys of a mapping"
                )


def _why_not(name: str) -> str | None:
    """Why an image cannot have this name; None if it can."""
    parts = name.split("/")
    if not name or name != name.strip():
        return "it is empty, or begins or ends with a space"
    if any(ord(char) < 32 for char in name) or "\\" in name:
        return "it has a `\\` or a character that does not show"
    if any(part in ("", ".", "..") for part in parts) or os.path.isabs(name):
        return "it is no path below a folder"
    if any(part.startswith(".") for part in parts):
        return "a part of it begins with a dot, and such files are passed over"
    if name == ORDER or name in ("pairs.csv", "twoafc.csv", "oddoneout.csv"):
        return "a file of the data set has that name"
    return None


def _write_manifest(folder: Path, trials: Trials, names: dict[int | str, str]) -> str:
    """Writes the trials; gives the name of the file."""
    columns: dict[str, list[str]] = {
        role: [names[image] for image in images] for role, images in trials.images.items()
    }
    columns |= trials.columns
    for label, values in trials.labels.items():
        columns[label if label in OWN_LABELS else f"label_{label}"] = values
    name = f"{trials.paradigm.format}.csv"
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return name


def _write_order(folder: Path, names: Iterable[str]) -> str:
    """Writes the names of the images; gives the name of the file."""
    lines = "".join(f"{name}\n" for name in dict.fromkeys(names))
    (folder / ORDER).write_text(lines, encoding="utf-8", newline="\n")
    return ORDER


def _place(home: Path, path: Path, content: Path | bytes | NDArray[np.uint8]) -> str:
    """Puts an image where a manifest names it; gives what tells it from others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        return f"file {_link(content, path)}"
    if isinstance(content, bytes):
        what = f"bytes {hashlib.sha256(content).hexdigest()}"
        _link_picture(home, path, what, lambda: content)
    else:
        digest = hashlib.sha256(content.tobytes())
        what = f"pixels {content.shape[0]}x{content.shape[1]} {digest.hexdigest()}"
        _link_picture(home, path, what, lambda: _alignscope.png(content))
    return what


def _new() -> str:
    """A name that no other process gives, for what is renamed when it is whole."""
    return f".new-{uuid.uuid4().hex}"


def _link(file: Path, path: Path) -> str:
    """A link to a file; a copy where the system has no links for its users. What tells the file
    from others: its path, and of a copy also the size and the time of what it was made of."""
    try:
        path.symlink_to(file)
    except (OSError, NotImplementedError):
        stat = file.stat()
        shutil.copyfile(file, path)
        return f"{file} {stat.st_size} {stat.st_mtime_ns}"
    return str(file)


def _link_picture(home: Path, path: Path, what: str, encode: Callable[[], bytes]) -> None:
    """A second name of a picture that is kept once; the picture is written if it is not there."""
    digest = hashlib.sha256(what.encode()).hexdigest()
    kind = "png" if what.startswith("pixels") else "image"
    picture = home / _PICTURES / f"{digest[:40]}.{kind}"
    if not picture.is_file():
        picture.parent.mkdir(exist_ok=True)
        written = picture.with_name(_new())
        written.write_bytes(encode())
        # Data sets have it by links: what one writes to it all would see.
        written.chmod(0o444)
        os.replace(written, picture)
    try:
        os.link(picture, path)
    except (OSError, NotImplementedError):
        shutil.copyfile(picture, path)


def _rename(work: Path, folder: Path, images: list[str]) -> None:
    """Gives a folder its name. One that is there is the same data set, which another process may
    be reading: it stays, and what it lacks is added."""
    if not folder.is_dir():
        try:
            os.rename(work, folder)
        except OSError:
            # Another process made the same data set at the same moment.
            if not folder.is_dir():
                raise
        else:
            return
    for name in _all_files(work, images):
        if not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / name, folder / name)


def _all_files(work: Path, images: list[str]) -> Iterator[str]:
    """The names of the files of a data set."""
    yield from (path.name for path in work.iterdir() if path.suffix in (".csv", ".txt"))
    yield from images
