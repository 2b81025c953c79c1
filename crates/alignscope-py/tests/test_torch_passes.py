"""How passes are made: batches, memory, torch's settings, and the user's module."""

from __future__ import annotations

import numpy as np
import pytest

import alignscope
from torch_nets import RECIPE, Net, encoded, net, nn, pixels, tokens, torch

pytestmark = pytest.mark.usefixtures("one_thread")


def test_batches_are_halved_when_memory_runs_out():
    asked = []

    def form(x):
        asked.append(len(x))
        if len(x) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB")
        return tokens(x)

    model = net(form, batch=20)
    found = encoded(model, 20)["part"]
    assert asked == [2, 3, 20, 10, 5] + [2] * 10
    assert np.array_equal(found, encoded(net(tokens), 20)["part"])
    asked.clear()
    # What is known now holds for later batches.
    encoded(model, 4)
    assert asked == [2, 2]


def test_a_model_that_works_on_its_input_in_place_is_given_it_anew():
    tries = []

    def form(x):
        tries.append(len(x))
        return tokens(x)

    class Scaled(Net):
        def forward(self, x):
            x = super().forward(x.mul_(2))
            if len(x) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x

    torch.manual_seed(0)
    scaled = alignscope.torch.module(Scaled(form).eval(), "part", preprocess=RECIPE)
    torch.manual_seed(0)
    plain = Net(tokens).eval()
    with torch.no_grad():
        expected = plain(pixels(5) * 2)
    assert np.allclose(encoded(scaled)["part"], expected, atol=1e-6)
    assert tries == [2, 3, 5, 2, 2, 1]


def test_one_image_that_does_not_fit_is_an_error():
    def form(x):
        if len(x) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return tokens(x)

    with pytest.raises(alignscope.MemoryBudgetError, match="one image of Net does not fit"):
        encoded(net(form), 1)


def test_another_error_of_the_model_is_its_own():
    def form(x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        encoded(net(form))


def test_the_users_module_stays_as_it_is():
    module = Net(tokens).eval()
    module.requires_grad_(True)
    model = alignscope.torch.module(module, "part", preprocess=RECIPE, dtype="bfloat16")
    found = encoded(model)["part"]
    assert found.dtype == np.float32
    assert module.stem.weight.dtype == torch.float32
    assert not module.part._forward_hooks and not module.part._forward_pre_hooks
    exact = alignscope.torch.module(module, "part", preprocess=RECIPE)
    assert not np.array_equal(found, encoded(exact)["part"])
    assert np.allclose(found, encoded(exact)["part"], atol=0.02)
    # Gradients still flow after it.
    module(pixels(1)).sum().backward()
    assert module.stem.weight.grad is not None


def test_torchs_own_settings_are_put_back():
    backends = torch.backends
    seen = []

    def form(x):
        seen.append(backends.cuda.matmul.fp32_precision)
        return tokens(x)

    before = [backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision]
    encoded(net(form))
    encoded(net(form, tf32=True))
    assert set(seen) == {"ieee", "tf32"}
    assert before == [backends.cuda.matmul.fp32_precision, backends.cudnn.conv.fp32_precision]


def test_the_users_autocast_does_not_reach_the_model():
    expected = encoded(net(tokens))["part"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert np.array_equal(encoded(net(tokens))["part"], expected)


def test_what_is_around_a_module_is_taken_off():
    module = Net(tokens).eval()
    expected = encoded(alignscope.torch.module(module, "part", preprocess=RECIPE))["part"]
    around = nn.DataParallel(module).eval()
    found = encoded(alignscope.torch.module(around, "part", preprocess=RECIPE))["part"]
    assert np.array_equal(found, expected)
    compiled = torch.compile(module)
    found = encoded(alignscope.torch.module(compiled, "part", preprocess=RECIPE))["part"]
    assert np.array_equal(found, expected)
