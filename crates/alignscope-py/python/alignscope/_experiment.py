"""Runs: models × data sets to scores, with all files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Union, cast

from . import _alignscope, _arguments as check
from ._dataset import Dataset, load_dataset
from ._errors import InvalidTypeError, InvalidValueError
from ._models import Features, Function, Own
from ._progress import Reporter, reporter
from ._results import Table, results

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: A model of a run: an id of the hub, a folder, `random:ID`, a baseline, `pixels`, or one's own.
Model = Union[str, "os.PathLike[str]", Features, Function]
#: Models of a run, one or several, or by the names that results give them.
Models = Union[Model, Sequence[Model], Mapping[str, Union[str, "os.PathLike[str]"]]]
#: Data sets of a run, or folders by their formats.
Datasets = Union[Dataset, Sequence[Dataset], Mapping[str, Union[str, "os.PathLike[str]"]]]

#: The kinds of distance.
DISTANCES = ("euclidean", "normalized-euclidean", "cosine", "correlation", "dot")
#: Those of the study: the default.
STUDY_DISTANCES = ("euclidean", "normalized-euclidean", "cosine")


class Options(TypedDict, total=False):
    """What `Experiment` takes beside models and data sets."""

    distances: str | Sequence[str] | None
    tokens: str
    projection: str | None
    precision: str
    backend: str
    device: Any
    dtype: Any
    tf32: bool | None
    compile: bool | None
    batch: int | None
    ties: str
    resamples: int
    seed: int
    cluster: str
    pixels: bool
    baseline_size: int | None
    weights: str | os.PathLike[str] | None
    scale_from: str | os.PathLike[str] | None
    title: str | None
    published: bool
    memory: int | str | None


class Choices(TypedDict):
    """What is chosen of an experiment, as the compiled part takes it; None where nothing is."""

    distances: list[str] | None
    tokens: str | None
    projection: str | None
    precision: str | None
    backend: str | None
    device: str | None
    dtype: str | None
    tf32: bool | None
    compile: bool | None
    batch: int | None
    ties: str | None
    resamples: int | None
    seed: int | None
    cluster: str | None
    pixels: bool | None
    baseline_size: int | None
    weights: str | None
    scale_from: str | None
    title: str | None
    published: bool | None
    memory: int | None
    simulated: bool | None


def kinds(name: str, value: object) -> list[str]:
    """Kinds of distance; the study's if it is None."""
    return check.words(name, value, STUDY_DISTANCES, "a kind of distance")


#: What each option is held to.
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "distances": kinds,
    "tokens": check.text,
    "projection": check.optional_text,
    "precision": check.text,
    "backend": check.text,
    "device": check.of_torch,
    "dtype": check.of_torch,
    "tf32": check.optional_yes_or_no,
    "compile": check.optional_yes_or_no,
    "batch": lambda name, value: check.optional_whole(name, value, 1),
    "ties": check.text,
    "resamples": check.whole,
    "seed": check.whole,
    "cluster": check.text,
    "pixels": check.yes_or_no,
    "baseline_size": lambda name, value: check.optional_whole(name, value, 1),
    "weights": check.optional_path,
    "scale_from": check.optional_path,
    "title": check.optional_text,
    "published": check.yes_or_no,
    "memory": lambda _, value: check.memory(value),
}


def choices(options: Options, simulated: bool | None) -> Choices:
    """What is chosen: the options that are given, checked."""
    found: Any = dict.fromkeys(Choices.__annotations__)
    for name, value in options.items():
        found[name] = _CHECKS[name](name, value)
    return cast(Choices, found | {"simulated": simulated})


