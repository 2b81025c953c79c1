"""How closely do the image distances inside a vision model follow the judgements of people?

`Experiment` runs models on data sets as the command `alignscope run` does. `score` and `evaluate`
measure models of one's own: features that are there already, or a function that encodes images.
`Encoder` gives activations, `load_dataset` trials as arrays, `results` the tables of a run.
"""

from ._alignscope import __version__
from ._dataset import Dataset, demo, load_dataset
from ._encoder import Encoder, known_models
from ._errors import (
    AccessError,
    AlignscopeError,
    DatasetError,
    FeatureFileError,
    ImageError,
    InvalidTypeError,
    InvalidValueError,
    MemoryBudgetError,
    MissingColumnError,
    MissingFileError,
    ModelError,
    ResultsError,
)
from ._experiment import DISTANCES, Experiment, Run
from ._progress import Reporter
from ._results import Table, results
from ._score import Holding, Measurement, evaluate, score

__all__ = [
    "DISTANCES",
    "AccessError",
    "AlignscopeError",
    "Dataset",
    "DatasetError",
    "Encoder",
    "Experiment",
    "FeatureFileError",
    "Holding",
    "ImageError",
    "InvalidTypeError",
    "InvalidValueError",
    "Measurement",
    "MemoryBudgetError",
    "MissingColumnError",
    "MissingFileError",
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
    "score",
]
