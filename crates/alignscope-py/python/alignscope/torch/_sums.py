"""Sums over tokens and channels, on whatever device activations are."""

from __future__ import annotations

import math

import torch

#: Numbers that are summed in float32 at a time, where a device has no float64: the error of so many
#: is at most 16 · 2⁻²⁴, about 1e-6.
_RUN = 16


def image_sums(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What images have by themselves.

    Parameters
    ----------
    images : torch.Tensor
        `[images, tokens, channels]`, of any number format.

    Returns
    -------
    energy : torch.Tensor
        Mean of the squares over tokens, `[images, channels]`, float32.
    aa : torch.Tensor
        Sum of all squares, `[images]`.
    a1 : torch.Tensor
        Sum of all n numbers by √n, `[images]`.
    """
    values = images.float()
    squares = total(values * values, 1)
    energy = (squares / values.shape[1]).float()
    flat = values.flatten(1)
    return energy, squares.sum(1), total(flat, 1) / math.sqrt(flat.shape[1])


def pair_sums(
    a: torch.Tensor, b: torch.Tensor, aa: torch.Tensor, bb: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """What pairs of images have.

    The inner product is that of the law of cosines, so that it is exact where images are nearly
    equal: ⟨a, b⟩ = (⟨a, a⟩ + ⟨b, b⟩ − Σ (a − b)²) / 2.

    Parameters
    ----------
    a, b : torch.Tensor
        `[pairs, tokens, channels]`.
    aa, bb : torch.Tensor
        Their sums of squares, `[pairs]`.

    Returns
    -------
    msd : torch.Tensor
        Mean squared difference over tokens, `[pairs, channels]`, float32.
    ab : torch.Tensor
        Inner product, `[pairs]`.
    """
    difference = a.float() - b.float()
    squares = total(difference.mul_(difference), 1)
    msd = (squares / difference.shape[1]).float()
    return msd, (aa + bb - squares.sum(1)) / 2


def total(values: torch.Tensor, dim: int) -> torch.Tensor:
    """The sum along an axis, in float64; where a device has none, in float32 in two steps."""
    if values.device.type != "mps":
        return values.sum(dim, dtype=torch.float64)
    return stepwise(values, dim)


def stepwise(values: torch.Tensor, dim: int) -> torch.Tensor:
    """The sum along an axis in float32: of runs of numbers, then of their sums, until one is left."""
    while values.shape[dim] > 1:
        runs = torch.split(values, _RUN, dim)
        values = torch.stack([run.sum(dim) for run in runs], dim)
    return values.squeeze(dim)
