"""Archives of NumPy: the same two arrays, stored and deflated; and names, as AligNet has them.

    python generate.py
"""

import numpy

arrays = {"triplets": numpy.array([[1, 2, 3]], dtype="int64"), "who": numpy.array(["ab"])}
numpy.savez("stored.npz", **arrays)
numpy.savez_compressed("deflated.npz", **arrays)
names = numpy.array([["a.png", "b.png", "c.png"], ["d.png", "a.png", "c.png"]])
numpy.savez_compressed("names.npz", filenames=names)
