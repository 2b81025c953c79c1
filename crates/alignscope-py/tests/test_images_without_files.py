"""Images of a data set that are no files: pictures in memory, and data sets of other libraries."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from conftest import write_png

import alignscope
from alignscope import Dataset, DatasetError, InvalidTypeError, InvalidValueError

TRIALS = {"images": [[0, 1, 2], [1, 2, 3]], "odd": [2, 0]}


@pytest.fixture()
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 24, 20, 3), dtype=np.uint8)


def pixels_of(dataset: Dataset) -> np.ndarray:
    """The images of a data set as a model sees them, in its own order."""
    seen = []

    def encode(images, stages):
        seen.extend(images)
        return {"x": np.stack([image.reshape(-1) for image in images]).astype(np.float32)}

    alignscope.evaluate(dataset, encode, "x", distances="euclidean", resamples=0, batch=2,
                        progress=False)
    # The first image is asked for once more, alone.
    return np.stack(seen[1:])


def test_pictures_of_every_kind_are_seen_as_they_are(noise, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for i, pixels in enumerate(noise):
        write_png(tmp_path / f"{i}.png", pixels)
    kinds = {
        "array of all": noise,
        "arrays": list(noise),
        "mapping": {str(i): pixels for i, pixels in enumerate(noise)},
        "PIL": [image.fromarray(pixels) for pixels in noise],
        "bytes": [(tmp_path / f"{i}.png").read_bytes() for i in range(4)],
        "paths": [tmp_path / f"{i}.png" for i in range(4)],
        "mapping of paths": {str(i): str(tmp_path / f"{i}.png") for i in range(4)},
        "pairs of image and label": [(pixels, 1) for pixels in noise],
        "rows": [{"image": pixels, "label": 1} for pixels in noise],
    }
    found = {kind: pixels_of(Dataset.from_arrays(TRIALS, images)) for kind, images in kinds.items()}
    for kind, pixels in found.items():
        np.testing.assert_array_equal(pixels, noise, err_msg=kind)


def test_pil_images_are_decoded_as_their_files_are(tmp_path):
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(1)
    colour = image.fromarray(rng.integers(0, 256, (24, 20, 4), dtype=np.uint8), "RGBA")
    turned = image.Exif()
    turned[0x0112] = 6
    pictures = {
        "alpha.png": (colour, {}),
        "grey.png": (colour.convert("L"), {}),
        "palette.png": (colour.convert("RGB").quantize(16), {}),
        "turned.jpg": (colour.convert("RGB"), {"exif": turned}),
        "cmyk.jpg": (colour.convert("CMYK"), {}),
    }
    for name, (picture, options) in pictures.items():
        picture.save(tmp_path / name, **options)
    names = list(pictures)
    trials = {"reference": [0] * 4, "distorted": [1, 2, 3, 4], "score": [1, 2, 3, 4]}
    files = Dataset.from_arrays(trials, [tmp_path / name for name in names])
    opened = Dataset.from_arrays(trials, [image.open(tmp_path / name) for name in names])
    np.testing.assert_array_equal(pixels_of(files), pixels_of(opened))


def test_a_torch_data_set_gives_its_images(noise):
    torch = pytest.importorskip("torch")

    class Noise(torch.utils.data.Dataset):
        asked: list[int] = []

        def __len__(self):
            return 1000

        def __getitem__(self, i):
            self.asked.append(i)
            return torch.from_numpy(noise[i % 4]).permute(2, 0, 1), i % 10

    data = Noise()
    dataset = Dataset.from_arrays(TRIALS | {"images": [[5, 0, 2], [999, 5, 2]]}, data)
    assert dataset.images == ["0", "2", "5", "999"]
    # Only those that trials show, one after the other.
    assert data.asked == [0, 2, 5, 999]
    np.testing.assert_array_equal(pixels_of(dataset), noise[[0, 2, 1, 3]])

    class Changed(Noise):
        def __getitem__(self, i):
            return torch.zeros(3, 8, 8), 0

    with pytest.raises(InvalidTypeError, match="tensor of torch.float32.*its transform"):
        Dataset.from_arrays(TRIALS, Changed())


class Image:
    """As `datasets.Image`: what a column of images is."""


class Value:
    """As `datasets.Value`."""


class HuggingFace:
    """What a `datasets.Dataset` has, as far as it is used."""

    def __init__(self, columns, kinds):
        self._columns = columns
        self.features = kinds
        self.column_names = list(columns)

    def select_columns(self, names):
        columns = {name: self._columns[name] for name in names}
        return HuggingFace(columns, {name: self.features[name] for name in names})

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, key):
        if isinstance(key, str):
            return self._columns[key]
        return {name: column[key] for name, column in self._columns.items()}


def test_a_data_set_of_hugging_face_has_a_column_of_images(noise, tmp_path):
    image = pytest.importorskip("PIL.Image")
    columns = {"id": [1, 2, 3, 4], "photo": [image.fromarray(pixels) for pixels in noise]}
    data = HuggingFace(columns, {"id": Value(), "photo": Image()})
    np.testing.assert_array_equal(pixels_of(Dataset.from_arrays(TRIALS, data)), noise)
    # Images that it has not decoded: the bytes of their files, or where they are.
    raw = []
    for i, pixels in enumerate(noise):
        buffer = io.BytesIO()
        image.fromarray(pixels).save(buffer, "PNG")
        write_png(tmp_path / f"{i}.png", pixels)
        one = {"bytes": buffer.getvalue(), "path": None}
        raw.append(one if i % 2 else {"bytes": None, "path": str(tmp_path / f"{i}.png")})
    data = HuggingFace({"photo": raw}, {"photo": Image()})
    np.testing.assert_array_equal(pixels_of(Dataset.from_arrays(TRIALS, data)), noise)
    two = HuggingFace({"a": list(noise), "b": list(noise)}, {"a": Image(), "b": Image()})
    with pytest.raises(InvalidValueError, match="a, b have images; name one with `image_c"):
        Dataset.from_arrays(TRIALS, two)
    np.testing.assert_array_equal(
        pixels_of(Dataset.from_arrays(TRIALS, two, image_column="b")), noise
    )


def test_what_is_kept_is_kept_once(noise, tmp_path):
    cache = tmp_path / "cache"
    one = Dataset.from_arrays(TRIALS, noise, cache=cache)
    two = Dataset.from_arrays(TRIALS, list(noise), cache=cache)
    other = Dataset.from_arrays(TRIALS | {"odd": [0, 0]}, noise, cache=cache)
    assert one.path == two.path != other.path
    pictures = cache / "pictures"
    assert sorted(p.name for p in cache.iterdir()) == sorted(
        ["pictures", one.path.name, other.path.name]
    )
    assert len(list(pictures.iterdir())) == 4
    assert os.path.samefile(one.files[0], other.files[0])
    # A folder that somebody has cut down is made anew.
    one.files[2].unlink()
    again = Dataset.from_arrays(TRIALS, noise, cache=cache)
    np.testing.assert_array_equal(pixels_of(again), noise)
    # Files are not copied.
    write_png(tmp_path / "0.png", noise[0])
    files = [tmp_path / "0.png", *map(str, one.files[1:])]
    linked = Dataset.from_arrays(TRIALS, files, cache=cache)
    assert linked.files[0].is_symlink() and len(list(pictures.iterdir())) == 4


def test_pictures_of_equal_bytes_and_other_shapes_are_two():
    shapes = [(16, 32), (32, 16), (8, 64), (16, 16)]
    pictures = [np.zeros((*shape, 3), np.uint8) for shape in shapes]
    trials = {"reference": [0, 0, 0], "distorted": [1, 2, 3], "score": [1, 2, 3]}
    seen = []

    def encode(images, stages):
        seen.extend(image.shape[:2] for image in images)
        return {"x": np.ones((len(images), 2), np.float32)}

    alignscope.evaluate(
        Dataset.from_arrays(trials, pictures), encode, "x", resamples=0, progress=False
    )
    assert set(seen) == set(shapes)


def test_a_folder_that_is_there_is_not_taken_from_those_who_read_it(noise, tmp_path):
    one = Dataset.from_arrays(TRIALS, noise, cache=tmp_path)
    before = os.stat(one.path).st_ino
    read = one.files[0].open("rb")
    (one.path / "of_a_reader").touch()
    one.files[2].unlink()
    with read:
        two = Dataset.from_arrays(TRIALS, noise, cache=tmp_path)
    assert os.stat(two.path).st_ino == before and (two.path / "of_a_reader").is_file()
    np.testing.assert_array_equal(pixels_of(two), noise)


def test_a_file_that_changed_is_copied_anew_where_there_are_no_links(noise, tmp_path, monkeypatch):
    def refused(*_):
        raise OSError("no links for users")

    monkeypatch.setattr("pathlib.Path.symlink_to", refused)
    files = [tmp_path / f"{i}.png" for i in range(4)]
    for file, pixels in zip(files, noise):
        write_png(file, pixels)
    one = Dataset.from_arrays(TRIALS, files)
    assert Dataset.from_arrays(TRIALS, files).path == one.path
    np.testing.assert_array_equal(pixels_of(one), noise)
    write_png(files[0], 255 - noise[0])
    # Within the same moment of the file system's clock.
    os.utime(files[0], ns=(1, 1))
    found = pixels_of(Dataset.from_arrays(TRIALS, files))
    np.testing.assert_array_equal(found, [255 - noise[0], *noise[1:]])


def test_relative_and_absolute_paths_may_be_mixed(noise, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    for name, pixels in zip(("sub/x.png", "x.png", "y.png", "z.png"), noise):
        write_png(tmp_path / name, pixels)
    monkeypatch.chdir(tmp_path / "sub")
    others = [str(tmp_path / name) for name in ("x.png", "y.png", "z.png")]
    dataset = Dataset.from_arrays(TRIALS, ["x.png", *others])
    assert dataset.images == ["sub/x.png", "x.png", "y.png", "z.png"]
    np.testing.assert_array_equal(pixels_of(dataset), noise)
    # Trials may name them as they are given.
    paths = ["x.png", *others]
    named = TRIALS | {"images": [[paths[i] for i in row] for row in TRIALS["images"]]}
    np.testing.assert_array_equal(pixels_of(Dataset.from_arrays(named)), noise)


def test_images_keep_their_names_below_a_folder(noise, tmp_path, monkeypatch):
    (tmp_path / "a/b").mkdir(parents=True)
    paths = [tmp_path / "a" / name for name in ("0.png", "b/1.png", "2.png", "3.png")]
    for path, pixels in zip(paths, noise):
        write_png(path, pixels)
    names = ["0.png", "b/1.png", "2.png", "3.png"]
    assert Dataset.from_arrays(TRIALS, paths).images == names
    assert Dataset.from_arrays(TRIALS, names, folder=tmp_path / "a").images == names
    assert Dataset.from_arrays(TRIALS, paths, folder=tmp_path).images[1] == "a/b/1.png"
    named = TRIALS | {"images": [[names[i] for i in row] for row in TRIALS["images"]]}
    assert Dataset.from_arrays(named, folder=tmp_path / "a").images == names
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Dataset.from_arrays(named, folder="~/a").images == names
    assert Dataset.from_arrays(TRIALS, [f"~/a/{name}" for name in names]).images == names
    with pytest.raises(InvalidValueError, match="expected a path below the folder"):
        Dataset.from_arrays(TRIALS, paths, folder=tmp_path / "a/b")
    with pytest.raises(InvalidValueError, match="the images are no paths"):
        Dataset.from_arrays(TRIALS, noise, folder=tmp_path)


@pytest.mark.parametrize(
    ("images", "kind", "words"),
    [
        (3, InvalidTypeError, "images is 3, an int, expected a list of paths"),
        ("a.png", InvalidTypeError, "images is 'a.png'"),
        (np.zeros((4, 4, 3), np.uint8), InvalidValueError, r"the shape \(4, 4, 3\), exp"),
        (np.zeros((4, 4, 4, 3)), InvalidTypeError, r"images\[0\] is of float64, expected"),
        (np.zeros((4, 4, 4, 4), np.uint8), InvalidValueError, r"the shape \(4, 4, 4\)"),
        ([None] * 4, InvalidTypeError, r"images\[0\] is None, expected a path, a PIL"),
        ([{"img": 1}] * 4, InvalidValueError, r"images\[0\] has no `image`, only img"),
        ({"a": 1}, DatasetError, "expected a number from 0 to 0"),
    ],
)
def test_what_are_no_images_is_told(images, kind, words):
    with pytest.raises(kind, match=words):
        Dataset.from_arrays(TRIALS, images)


def test_a_data_set_without_its_images_takes_features_and_nothing_else(rated, triplets, tmp_path):
    whole = alignscope.load_dataset("pairs", rated)
    for path in rated.glob("*.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError):
        alignscope.load_dataset("pairs", rated)
    dataset = alignscope.load_dataset("pairs", rated, images=False)
    assert dataset.images == whole.images and not dataset.has_images
    arrays = {"x": np.random.default_rng(0).random((40, 8), np.float32)}
    measured = alignscope.score(dataset, arrays, distances="euclidean", resamples=100)
    assert len(measured.scores) > 0
    options = {"distances": "euclidean", "resamples": 100, "progress": False, "pixels": False}
    model = alignscope.Features(arrays)
    run = alignscope.run(model, dataset, tmp_path / "run", **options)
    assert np.array_equal(run.scores["value"], measured.scores["value"])
    assert "made without them" in run.report.read_text()
    repeated = alignscope.run(run.path / "manifest.json", out=tmp_path / "again", own=model,
                              progress=False)
    assert (run.path / "scores.csv").read_bytes() == (repeated.path / "scores.csv").read_bytes()
    for models, more in [("ssim", {}), (model, {"pixels": True}), ("random:openai/clip-vit-base-"
                         "patch32", {})]:
        words = "reads images, and pairs is loaded without its images; load it with `images=True`"
        with pytest.raises(InvalidValueError, match=words):
            alignscope.run(models, dataset, tmp_path / "none", **{**options, **more})
    with pytest.raises(InvalidValueError, match="or leave the pixels out with `pixels=F"):
        alignscope.score(dataset, arrays, pixels=True, resamples=0)
    with pytest.raises(InvalidValueError, match="loaded without its images"):
        alignscope.evaluate(dataset, lambda images, stages: {"x": np.zeros((len(images), 2))}, "x")


def test_releases_without_their_images(things, materials):
    for format, folder in [("things", things), ("nights", materials)]:
        dataset = alignscope.load_dataset(format, folder, images=False)
        there = alignscope.load_dataset(format, folder, skip_missing=True)
        assert len(dataset) == len(there) + there.skipped_trials
        assert dataset.release == there.release and dataset.name == there.name
    assert "aardvark" in alignscope.load_dataset("things", things, images=False).images
