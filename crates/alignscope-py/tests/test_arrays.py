"""Features of more tokens than patches and one class token, and feature maps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import alignscope
from conftest import write_images, write_pairs

IMAGES = 6


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    names = write_images(folder, IMAGES, size=8)
    write_pairs(folder, [(names[a], names[b], a + b) for a in range(IMAGES) for b in range(a)])
    return alignscope.load_dataset("pairs", folder)


def noise(*shape, dtype=np.float32):
    """Numbers that float16, float32 and float64 all hold."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float16).astype(dtype)


def by_score(dataset, array, **options):
    return alignscope.score(dataset, {"x": array}, resamples=0, **options)


def by_folder(dataset, array, tmp_path_factory, **options):
    folder = tmp_path_factory.mktemp("features") / "x"
    folder.mkdir()
    np.save(folder / "features.npy", array)
    (folder / "file_names.txt").write_text("\n".join(dataset.images))
    return alignscope.score(dataset, folder, resamples=0, **options)


def by_function(dataset, array, **options):
    given = iter([array[:1], array[:4], array[4:]])
    return alignscope.evaluate(
        dataset, lambda images, stages: [next(given)], "x", batch=4, resamples=0, progress=False,
        **options,
    )


@pytest.fixture(params=["score", "folder", "evaluate"])
def measure(request, dataset, tmp_path_factory):
    """The distances of an array by each way that it can go."""

    def measured(array, **options):
        way = {
            "score": by_score,
            "folder": lambda *given, **more: by_folder(*given, tmp_path_factory, **more),
            "evaluate": by_function,
        }
        found = way[request.param](dataset, array, **options)
        return {kind: found.distances("x", kind) for kind in found.kinds}

    return measured


def same(found, expected):
    assert found.keys() == expected.keys()
    for kind, values in found.items():
        np.testing.assert_array_equal(values, expected[kind])


def normalized(dataset, tokens):
    """The normalized distance, from the numbers as `[images, tokens, channels]`."""
    x = tokens.astype(np.float64)[dataset.pairs]
    msd = ((x[:, 0] - x[:, 1]) ** 2).mean(1)
    scale = np.average(msd, axis=0, weights=dataset.pair_uses)
    return np.sqrt((msd / scale).mean(1))


def test_registers_are_neither_patches_nor_part_of_the_mean(measure):
    x = noise(IMAGES, 1 + 4 + 9, 5)
    x[:, 1:5] *= 30
    seen = np.concatenate([x[:, :1], x[:, 5:]], 1)
    pooled = seen.astype(np.float64).mean(1).astype(np.float32)
    chosen = {
        "all": x, "class": x[:, 0], "registers": x[:, 1:5], "patches": x[:, 5:], "mean": pooled,
    }
    for tokens, expected in chosen.items():
        same(measure(x, tokens=tokens, prefix=5), measure(expected))
    for tokens in ["class", "patches", "mean"]:
        with pytest.raises(ValueError, match="which of 14 tokens are patches.*`prefix`"):
            measure(x, tokens=tokens)
    with pytest.raises(ValueError, match="1 stands before the patches"):
        measure(x, tokens="registers", prefix=1)
    one = measure(x, tokens="patches", prefix=1)
    assert np.all(one["euclidean"] != measure(x, tokens="patches", prefix=5)["euclidean"])


