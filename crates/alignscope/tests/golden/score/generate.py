"""Correlations by SciPy, accuracies by a plain loop.

    python generate.py

`correlations.safetensors`: for each case `<case>/x`, `<case>/y`, and `<case>/expected` = spearmanr,
pearsonr, kendalltau (tau-b). `choices.safetensors`: trials with many ties, and their scores under both
rules (miss, half). `average_precision.safetensors`: for each case `<case>/closeness`, `<case>/same` and
`<case>/expected` by `voc_ap` of the package `lpips`, no two distances equal.
"""

import json
from pathlib import Path

import lpips
import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy import stats

HERE = Path(__file__).parent
rng = np.random.default_rng(0)


def correlated(n, decimals=None):
    x = rng.normal(0, 1, n)
    y = 0.6 * x + rng.normal(0, 1, n)
    return (x, y) if decimals is None else (np.round(x, decimals), np.round(y, decimals))


CASES = {
    "two": (np.array([1.0, 2.0]), np.array([5.0, 3.0])),
    "small": correlated(7),
    "ties_in_x": (np.array([1.0, 1, 2, 2, 2, 3, 4]), np.array([1.0, 2, 3, 4, 5, 6, 0])),
    "ties_in_both": correlated(200, 0),
    "few_ties": correlated(1000, 2),
    "tid_sized": correlated(3000, 3),
    "large_offset": tuple(v + 1e6 for v in correlated(500)),
}
out = {}
for name, (x, y) in CASES.items():
    out[f"{name}/x"], out[f"{name}/y"] = x, y
    out[f"{name}/expected"] = np.array([
        stats.spearmanr(x, y).statistic, stats.pearsonr(x, y).statistic, stats.kendalltau(x, y).statistic])
save_file(out, HERE / "correlations.safetensors")

n = 400
two = rng.integers(0, 4, (n, 2)).astype(np.float64)
votes = rng.integers(0, 5, (n, 2)).astype(np.float64)
votes[votes.sum(1) == 0] = 1
three = rng.integers(0, 4, (n, 3)).astype(np.float64)
odd = rng.integers(0, 3, n)


def two_alternatives(tie):
    right_or_wrong, agree = [], []
    for (left, right), (for_left, for_right) in zip(two, votes):
        share = [for_left, for_right][int(left > right)] / (for_left + for_right)
        agree.append(tie if left == right else share)
        if for_left != for_right:
            right_or_wrong.append(tie if left == right else float((left < right) == (for_left > for_right)))
    return np.mean(right_or_wrong), np.mean(agree)


def odd_one_out(half):
    right = []
    for d, o in zip(three, odd):
        kept = d[2 - o]  # distances are of images 0-1, 0-2, 1-2
        nearest = np.flatnonzero(d == d.min())
        hit = (2 - o) in nearest
        assert hit == (kept == d.min())
        right.append(float(hit) if len(nearest) == 1 else (hit / len(nearest) if half else 0.0))
    return np.mean(right)


save_file({
    "two": two, "votes": votes, "three": three, "odd": odd.astype(np.float64),
    # accuracy and vote share under miss, then under half; odd-one-out under miss and half
    "expected": np.array([*two_alternatives(0.0), *two_alternatives(0.5), odd_one_out(False), odd_one_out(True)]),
}, HERE / "choices.safetensors")
for name in ["correlations", "choices"]:
    (HERE / f"{name}.safetensors").chmod(0o644)
(HERE / "versions.json").write_text(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__}, indent=1) + "\n")


def average_precision(closeness, same):
    order = np.argsort(-closeness)
    right = np.cumsum(same[order])
    wrong = np.cumsum(1 - same[order])
    return lpips.voc_ap(right / right[-1], right / (right + wrong))


rng = np.random.default_rng(1)
out = {}
for name, n, votes in [("few", 9, 3), ("all_or_nothing", 200, 1), ("thirds", 600, 3)]:
    same = rng.integers(0, votes + 1, n) / votes
    closeness = same + rng.normal(0, 0.7, n)
    out[f"{name}/closeness"], out[f"{name}/same"] = closeness, same
    out[f"{name}/expected"] = np.array([average_precision(closeness, same)])
save_file(out, HERE / "average_precision.safetensors")
