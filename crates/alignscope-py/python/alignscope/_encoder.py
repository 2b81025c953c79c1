"""Vision encoders: images to activations, stage by stage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check
from ._arrays import ImageLike, images as _images
from ._choices import Precision, ProjectionForm, TokenChoice
from ._progress import Reporter, reporter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Encoder:
    """A vision encoder with its weights, on the CPU.

    It pickles by its name: the weights are read again where it is unpickled.

    Parameters
    ----------
    model : str or os.PathLike
        An id of the Hugging Face hub (`openai/clip-vit-base-patch32`, also with `@REVISION`), which
        is fetched where it is not in the cache; a checkpoint's folder, of one of the families in
        docs/models.md, or of a LoRA adapter; a file of weights, `FILE[#PART][@like=ID]`; or
        `random:ID`, `random:ID@seed=N` or `random:FOLDER@seed=N` for the same architecture with
        random weights.
    projection : {"raw", "unit"}, optional
        Instead of as the model has it; `unit` is divided by its L2 norm.
    precision : {"auto", "f32", "bf16x6", "bf16x3", "bf16"}, default: "auto"
        Of the layers' products.
    threads : int, optional
        How many threads work; all cores by default. Results do not depend on it.
    progress : bool or Reporter, default: True
        Whether it is shown how far the work is; or an object with the methods of `Reporter`.

    Raises
    ------
    MissingFileError
        The folder or one of its files is not there.
    ModelError
        It cannot be used.

    Examples
    --------
    >>> import alignscope
    >>> encoder = alignscope.Encoder("random:openai/clip-vit-base-patch32", progress=False)
    >>> encoder.stages[:2], encoder.shapes["projection"]
    (['embedding', 'block 1'], (1, 512))
    >>> found = encoder.activations("demo/low/ref_00.png", ["embedding", "projection"])
    >>> {stage: array.shape for stage, array in found.items()}
    {'embedding': (1, 50, 768), 'projection': (1, 512)}
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        projection: ProjectionForm | None = None,
        precision: Precision = "auto",
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> None:
        self._threads = check.threads(threads)
        self._arguments = (model, projection, precision, threads, progress)
        self._encoder = _alignscope.Encoder(
            check.path("model", model, "the name or folder of a model (str or os.PathLike)"),
            check.optional_text("projection", projection),
            check.text("precision", precision),
            reporter(progress),
            self._threads,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # The weights are read again where it is unpickled.
        model, *others = self._arguments
        path = os.path.expanduser(model)
        return _opened, (os.path.abspath(path) if os.path.exists(path) else model, *others)

    @property
    def name(self) -> str:
        """The model as it was named."""
        return self._encoder.name

    @property
    def stages(self) -> list[str]:
        """The stages, from the embedding to the projection: `embedding`, `block 1`, …,
        `projection`."""
        return [name for name, _ in self._encoder.stages]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Tokens and channels of an image's activations at each stage."""
        return {name: (shape[0], shape[1]) for name, shape in self._encoder.stages}

    @property
    def image_size(self) -> int:
        """Side of the images that it takes, in pixels."""
        return self._encoder.image_size

    @property
    def preprocessing(self) -> str:
        """How images are brought to the model, in words."""
        return self._encoder.preprocessing

    def preprocess(self, images: ImageLike | Iterable[ImageLike]) -> NDArray[np.float32]:
        """The images as the model takes them: resized, cropped and normalised as Pillow and
        transformers do.

        Parameters
        ----------
        images
            As for `activations`.
        """
        return self._encoder.preprocess(_images(images, self.image_size), None, self._threads)

    def activations(
        self,
        images: ImageLike | Iterable[ImageLike],
        stages: str | Sequence[str] | None = None,
        *,
        tokens: TokenChoice = "all",
        memory: int | str | None = None,
        progress: bool | Reporter = False,
    ) -> dict[str, NDArray[np.float32]]:
        """The activations of images at each stage.

        Parameters
        ----------
        images : path, image, array, or several
            Paths, PIL images, arrays `[height, width, 3]` of `uint8`, or images that are
            preprocessed already, `[3, size, size]` of `float32`; one, many, or an array of many.
        stages : str or sequence of str, optional
            One or several, such as `embedding`, `block 3`, `projection`; all by default.
        tokens : {"all", "class", "registers", "patches", "mean"}
            All, some, or the mean of class token and patches.
        memory : int or str, optional
            What to work in, in bytes or as `8GB`, what is returned aside; half of the machine's by
            default.
        progress : bool or Reporter, default False
            As for the encoder.

        Returns
        -------
        dict of str to numpy.ndarray
            By stage: `[images, tokens, channels]`, or `[images, channels]` where one token is left
            of each image, as at the projection; of `float32`.

        Raises
        ------
        InvalidValueError
            The model has no such stage or tokens.
        ImageError, MissingFileError
            An image cannot be read.
        """
        return self._encoder.activations(
            _images(images, self.image_size),
            check.words("stages", stages, (), "the name of a stage"),
            check.text("tokens", tokens),
            check.memory(memory),
            reporter(progress),
            self._threads,
        )

    def __repr__(self) -> str:
        return f"Encoder({self.name!r}: {self._encoder.architecture})"


def _opened(
    model: str | os.PathLike[str],
    projection: ProjectionForm | None,
    precision: Precision,
    threads: int | None,
    progress: bool | Reporter,
) -> Encoder:
    """The encoder that was pickled."""
    return Encoder(
        model, projection=projection, precision=precision, threads=threads, progress=progress
    )


def known_models() -> list[str]:
    """Ids of the models whose architecture is known, for `random:ID` and as recipes of
    preprocessing.

    Returns
    -------
    list of str
        Ids of the Hugging Face hub.

    Examples
    --------
    >>> import alignscope
    >>> "openai/clip-vit-base-patch32" in alignscope.known_models()
    True
    """
    return [name for name, _, _ in _alignscope.known_models()]
