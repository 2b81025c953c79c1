"""Archives of NumPy: the same two arrays, stored and deflated.

    python generate.py
"""

import numpy

arrays = {"triplets": numpy.array([[1, 2, 3]], dtype="int64"), "who": numpy.array(["ab"])}
numpy.savez("stored.npz", **arrays)
numpy.savez_compressed("deflated.npz", **arrays)
