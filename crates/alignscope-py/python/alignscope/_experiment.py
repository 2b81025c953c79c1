"""Models × data sets: what is asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _alignscope, _arguments as check
from ._choices import Backend, Cluster, Precision, ProjectionForm, Ties, TokenChoice
from ._errors import InvalidTypeError
from ._finished import Run
from ._inputs import Datasets, Models, OwnModel, check_data_sets, folders, named_models, opened
from ._inputs import own_models
from ._models import at_work
from ._options import CHECKS, DistanceKinds, Options, choices
from ._plan import Plan
from ._progress import Reporter, reporter
from ._results import Table

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Experiment:
    """Models × data sets: what `alignscope run` does, in two steps. `run` does both at once.

    Parameters
    ----------
    models : str, os.PathLike, Features, Function, Distances, a sequence of them, or mapping
        Ids of the hub, folders, `random:ID`, metrics (`ssim`, `lpips-alex`, `dreamsim`, …),
        `pixels`, torch models (`timm:NAME`, `transformers:ID`, `open_clip:NAME/PRETRAINED`,
        `torchvision:NAME[/WEIGHTS]`), `series:GLOB[@like=ID]` (one model in many states, of which
        tables have `series` and `step`), or models of one's own. `NAME=MODEL`, or a mapping of
        names to models, says what they are called in results; a folder without a name is called by
        the shortest ending of its path that tells it apart.
    datasets : Dataset, sequence of Dataset, or mapping of str to str or os.PathLike
        Data sets of `load_dataset`, or a mapping of formats, or `NAME=FORMAT`, to folders.
    distances : str or sequence of str, optional
        `euclidean`, `normalized-euclidean`, `cosine`, `correlation`, `dot`; the first three by
        default.
    tokens : {"all", "class", "registers", "patches", "mean"}
        Which tokens are compared; all as published.
    projection : {"raw", "unit"}, optional
        The form of projections, instead of as each model has it.
    precision : {"auto", "f32", "bf16x6", "bf16x3", "bf16"}
        The arithmetic of the layers' products.
    backend : {"own", "torch"}
        What runs encoders that are named by an id or a folder.
    device, dtype, tf32, compile, batch : optional
        How torch models that are named by a text run, as for `alignscope.torch`; None for its
        defaults.
    ties : {"miss", "half"}
        What a tie between a model's distances counts; nothing as published.
    resamples : int, default 2000
        Resamples of the bootstrap that makes intervals; 0 for none.
    seed : int, default 0
        Their seed.
    cluster : {"default", "observer", "image", "none"}
        What is resampled as a whole; by default what the data set's kind of trial says (the
        reference image, the triplet; of people's matrices the people and the images).
    pixels : bool, default True
        Whether the model `pixels` is added.
    control : bool, default False
        Whether the untrained control of each encoder is added behind it: the same architecture with
        random weights of seed 0. Models of one's own have none.
    baseline_size : int, optional
        Side of the square that metrics see where images differ in size.
    weights : str or os.PathLike, optional
        A folder in which weights of metrics are looked for first.
    scale_from : str or os.PathLike, optional
        The folder of a run whose scales are used for the normalized distance.
    transform : str or os.PathLike, optional
        A transform of activations, as `alignscope transform` writes it and gLocal publishes it
        (`transform.npz`): `FILE` for the last stage, `FILE@STAGE` for another. Of models with
        stages that stage alone is measured, with one vector for each image (`tokens="class"` or
        `"mean"`).
    title : str, optional
        What stands over figures and page.
    published : bool, default False
        Whether the study's own curves lie under those of the run.
    memory : int or str, optional
        What to stay within, in bytes or as `8GB`; half of the machine's by default.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        An argument cannot be meant; the message says what was expected.

    Examples
    --------
    >>> import alignscope
    >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
    >>> alignscope.Experiment("facebook/dinov2-base", dataset, control=True)
    Experiment(models=['facebook/dinov2-base', 'random:facebook/dinov2-base'], datasets=['twoafc'])
    """

    def __init__(
        self,
        models: Models,
        datasets: Datasets,
        *,
        distances: DistanceKinds = None,
        tokens: TokenChoice = "all",
        projection: ProjectionForm | None = None,
        precision: Precision = "auto",
        backend: Backend = "own",
        device: Any = None,
        dtype: Any = None,
        tf32: bool | None = None,
        compile: bool | None = None,
        batch: int | None = None,
        ties: Ties = "miss",
        resamples: int = 2000,
        seed: int = 0,
        cluster: Cluster = "default",
        pixels: bool = True,
        control: bool = False,
        baseline_size: int | None = None,
        weights: str | os.PathLike[str] | None = None,
        scale_from: str | os.PathLike[str] | None = None,
        transform: str | os.PathLike[str] | None = None,
        title: str | None = None,
        published: bool = False,
        memory: int | str | None = None,
    ) -> None:
        named, self._own = named_models(models)
        found = opened(datasets)
        check_data_sets(self._own, found)
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
            transform=transform,
            title=title,
            published=published,
            memory=memory,
        )
        simulated = any(dataset.simulated for dataset in found)
        self._experiment = _alignscope.Experiment(
            named,
            [dataset._handle for dataset in found],
            choices(options, simulated),
            check.yes_or_no("control", control),
        )
        self._made: _Made = (Experiment, (models, datasets), {**options, "control": control})

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        models: Models | None = None,
        datasets: Datasets | None = None,
        own: OwnModel | Sequence[OwnModel] = (),
        data: Mapping[str, str | os.PathLike[str]] | None = None,
        untrained: bool = False,
        control: bool = False,
        **options: Unpack[Options],
    ) -> Experiment:
        """An experiment in TOML, or that of a run, which is repeated; as `alignscope run FILE`
        reads it. What is given takes the place of what the file says.

        Parameters
        ----------
        path : str or os.PathLike
            The file in TOML, or the `manifest.json` of a run.
        models : optional
            Instead of the file's; its figures then show all of them.
        datasets : optional
            Instead of the file's; its figures then show all of them.
        own : Features, Function, Distances, or sequence of them
            Models of one's own beside the file's models. One that has the name of a model which the
            run had in memory is that model.
        data : mapping of str to str or os.PathLike, optional
            Where data sets lie that are not where the file says, by their names.
        untrained : bool, default False
            Whether each encoder of the file is replaced by its untrained control.
        control : bool, default False
            Whether each has it behind it, as for `Experiment`.
        **options
            What `Experiment` takes beside models and data sets, where it is not as the file says.

        Returns
        -------
        Experiment
            To be run.

        Raises
        ------
        MissingFileError
            The file is not there.
        ExperimentFileError
            It is no experiment.

        Examples
        --------
        >>> import alignscope
        >>> alignscope.Experiment.from_file("results/manifest.json", distances="cosine")
        Experiment(models=['ssim', 'psnr'], datasets=['pairs', 'twoafc', 'oddoneout'])
        """
        for name in options:
            if name not in CHECKS:
                raise InvalidTypeError(
                    f"{name} is no option of an experiment, expected one of {', '.join(CHECKS)}"
                )
        named, given = (None, []) if models is None else named_models(models)
        read = None if datasets is None else opened(datasets)
        simulated = None if read is None else any(dataset.simulated for dataset in read)
        found = cls.__new__(cls)
        found._own = given + own_models(own)
        if read is not None:
            check_data_sets(found._own, read)
        found._experiment = _alignscope.Experiment.read(
            check.path("path", path),
            folders(data),
            check.yes_or_no("untrained", untrained),
            named,
            None if read is None else [dataset._handle for dataset in read],
            choices(options, simulated),
            check.yes_or_no("control", control),
        )
        given_too = {"models": models, "datasets": datasets, "own": own, "data": data}
        made = {**given_too, "untrained": untrained, **options}
        found._made = (Experiment.from_file, (os.path.abspath(check.path("path", path)),), made)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        # It is made again where it is unpickled, from what it was made of.
        return _make, self._made

    def run(
        self,
        out: str | os.PathLike[str],
        *,
        cache: str | os.PathLike[str] | bool = True,
        fresh: bool = False,
        overwrite: bool = False,
        keep_going: bool = False,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Run:
        """Do all of it and fill a folder: scores, distances, trials, figures, `report.html` and
        `manifest.json`. Ctrl-C stops it; the same call then goes on from there.

        Parameters
        ----------
        out : str or os.PathLike
            A folder that is new or empty, or that of this very run.
        cache : bool, str or os.PathLike, default True
            Where differences are kept, so that nothing is encoded twice: the user's cache, as for
            the command `alignscope run`; a folder, or `s3://BUCKET/PREFIX`, which many machines may
            share; or nowhere with False.
        fresh : bool, default False
            Discard what folder and cache hold of this run, and begin anew.
        overwrite : bool, default False
            Replace a run that the folder holds, also one of other models; the cache stays. A file
            there that no run leaves is never removed, and a folder that holds no run is refused.
        keep_going : bool, default False
            Leave out trials of images that cannot be decoded (`Run.bad_images`), instead of
            failing.
        threads : int, optional
            How many threads work; all cores by default. Results do not depend on it.
        progress : bool or Reporter, default True
            Whether it is shown how far the work is; or an object with the methods of `Reporter`.

        Returns
        -------
        Run
            The folder.

        Raises
        ------
        ResultsError
            The folder holds something else.
        DatasetError, ImageError, ModelError, MemoryBudgetError
            What cannot be measured, and why; before the first image is encoded, if that can be
            known.

        Examples
        --------
        >>> import alignscope
        >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
        >>> experiment = alignscope.Experiment("ssim", dataset, title="One metric")
        >>> experiment.run("one", overwrite=True, progress=False)
        Run('one')
        """
        path = check.path("out", out)
        kept = _kept(cache)
        with at_work(self._own):
            bad = self._experiment.run(
                self._own,
                path,
                kept,
                check.yes_or_no("fresh", fresh),
                check.yes_or_no("overwrite", overwrite),
                check.yes_or_no("keep_going", keep_going),
                reporter(progress),
                check.threads(threads),
            )
        return Run(path, bad)

    def run_shard(
        self,
        shard: str,
        *,
        cache: str | os.PathLike[str] | bool = True,
        keep_going: bool = False,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Table:
        """Compute one part of the run into the cache, and write no results. Several parts may be
        computed at the same time, on machines that share the cache; `run` then finds all there, and
        its results are those of one machine, to the byte. A part that was lost is computed again.

        Parameters
        ----------
        shard : str
            Which part, as `"2/8"`: the second of eight.
        cache : bool, str or os.PathLike, default True
            The cache that the parts share, as for `run`; False is refused.
        keep_going, threads, progress
            As for `run`.

        Returns
        -------
        Table
            `model`, `dataset`, `images`, `pairs` and number of `stages` that are this part's,
            `encoded` (images that were encoded now; 0 where all was in the cache), `wall_s`.

        Raises
        ------
        InvalidValueError
            There is no such part, no cache, or a model of which nothing can be kept.
        AlignscopeError
            As for `run`.

        Examples
        --------
        >>> import alignscope
        >>> dataset = alignscope.load_dataset("pairs", "demo/low")
        >>> experiment = alignscope.Experiment("ssim", dataset, pixels=False)
        >>> parts = [experiment.run_shard(f"{i}/2", cache="shared", progress=False) for i in (1, 2)]
        >>> int(sum(part["pairs"][0] for part in parts)) == len(dataset.pairs)
        True
        >>> run = experiment.run("assembled", cache="shared", progress=False)
        """
        kept = _kept(cache)
        with at_work(self._own):
            found = self._experiment.run_shard(
                self._own,
                check.text("shard", shard),
                kept,
                check.yes_or_no("keep_going", keep_going),
                reporter(progress),
                check.threads(threads),
            )
        return Table(found)

    def plan(
        self,
        *,
        shards: int | None = None,
        speeds: Mapping[str, float] | None = None,
        factor: float = 1.0,
        cache: str | os.PathLike[str] | bool = True,
        keep_going: bool = False,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Plan:
        """Say what the run will take: memory, disk and time of each model on each data set. Each
        model encodes a few images; what `run` would refuse, also after hours, is refused now.

        Parameters
        ----------
        shards : int, optional
            In how many parts it is computed, as by `run_shard`; one machine by default.
        speeds : mapping of str to float, optional
            Images a second of models by their names in results; others are measured now.
        factor : float, default 1.0
            So many times as fast as this machine are those that will run it.
        cache, keep_going, threads, progress
            As for `run`.

        Returns
        -------
        Plan
            The cells, and what they take together.

        Raises
        ------
        InvalidValueError
            A speed is none, or of a model that is not run.
        AlignscopeError
            As for `run`; or a disk has no room for the cache or for temporary files.

        Examples
        --------
        >>> import alignscope
        >>> dataset = alignscope.load_dataset("pairs", "demo/low")
        >>> plan = alignscope.Experiment(["ssim", "psnr"], dataset).plan(cache=False, progress=False)
        >>> plan.cells["model"].tolist()
        ['pixels', 'ssim', 'psnr']
        """
        given = {} if speeds is None else dict(speeds)
        with at_work(self._own):
            cells, text = self._experiment.plan(
                self._own,
                check.optional_whole("shards", shards, 1),
                {check.text("speeds", name): float(speed) for name, speed in given.items()},
                float(factor),
                _kept(cache),
                check.yes_or_no("keep_going", keep_going),
                reporter(progress),
                check.threads(threads),
            )
        return Plan(Table(cells), json.loads(text))

    def compare_models(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        images: int = 300,
        stage: str | None = None,
        cache: str | os.PathLike[str] | bool = True,
        threads: int | None = None,
        progress: bool | Reporter = True,
    ) -> Table:
        """Compare the models with each other on the images of the data sets, people left aside:
        linear CKA (Kornblith et al. 2019) and Spearman's correlation of the distances of all pairs
        of images (RSA), of every stage with every stage, of each two models and of each with
        itself.

        Parameters
        ----------
        out : str or os.PathLike, optional
            A folder that is new or empty, for `similarities.csv`, a figure of each data set and
            measure, and `similarity.json`; nothing is written by default.
        images : int, default 300
            At most so many images of each data set, evenly spread over it. The work grows by the
            square of their number.
        stage : str, optional
            The only stage that is compared; all by default.
        cache, threads, progress
            As for `run`.

        Returns
        -------
        Table
            `dataset`, `measure` (`linear-cka` or `rsa`), `distance` (of `rsa`), `model_a`,
            `stage_a`, `depth_a`, `model_b`, `stage_b`, `depth_b`, `value` (-1 to 1, NaN where all
            images are equal), `standard_error` (a jackknife over 20 groups of images; NaN of fewer
            than 40 images), `n_images`.

        Raises
        ------
        ResultsError
            The folder holds something else.
        DatasetError, ImageError, ModelError, MemoryBudgetError
            What cannot be measured, and why.

        Examples
        --------
        >>> import alignscope
        >>> dataset = alignscope.load_dataset("twoafc", "demo/middle")
        >>> experiment = alignscope.Experiment(["ssim", "psnr"], dataset, pixels=False)
        >>> found = experiment.compare_models(images=20, progress=False)
        >>> rsa = found.where(measure="rsa", distance="cosine", model_a="ssim", model_b="psnr")
        >>> bool(0.0 < rsa["value"][0] < 1.0)
        True
        """
        with at_work(self._own):
            found = self._experiment.compare_models(
                self._own,
                None if out is None else check.path("out", out),
                check.whole("images", images, 3),
                None if stage is None else check.text("stage", stage),
                _kept(cache),
                reporter(progress),
                check.threads(threads),
            )
        return Table(found)

    def __repr__(self) -> str:
        models, datasets = self._experiment.models, self._experiment.datasets
        return f"Experiment(models={models}, datasets={datasets})"


def _kept(cache: object) -> str | bool:
    """Where differences are kept: a folder, or whether they are in the user's."""
    if isinstance(cache, (str, os.PathLike)):
        return check.path("cache", cache)
    return check.yes_or_no("cache", cache)


#: What makes an experiment, and its arguments.
_Made = tuple[Callable[..., Experiment], tuple[Any, ...], dict[str, Any]]


def _make(
    make: Callable[..., Experiment], positional: tuple[Any, ...], named: dict[str, Any]
) -> Experiment:
    """The experiment that was pickled."""
    return make(*positional, **named)
