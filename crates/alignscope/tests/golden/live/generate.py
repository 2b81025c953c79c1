"""Tables in the layouts of LIVE (release 2) and of LIVE-MD, written by SciPy as MATLAB writes them.

Counts, variables and shapes are those of the releases; names of references are invented, and scores
are a pattern around the mean of each part of the release.

    python generate.py
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

HERE = Path(__file__).parent
#: Folder, images, of them copies of references, mean of the realigned DMOS.
KINDS = [
    ("jp2k", 227, 58, 43.608),
    ("jpeg", 233, 58, 50.591),
    ("wn", 174, 29, 56.570),
    ("gblur", 174, 29, 45.720),
    ("fastfading", 174, 29, 46.824),
]
REFERENCES = [f"scene{number}.bmp" for number in range(1, 30)]
#: The names of LIVE-MD's references, and the mean DMOS of its parts.
SCENES = [f"place{number}.bmp" for number in range(1, 16)]
PARTS = [("jpeg", 47.2627), ("noise", 47.8968)]


def cells(texts, column):
    """A cell array of texts, of one row or one column."""
    array = np.empty((len(texts), 1) if column else (1, len(texts)), object)
    array.ravel()[:] = texts
    return array


def around(mean, count):
    """Different numbers with a mean."""
    numbers = np.linspace(-20, 20, count)
    return mean + numbers - numbers.mean()


def live():
    """`dmos.mat`, `dmos_realigned.mat` and `refnames_all.mat`."""
    names, copies, dmos = [], [], []
    for _, images, of_references, mean in KINDS:
        names += [REFERENCES[i % len(REFERENCES)] for i in range(images)]
        flags = np.zeros(images)
        flags[:of_references] = 1
        scores = np.zeros(images)
        scores[of_references:] = around(mean, images - of_references)
        copies.append(flags)
        dmos.append(scores)
    copies, dmos = np.concatenate(copies)[None], np.concatenate(dmos)[None]
    write("refnames_all", refnames_all=cells(names, column=False))
    write("dmos", dmos=dmos / 2, orgs=copies.astype(np.uint8))
    write("dmos_realigned", dmos_new=dmos, dmos_std=dmos * 0 + 5, orgs=copies)


def live_md():
    """`Imagelists.mat` and `Scores.mat` of each part."""
    for number, (second, mean) in enumerate(PARTS, 1):
        images, references = [], []
        for place, scene in enumerate(SCENES, 1):
            stem = scene.removesuffix(".bmp")
            blurred = [f"{stem}_blur{i}" for i in (1, 2, 3)]
            others = [f"{stem}_{second}{i}" for i in (1, 2, 3)]
            both = [f"{name}_{second}{i}" for name in blurred for i in (1, 2, 3)]
            images += [f"{name}.bmp" for name in blurred + others + both]
            references += [place] * 15
        write(
            f"part_{number}_Imagelists",
            distimgs=cells(images, column=True),
            refimgs=cells(SCENES, column=True),
            ref4dist=np.array(references, np.uint8)[:, None],
        )
        write(f"part_{number}_Scores", DMOSscores=around(mean, len(images))[None])


def write(name, **variables):
    """A compressed file, as MATLAB 7 writes it."""
    savemat(HERE / f"{name}.mat", variables, do_compression=True)


live()
live_md()
