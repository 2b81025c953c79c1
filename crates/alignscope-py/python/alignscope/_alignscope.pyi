"""alignscope's compiled part; use the module `alignscope`."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ._measurement import Holding
from ._models import Own, Steps
from ._options import Choices
from ._progress import Reporter

__all__ = [
    "Dataset",
    "Encoder",
    "Experiment",
    "Measured",
    "Table",
    "__version__",
    "altered_tables",
    "choices",
    "cite",
    "colours_of_run",
    "combine",
    "compare_sides",
    "compare_together",
    "datasets_folder",
    "distance_matrix",
    "draw_demo",
    "gallery",
    "known_models",
    "measure",
    "memory_of_text",
    "png",
    "prepared",
    "read_table",
    "run_program",
]

__version__: str

@final
class Dataset:
    def __new__(
        cls,
        format: str,
        path: str | PathLike[str],
        name: str | None,
        level: str | None,
        split: str | None,
        min_votes: int | None,
        lower_is_better: bool | None,
        things_images: str | None,
        odd: str | None,
        skip_missing: bool,
        allow_outside: bool,
        limit: int | None,
        selection: NDArray[np.uint32] | None,
        without_images: bool,
    ) -> Dataset: ...
    @property
    def format(self) -> str: ...
    @property
    def trials_sha256(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def release(self) -> str | None: ...
    @property
    def path(self) -> Path: ...
    @property
    def level(self) -> str: ...
    @property
    def images(self) -> list[str]: ...
    @property
    def files(self) -> list[Path]: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def skipped_trials(self) -> int: ...
    def write(self, folder: str, copy: bool) -> tuple[str, list[str]]: ...
    def __len__(self) -> int: ...
    def trials(self) -> dict[str, NDArray[np.generic]]: ...
    def labels(self) -> dict[str, tuple[list[str], NDArray[np.uint32]]]: ...
    def pairs(self) -> NDArray[np.uint32]: ...
    def pair_uses(self) -> NDArray[np.uint32]: ...
    def pairs_of_trials(self) -> NDArray[np.uint32]: ...

@final
class Encoder:
    def __new__(
        cls,
        model: str,
        projection: str | None,
        precision: str,
        reporter: Reporter | None,
        threads: int | None,
    ) -> Encoder: ...
    @property
    def name(self) -> str: ...
    @property
    def architecture(self) -> str: ...
    @property
    def preprocessing(self) -> str: ...
    @property
    def image_size(self) -> int: ...
    @property
    def stages(self) -> list[tuple[str, list[int]]]: ...
    def preprocess(
        self,
        images: Sequence[str | NDArray[np.uint8] | NDArray[np.float32]],
        reporter: Reporter | None,
        threads: int | None,
    ) -> NDArray[np.float32]: ...
    def activations(
        self,
        images: Sequence[str | NDArray[np.uint8] | NDArray[np.float32]],
        stages: Sequence[str],
        tokens: str,
        memory: int | None,
        reporter: Reporter | None,
        threads: int | None,
    ) -> dict[str, NDArray[np.float32]]: ...

@final
class Experiment:
    def __new__(
        cls,
        models: Sequence[tuple[str | None, str | None]],
        datasets: Sequence[Dataset],
        choices: Choices,
        control: bool,
    ) -> Experiment: ...
    @staticmethod
    def read(
        path: str | PathLike[str],
        data: Mapping[str, str | PathLike[str]],
        untrained: bool,
        models: Sequence[tuple[str | None, str | None]] | None,
        datasets: Sequence[Dataset] | None,
        choices: Choices,
        control: bool,
    ) -> Experiment: ...
    @property
    def models(self) -> list[str]: ...
    @property
    def datasets(self) -> list[str]: ...
    @property
    def cache(self) -> Path | None: ...
    def run(
        self,
        own: Sequence[Own],
        out: str | PathLike[str],
        cache: str | PathLike[str] | bool,
        fresh: bool,
        overwrite: bool,
        keep_going: bool,
        reporter: Reporter | None,
        threads: int | None,
    ) -> list[tuple[str, str, str]]: ...
    def run_shard(
        self,
        own: Sequence[Own],
        shard: str,
        cache: str | PathLike[str] | bool,
        keep_going: bool,
        reporter: Reporter | None,
        threads: int | None,
    ) -> Table: ...
    def plan(
        self,
        own: Sequence[Own],
        shards: int | None,
        speeds: Mapping[str, float],
        factor: float,
        cache: str | PathLike[str] | bool,
        keep_going: bool,
        reporter: Reporter | None,
        threads: int | None,
    ) -> tuple[Table, str]: ...
    def compare_models(
        self,
        own: Sequence[Own],
        out: str | PathLike[str] | None,
        images: int,
        stage: str | None,
        cache: str | PathLike[str] | bool,
        reporter: Reporter | None,
        threads: int | None,
    ) -> Table: ...

@final
class Table:
    @property
    def columns(self) -> list[str]: ...
    def __len__(self) -> int: ...
    @property
    def types(self) -> list[str]: ...
    @property
    def place(self) -> tuple[Path, str] | None: ...
    @staticmethod
    def of_columns(columns: Sequence[tuple[str, str, list[Any]]]) -> Table: ...
    def filter(self, wanted: NDArray[np.bool_]) -> Table: ...
    def column(self, name: str) -> NDArray[Any] | list[str | None]: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

@final
class Measured:
    @property
    def scores(self) -> Table: ...
    @property
    def stages(self) -> list[str]: ...
    @property
    def kinds(self) -> list[str]: ...
    @property
    def holding(self) -> Holding | None: ...
    @property
    def wall_s(self) -> float: ...
    @property
    def warnings(self) -> list[str]: ...
    def distances(self, stage: str, distance: str) -> NDArray[np.float64]: ...
    def scale(self, stage: str) -> NDArray[np.float64] | None: ...

def altered_tables(run: str | PathLike[str]) -> list[str]: ...
def choices() -> dict[str, list[str]]: ...
def datasets_folder() -> Path: ...
def png(image: NDArray[np.uint8]) -> bytes: ...
def cite(runs: Sequence[str | PathLike[str]]) -> str: ...
def colours_of_run(run: str | PathLike[str]) -> list[tuple[str, str]]: ...
def combine(
    runs: Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    title: str | None,
    overwrite: bool,
    reporter: Reporter | None,
    threads: int | None,
) -> None: ...
def compare_sides(
    run_a: str | PathLike[str],
    run_b: str | PathLike[str] | None,
    models: Sequence[str | None],
    stages: Sequence[str | None],
    distances: Sequence[str | None],
    dataset: str | None,
    resamples: int | None,
    seed: int | None,
) -> Table: ...
def compare_together(
    runs: Sequence[tuple[str | None, str | PathLike[str]]],
    dataset: str | None,
    resamples: int | None,
    seed: int | None,
) -> Table: ...
def distance_matrix(
    run: str | PathLike[str],
    model: str | None,
    stage: str | None,
    distance: str | None,
    dataset: str | None,
) -> tuple[str, str, str, str, list[str], NDArray[np.float64]]: ...
def gallery(
    runs: Sequence[tuple[str, str | PathLike[str]]],
    out: str | PathLike[str],
    distance: str | None,
    data: Mapping[str, str | PathLike[str]],
    altered: bool,
    reporter: Reporter | None,
    threads: int | None,
) -> Table: ...
def draw_demo(folder: str | PathLike[str], seed: int) -> dict[str, Path]: ...
def memory_of_text(text: str) -> int: ...
def prepared(steps: Steps, image: NDArray[np.uint8]) -> NDArray[np.float32]: ...
def known_models() -> list[tuple[str, str, str]]: ...
def read_table(run: str | PathLike[str], table: str) -> Table: ...
def run_program(command: Sequence[str]) -> int: ...
def measure(
    dataset: Dataset,
    own: Own,
    choices: Choices,
    out: str | PathLike[str] | None,
    overwrite: bool,
    reporter: Reporter | None,
    threads: int | None,
) -> Measured: ...
