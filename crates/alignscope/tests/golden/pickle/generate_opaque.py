"""Golden files of what stands beside tensors in checkpoints of training: NumPy's scalars, arrays
and types, namespaces, counters, sets, paths, dates, an optimizer's state, an object of a class of
the user's own.

    python generate_opaque.py        # NumPy 2.4.6, Python 3.11; no PyTorch

`opaque_2.pth` to `opaque_5.pth` are zip archives whose pickles are of that protocol,
`opaque_stream.pth` is the older plain stream. The pickles are Python's own. The few names of PyTorch
that they call are stood in for by classes of those names, and storages are written as `torch.save`
writes them. In all of them `weight` is [[0, 1, 2], [3, 4, 5]] and `bias` [0.5, -1.5] in f32; `hangs`
is a tensor whose shape is of NumPy's numbers, which cannot be read.
"""

import argparse
import collections
import datetime
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def module(name, **names):
    made = types.ModuleType(name)
    for key, value in names.items():
        value.__module__, value.__qualname__, value.__name__ = name, key, key
        setattr(made, key, value)
    sys.modules[name] = made


class FloatStorage:
    def __init__(self, key, values):
        self.key, self.values = key, values


class Size(tuple):
    def __reduce__(self):
        return (Size, (tuple(self),))


class Config:
    """A class that nobody else has."""


def rebuild(*arguments):
    raise AssertionError("nothing is called")


module("torch", FloatStorage=FloatStorage, Size=Size)
module("torch._utils", _rebuild_tensor_v2=rebuild)
module("my_training", Config=Config)


class Tensor:
    def __init__(self, storage, size, stride):
        self.parts = storage, size, stride

    def __reduce__(self):
        storage, size, stride = self.parts
        return rebuild, (storage, 0, size, stride, False, collections.OrderedDict())


def contents():
    config = Config()
    config.rate, config.layers = 1e-3, [1, 2]
    default = collections.defaultdict(list)
    default["losses"].append(np.float32(0.25))
    weight = FloatStorage("0", [0, 1, 2, 3, 4, 5])
    return {
        "epoch": np.float64(3.0),
        "step": np.int64(10**12),
        "args": argparse.Namespace(lr=0.1, betas=(0.9, 0.999), layers=np.arange(3)),
        "size": Size((2, 3)),
        "dtype": np.dtype("float32"),
        "history": np.linspace(0, 1, 5),
        "words": np.array(["a", "b"]),
        "classes": {1, 2, 3},
        "frozen": frozenset({"a"}),
        "bytes": b"\x00\xff" * 200,
        "buffer": bytearray(b"abc"),
        "complex": 1 + 2j,
        "huge": 2**70,
        "path": pathlib.PurePosixPath("/data"),
        "started": datetime.datetime(2024, 1, 2, 3, 4, 5),
        "counter": collections.Counter(a=2),
        "default": default,
        "config": config,
        "optimizer": {
            "state": {0: {"step": 7, "exp_avg": Tensor(FloatStorage("2", [9, 9]), (2,), (1,))}},
            "param_groups": [{"lr": np.float64(0.1), "params": [0]}],
        },
        "weight": Tensor(weight, (2, 3), (3, 1)),
        "bias": Tensor(FloatStorage("1", [0.5, -1.5]), (2,), (1,)),
        "hangs": Tensor(weight, (np.int64(2), 3), (3, 1)),
    }


def dump(value, protocol, view):
    storages = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, found):
            if not isinstance(found, FloatStorage):
                return None
            storages[found.key] = found.values
            identity = ("storage", FloatStorage, found.key, "cpu", len(found.values))
            return identity + (None,) if view else identity

    out = io.BytesIO()
    Pickler(out, protocol=protocol).dump(value)
    return out.getvalue(), storages


def main():
    for protocol in [2, 3, 4, 5]:
        data, storages = dump(contents(), protocol, view=False)
        with zipfile.ZipFile(HERE / f"opaque_{protocol}.pth", "w") as archive:
            entries = {"data.pkl": data, "byteorder": b"little", "version": b"3\n"}
            for key, values in storages.items():
                entries[f"data/{key}"] = struct.pack(f"<{len(values)}f", *values)
            for name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(f"opaque/{name}"), content)
    data, storages = dump(contents(), 2, view=True)
    machine = {"protocol_version": 1001, "little_endian": True}
    parts = [pickle.dumps(part, 2) for part in [0x1950A86A20F9469CFC6C, 1001, machine]]
    parts += [data, pickle.dumps(sorted(storages), 2)]
    parts += [struct.pack(f"<q{len(v)}f", len(v), *v) for _, v in sorted(storages.items())]
    (HERE / "opaque_stream.pth").write_bytes(b"".join(parts))
    for file in HERE.glob("opaque_*"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
