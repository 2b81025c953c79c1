"""Bootstrap intervals by SciPy, logistic fits by SciPy's curve_fit.

    python generate.py

`bootstrap.safetensors`: trials in clusters, and for each measure what `scipy.stats.bootstrap` makes of
them with the clusters as its sample: `<measure>/counts` (how often each cluster was drawn in each of its
resamples), `<measure>/percentile` at Hesterberg's expanded level, `<measure>/bca` at 95 %.
`logistic.safetensors`: for each case x, y, and `expected` = squares and Pearson's r of four and of five
parameters, the best of curve_fit from nine starts.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy import optimize, stats

HERE = Path(__file__).parent
rng = np.random.default_rng(0)
RESAMPLES = 400


def intervals(statistic, k):
    drawn = []

    def recorded(sample):
        sample = np.asarray(sample, dtype=int)
        drawn.append(np.bincount(sample, minlength=k))
        return statistic(sample)

    found = stats.bootstrap((np.arange(k),), recorded, n_resamples=RESAMPLES, method="BCa",
                            vectorized=False, rng=np.random.default_rng(1))
    distribution = found.bootstrap_distribution
    # Calls that are not resamples (the sample itself, the jackknife) are passed over.
    at = next(i for i in range(len(drawn))
              if np.allclose([statistic(np.repeat(np.arange(k), c)) for c in drawn[i:i + 3]], distribution[:3]))
    counts = np.array(drawn[at:at + RESAMPLES])
    again = [statistic(np.repeat(np.arange(k), c)) for c in counts]
    assert np.allclose(again, distribution, atol=1e-12)
    tail = stats.norm.cdf(np.sqrt(k / (k - 1)) * stats.t.ppf(0.025, k - 1))
    percentile = stats.bootstrap((np.arange(k),), statistic, n_resamples=0, method="percentile", vectorized=False,
                                 confidence_level=1 - 2 * tail, bootstrap_result=found)
    ends = lambda r: np.array([r.confidence_interval.low, r.confidence_interval.high])
    return counts.astype(np.uint8), ends(percentile), ends(found)


out = {}
# Ratings: 12 clusters of different sizes, with ties.
k = 12
codes = np.repeat(np.arange(k), rng.integers(3, 9, k))
x = np.round(rng.normal(0, 1, len(codes)) + rng.normal(0, 0.5, k)[codes], 1)
y = np.round(0.8 * x + rng.normal(0, 0.7, len(codes)), 1)
out |= {"rated/x": x, "rated/y": y, "rated/codes": codes.astype(np.float64)}
members = [np.flatnonzero(codes == c) for c in range(k)]
pick = lambda sample: np.concatenate([members[c] for c in sample])
for name, measure in [("spearman", stats.spearmanr), ("pearson", stats.pearsonr), ("kendall", stats.kendalltau)]:
    counts, percentile, bca = intervals(lambda s: measure(x[pick(s)], y[pick(s)]).statistic, k)
    out |= {f"{name}/counts": counts, f"{name}/percentile": percentile, f"{name}/bca": bca}
# Choices: 30 clusters.
k = 30
codes = np.repeat(np.arange(k), rng.integers(1, 12, k))
right = (rng.random(len(codes)) < rng.beta(4, 2, k)[codes]).astype(np.float64)
out |= {"choices/right": right, "choices/codes": codes.astype(np.float64)}
members = [np.flatnonzero(codes == c) for c in range(k)]
counts, percentile, bca = intervals(lambda s: right[pick(s)].mean(), k)
out |= {"accuracy/counts": counts, "accuracy/percentile": percentile, "accuracy/bca": bca}
save_file({n: np.ascontiguousarray(v) for n, v in out.items()}, HERE / "bootstrap.safetensors")


def four(x, b1, b2, b3, b4):
    return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / np.abs(b4)))


def five(x, b1, b2, b3, b4, b5):
    return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5


def best(curve, starts, x, y):
    fits = []
    for start in starts:
        try:
            p, _ = optimize.curve_fit(curve, x, y, p0=start, maxfev=20000)
            fits.append((np.sum((curve(x, *p) - y) ** 2), p))
        except RuntimeError:
            pass
    squares, p = min(fits, key=lambda f: f[0])
    return squares, np.corrcoef(curve(x, *p), y)[0, 1]


out = {}
for name, n, scale, noise in [("small", 40, 1.0, 0.5), ("tid", 600, 12.0, 0.7), ("flat", 200, 0.05, 1.5)]:
    x = -scale * rng.gamma(2, 1, n)
    y = 1 + 5 / (1 + np.exp(-(x / scale + 1.8) / 0.5)) + noise * rng.normal(0, 1, n)
    s, m = x.std(), x.mean()
    starts4 = [(y.max(), y.min(), m + k * s, s / g) for k in (-1, 0, 1) for g in (0.5, 2, 8)]
    starts5 = [(np.ptp(y), g / s, m + k * s, 0, y.mean()) for k in (-1, 0, 1) for g in (0.5, 2, 8)]
    out |= {f"{name}/x": x, f"{name}/y": y,
            f"{name}/expected": np.array([*best(four, starts4, x, y), *best(five, starts5, x, y)])}
save_file(out, HERE / "logistic.safetensors")
for name in ["bootstrap", "logistic"]:
    (HERE / f"{name}.safetensors").chmod(0o644)
(HERE / "versions.json").write_text(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__}, indent=1) + "\n")
