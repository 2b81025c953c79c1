"""Whatever the layout of an array, its numbers count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import alignscope
from conftest import write_images, write_pairs


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    names = write_images(folder, 6, size=8)
    write_pairs(folder, [(names[a], names[b], a + b) for a in range(6) for b in range(a)])
    return alignscope.load_dataset("pairs", folder)


def half(rng, shape):
    """Numbers that float16, float32 and float64 all hold."""
    return rng.normal(size=shape).astype(np.float16)


LAYOUTS = {
    "as it is": lambda a: a,
    "Fortran's order": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards twice": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "transposed": lambda a: np.ascontiguousarray(np.moveaxis(a, -1, 0)).transpose(*range(1, a.ndim), 0),
    "a part of a larger one": lambda a: np.pad(a, [(1, 2)] * a.ndim)[(slice(1, -2),) * a.ndim],
    "read only": lambda a: np.lib.stride_tricks.as_strided(a, writeable=False),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "not aligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    tokens=st.one_of(st.none(), st.integers(1, 5)),
    channels=st.integers(1, 40),
    layout=st.sampled_from(sorted(LAYOUTS)),
    dtype=st.sampled_from(["float16", "float32", "float64"]),
    seed=st.integers(0, 1000),
)
def test_layouts_and_types_change_no_bit(dataset, tokens, channels, layout, dtype, seed):
    shape = (6, channels) if tokens is None else (6, tokens, channels)
    plain = half(np.random.default_rng(seed), shape)
    expected = alignscope.score(dataset, {"x": plain.astype(np.float32)}, resamples=0)
    given = LAYOUTS[layout](plain.astype(dtype))
    np.testing.assert_array_equal(given, plain)
    found = alignscope.score(dataset, {"x": given}, resamples=0)
    for kind in alignscope.STUDY_DISTANCES:
        np.testing.assert_array_equal(found.distances("x", kind), expected.distances("x", kind))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tokens=st.integers(1, 4), channels=st.integers(1, 70), seed=st.integers(0, 1000))
def test_distances_are_what_numpy_says(dataset, tokens, channels, seed):
    a = np.random.default_rng(seed).normal(size=(6, tokens, channels)).astype(np.float32)
    found = alignscope.score(dataset, {"x": a}, resamples=0)
    x = a.astype(np.float64)[dataset.pairs]
    msd = ((x[:, 0] - x[:, 1]) ** 2).mean(1)
    scale = np.average(msd, axis=0, weights=dataset.pair_uses)
    dot = lambda p, q: (p * q).sum((1, 2))
    cosine = 1 - dot(x[:, 0], x[:, 1]) / np.sqrt(dot(x[:, 0], x[:, 0]) * dot(x[:, 1], x[:, 1]))
    close = lambda kind, expected: np.testing.assert_allclose(
        found.distances("x", kind), expected, rtol=1e-6, atol=1e-12
    )
    close("euclidean", np.sqrt(msd.mean(1)))
    close("normalized-euclidean", np.sqrt((msd / scale).mean(1)))
    close("cosine", cosine)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)), extra=st.integers(0, 3))
def test_rows_are_known_by_their_names(dataset, order, extra):
    a = np.random.default_rng(0).normal(size=(6 + extra, 3, 5)).astype(np.float32)
    expected = alignscope.score(dataset, {"x": a[:6]}, resamples=0)
    rows = list(order) + list(range(6, 6 + extra))
    names = [f"/data/{name}" for name in dataset.images] + [f"more/{i}.png" for i in range(extra)]
    found = alignscope.score(
        dataset, {"x": a[rows]}, file_names=[names[i] for i in rows], resamples=0
    )
    for kind in alignscope.STUDY_DISTANCES:
        np.testing.assert_array_equal(found.distances("x", kind), expected.distances("x", kind))


def test_contiguous_float32_is_not_copied(dataset):
    from alignscope._arrays import activations

    a = np.zeros((6, 2, 3), np.float32)
    assert activations(a, "a") is a or np.shares_memory(activations(a, "a"), a)
    a.flags.writeable = False
    assert np.shares_memory(activations(a, "a"), a)
