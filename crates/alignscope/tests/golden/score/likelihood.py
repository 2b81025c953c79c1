"""Bits of choices by SciPy's optimiser and log-softmax, entropies by leaving out answers.

    python likelihood.py

`likelihood.safetensors`: for each case `<case>/distances` and `<case>/shares` of people, both
`[choices, alternatives]`, `<case>/folds`, and what is expected: `<case>/betas` of each fold, in units
of one over the root mean square difference of alternatives, and `<case>/bits` of each choice. Of
`votes` `[questions, 3]` the entropies are `entropies`, in bits: the jackknife by its definition, one
answer left out after the other.
"""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

HERE = Path(__file__).parent
LEAST = 0.01
rng = np.random.default_rng(22)


def likelihood(beta, x, shares):
    """The logarithm of the likelihood, with the one choice between two that are 1 apart."""
    more = log_softmax([0.0, beta]).mean()
    return (shares * log_softmax(beta * x, axis=1)).sum() + more


def slope(beta, x, shares):
    """Its derivative."""
    p = softmax(beta * x, axis=1)
    more = 0.5 - softmax([0.0, beta])[1]
    return ((shares - p) * x).sum() + more


def fitted(x, shares):
    """The most likely beta, at least LEAST."""
    if slope(LEAST, x, shares) <= 0:
        return LEAST
    beta = brentq(slope, LEAST, 1e4, args=(x, shares), xtol=1e-14, rtol=1e-14)
    # The optimiser finds the same without the derivative, as far as it can.
    found = minimize_scalar(lambda b: -likelihood(b, x, shares), bounds=(LEAST, 4 * beta),
                            method="bounded", options={"xatol": 1e-10})
    assert abs(found.x - beta) < 1e-5 * beta, (found.x, beta)
    return beta


def judged(distances, shares, folds):
    pairs = list(combinations(range(distances.shape[1]), 2))
    scale = np.sqrt(np.mean([(distances[:, i] - distances[:, j]) ** 2 for i, j in pairs]))
    x = -distances / scale
    betas = np.array([fitted(x[folds != f], shares[folds != f]) for f in range(folds.max() + 1)])
    log_p = log_softmax(betas[folds][:, None] * x, axis=1) / np.log(2)
    return betas, (shares * log_p).sum(1) + np.log2(distances.shape[1])


def case(n, alternatives, tau, answers, folds, reverse=False):
    distances = rng.gamma(3.0, 0.2, (n, alternatives))
    p = softmax((1 if reverse else -1) * distances / tau, axis=1)
    votes = np.array([rng.multinomial(answers, row) for row in p])
    return distances, votes / answers, rng.permutation(np.arange(n) % folds)


CASES = {
    "two": case(500, 2, 0.2, 1, 10),
    "votes_of_two": case(200, 2, 0.1, 5, 10),
    "three": case(600, 3, 0.15, 1, 10),
    "answers_of_three": case(60, 3, 0.3, 12, 7),
    "reversed": case(300, 3, 0.1, 1, 10, reverse=True),
    "nothing": (*case(300, 2, 1e9, 1, 5),),
    "all_right": (np.array([[0.0, 1.0], [0.2, 0.5], [0.3, 0.9]]), np.array([[1.0, 0.0]] * 3), np.arange(3)),
}
out = {}
for name, (distances, shares, folds) in CASES.items():
    betas, bits = judged(distances, shares, folds)
    out |= {f"{name}/distances": distances, f"{name}/shares": shares, f"{name}/folds": folds.astype(np.float64),
            f"{name}/betas": betas, f"{name}/bits": bits}


def jackknife(counts):
    n = counts.sum()
    answers = np.repeat(np.arange(len(counts)), counts)
    without = [entropy(np.bincount(np.delete(answers, i)), base=2) for i in range(n)]
    return n * entropy(counts, base=2) - (n - 1) * np.mean(without)


votes = np.array([rng.multinomial(n, rng.dirichlet([1.0] * 3)) for n in rng.integers(10, 25, 60)])
out["votes"] = votes.astype(np.float64)
out["entropies"] = np.array([jackknife(row) for row in votes])
save_file({name: np.ascontiguousarray(values) for name, values in out.items()}, HERE / "likelihood.safetensors")
(HERE / "likelihood.safetensors").chmod(0o644)
assert json.loads((HERE / "versions.json").read_text()) == {"numpy": np.__version__, "scipy": scipy.__version__}