class Run:
    """The folder of a run."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        bad_images: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        #: The folder.
        self.path = Path(check.path("path", path))
        #: Images that could not be read, with `keep_going`: data set, image, and why.
        self.bad_images = list(bad_images)

    @property
    def scores(self) -> Table:
        """All scores: one row for each data set, subset, model, stage, distance and measure."""
        return self.table("scores")

    @property
    def report(self) -> Path:
        """The run as a page without network."""
        return self.path / "report.html"

    def table(self, name: str) -> Table:
        """A table of the run; see `results`."""
        return results(self.path, name)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """The figure, as notebooks show it."""
        try:
            return (self.path / "alignment.svg").read_text(encoding="utf-8")
        except OSError:
            return f"<p>{self!r}</p>"


class Experiment:
    """Models × data sets: what `alignscope run` does. `Experiment.from_file` reads one.

    `models` — one or several: ids of the hub, folders, `random:ID`, baselines (`ssim`, `lpips-alex`,
    `dreamsim`, …), `pixels`, torch models (`timm:NAME`, `transformers:ID`, `open_clip:NAME/PRETRAINED`,
    `torchvision:NAME[/WEIGHTS]`), `series:GLOB[@like=ID]` (one model in many states, of which tables have `series` and
    `step`), `Features` or a `Function`. `NAME=MODEL`, or a mapping of names to models, says what they are called in
    results; a folder without a name is called by the shortest ending of its path that tells it apart
    `datasets` — data sets of `load_dataset`, or a mapping of formats, or `NAME=FORMAT`, to folders
    `distances` — `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`; the first
    three by default
    `tokens` — which tokens are compared: `all` (as published), `class`, `registers`, `patches` or
    `mean`
    `projection` — `raw` or `unit`, instead of as each model has it
    `precision` — of the layers' products: `auto`, `f32`, `bf16x6`, `bf16x3` or `bf16`
    `backend` — what runs encoders that are named by an id or a folder: `own` or `torch`
    `device`, `dtype`, `tf32`, `compile`, `batch` — how torch models that are named by a text run, as
    for `alignscope.torch`; None for its defaults
    `ties` — what a tie between a model's distances counts: `miss` (as published) or `half`
    `resamples`, `seed`, `cluster` — of the bootstrap that makes intervals; 0 resamples for none;
    `cluster` is `default` (the reference image, the triplet), `observer` or `none`
    `pixels` — whether the model `pixels` is added
    `baseline_size` — side of the square that baselines see where images differ in size
    `weights` — a folder in which weights of baselines are looked for first
    `scale_from` — the folder of a run whose scales are used for the normalized distance
    `title` — what stands over figures and page
    `published` — whether the study's own curves lie under those of the run
    `memory` — what to stay within, in bytes or as `8GB`; half of the machine's by default
    """

    def __init__(
        self,
        models: Models,
        datasets: Datasets,
        *,
        distances: str | Sequence[str] | None = None,
        tokens: str = "all",
        projection: str | None = None,
        precision: str = "auto",
        backend: str = "own",
        device: Any = None,
        dtype: Any = None,
        tf32: bool | None = None,
        compile: bool | None = None,
        batch: int | None = None,
        ties: str = "miss",
        resamples: int = 2000,
        seed: int = 0,
        cluster: str = "default",
        pixels: bool = True,
        baseline_size: int | None = None,
        weights: str | os.PathLike[str] | None = None,
        scale_from: str | os.PathLike[str] | None = None,
        title: str | None = None,
        published: bool = False,
        memory: int | str | None = None,
    ) -> None:
        named, self._own = _models(models)
        opened = _datasets(datasets)
        options = Options(
            distances=distances,
            tokens=tokens,
            projection=projection,
            precision=precision,
            backend=backend,
            device=device,
            dtype=dtype,
            tf32=tf32,
            compile=compile,
            batch=batch,
            ties=ties,
            resamples=resamples,
            seed=seed,
            cluster=cluster,
            pixels=pixels,
            baseline_size=baseline_size,
            weights=weights,
            scale_from=scale_from,
            title=title,
            published=published,
            memory=memory,
        )
        simulated = any(dataset.simulated for dataset in opened)
        handles = [dataset._handle for dataset in opened]
        self._experiment = _alignscope.Experiment(named, handles, choices(options, simulated))

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        models: Models | None = None,
        datasets: Datasets | None = None,
        own: Features | Function | Sequence[Features | Function] = (),
        data: Mapping[str, str | os.PathLike[str]] | None = None,
        untrained: bool = False,
        **options: Unpack[Options],
    ) -> Experiment:
        """An experiment in TOML, or that of a run, which is repeated; as `alignscope run FILE` reads it.
        What is given takes the place of what the file says.

        `path` — the file in TOML, or the `manifest.json` of a run
        `models` — instead of the file's; its figures then show all of them
        `datasets` — instead of the file's; its figures then show all of them
        `own` — `Features` or a `Function`, or several, beside the file's models. One that has the name of a
        model which the run had in memory is that model
        `data` — where data sets lie that are not where the file says: a mapping of their names to folders
        `untrained` — whether each encoder of the file is replaced by its untrained control
        `options` — what `Experiment` takes beside models and data sets, where it is not as the file says

        Raises `FileNotFoundError` where the file is not there, `ExperimentFileError` where it is no
        experiment.
        """
        for name in options:
            if name not in _CHECKS:
                raise InvalidTypeError(
                    f"{name} is no option of an experiment, expected one of {', '.join(_CHECKS)}"
                )
        named, given = (None, []) if models is None else _models(models)
        opened = None if datasets is None else _datasets(datasets)
        simulated = None if opened is None else any(dataset.simulated for dataset in opened)
        found = cls.__new__(cls)
        found._own = given + _own(own)
        found._experiment = _alignscope.Experiment.read(
            check.path("path", path),
            _folders(data),
            check.yes_or_no("untrained", untrained),
            named,
            None if opened is None else [dataset._handle for dataset in opened],
            choices(options, simulated),
        )
        return found

    def run(
        self,
        out: str | os.PathLike[str],
        *,
        cache: str | os.PathLike[str] | bool = True,
        fresh: bool = False,
        keep_going: bool = False,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Run:
        """Do all of it and fill the folder `out`: scores, distances, trials, figures, `report.html`
        and `manifest.json`. Ctrl-C stops it; the same call then goes on from there.

        `out` — a folder that is new or empty, or that of this very run
        `cache` — where differences are kept, so that nothing is encoded twice: the user's cache, as for
        the command `alignscope run`; a folder; or with False nowhere
        `fresh` — discard what folder and cache hold of this run, and begin anew
        `keep_going` — leave out trials of images that cannot be decoded (`Run.bad_images`), instead of
        failing
        `threads` — how many threads work; all cores unless said otherwise. Results do not depend on
        it
        `progress` — whether it is shown how far the work is; or an object with the methods of
        `Reporter`
        """
        path = check.path("out", out)
        kept: str | bool
        if isinstance(cache, (str, os.PathLike)):
            kept = check.path("cache", cache)
        else:
            kept = check.yes_or_no("cache", cache)
        bad = self._experiment.run(
            self._own,
            path,
            kept,
            check.yes_or_no("fresh", fresh),
            check.yes_or_no("keep_going", keep_going),
            reporter(progress),
            check.threads(threads),
        )
        return Run(path, bad)

    def __repr__(self) -> str:
        models, datasets = self._experiment.models, self._experiment.datasets
        return f"Experiment(models={models}, datasets={datasets})"


def run(
    experiment: Models | None = None,
    datasets: Datasets | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    models: Models | None = None,
    own: Features | Function | Sequence[Features | Function] = (),
    data: Mapping[str, str | os.PathLike[str]] | None = None,
    untrained: bool = False,
    cache: str | os.PathLike[str] | bool = True,
    fresh: bool = False,
    keep_going: bool = False,
    threads: int | None = None,
    progress: bool | Reporter = True,
    **options: Unpack[Options],
) -> Run:
    """Run models on data sets and fill the folder `out`: encoders by id or folder, metrics, features
    and functions stand in one figure, with paired comparisons of all. Or run what a file says.

        alignscope.run(
            ["openai/clip-vit-base-patch32", "ssim", Features(arrays, name="mine"),
             Function(encode, stages, name="torch", version="1")],
            datasets, "results",
        )
        alignscope.run("experiment.toml", out="other", distances="cosine")
        alignscope.run("results/manifest.json", out="again")  # the same once more

    `experiment` — the path of a file that ends in `.toml`, an experiment, or in `.json`, the
    `manifest.json` of a run, which is repeated; or the models, as `models`
    `datasets` — as for `Experiment`; with a file, instead of its own
    `out` — a folder that is new or empty, or that of this very run
    `models` — as for `Experiment`; with a file, instead of its own
    `own`, `data`, `untrained` — with a file, as for `Experiment.from_file`
    `options` — what `Experiment` takes beside models and data sets; with a file, instead of what it says
    `cache`, `fresh`, `keep_going`, `threads`, `progress` — as for `Experiment.run`
    """
    if isinstance(experiment, (str, os.PathLike)) and _is_file(experiment):
        asked = Experiment.from_file(
            experiment, models=models, datasets=datasets, own=own, data=data, untrained=untrained,
            **options,
        )
    else:
        for name, value in {"own": own, "data": data, "untrained": untrained}.items():
            if value:
                raise InvalidValueError(
                    f"{name} goes with an experiment in a file, expected `models` and `datasets` "
                    "that say all"
                )
        if experiment is not None and models is not None:
            raise InvalidValueError(
                "models is given twice, expected an experiment that is a file in the first place"
            )
        asked = Experiment(
            cast(Models, experiment if models is None else models), cast(Datasets, datasets), **options
        )
    return asked.run(
        cast(str, out),
        cache=cache,
        fresh=fresh,
        keep_going=keep_going,
        threads=threads,
        progress=progress,
    )


def _is_file(experiment: str | os.PathLike[str]) -> bool:
    """Whether it is an experiment in a file rather than a model."""
    return os.fspath(experiment).lower().endswith((".toml", ".json"))


def _folders(data: Mapping[str, str | os.PathLike[str]] | None) -> dict[str, str]:
    """Where data sets lie, by their names."""
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise check.wrong_type("data", data, "a mapping of data sets to folders")
    return {check.text("data", name): check.path(f"data[{name!r}]", path) for name, path in data.items()}


def _own(given: Features | Function | Sequence[Features | Function]) -> list[Own]:
    """Models of one's own."""
    listed: Any = [given] if isinstance(given, (Features, Function)) else given
    expected = "Features, a Function, or a list of them"
    if isinstance(listed, (str, bytes, Mapping)) or not isinstance(listed, Iterable):
        raise check.wrong_type("own", given, expected)
    found = []
    for number, model in enumerate(listed):
        if not isinstance(model, (Features, Function)):
            raise check.wrong_type(f"own[{number}]", model, expected)
        found.append(model._own)
    return found


