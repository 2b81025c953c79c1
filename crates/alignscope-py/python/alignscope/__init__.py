"""How closely do the image distances inside a vision model follow the judgements of people?

    import alignscope
    dataset = alignscope.load_dataset("things", "data/things")
    alignscope.run(["openai/clip-vit-base-patch32", "ssim"], dataset, "results").show()

**Measure.** `run` fills a folder with scores, intervals, figures and a page: of encoders by their
names, metrics, and models of one's own, `Features` that are there already, a `Function` that
encodes images, `Distances` made elsewhere, or a torch model of `alignscope.torch`; or of what a
file says. `Experiment` is the same in two steps. `score`, `score_distances` and `evaluate` measure
one model of one's own on one data set.

**Data sets.** `load_dataset` reads one; `demo` draws three small ones.

**Many machines.** `slurm.submit` and `ray.run` compute an experiment in shards and assemble them;
`Experiment.run_shard` computes one. `Experiment.plan` says what a run will take.

**Results.** `Run` is the folder of a run: its tables, `rdm`, `plot`, `show`. `results` reads one
table. `compare` compares models of one run or of several, `combine` makes one run of several,
`gallery` puts several on one board, `cite` says what to cite.

**Activations.** `Encoder` gives those of an encoder; `known_models` lists what it knows.

Examples in docstrings work on the data sets that `alignscope.demo("demo")` draws, and on a run of
two metrics on all three: `alignscope.run(["ssim", "psnr"], datasets, "results")`.
"""

from . import ray, slurm, torch
from ._alignscope import __version__
from ._choices import DISTANCES, STUDY_DISTANCES
from ._compare import combine, compare
from ._dataset import Dataset
from ._distances import Distances
from ._encoder import Encoder, known_models
from ._errors import (
    AccessError,
    AlignscopeError,
    DatasetError,
    ExperimentFileError,
    FeatureFileError,
    ImageError,
    InvalidTypeError,
    InvalidValueError,
    MemoryBudgetError,
    MissingColumnError,
    MissingFileError,
    MissingPackageError,
    ModelError,
    ResultsError,
)
from ._experiment import Experiment
from ._finished import Run
from ._gallery import cite, gallery
from ._load import demo, load_dataset
from ._matrix import DistanceMatrix
from ._measurement import Holding, Measurement
from ._models import Features, Function
from ._plan import Plan
from ._progress import Reporter
from ._results import Table, results
from ._run import run
from ._score import evaluate, score, score_distances

__all__ = [
    "DISTANCES",
    "STUDY_DISTANCES",
    "AccessError",
    "AlignscopeError",
    "Dataset",
    "DatasetError",
    "DistanceMatrix",
    "Distances",
    "Encoder",
    "Experiment",
    "ExperimentFileError",
    "FeatureFileError",
    "Features",
    "Function",
    "Holding",
    "ImageError",
    "InvalidTypeError",
    "InvalidValueError",
    "Measurement",
    "MemoryBudgetError",
    "MissingColumnError",
    "MissingFileError",
    "MissingPackageError",
    "ModelError",
    "Plan",
    "Reporter",
    "ResultsError",
    "Run",
    "Table",
    "__version__",
    "cite",
    "combine",
    "compare",
    "demo",
    "evaluate",
    "gallery",
    "known_models",
    "load_dataset",
    "ray",
    "results",
    "run",
    "score",
    "score_distances",
    "slurm",
    "torch",
]
