"""How closely do the image distances inside a vision model follow the judgements of people?

`run` measures models on data sets as the command `alignscope run` does: encoders by their names,
`Features` that are there already, and a `Function` that encodes images, all in one figure; or what a
file says, in TOML or of a run that is repeated. `Experiment` is the same in two steps; `score` and `evaluate` measure one model of one's own.
`Encoder` gives activations, `load_dataset` trials as arrays, `results` the tables of a run.
"""

from . import torch
from ._alignscope import __version__
from ._dataset import Dataset
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
from ._experiment import DISTANCES, STUDY_DISTANCES, Experiment, Run, run
from ._load import demo, load_dataset
from ._models import Features, Function
from ._progress import Reporter
from ._results import Table, results
from ._score import Holding, Measurement, evaluate, score

__all__ = [
    "DISTANCES",
    "STUDY_DISTANCES",
    "AccessError",
    "AlignscopeError",
    "Dataset",
    "DatasetError",
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
    "Reporter",
    "ResultsError",
    "Run",
    "Table",
    "__version__",
    "demo",
    "evaluate",
    "known_models",
    "load_dataset",
    "results",
    "run",
    "score",
    "torch",
]
