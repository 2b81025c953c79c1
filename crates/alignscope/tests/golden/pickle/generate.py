"""Golden files of `torch.save`: views, strides, shared storage, every dtype that is read, in both containers.

    python generate.py

`tensors.pth` (zip) and `stream.pth` (the older plain stream) hold the same tensors; `expected.safetensors` what
`torch.load` gives for them, in f32.
"""

from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent


def tensors():
    generator = torch.Generator().manual_seed(7)
    base = torch.randn(6, 8, generator=generator)
    numbers = torch.randn(5, 3, generator=generator)
    return OrderedDict(
        plain=base,
        transposed=base.t(),
        row=base[2],
        column=base[:, 3],
        every_second=base[::2, 1::3],
        window=base[1:4, 2:5],
        expanded=base[0].expand(4, 8),
        permuted=torch.randn(2, 3, 4, generator=generator).permute(2, 0, 1),
        scalar=torch.tensor(1.5),
        empty=torch.zeros(0, 4),
        half=numbers.half(),
        half_column=numbers.half()[:, 1],
        brain=numbers.bfloat16(),
        double=numbers.double(),
        parameter=torch.nn.Parameter(numbers),
    )


def main():
    wanted = tensors()
    torch.save(wanted, HERE / "tensors.pth")
    torch.save(wanted, HERE / "stream.pth", _use_new_zipfile_serialization=False)
    torch.save(dict(wanted), HERE / "dict.pth")
    for name in ["tensors.pth", "stream.pth", "dict.pth"]:
        read = torch.load(HERE / name, weights_only=True)
        assert all(torch.equal(read[n], t) for n, t in wanted.items())
    save_file({n: t.detach().float().contiguous().clone() for n, t in wanted.items()}, HERE / "expected.safetensors")
    for file in HERE.iterdir():
        file.chmod(0o644)


if __name__ == "__main__":
    main()
