"""Measures and noise ceilings of people who judged different pairs, for `score/matrices/tests.rs`.

Run in this folder with NumPy, SciPy and safetensors: `python partial.py`. Everything is computed by
its definition: images are copied as often as they are drawn, two copies of one image are no pair, and
the whitened cosine is xᵀV⁻¹y with the covariance V of the pairs that are there.
"""

import numpy as np
from safetensors.numpy import save_file
from scipy.stats import rankdata

IMAGES, PEOPLE, MODELS, DRAWS = 8, 5, 2, 14
PAIRS = list(zip(*np.triu_indices(IMAGES, 1)))


def tau_a(x, y):
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    return signs.sum() / (len(x) * (len(x) - 1))


def whitened(x, y, ends):
    contrasts = np.zeros((len(ends), ends.max() + 1))
    contrasts[np.arange(len(ends)), ends[:, 0]] = 1
    contrasts[np.arange(len(ends)), ends[:, 1]] = -1
    covariance = (contrasts @ contrasts.T) ** 2
    of = lambda a, b: a @ np.linalg.solve(covariance, b)
    return of(x, y) / np.sqrt(of(x, x) * of(y, y))


MEASURES = {
    "spearman": lambda x, y, _: np.corrcoef(rankdata(x), rankdata(y))[0, 1],
    "pearson": lambda x, y, _: np.corrcoef(x, y)[0, 1],
    "kendall-tau-a": lambda x, y, _: tau_a(x, y),
    "matrix-cosine": lambda x, y, _: x @ y / np.sqrt((x @ x) * (y @ y)),
    "whitened-cosine": whitened,
}


def copied(images):
    """The pairs of copies, and which pair of images each is of."""
    copies = np.repeat(np.arange(IMAGES), images)
    place = {pair: number for number, pair in enumerate(PAIRS)}
    ends, of = [], []
    for a in range(len(copies)):
        for b in range(a + 1, len(copies)):
            if copies[a] != copies[b]:
                ends.append((a, b))
                of.append(place[tuple(sorted((copies[a], copies[b])))])
    return np.array(ends), np.array(of), copies


def enough(ends, copies):
    return len(ends) > 0 and len(set(copies[ends].ravel())) >= 3


def measured(measure, x, y, ends, copies):
    there = ~np.isnan(x) & ~np.isnan(y)
    if not enough(ends[there], copies):
        return np.nan
    x, y = x[there], y[there]
    if measure in ("spearman", "pearson", "kendall-tau-a") and (np.ptp(x) == 0 or np.ptp(y) == 0):
        return np.nan
    return MEASURES[measure](x, y, ends[there])


def form(measure, x, ends, copies):
    there = ~np.isnan(x)
    found = np.full(len(x), np.nan)
    if not enough(ends[there], copies):
        return found
    x = x[there]
    if measure in ("spearman", "kendall-tau-a"):
        found[there] = rankdata(x)
    elif measure == "pearson":
        found[there] = (x - x.mean()) / x.std() if np.ptp(x) else np.nan
    else:
        found[there] = x / np.sqrt((x**2).mean())
    return found


def mean(forms, times):
    """The mean of each pair over those who judged it; NaN if nobody did."""
    there = ~np.isnan(forms) * times[:, None]
    with np.errstate(invalid="ignore"):
        return (np.nan_to_num(forms) * there).sum(0) / there.sum(0)


def mean_of_defined(values):
    values = np.array(values)[~np.isnan(values)]
    return values.mean() if len(values) else np.nan


def ceilings(measure, people, times, ends, copies):
    forms = np.array([form(measure, person, ends, copies) for person in people])
    has_form = ~np.isnan(forms).all(1)
    found = []
    for of_all in (False, True):
        values = []
        for person in np.flatnonzero((times > 0) & has_form):
            weights = times.copy()
            weights[person] *= of_all
            pooled = mean(forms, weights)
            values.append(measured(measure, people[person], pooled, ends, copies))
        found.append(mean_of_defined(values) if values else np.nan)
    return found


def main():
    rng = np.random.default_rng(25)
    of = lambda points: np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    upper = np.triu_indices(IMAGES, 1)
    truth = rng.normal(size=(IMAGES, 3))
    noisy = lambda s: of(truth + s * rng.normal(size=truth.shape))[upper]
    people = np.array([np.round(noisy(0.5), 1) for _ in range(PEOPLE)])
    models = np.array([np.round(noisy(s), 2) for s in (0.3, 1.5)])
    ends = np.array(PAIRS)
    people[0, rng.permutation(len(PAIRS))[:5]] = np.nan
    people[1, rng.permutation(len(PAIRS))[:9]] = np.nan
    # All pairs of four images, and one pair that nobody else judged.
    people[2, (ends > 3).any(1)] = np.nan
    people[[0, 1, 3, 4], 1] = np.nan
    # The same pairs as each other.
    people[3:, rng.permutation(len(PAIRS))[:4]] = np.nan
    found = {"people": people, "models": models}
    count = lambda n: np.bincount(rng.integers(0, n, n), minlength=n)
    draw = lambda n: np.array([np.ones(n, int)] + [count(n) for _ in range(DRAWS - 1)])
    found["draws.people"], found["draws.images"] = draw(PEOPLE), draw(IMAGES)
    # Fewer than three of the four images of one person.
    found["draws.images"][1] = [3, 1, 0, 0, 1, 1, 1, 1]
    for measure in MEASURES:
        values, means, of_ceilings = [], [], []
        for who, what in zip(found["draws.people"], found["draws.images"]):
            pairs, source, copies = copied(what)
            of_people, of_models = people[:, source], models[:, source]
            row = [[measured(measure, p, m, pairs, copies) for m in of_models] for p in of_people]
            values.append(row)
            repeated = np.repeat(np.array(row), who, axis=0)
            means.append([mean_of_defined(column) for column in repeated.T])
            of_ceilings.append(ceilings(measure, of_people, who, pairs, copies))
        # [draws, people, models], [draws, models], [draws, (lower, upper)]
        found[f"{measure}.values"] = np.array(values)
        found[f"{measure}.means"] = np.array(means)
        found[f"{measure}.ceilings"] = np.array(of_ceilings)
        assert np.isnan(values).any() and not np.isnan(means).any()
    save_file({k: np.ascontiguousarray(v, float) for k, v in found.items()}, "partial.safetensors")


if __name__ == "__main__":
    main()