def _models(
    given: Models,
) -> tuple[list[tuple[str | None, str | None]], list[Own]]:
    """The models with the names that they are given, and those that are one's own by their names."""
    if isinstance(given, Mapping):
        expected = "the name or folder of a model (str or os.PathLike)"
        return [
            (check.text("models", name), check.path(f"models[{name!r}]", model, expected))
            for name, model in given.items()
        ], []
    expected = (
        "the name or folder of a model (str or os.PathLike), Features, a Function, or a list of them"
    )
    listed: Any = [given] if isinstance(given, (str, os.PathLike, Features, Function)) else given
    if isinstance(listed, (bytes, Mapping)) or not isinstance(listed, Iterable):
        raise check.wrong_type("models", given, expected)
    models: list[tuple[str | None, str | None]] = []
    own: list[Own] = []
    for number, model in enumerate(listed):
        if isinstance(model, (Features, Function)):
            models.append((model.name, None))
            own.append(model._own)
            continue
        if not isinstance(model, (str, os.PathLike)):
            raise check.wrong_type(f"models[{number}]", model, expected)
        text = check.path(f"models[{number}]", model, expected)
        models.append((None, os.path.expanduser(text)))
    return models, own


def _datasets(given: Datasets) -> list[Dataset]:
    if isinstance(given, Dataset):
        return [given]
    if isinstance(given, Mapping):
        return [
            load_dataset(format, check.path(f"datasets[{format!r}]", path))
            for format, path in given.items()
        ]
    expected = "data sets of load_dataset, or a mapping of formats to folders"
    if isinstance(given, (str, bytes, os.PathLike)) or not isinstance(given, Iterable):
        raise check.wrong_type("datasets", given, expected)
    found = list(given)
    for number, dataset in enumerate(found):
        if not isinstance(dataset, Dataset):
            raise check.wrong_type(f"datasets[{number}]", dataset, expected)
    return found