def test_the_number_of_tokens_tells_of_a_class_token(measure):
    x = noise(IMAGES, 10, 5)
    same(measure(x, tokens="patches"), measure(x[:, 1:]))
    same(measure(x[:, 1:], tokens="patches"), measure(x[:, 1:]))
    same(measure(x, tokens="mean"), measure(x, tokens="mean", prefix=0))
    with pytest.raises(ValueError, match="9 tokens are a square.*`prefix=1`"):
        measure(x[:, 1:], tokens="class")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prefix": 14, "tokens": "patches"}, ValueError, "only 14 tokens"),
        ({"prefix": 14}, ValueError, "only 14 tokens"),
        ({"prefix": 0, "tokens": "class"}, ValueError, "it is said that no token"),
        ({"prefix": -1}, ValueError, "prefix is -1, expected 0 or more"),
        ({"prefix": "5"}, TypeError, "prefix is '5', a str, expected a whole number or None"),
        ({"prefix": True}, TypeError, "prefix is True, a bool"),
        ({"prefix": 5.0}, TypeError, "prefix is 5.0, a float"),
        ({"layout": "nlc"}, ValueError, "unknown layout `nlc` .did you mean `NLC`.., expected one"),
        ({"layout": 3}, TypeError, "layout is 3, an int, expected a layout .str., a list of them"),
        ({"layout": ["NLC", "NCL"]}, ValueError, "NLC and NCL are both of 3 axes"),
        ({"layout": ["NLC", "NCHW"]}, ValueError, "no stage has 4 axes"),
        ({"layout": "NCHW"}, ValueError, "no stage has 4 axes"),
    ],
)
def test_wrong_words_for_tokens_and_axes(measure, options, error, message):
    with pytest.raises(error, match=message):
        measure(noise(IMAGES, 14, 5), **options)


@pytest.mark.parametrize("size", [(6, 4, 4), (4, 4, 4), (5, 2, 3), (7, 1, 1), (1, 3, 3)])
def test_a_map_is_its_positions_as_tokens_to_the_byte(measure, size):
    channels, height, width = size
    nchw = noise(IMAGES, *size)
    nhwc = np.moveaxis(nchw, 1, -1)
    tokens = np.ascontiguousarray(nhwc.reshape(IMAGES, height * width, channels))
    expected = measure(tokens)
    pooled = measure(tokens.astype(np.float64).mean(1).astype(np.float32))
    for layout, array in [("NCHW", nchw), ("NHWC", np.ascontiguousarray(nhwc))]:
        same(measure(array, layout=layout), expected)
        same(measure(array, layout=layout, tokens="patches"), expected)
        same(measure(array, layout=layout, tokens="mean"), pooled)
        for dtype in (np.float16, np.float64):
            same(measure(array.astype(dtype), layout=layout), expected)
        with pytest.raises(ValueError, match="a feature map has none"):
            measure(array, layout=layout, tokens="class")
        with pytest.raises(ValueError, match="the patches, 1, has no use.*leave out `prefix`"):
            measure(array, layout=layout, prefix=1)
        with pytest.raises(ValueError, match='`layout="NCHW"`.*`layout="NHWC"`'):
            measure(array)
    same(measure(nchw.reshape(IMAGES, channels, -1), layout="NCL"), expected)


def test_maps_in_any_order_of_memory(dataset):
    nchw = noise(IMAGES, 5, 3, 2)
    expected = by_score(dataset, nchw, layout="NCHW").distances("x", "cosine")
    channels_last = np.moveaxis(np.ascontiguousarray(np.moveaxis(nchw, 1, -1)), -1, 1)
    for array in [np.asfortranarray(nchw), channels_last, np.repeat(nchw, 2, 3)[..., ::2]]:
        np.testing.assert_array_equal(array, nchw)
        found = by_score(dataset, array, layout="NCHW").distances("x", "cosine")
        np.testing.assert_array_equal(found, expected)


def test_a_file_in_fortrans_order_is_refused(dataset, tmp_path_factory):
    array = np.asfortranarray(noise(IMAGES, 5, 3, 2))
    with pytest.raises(alignscope.FeatureFileError, match="Fortran's order.*ascontiguousarray"):
        by_folder(dataset, array, tmp_path_factory, layout="NCHW")


@pytest.mark.parametrize(
    "shape", [(IMAGES, 2, 3, 4, 5), (IMAGES, 0, 3), (IMAGES, 2, 0, 4), ()]
)
def test_arrays_of_no_such_axes_are_refused(dataset, shape):
    for layout in [None, "NCHW"]:
        with pytest.raises(ValueError, match=r"mine at x: the shape is \["):
            by_score(dataset, np.zeros(shape), layout=layout, model="mine")


