#!/usr/bin/env python3
"""Holds a run on matrices of dissimilarity against rsatoolbox.

    python scripts/compare_rsatoolbox.py RUN [--dataset NAME] [--draws N] [--stages K]

Needs rsatoolbox, pandas and pyarrow. From `judgements.parquet` and `distances.parquet` of the run,
rsatoolbox computes every measure of every model, stage and distance, and the noise ceilings; these
must be those of `scores.csv` and `ceilings.csv` to 1e-10. Its dual bootstrap of Spearman's
correlation (`eval_dual_bootstrap`) is run in ten batches at K stages; the mean of their standard
errors must be that of the run's interval, within what both vary by chance.
"""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from rsatoolbox.inference import boot_noise_ceiling, eval_dual_bootstrap
from rsatoolbox.model import ModelFixed
from rsatoolbox.rdm import RDMs, compare
from scipy.stats import t

METHODS = {
    "spearman": "spearman",
    "pearson": "corr",
    "kendall-tau-a": "tau-a",
    "matrix-cosine": "cosine",
    "whitened-cosine": "cosine_cov",
}
BATCHES = 10


def vectors(table, value, by, order):
    """A vector of pairs for each of `by`, in the order of rsatoolbox."""
    place = {image: number for number, image in enumerate(order)}
    n = len(order)
    found = {}
    for key, rows in table.groupby(by, sort=False):
        square = np.full((n, n), np.nan)
        a, b = rows.image_a.map(place), rows.image_b.map(place)
        square[a, b] = square[b, a] = rows[value]
        found[key] = square[np.triu_indices(n, 1)]
    return found


def differ(what, ours, theirs, near):
    if abs(ours - theirs) > near:
        print(f"{what}: {ours} of the run, {theirs} of rsatoolbox")
        return True
    return False


def standard_error(model, people, draws):
    result = eval_dual_bootstrap(model, people, "spearman", N=draws)
    return float(np.sqrt(result.model_var[0]))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--dataset")
    arguments.add_argument("--draws", type=int, default=400)
    arguments.add_argument("--stages", type=int, default=3)
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    judged = pd.read_parquet(options.run / "judgements.parquet")
    name = options.dataset or judged.dataset.iloc[0]
    judged = judged[judged.dataset == name]
    order = list(dict.fromkeys([*judged.image_a, *judged.image_b]))
    people = vectors(judged, "dissimilarity", "person", order)
    people = RDMs(np.array(list(people.values())))
    distances = pd.read_parquet(options.run / "distances.parquet")
    distances = distances[distances.dataset == name]
    columns = vectors(distances, "value", ["model", "stage", "distance"], order)
    scores = pd.read_csv(options.run / "scores.csv", dtype={"stage": str})
    scores = scores[(scores.dataset == name) & (scores.subset == "all")]
    wrong = found = 0
    largest = 0.0
    models = RDMs(np.array(list(columns.values())))
    for measure, method in METHODS.items():
        theirs = dict(zip(columns, compare(models, people, method).mean(1)))
        for row in scores[scores.measure == measure].itertuples():
            key = (row.model, row.stage, row.distance)
            largest = max(largest, abs(row.value - theirs[key]))
            wrong += differ(f"{measure} of {key}", row.value, theirs[key], 1e-10)
            found += 1
    ceilings = pd.read_csv(options.run / "ceilings.csv")
    ceilings = ceilings[ceilings.dataset == name]
    for measure, method in METHODS.items():
        lower, upper = boot_noise_ceiling(people, method)
        for kind, value in (("noise-ceiling-lower", lower), ("noise-ceiling-upper", upper)):
            rows = ceilings[(ceilings.measure == measure) & (ceilings.ceiling == kind)]
            largest = max(largest, abs(rows.value.item() - value))
            wrong += differ(f"{kind} of {measure}", rows.value.item(), value, 1e-10)
            found += 1
    print(f"{found} scores and ceilings, largest difference {largest:.1e}")
    main_rows = scores[(scores.measure == "spearman") & scores.ci_low.notna()]
    for place in np.linspace(0, len(main_rows) - 1, options.stages).astype(int):
        row = main_rows.iloc[place]
        key = (row.model, row.stage, row.distance)
        model = ModelFixed("model", columns[key])
        batch = max(options.draws // BATCHES, 20)
        errors = [standard_error(model, people, batch) for _ in range(BATCHES)]
        degrees = min(people.n_rdm, people.n_cond) - 1
        ours = (row.ci_high - row.ci_low) / 2 / t.ppf(0.975, degrees)
        # Of a batch of the bootstrap, and of the ends of 2,000 resamples: 4 % of their distance.
        chance = np.hypot(np.std(errors, ddof=1) / np.sqrt(BATCHES), 0.04 * ours)
        theirs = float(np.mean(errors))
        print(f"{key}: standard error {ours:.4f}, of rsatoolbox {theirs:.4f} ± {chance:.4f}")
        wrong += differ(f"standard error of {key}", ours, theirs, 3 * chance)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
