"""`.mat` files of MATLAB 5 by SciPy, for `tests/it/matlab_files.rs`.

Run in this folder: `python generate.py` (SciPy, NumPy).
`big_endian.mat` is `plain.mat` with the order of bytes turned, written by hand below:
SciPy writes little-endian only.
"""

import struct

import numpy as np
import scipy.io
import scipy.sparse

DTYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def variables():
    found = {f"of_{dtype}": np.arange(6, dtype=dtype).reshape(2, 3) for dtype in DTYPES}
    found["negative"] = np.array([[-1.5, np.nan, np.inf]])
    found["cube"] = np.arange(24.0).reshape(2, 3, 4)
    found["truth"] = np.array([[True, False, True]])
    found["text"] = "dmos, é"
    found["nothing"] = np.zeros((0, 0))
    found["rows"] = np.array(["one", "three"])
    found["sparse"] = scipy.sparse.csc_matrix(np.array([[0.0, 2.0], [3.0, 0.0], [0.0, 4.0]]))
    found["complex"] = np.array([[1 + 2j]])
    cell = np.empty((1, 3), dtype=object)
    cell[0, 0], cell[0, 1], cell[0, 2] = "img1.bmp", np.array([[7.0, 8.0]]), np.empty((0, 0), object)
    found["cell"] = cell
    records = np.zeros((1, 2), dtype=[("RDM", object), ("name", object)])
    for index, name in enumerate(["first", "second"]):
        records[0, index]["RDM"] = np.full((2, 2), float(index))
        records[0, index]["name"] = name
    found["RDMs"] = records
    return found


def element(kind, data):
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def big_endian():
    """`doubles` = [1.5 -2; 3 4] and `shorts` = [1 -2] as a big-endian machine writes them."""
    header = b"MATLAB 5.0 MAT-file, big-endian".ljust(124) + b"\x01\x00MI"

    def matrix(name, mat_class, shape, kind, data):
        inside = element(6, struct.pack(">II", mat_class, 0))
        inside += element(5, struct.pack(f">{len(shape)}i", *shape))
        # A short element: its length and type in the first four bytes.
        inside += struct.pack(">HH", len(name), 1) + name.ljust(4, b"\0")
        inside += element(kind, data)
        return struct.pack(">II", 14, len(inside)) + inside

    doubles = matrix(b"big", 6, (2, 2), 9, struct.pack(">4d", 1.5, 3, -2, 4))
    shorts = matrix(b"sml", 10, (1, 2), 3, struct.pack(">2h", 1, -2))
    return header + doubles + shorts


if __name__ == "__main__":
    scipy.io.savemat("plain.mat", variables(), do_compression=False)
    scipy.io.savemat("compressed.mat", variables(), do_compression=True)
    scipy.io.savemat("version4.mat", {"a": np.arange(6.0).reshape(2, 3)}, format="4")
    with open("big_endian.mat", "wb") as file:
        file.write(big_endian())