def test_of_four_ways_around_a_map_one_is_right(dataset):
    nchw = noise(IMAGES, 6, 4, 3)
    tokens = np.moveaxis(nchw, 1, -1).reshape(IMAGES, 12, 6)
    right = normalized(dataset, tokens)
    found = by_score(dataset, nchw, layout="NCHW").distances("x", "normalized-euclidean")
    np.testing.assert_allclose(found, right, rtol=1e-6)
    for around in [nchw.reshape(IMAGES, -1), nchw.reshape(IMAGES, 6, 12), tokens.mean(1)]:
        found = by_score(dataset, around).distances("x", "normalized-euclidean")
        np.testing.assert_allclose(
            found, normalized(dataset, around.reshape(IMAGES, -1, around.shape[-1])), rtol=1e-6
        )
        assert np.max(np.abs(found - right)) > 1e-3
    found = by_score(dataset, tokens).distances("x", "normalized-euclidean")
    np.testing.assert_allclose(found, right, rtol=1e-6)


def test_stages_of_maps_and_tokens_stand_side_by_side(dataset):
    maps, vit, head = noise(IMAGES, 5, 3, 2), noise(IMAGES, 14, 4), noise(IMAGES, 3)
    found = alignscope.score(
        dataset, {"maps": maps, "vit": vit, "head": head}, layout="NCHW", prefix=5,
        tokens="patches", resamples=0,
    )
    tokens = np.moveaxis(maps, 1, -1).reshape(IMAGES, 6, 5)
    expected = alignscope.score(
        dataset, {"maps": tokens, "vit": vit[:, 5:], "head": head}, resamples=0
    )
    for stage in expected.stages:
        for kind in expected.kinds:
            np.testing.assert_array_equal(
                found.distances(stage, kind), expected.distances(stage, kind)
            )


def test_maps_and_exchanged_tokens_have_a_layout_each(dataset):
    maps, tokens = noise(IMAGES, 5, 3, 2), noise(IMAGES, 24, 10)
    features = {"maps": maps, "tokens": tokens}
    advice = r'`layout=\["NCHW", "NCL"\]`, .*, or .*`layout=\["NCHW", "NLC"\]`'
    with pytest.warns(UserWarning, match=advice):
        alignscope.score(dataset, features, layout="NCHW", resamples=0)
    exchanged = np.ascontiguousarray(np.moveaxis(tokens, 1, -1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = alignscope.score(dataset, features, layout=["NCHW", "NCL"], resamples=0)
        same_axes = {"maps": maps, "tokens": exchanged}
        expected = alignscope.score(dataset, same_axes, layout=("NLC", "NCHW"), resamples=0)
    for kind in found.kinds:
        for stage in features:
            np.testing.assert_array_equal(
                found.distances(stage, kind), expected.distances(stage, kind)
            )
    with pytest.raises(ValueError, match=r'`layout=\["NCHW", "NCL"\]`'):
        alignscope.score(dataset, features, layout="NCL", resamples=0)


def test_hashing_a_folder_of_features_is_told_and_can_be_stopped(dataset, tmp_path_factory):
    class Stops:
        tasks = []

        def begin(self, task, steps):
            self.tasks.append((task, steps))
            if "hashing" in task:
                raise KeyboardInterrupt

        def update(self, done): ...

        def end(self): ...

        def note(self, message): ...

    array = noise(IMAGES, 5)
    with pytest.raises(KeyboardInterrupt):
        by_folder(dataset, array, tmp_path_factory, model="mine", progress=Stops())
    task, steps = Stops.tasks[-1]
    assert task == "mine: hashing its features" and steps > array.nbytes


def test_axes_that_look_exchanged_are_warned_of_once(measure):
    exchanged = noise(IMAGES, 24, 10)
    with pytest.warns(UserWarning, match=r"24 tokens of 10 channels.*`layout=\"NCL\"`") as caught:
        measure(exchanged)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(exchanged, layout="NLC")
        measure(exchanged, layout="NCL")
        measure(noise(IMAGES, 10, 24))
