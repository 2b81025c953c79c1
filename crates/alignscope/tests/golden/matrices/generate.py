"""Measures, noise ceilings and bootstrap errors of rsatoolbox, for `score/matrices/tests.rs`.

Run in this folder with rsatoolbox 0.3.2, NumPy and safetensors: `python generate.py`.
`people` are matrices of 9 simulated people of 14 images, `models` three models; `holes` the same
people, all of whom did not judge some pairs. The resamples of the bootstrap are drawn here and
kept, so that each number can be held to.
"""

import numpy as np
from rsatoolbox.inference import boot_noise_ceiling
from rsatoolbox.rdm import RDMs, compare
from rsatoolbox.util.inference_util import extract_variances
from safetensors.numpy import save_file

METHODS = {
    "spearman": "spearman",
    "pearson": "corr",
    "kendall-tau-a": "tau-a",
    "matrix-cosine": "cosine",
    "whitened-cosine": "cosine_cov",
}
IMAGES, PEOPLE, DRAWS = 14, 9, 60


def simulated(rng):
    def of(points):
        return np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))[np.triu_indices(IMAGES, 1)]

    truth = rng.normal(size=(IMAGES, 3))
    # Rounded, so that ties are there.
    people = [np.round(of(truth + 0.5 * rng.normal(size=truth.shape)), 1) for _ in range(PEOPLE)]
    models = [np.round(of(truth + s * rng.normal(size=truth.shape)), 2) for s in (0.3, 1.0, 3.0)]
    return np.array(people), np.array(models)


def rdms(vectors):
    return RDMs(vectors, pattern_descriptors={"index": list(range(IMAGES))})


def drawn(of, people, images):
    """`of` with people and images as they are drawn."""
    of = of.subsample("index", people)
    return of.subsample_pattern("index", images)


def main():
    rng = np.random.default_rng(22)
    people, models = simulated(rng)
    found = {"people": people, "models": models}
    holes = people.copy()
    missing = rng.permutation(people.shape[1])[:11]
    holes[:, missing] = np.nan
    holed_models = models.copy()
    holed_models[:, missing] = np.nan
    found["holes"] = holes
    everyone, every_image = np.arange(PEOPLE), np.arange(IMAGES)
    drawn_people = rng.integers(0, PEOPLE, size=(DRAWS, PEOPLE))
    drawn_images = rng.integers(0, IMAGES, size=(DRAWS, IMAGES))
    count = lambda draws, n: np.array([np.bincount(d, minlength=n) for d in draws], float)
    found["draws.people"] = count(drawn_people, PEOPLE)
    found["draws.images"] = count(drawn_images, IMAGES)
    for name, method in METHODS.items():
        # [people, models]
        found[f"{name}.values"] = compare(rdms(people), rdms(models), method)
        found[f"{name}.holes"] = compare(rdms(holes), rdms(holed_models), method)
        found[f"{name}.ceilings"] = np.array(boot_noise_ceiling(rdms(people), method))
        found[f"{name}.ceilings.holes"] = np.array(boot_noise_ceiling(rdms(holes), method))
        values, ceilings = [], []
        for who, what in zip(drawn_people, drawn_images):
            row, of_ceilings = [], []
            for persons, images in ((who, every_image), (everyone, what), (who, what)):
                sample = drawn(rdms(people), persons, images)
                model = rdms(models).subsample_pattern("index", images)
                row.append(compare(sample, model, method).mean(0))
                of_ceilings.append(boot_noise_ceiling(sample, method))
            values.append(row)
            ceilings.append(of_ceilings)
        # [draws, (people, images, both), models], and with (lower, upper) in the place of models
        found[f"{name}.drawn"] = np.array(values)
        found[f"{name}.ceilings.drawn"] = np.array(ceilings)
        both = np.array(values)[:, [2, 0, 1]]
        centred = both - both.mean(0)
        variances = np.einsum("rkm,rkn->kmn", centred, centred) / (DRAWS - 1)
        of_models, of_pairs, _ = extract_variances(
            variances, nc_included=False, n_rdm=PEOPLE, n_pattern=IMAGES
        )
        # Of each model, and of the differences of models 0-1, 0-2, 1-2.
        found[f"{name}.variances"] = of_models
        found[f"{name}.variances.of_pairs"] = of_pairs
    save_file({k: np.ascontiguousarray(v, float) for k, v in found.items()}, "golden.safetensors")


if __name__ == "__main__":
    main()
