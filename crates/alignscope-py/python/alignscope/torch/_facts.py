"""What there is of Python, torch, its libraries and devices, for `alignscope doctor`."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

_PACKAGES = (
    "numpy",
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "open_clip_torch",
    "ray",
    "submitit",
)


def facts() -> list[tuple[str, str]]:
    """Each thing's name, and its version or kind. Imports torch if it is installed."""
    found = [("python", f"{platform.python_version()} at {sys.prefix}")]
    for package in _PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            found.append((package, "not installed"))
    return found + _devices()


def _devices() -> list[tuple[str, str]]:
    try:
        import torch
    except Exception as error:
        return [("devices", f"torch cannot be imported: {type(error).__name__}: {error}")]
    found = [("threads of torch", str(torch.get_num_threads()))]
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(number)
            size = f"{device.total_memory / 1e9:.1f} GB"
            found.append((f"cuda:{number}", f"{device.name}, {size}"))
        built = torch.version.cuda or torch.version.hip
        found.append(("driver interface", f"{'HIP' if torch.version.hip else 'CUDA'} {built}"))
    if torch.backends.mps.is_available():
        found.append(("mps", "Apple's GPU"))
    if len(found) == 1:
        found.append(("devices", "cpu only"))
    return found
