"""A torch model as a model of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import _arguments as check
from .._errors import InvalidValueError
from .._models import Function
from ._library import version_of
from ._options import Settings
from ._tower import Tower, checked

if TYPE_CHECKING:
    import torch

    from ._device import Place
    from ._memory import Growth
    from ._replicas import Replicas
    from ._runner import Runner


#: Images at a time, at first, and at most where a GPU bears more.
_BATCH, _MOST_ON_GPU = 32, 512


class TorchModel(Function):
    """A torch model as a model of a run. `module` and the `from_…` functions make one.

    Each image goes through it once; the activations of all stages are taken on the way.
    """

    def __init__(self, tower: Tower, settings: Settings) -> None:
        from ._device import facts, placed
        from ._prepare import Preparation
        from ._replicas import Replicas
        from ._runner import Runner
        from ._store import Store

        given = tower.preprocess if settings.preprocess is None else settings.preprocess
        if given is None:
            raise InvalidValueError(
                f"preprocess is not given and {tower.name} brings none along, expected a Recipe, "
                "the name of a model, or a function of a PIL image that returns a tensor"
            )
        model, self._places = placed(tower.model, settings)
        self._preparation = Preparation(given, settings.workers)
        self._reduced_on = _reduced_on(settings, self._places)
        growth = _growth(settings, self._places)
        self._runner: Runner | Replicas = (
            Runner(model, tower, self._places[0], growth)
            if len(self._places) == 1
            else Replicas(model, tower, self._places, growth.most)
        )
        self._batch = growth.most * len(self._places)
        told = {"class": _class_of(model), "reduced on": self._reduced_on}
        self._facts = facts(self._places) | told
        self._model, self._tower, self._given_version = model, tower, settings.version
        super().__init__(
            self._encode,
            [tap.stage for tap in tower.taps],
            name=tower.name if settings.name is None else settings.name,
            preprocess=self._preparation.named,
            batch=self._batch * self._preparation.read_ahead,
            spill=settings.spill,
            prefix=tower.prefix if settings.prefix is None else settings.prefix,
            layout="NHWC",
            version=settings.version,
            depths=settings.depths,
        )
        self._own["made_with"] = self._facts
        if self._preparation.recipe is not None:
            self._own["recipe"] = self._preparation.recipe.steps
        if isinstance(self._runner, Runner) and self._reduced_on == "device":
            memory = check.memory(settings.memory)
            self._own["device"] = Store(self._runner, self._preparation, memory)
        # Which stages are maps is known when the first image has gone through.
        self._own["layout_where_it_fits"] = True
        self._own["begin"] = self.begin
        self._own["end"] = self._end

    def _described(self) -> str | None:
        """The model's version as it is now: its class, the libraries, the number format, and a hash;
        None if something of it cannot be told."""
        import torch

        from .. import __version__
        from ._fingerprint import fingerprint

        if self._given_version is not None or self._preparation.identity is None:
            return self._given_version
        place = str(self._runner.place)
        stages = [str(tap) for tap in self._tower.taps]
        more = [place, f"reduced on {self._reduced_on}", stages, self._preparation.identity]
        found = fingerprint(self._model, [*more, repr(self._tower.layout), __version__])
        if found is None:
            return None
        return f"{_class_of(self._model)}, torch {torch.__version__}, {place}, sha256 {found}"

    def _encode(self, images: Any, wanted: list[str]) -> Mapping[str, Any]:
        from ._runner import joined

        batches = self._preparation.batches(images, self._batch)
        return joined([self._runner.encode(batch, wanted) for batch in batches])

    def begin(self) -> None:
        """Looks at the model as it is when a run begins, since it may have been trained after it was
        made: its version, which takes a hash of all weights, is not made before."""
        checked(self._model, self.name)
        self._own["version"] = self._described()

    def _end(self) -> None:
        """Ends the processes that it has; the next batch starts them anew."""
        if self._own["device"] is not None:
            self._own["device"].give_back()
        self._preparation.end()
        self._runner.end()

    @property
    def version(self) -> str | None:
        """What tells it, as it is now, from any other model; None if nothing does, and nothing of it
        is kept."""
        return self._described()

    @property
    def stages(self) -> list[str]:
        """Its stages, in order of depth."""
        return list(self._own["stages"])

    @property
    def facts(self) -> dict[str, str]:
        """Where it runs: device, driver, number format, version of torch; as the manifest has it."""
        return dict(self._own["made_with"])

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


def _class_of(model: Any) -> str:
    """A model's class, and the library of it with its version, if it is not torch's own."""
    # The first class that is not of torch: what is around it may be a plain container.
    classes = [type(part) for part in model.modules()]
    root = next((cls for cls in classes if not cls.__module__.startswith("torch.")), classes[0])
    is_of_torch = root.__module__.startswith("torch.")
    return root.__name__ if is_of_torch else f"{root.__name__}, {version_of(root)}"


def _reduced_on(settings: Settings, places: Sequence[Place]) -> str:
    """Where pairs are reduced: `host` or `device`."""
    if settings.reduce == "device" and len(places) > 1:
        raise InvalidValueError(
            f"reduce is 'device' and there are {len(places)} devices, expected one: pairs of images "
            "on two devices meet on the host"
        )
    on_gpu = len(places) == 1 and places[0].device.type != "cpu"
    return settings.reduce or ("device" if on_gpu else "host")


def _growth(settings: Settings, places: Sequence[Place]) -> Growth:
    """Images at a time on each device."""
    from ._memory import Growth

    place = places[0]
    grows = len(places) == 1 and place.device.type == "cuda" and not settings.compile
    most = settings.batch or (_MOST_ON_GPU if grows else _BATCH)
    return Growth(place.device, min(_BATCH, most) if grows else most, most)
