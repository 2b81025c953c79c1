"""Sums over tokens and channels, on whatever device activations are."""

from __future__ import annotations

import math

import torch

#: Numbers that are summed in float32 at a time, where a device has no float64: the error of so many
#: is at most 16 · 2⁻²⁴, about 1e-6.
_RUN = 16


#: Numbers that are brought to float64 at a time.
_NUMBERS = 1 << 23


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
    step = max(_NUMBERS // images[0].numel(), 1)
    parts = [_exact_sums(some) for some in torch.split(images, step)]
    energy, aa, a1 = (torch.cat(list(part)) for part in zip(*parts))
    return energy, aa, a1


def _exact_sums(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """As `image_sums`. Squares are of float64, where a device has it: where the mean of an image is
    far from 0, its variance is a small part of their sum."""
    values = images.float() if lacks_float64(images.device) else images.double()
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
    """The sum along an axis, in float64. Where a device has none it is a sum in float32, in runs of
    numbers and then of their sums, that is brought to main memory, where it is added to others in
    float64."""
    if lacks_float64(values.device):
        return _stepwise(values, dim).cpu().double()
    return values.sum(dim, dtype=torch.float64)


def lacks_float64(device: torch.device) -> bool:
    """Whether a device has no float64."""
    return bool(device.type == "mps")


def _stepwise(values: torch.Tensor, dim: int) -> torch.Tensor:
    while values.shape[dim] > 1:
        missing = -values.shape[dim] % _RUN
        zeros = values.new_zeros([missing if i == dim else n for i, n in enumerate(values.shape)])
        runs = torch.unflatten(torch.cat([values, zeros], dim), dim, (-1, _RUN))
        values = runs.sum(dim + 1)
    return values.squeeze(dim)
