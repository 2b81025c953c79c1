"""Transforms applied by NumPy, and the loss of gLocal by PyTorch.

    python generate.py

`scalar.npz`: weights, bias and one mean and deviation for all channels, as gLocal publishes them
(`savez_compressed`). `channels.npz`: no bias, a mean and a deviation for each channel, in f64, the
weights in Fortran's order. `cases.safetensors`: `x`, and what each makes of it; for each loss
`<case>/` features, triplets, votes, weights, the images of the contrastive term, the numbers
(α, τ, λ), and its value and gradient.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn import functional as F

HERE = Path(__file__).parent
rng = np.random.default_rng(0)

x = rng.normal(1, 2, (10, 6)).astype(np.float32)
scalar = {
    "weights": rng.normal(0, 1, (6, 4)).astype(np.float32),
    "bias": rng.normal(0, 1, 4).astype(np.float32),
    "mean": x.mean(),
    "std": x.std(),
}
channels = {
    "weights": np.asfortranarray(rng.normal(0, 1, (6, 3))),
    "mean": x.mean(0).astype(np.float64),
    "std": x.std(0).astype(np.float64),
}
np.savez_compressed(HERE / "scalar.npz", **scalar)
np.savez(HERE / "channels.npz", **channels)


def applied(transform):
    z = (x.astype(np.float64) - transform["mean"]) / transform["std"]
    z = z @ transform["weights"].astype(np.float64)
    return z + transform["bias"].astype(np.float64) if "bias" in transform else z


def loss(features, triplets, votes, images, weights, alpha, tau, lmbda):
    """Eq. 1 to 5 of Muttenthaler et al. (2023), the penalty towards the identity."""
    z = features @ weights
    pairs = [z[triplets[:, a]] * z[triplets[:, b]] for a, b in ((0, 1), (0, 2), (1, 2))]
    log_p = F.log_softmax(torch.stack([p.sum(1) for p in pairs], 1), 1)
    of_choices = -(votes * log_p).sum() / votes.sum()
    unit = F.normalize(features[images], dim=1), F.normalize(z[images], dim=1)
    off = ~torch.eye(len(images), dtype=torch.bool)
    teacher, student = ((u @ u.T)[off].reshape(len(images), -1) / tau for u in unit)
    local = F.cross_entropy(student, F.softmax(teacher, -1))
    mean = torch.diag(weights).mean()
    penalty = ((weights - torch.eye(len(weights), dtype=torch.float64) * mean) ** 2).sum()
    return (1 - alpha) * of_choices + alpha * local + lmbda * penalty


out = {"x": x, "scalar": applied(scalar), "channels": applied(channels)}
for case, (alpha, tau, lmbda) in {
    "choices": (0.0, 1.0, 0.0),
    "penalty": (0.0, 1.0, 0.3),
    "glocal": (0.25, 0.1, 0.01),
}.items():
    features = torch.tensor(rng.normal(0, 1, (12, 5)))
    triplets = np.stack([rng.permutation(12)[:3] for _ in range(20)])
    votes = torch.tensor(rng.integers(0, 5, (20, 3)) + 0.5)
    images = rng.permutation(12)[:8]
    weights = torch.tensor(rng.normal(0, 0.5, (5, 5)), requires_grad=True)
    value = loss(features, triplets, votes, images, weights, alpha, tau, lmbda)
    value.backward()
    out |= {
        f"{case}/features": features.numpy(),
        f"{case}/triplets": triplets.astype(np.float64),
        f"{case}/votes": votes.numpy(),
        f"{case}/images": images.astype(np.float64),
        f"{case}/weights": weights.detach().numpy(),
        f"{case}/numbers": np.array([alpha, tau, lmbda]),
        f"{case}/value": np.array([value.item()]),
        f"{case}/gradient": weights.grad.numpy(),
    }
save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, HERE / "cases.safetensors")
versions = {"numpy": np.__version__, "torch": torch.__version__}
(HERE / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")
