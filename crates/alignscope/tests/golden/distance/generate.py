"""Differences and distances in float64 NumPy and SciPy.

    python generate.py

`cases.safetensors`: for each case `<case>/activations` [images, tokens, channels] f32, `<case>/pairs`
[pairs, 2] u8, `<case>/uses` [pairs] u8, and in f64 `<case>/msd` [pairs, channels], `<case>/scale`
[channels] and the distances `<case>/euclidean`, `…/normalized-euclidean`, `…/cosine`, `…/correlation`,
`…/dot` [pairs].
"""

import json
from pathlib import Path

import numpy as np
import scipy
from safetensors.numpy import save_file
from scipy.spatial.distance import correlation

HERE = Path(__file__).parent
rng = np.random.default_rng(0)


def case(images, tokens, channels, pairs, scale=1.0, outlier=None, constant=None, equal=False, zero=False, mean=0, equal_numbers=False):
    a = (rng.normal(0, 1, (images, tokens, channels)) * scale).astype(np.float32)
    if outlier is not None:
        a[:, :, outlier] *= 100
    if constant is not None:
        a[:, :, constant] = 3
    if equal:
        a[1] = a[0]
    if zero:
        a[2] = 0
        a[3] = 0
    a += np.float32(mean)
    if equal_numbers:
        a[2] = 0.1
        a[3] = -7
    index = np.array([(i, j) for i in range(images) for j in range(i)][:pairs], dtype=np.uint8)
    uses = rng.integers(1, 9, len(index)).astype(np.uint8)
    x = a.astype(np.float64)
    first, second = x[index[:, 0]], x[index[:, 1]]
    msd = ((first - second) ** 2).mean(1)
    s = np.average(msd, axis=0, weights=uses)
    with np.errstate(divide="ignore", invalid="ignore"):
        normalized = np.where(s > 0, msd / s, 0)
    dot = (first * second).sum((1, 2))
    norms = np.sqrt((first**2).sum((1, 2)) * (second**2).sum((1, 2)))
    both_zero = (np.abs(first).sum((1, 2)) == 0) & (np.abs(second).sum((1, 2)) == 0)
    cosine = np.where(both_zero, 0, 1 - np.divide(dot, norms, out=np.zeros_like(dot), where=norms > 0))
    # SciPy gives NaN where an image is constant: 1 from one that is not, 0 from another such.
    flat = x.reshape(images, -1)
    is_constant = np.ptp(flat, axis=1) == 0
    correlations = np.array([
        1.0 - (is_constant[i] and is_constant[j]) if is_constant[i] or is_constant[j] else correlation(flat[i], flat[j])
        for i, j in index
    ])
    return {
        "activations": a, "pairs": index, "uses": uses, "msd": msd, "scale": s,
        "euclidean": np.sqrt(msd.mean(1)), "normalized-euclidean": np.sqrt(normalized.mean(1)), "cosine": cosine,
        "correlation": correlations, "dot": -np.array([np.dot(flat[i], flat[j]) for i, j in index]),
    }


CASES = {
    "projection": case(6, 1, 33, 15),
    "odd": case(5, 7, 37, 10),
    "wide": case(4, 3, 96, 6, outlier=50),
    "tiny_values": case(4, 5, 8, 6, scale=1e-6),
    "large_values": case(4, 5, 8, 6, scale=1e4),
    "one_channel": case(4, 9, 1, 6),
    "constant_channel": case(5, 2, 12, 10, constant=4),
    "equal_images": case(5, 2, 12, 10, equal=True),
    "zero_vectors": case(5, 2, 12, 10, zero=True),
    "far_from_zero": case(5, 3, 40, 10, mean=100),
    "constant_images": case(5, 2, 12, 10, equal_numbers=True),
}
save_file({f"{name}/{key}": np.ascontiguousarray(value) for name, c in CASES.items() for key, value in c.items()},
          HERE / "cases.safetensors")
(HERE / "cases.safetensors").chmod(0o644)
(HERE / "versions.json").write_text(json.dumps({"numpy": np.__version__, "scipy": scipy.__version__}, indent=1) + "\n")
