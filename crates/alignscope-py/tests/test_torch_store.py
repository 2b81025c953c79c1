"""Pairs reduced where activations are: the device's way, on the CPU."""

from __future__ import annotations

import json

import numpy as np
import pytest

import alignscope
from alignscope import _alignscope
from alignscope._experiment import choices
from alignscope.torch import Recipe, module
from test_runs import distances

torch = pytest.importorskip("torch")

RECIPE = Recipe(shortest=32, crop=(32, 32), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
KINDS = alignscope.DISTANCES

#: Bytes of the activations of an image of the model below, in float32.
IMAGE_BYTES = 4 * (6 * 64 + 12 * 16 + 5)


class Net(torch.nn.Module):
    """Maps of two sizes, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(3, 6, 4, stride=4)
        self.second = torch.nn.Conv2d(6, 12, 2, stride=2)
        self.head = torch.nn.Linear(12, 5)

    def forward(self, images):
        found = self.second(self.first(images).relu())
        return self.head(found.mean((2, 3)))


STAGES = {"one": "first", "two": "second", "output": ""}


def net(name, **options):
    return module(Net().eval(), STAGES, preprocess=RECIPE, name=name, **options)


def run(models, data, out, **options):
    datasets = {"oddoneout" if (data / "oddoneout.csv").exists() else "pairs": data}
    options = {"distances": list(KINDS), "resamples": 0, "pixels": False} | options
    return alignscope.run(models, datasets, out, progress=False, **options)


def agree(found, host, device, within=5e-7):
    *keys, ours = distances(found.path, host)
    *others, theirs = distances(found.path, device)
    assert keys == others and len(ours) > 0
    ours, theirs, kinds = np.array(ours), np.array(theirs), np.array(keys[2])
    for kind in KINDS:
        check(kind, ours[kinds == kind], theirs[kinds == kind], within)


def check(kind, ours, theirs, within=5e-7):
    """That distances agree to a part of each, or where they are differences of products to a part
    of those."""
    least = {"cosine": 1.0, "correlation": 1.0, "dot": np.abs(ours).max()}.get(kind, 0.0)
    assert (np.abs(ours - theirs) <= within * np.maximum(np.abs(ours), least)).all()


def measure(model, dataset, **options):
    """What is measured of one model."""
    options = {"distances": list(KINDS), "resamples": 0} | options
    asked = choices(options, None)
    return _alignscope.measure(dataset._handle, model._own, asked, None, False, None, None)


@pytest.mark.parametrize("tokens", ["all", "patches", "mean"])
def test_device_and_host_agree(triplets, tmp_path, tokens):
    models = [net("host"), net("device", reduce="device")]
    found = run(models, triplets, tmp_path / "run", tokens=tokens)
    agree(found, "host", "device")


def test_class_tokens_and_registers_are_chosen_on_the_device(triplets, tmp_path):
    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.patches = torch.nn.Conv2d(3, 8, 8, stride=8)

        def forward(self, images):
            patches = self.patches(images).flatten(2).transpose(1, 2)
            return torch.cat([patches[:, :1] * 2, patches[:, :2] * 3, patches], 1)

    def of(name, **options):
        more = {"preprocess": RECIPE, "name": name, "prefix": 3} | options
        return module(Tokens().eval(), {"out": ""}, **more)

    for tokens in ["class", "registers", "patches", "mean"]:
        models = [of("host"), of("device", reduce="device")]
        agree(run(models, triplets, tmp_path / tokens, tokens=tokens), "host", "device")


@pytest.mark.parametrize(
    ("images", "memory", "place"),
    [(16, "8GB", "device"), (6, "8GB", "memory"), (6, None, "file"), (2, None, "file")],
)
def test_what_the_device_does_not_hold_waits_elsewhere(triplets, images, memory, place):
    from alignscope.torch._store import Store

    dataset = alignscope.load_dataset("oddoneout", triplets)
    whole = measure(net("whole"), dataset)
    model = net("parts", reduce="device", memory=images * IMAGE_BYTES, batch=5)
    if memory is None:
        store = model._own["device"]
        begin = store.begin
        # Main memory that holds nothing.
        store.begin = lambda count, stages, host, folder: begin(count, stages, 0, folder)
    found = measure(model, dataset)
    assert isinstance(model._own["device"], Store)
    assert found.holding["place"] == place
    for stage in STAGES:
        for kind in KINDS:
            check(kind, whole.distances(stage, kind), found.distances(stage, kind))


def test_images_that_are_not_connected_are_reduced_group_by_group(rated, tmp_path):
    # Ten components of four images; the device holds two of them.
    models = [net("host"), net("device", reduce="device", memory=8 * IMAGE_BYTES)]
    agree(run(models, rated, tmp_path / "run"), "host", "device")


def test_runs_on_the_device_are_kept_and_go_on(rated, tmp_path):
    first = run([net("net", reduce="device")], rated, tmp_path / "first")
    model = net("net", reduce="device")
    model._runner.on_device = None  # it must not be asked again
    look = net("net", reduce="device")._runner
    model._runner.encode = look.encode
    second = run([model], rated, tmp_path / "second")
    assert (first.path / "scores.csv").read_bytes() == (second.path / "scores.csv").read_bytes()


def test_equal_images_are_at_distance_zero(tmp_path):
    from conftest import write_images, write_pairs

    names = write_images(tmp_path, 4)
    (tmp_path / "same.png").write_bytes((tmp_path / names[0]).read_bytes())
    pairs = [(names[0], name, float(i)) for i, name in enumerate([*names[1:], "same.png"])]
    write_pairs(tmp_path, pairs)
    # Two images to a batch: equal images go through in different batches.
    data = alignscope.load_dataset("pairs", tmp_path)
    measured = measure(net("net", reduce="device", batch=2), data)
    last = [i for i, pair in enumerate(data.pairs) if data.images[pair[1]] == "same.png"]
    for kind in KINDS[:-1]:
        assert measured.distances("one", kind)[last] == 0.0


def test_sums_are_exact_to_a_millionth_in_every_format():
    from alignscope.torch._sums import image_sums, pair_sums

    torch.manual_seed(0)
    values = torch.randn(6, 257, 64) * torch.logspace(-3, 3, 64) + 5
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        kept = values.clamp(-6e4, 6e4).to(dtype)
        exact = kept.double()
        energy, aa, a1 = image_sums(kept)
        a, b = [0, 1, 2], [3, 4, 5]
        msd, ab = pair_sums(kept[a], kept[b], aa[a], aa[b])
        square = (exact[a] - exact[b]).square().mean(1)
        product = (exact[a] * exact[b]).sum((1, 2))
        assert ((energy - exact.square().mean(1)).abs() <= 1e-6 * exact.square().mean(1)).all()
        assert ((aa - exact.square().sum((1, 2))).abs() <= 1e-6 * aa).all()
        assert ((msd - square).abs() <= 1e-6 * square).all()
        assert ((ab - product).abs() <= 1e-6 * aa[a]).all()
        assert (a1 - exact.sum((1, 2)) / (257 * 64) ** 0.5).abs().max() <= 1e-6 * a1.abs().max()


def test_sums_of_a_device_without_float64_are_exact_to_a_millionth(monkeypatch):
    from alignscope.torch import _sums

    torch.manual_seed(0)
    a = torch.randn(6, 257, 64) * torch.logspace(-3, 3, 64) + 5
    # Also of nearly equal images.
    b = torch.cat([a[:3] * (1 + 1e-3 * torch.randn(3, 257, 64)), torch.randn(3, 257, 64)])
    monkeypatch.setattr(_sums, "lacks_float64", lambda device: True)
    _, aa, _ = _sums.image_sums(a)
    _, bb, _ = _sums.image_sums(b)
    msd, ab = _sums.pair_sums(a, b, aa, bb)
    x, y = a.double(), b.double()
    exact = (x - y).square().mean(1)
    assert ((msd - exact).abs() <= 1e-6 * exact).all()
    assert ((aa - x.square().sum((1, 2))).abs() <= 1e-6 * aa).all()
    cosine = 1 - ab / (aa * bb).sqrt()
    product = (x * y).sum((1, 2))
    true = 1 - product / (x.square().sum((1, 2)) * y.square().sum((1, 2))).sqrt()
    assert true[:3].max() < 1e-5 and ((cosine - true).abs() <= 1e-4 * true).all()


def test_shares_leave_no_large_part_of_a_device_unused():
    from alignscope.torch._tiles import Shares, TokenStage

    def stages(count, tokens, channels, dtype=torch.float32):
        shape = (tokens, channels)
        return [TokenStage(str(i), shape, (0, tokens), (0, 0), dtype) for i in range(count)]

    large = stages(42, 257, 1536, torch.bfloat16)
    for of_model in [stages(13, 197, 768), large, stages(3, 50, 64)]:
        of_image = sum(stage.image_bytes + stage.sums_bytes for stage in of_model)
        widest = max(stage.image_bytes for stage in of_model)
        for device in (20 * of_image, 500 * of_image, 10_000 * of_image):
            for host in (0, 10 * of_image, 400 * of_image):
                images = 2 * (device + host) // of_image
                shares = Shares.of(images, of_model, device, host)
                assert shares.place == "file" and shares.tile >= 1
                used = shares.on_device * of_image + 2 * shares.tile * widest
                assert 0.6 * device <= used <= device
                assert host - (shares.tile + 1) * of_image <= shares.in_memory * of_image <= host
                assert shares.on_device % shares.tile == shares.in_memory % shares.tile == 0


def test_tiles_of_one_stage_alone_are_on_the_device(triplets):
    """The bytes that are brought to the device, at every moment."""

    class Equal(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(3)
            self.blocks = torch.nn.ModuleList(torch.nn.Conv2d(3, 3, 1) for _ in range(12))

        def forward(self, images):
            for block in self.blocks:
                images = block(images)
            return images.mean((2, 3))

    names = {f"block {i}": f"blocks.{i}" for i in range(12)}
    of_stage = 4 * 3 * 32 * 32
    memory = 3 * 12 * of_stage
    model = module(Equal().eval(), names, preprocess=RECIPE, name="equal", reduce="device",
                   memory=memory)
    host = module(Equal().eval(), names, preprocess=RECIPE, name="equal")
    store = model._own["device"]
    pairs, most = store.pairs, []

    def watched(stage, of_tiles):
        found = pairs(stage, of_tiles)
        brought = sum(len(tile) for tiles in store._tiles for tile in tiles._brought.values())
        held = sum(len(tiles._on_device) for tiles in store._tiles)
        most.append((held + brought) * of_stage)
        return found

    store.pairs = watched
    dataset = alignscope.load_dataset("oddoneout", triplets)
    found, expected = measure(model, dataset), measure(host, dataset)
    assert most and 0.5 * memory < max(most) <= memory
    for kind in KINDS:
        check(kind, expected.distances("block 7", kind), found.distances("block 7", kind))


def test_memory_is_given_back_also_after_an_error(triplets, tmp_path):
    net_ = Net()
    model = module(net_.eval(), STAGES, preprocess=RECIPE, name="net", reduce="device", batch=2)
    plain, calls = model._runner._tower.forward, []

    def forward(of, images):
        calls.append(len(images))
        if len(calls) > 5:
            raise ZeroDivisionError("in the middle")
        return plain(of, images)

    object.__setattr__(model._runner._tower, "forward", forward)
    with pytest.raises(ZeroDivisionError):
        run([model], triplets, tmp_path / "run")
    assert model._own["device"]._tiles == []


def test_batches_grow_while_a_device_bears_it(triplets, monkeypatch):
    from alignscope.torch import _memory

    model = net("net", reduce="device")
    growth = model._runner.growth
    growth.step, growth.most = 1, 4
    monkeypatch.setattr(growth, "_allocated", lambda: 0)
    monkeypatch.setattr(_memory, "free_bytes", lambda device, budget: 8_000)
    taken = []
    watched = growth.watched

    def grown(images):
        taken.append(images)
        # A thousand bytes an image.
        growth._grow(images, 1000 * images)
        return watched(images)

    monkeypatch.setattr(growth, "watched", grown)
    measure(model, alignscope.load_dataset("oddoneout", triplets))
    # Twice 4,000 bytes are more than 0.8 of what is free; and 4 are the most.
    assert taken[0] == 1 and max(taken) == 4 and sorted(set(taken)) == [1, 2, 4]


def test_too_little_memory_for_pairs_takes_fewer_at_a_time(triplets, monkeypatch):
    from alignscope.torch import _store

    plain, sizes = _store.pair_sums, []

    def pair_sums(a, b, aa, bb):
        sizes.append(len(a))
        if len(a) > 5:
            raise RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return plain(a, b, aa, bb)

    monkeypatch.setattr(_store, "pair_sums", pair_sums)
    dataset = alignscope.load_dataset("oddoneout", triplets)
    found = measure(net("net", reduce="device"), dataset)
    assert max(sizes) > 5
    whole = measure(net("whole"), dataset)
    check("euclidean", whole.distances("one", "euclidean"), found.distances("one", "euclidean"))


def test_a_device_that_is_full_takes_half_as_many_images(triplets, monkeypatch):
    model = net("net", reduce="device", batch=8)
    plain = model._runner._tower.forward
    taken = []

    def forward(module, images):
        taken.append(len(images))
        if len(images) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return plain(module, images)

    object.__setattr__(model._runner._tower, "forward", forward)
    dataset = alignscope.load_dataset("oddoneout", triplets)
    found = measure(model, dataset)
    whole = measure(net("whole"), dataset)
    assert 8 in taken and 4 in taken and max(taken[taken.index(4) + 1 :]) == 2
    assert found.distances("two", "euclidean") == pytest.approx(
        whole.distances("two", "euclidean"), rel=2e-7
    )


def test_a_device_without_room_for_two_images_is_told(triplets):
    model = net("net", reduce="device", memory=100)
    dataset = alignscope.load_dataset("oddoneout", triplets)
    with pytest.raises(alignscope.MemoryBudgetError, match="two images of the widest stage take"):
        measure(model, dataset)


def test_numbers_that_are_not_usable_are_told_with_their_image(triplets):
    class Infinite(Net):
        def forward(self, images):
            found = self.first(images)
            return self.head(self.second(found).mean((2, 3))) / (images.mean() - images.mean())

    model = module(Infinite().eval(), STAGES, preprocess=RECIPE, name="net", reduce="device")
    dataset = alignscope.load_dataset("oddoneout", triplets)
    with pytest.raises(ValueError, match=r"image \d\d\.png of oddoneout at output"):
        measure(model, dataset)


def test_a_stage_that_changes_its_shape_on_the_device_is_told(triplets):
    class Changing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0
            self.layer = torch.nn.Conv2d(3, 4, 8, stride=8)

        def forward(self, images):
            self.calls += 1
            found = self.layer(images).flatten(2).transpose(1, 2)
            return found if self.calls < 4 else found[:, :-4]

    model = module(Changing().eval(), {"out": ""}, preprocess=RECIPE, name="net", reduce="device")
    dataset = alignscope.load_dataset("oddoneout", triplets)
    with pytest.raises(ValueError, match=r"`out`.*\[12, 12, 4\], expected \[12, 16, 4\]"):
        measure(model, dataset)


def test_the_manifest_says_where_a_model_ran(triplets, tmp_path):
    models = [net("host"), net("device", reduce="device")]
    found = run(models, triplets, tmp_path / "run")
    records = json.loads((found.path / "manifest.json").read_text())["models"]
    made = {record["name"]: record["made_with"] for record in records}
    assert made["host"]["reduced on"] == "host" and made["device"]["reduced on"] == "device"
    assert made["host"]["torch"] == torch.__version__ and made["host"]["device"] == "cpu"
    assert made["host"]["dtype"] == "float32 on cpu"
    assert made["host"]["class"] == "Net, module test_torch_store"


def test_host_and_device_are_two_models_for_the_cache(tmp_path):
    assert net("net").version != net("net", reduce="device").version


def test_where_to_reduce_is_one_of_two():
    with pytest.raises(ValueError, match="reduce is 'gpu'.*expected `host`, `device` or None"):
        net("net", reduce="gpu")
