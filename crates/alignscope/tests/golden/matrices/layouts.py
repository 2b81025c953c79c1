"""Small files of matrices as NumPy and SciPy write them, for `tests/it/matrices.rs`.

Run in this folder: `python layouts.py` (NumPy, SciPy). Matrices of person p and images i < j of four
have the dissimilarity 10 p + the place of the pair, from 1: 1 to 6 for p = 0.
"""

import numpy as np
import scipy.io

PAIRS = np.triu_indices(4, 1)


def matrix(person):
    square = np.zeros((4, 4))
    square[PAIRS] = 10 * person + np.arange(1, 7)
    return square + square.T


def stack(people):
    return np.array([matrix(person) for person in range(people)])


def sessions():
    """Two subjects and two sessions, whose mean is the matrix of the subject."""
    found = np.zeros((1, 2, 2), dtype=[("RDM", object), ("name", object)])
    for subject in range(2):
        for session, by in enumerate((-0.5, 0.5)):
            shift = by * (1 - np.eye(4))
            found[0, subject, session]["RDM"] = matrix(subject) + shift
            found[0, subject, session]["name"] = f"hIT | subject {subject}"
    return found


if __name__ == "__main__":
    np.save("stack.npy", stack(3).astype("f4"))
    np.save("fortran.npy", np.asfortranarray(stack(2)))
    np.savez_compressed("people.npz", anna=matrix(0), bert=matrix(1))
    np.savez("condensed.npz", only=stack(2)[:, PAIRS[0], PAIRS[1]])
    scipy.io.savemat("92_brainRDMs.mat", {"RDMs": sessions()})
    scipy.io.savemat("target_fmri.mat", {"IT_RDMs": stack(3), "EVC_RDMs": stack(3)[::-1]})
    scipy.io.savemat("judgments_general.mat", {"judgments": stack(2)}, do_compression=True)
    of_set = {"pairwisedistances": stack(2)[:, PAIRS[0], PAIRS[1]]}
    of_other = {"pairwisedistances": stack(4)[2:, PAIRS[0], PAIRS[1]] + 10}
    scipy.io.savemat("BEHAVIOR.mat", {"BEHAVIOR": {"set1": of_set, "set2": of_other}})
    scipy.io.savemat("animals_sim.mat", {"simMatrix": 10 - matrix(0)})
    scipy.io.savemat("two_sim.mat", {"simMatrix": 10 - matrix(0), "simOther": 20 - matrix(1)})
