"""A torch model as a model of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._errors import InvalidValueError
from .._models import Function
from ._library import version_of
from ._options import Settings
from ._tower import Tower

if TYPE_CHECKING:
    import torch

    from ._replicas import Replicas
    from ._runner import Runner


class TorchModel(Function):
    """A torch model as a model of a run. `module` and the `from_…` functions make one.

    Each image goes through it once; the activations of all stages are taken on the way.
    """

    def __init__(self, tower: Tower, settings: Settings) -> None:
        from ._device import placed
        from ._prepare import Preparation
        from ._replicas import Replicas
        from ._runner import Runner

        given = tower.preprocess if settings.preprocess is None else settings.preprocess
        if given is None:
            raise InvalidValueError(
                f"preprocess is not given and {tower.name} brings none along, expected a Recipe, "
                "the name of a model, or a function of a PIL image that returns a tensor"
            )
        model, self._places = placed(tower.model, settings)
        self._preparation = Preparation(given, settings.workers)
        self._runner: Runner | Replicas = (
            Runner(model, tower, self._places[0], settings.batch)
            if len(self._places) == 1
            else Replicas(model, tower, self._places, settings.batch)
        )
        self._batch = settings.batch * len(self._places)
        version = settings.version
        if version is None and self._preparation.identity is not None:
            version = self._described(model, tower, settings)
        super().__init__(
            self._encode,
            [tap.stage for tap in tower.taps],
            name=tower.name if settings.name is None else settings.name,
            preprocess=self._preparation.named,
            batch=self._batch * self._preparation.read_ahead,
            spill=settings.spill,
            prefix=tower.prefix if settings.prefix is None else settings.prefix,
            layout="NHWC",
            version=version,
        )
        # Which stages are maps is known when the first image has gone through.
        self._own["layout_where_it_fits"] = True
        self._own["end"] = self._end

    def _described(self, model: Any, tower: Tower, settings: Settings) -> str:
        """The model's version: its class, the libraries, the number format, and a hash."""
        import torch

        from .. import __version__
        from ._fingerprint import fingerprint

        place = str(self._runner.place)
        stages = [str(tap) for tap in tower.taps]
        more = [place, stages, self._preparation.identity, repr(tower.layout), __version__]
        # The first class that is not of torch: what is around it may be a plain container.
        classes = [type(part) for part in model.modules()]
        root = next((cls for cls in classes if not cls.__module__.startswith("torch.")), classes[0])
        library = "" if root.__module__.startswith("torch.") else f"{version_of(root)}, "
        return (
            f"{root.__name__}, {library}torch {torch.__version__}, {place}, "
            f"sha256 {fingerprint(model, more)}"
        )

    def _encode(self, images: Any, wanted: list[str]) -> Mapping[str, Any]:
        from ._runner import joined

        batches = self._preparation.batches(images, self._batch)
        return joined([self._runner.encode(batch, wanted) for batch in batches])

    def _end(self) -> None:
        """Ends the processes that it has; the next batch starts them anew."""
        self._preparation.end()
        self._runner.end()

    @property
    def version(self) -> str | None:
        """What tells it from any other model; None if nothing does, and nothing of it is kept."""
        return self._own["version"]

    @property
    def stages(self) -> list[str]:
        """Its stages, in order of depth."""
        return list(self._own["stages"])

    @property
    def facts(self) -> dict[str, str]:
        """Where it runs: device, driver, number format, version of torch."""
        from ._device import facts

        return facts(self._places)

    def activations(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """The activations of prepared images at each stage, on the device.

        Parameters
        ----------
        batch : torch.Tensor
            `[images, 3, height, width]`, as the model takes them.

        Returns
        -------
        dict of str to torch.Tensor
            `[images, channels]`, `[images, tokens, channels]`, or `[images, height, width,
            channels]` for each stage.
        """
        return self._runner.on_device(batch, self.stages)

    def __repr__(self) -> str:
        return f"TorchModel(name={self.name!r}, {self._runner.place})"
