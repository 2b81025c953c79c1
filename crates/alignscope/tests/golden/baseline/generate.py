"""Golden values of the baselines, from scikit-image, piq, the package lpips, and re-statements of the
authors' definitions.

    python generate.py FOLDER_OF_PERCEPTNET_WEIGHTS FOLDER_OF_KODAK_PHOTOGRAPHS

Images: two textures with the spectrum of photographs, each with noise, blur, JPEG and contrast changes, as JPEG files
of high quality (decoding is held to Pillow elsewhere). `expected.json` has the values; the networks' random weights
follow from a formula that the test has too (`formula`), so they are not committed. PerceptNet's values with its
published weights are `perceptnet-published`; its formula weights need nothing.
`expected_kodak.json`: the same of crops of Kodak photographs, distorted in whole numbers as the test does it too.
"""

import io
import json
import sys
from pathlib import Path

import lpips
import numpy as np
import piq
import torch
import torchvision
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage.metrics import structural_similarity

HERE = Path(__file__).parent
SIZES = {"even": (192, 176), "odd": (301, 389)}  # width, height


def texture(width, height, seed):
    rng = np.random.default_rng(seed)
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    spectrum = 1 / np.maximum(np.hypot(fx, fy), 1 / max(width, height)) ** 1.2
    planes = [np.real(np.fft.ifft2(np.fft.fft2(rng.standard_normal((height, width))) * spectrum)) for _ in range(3)]
    planes = np.stack([planes[0], 0.8 * planes[0] + 0.3 * planes[1], 0.7 * planes[0] + 0.4 * planes[2]], -1)
    planes = (planes - planes.mean()) / planes.std() * 45 + 120
    return np.clip(planes, 0, 255).round().astype(np.uint8)


def jpeg(array, quality):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def distorted(array, seed):
    rng = np.random.default_rng(seed)
    clip = lambda x: np.clip(np.round(x), 0, 255).astype(np.uint8)
    return {
        "noise": clip(array + rng.normal(0, 20, array.shape)),
        "blur": np.asarray(Image.fromarray(array).filter(ImageFilter.GaussianBlur(1.5))),
        "jpeg": jpeg(array, 8),
        "contrast": clip((array.astype(float) - 120) * 0.4 + 150),
    }


# Definitions -------------------------------------------------------------------------------------------------------

def luma(a):
    return a.astype(np.float64) @ [0.299, 0.587, 0.114]


def matlab_gray(a):
    coefficients = np.linalg.inv([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.106, 1.703]])[0]
    return np.floor(a.astype(np.float64) @ coefficients + 0.5)


def ssim_maps(x, y):
    x0 = np.arange(11) - 5
    g = np.exp(-(x0 ** 2) / (2 * 1.5 ** 2))
    window = np.outer(g, g) / np.outer(g, g).sum()
    f = lambda p: ndimage.correlate(p, window)[5:-5, 5:-5]
    mx, my = f(x), f(y)
    vx, vy, c = f(x * x) - mx ** 2, f(y * y) - my ** 2, f(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    cs = (2 * c + c2) / (vx + vy + c2)
    return (((2 * mx * my + c1) / (mx ** 2 + my ** 2 + c1)) * cs).mean(), cs.mean()


def imfilter_down(x, f):
    """MATLAB's imfilter(x, ones(f)/f^2, 'symmetric', 'same') at (1:f:end, 1:f:end)."""
    before = (f + 1) // 2 - 1
    padded = np.pad(x, ((before, f - 1 - before),) * 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (f, f))
    return windows.mean((-1, -2))[::f, ::f]


def ms_ssim(x, y):
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    value = 1.0
    for i, w in enumerate(weights):
        whole, contrast = ssim_maps(x, y)
        value *= max(whole if i == 4 else contrast, 0) ** w
        x, y = imfilter_down(x, 2), imfilter_down(y, 2)
    return value


# Networks with weights of a formula ----------------------------------------------------------------------------------

def formula(shape, seed, scale, shift=0.0):
    """Numbers from -scale/2 to scale/2 about `shift`, from a 32-bit mix of their index: the same in every language."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = (i * np.uint64(2654435761) + np.uint64(seed) * np.uint64(40503)) & np.uint64(0xFFFFFFFF)
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(73244475)) & np.uint64(0xFFFFFFFF)
        x = ((x ^ (x >> np.uint64(16))) * np.uint64(73244475)) & np.uint64(0xFFFFFFFF)
        x = x ^ (x >> np.uint64(16))
    values = (x.astype(np.float64) / 2 ** 32 - 0.5) * scale + shift
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def lpips_model(net):
    with torch.no_grad():
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
        heads = dict(model.state_dict())
        weights = {"alex": torchvision.models.alexnet, "vgg": torchvision.models.vgg16,
                   "squeeze": torchvision.models.squeezenet1_1}[net](weights=None)
        names = [n for n in weights.state_dict() if n.startswith("features.")]
        own = [n for n in heads if n.startswith("net.slice")]
        assert len(names) >= len(own)
        for seed, name in enumerate(names):
            shape = weights.state_dict()[name].shape
            value = (formula(shape, seed, (24 / np.prod(shape[1:])) ** 0.5) if name.endswith("weight")
                     else formula(shape, seed, 0.2))
            number = name.split(".", 1)[1]
            for key in own:
                if key.split(".", 2)[2] == number:
                    heads[key].copy_(value)
        for k in range(model.L):
            key = f"lin{k}.model.1.weight"
            heads[key].copy_(formula(heads[key].shape, 100 + k, 1.0, 0.5))
    return model


def gdn(x, gamma, beta):
    gamma, beta = gamma.clamp(min=2 ** -18), beta.clamp(min=(1e-6 + 2 ** -36) ** 0.5)
    groups = 1 if gamma.shape[1] == gamma.shape[0] else gamma.shape[0]
    return x / torch.sqrt(torch.nn.functional.conv2d(x * x, gamma, beta, groups=groups))


def perceptnet(x, w):
    conv = lambda x, n: torch.nn.functional.conv2d(x, w[f"conv{n}.weight"], w[f"conv{n}.bias"], padding=1)
    norm = lambda x, n: gdn(x, w[f"gdn{n}.gamma"], w[f"gdn{n}.beta"])
    x = torch.max_pool2d(conv(norm(x, 1), 1), 2)
    x = torch.max_pool2d(conv(norm(x, 2), 2), 2)
    return norm(conv(norm(x, 3), 3), 4)


PERCEPTNET = {"gdn1.gamma": (3, 1, 1, 1), "gdn1.beta": (3,), "gdn2.gamma": (3, 3, 1, 1), "gdn2.beta": (3,),
              "gdn3.gamma": (6, 6, 1, 1), "gdn3.beta": (6,), "gdn4.gamma": (128, 128, 1, 1), "gdn4.beta": (128,),
              "conv1.weight": (3, 3, 1, 1), "conv1.bias": (3,), "conv2.weight": (6, 3, 5, 5), "conv2.bias": (6,),
              "conv3.weight": (128, 6, 5, 5), "conv3.bias": (128,)}


def perceptnet_formula():
    """Some gammas and betas below their bounds, so that clamping shows."""
    weights = {}
    for seed, (name, shape) in enumerate(PERCEPTNET.items()):
        scale, shift = {"gamma": (0.2, 0.05), "beta": (1.0, 0.4)}.get(name.split(".")[1], (1.0, 0.0))
        weights[name] = formula(shape, 200 + seed, scale, shift)
    return weights


def kodak_distorted(a):
    """Noise, blur, blocks of 8 pixels (as JPEG leaves them at its worst) and contrast, in whole numbers."""
    a = a.astype(np.int64)
    i = np.arange(a.size, dtype=np.uint64).reshape(a.shape)
    noise = (((i * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)) >> np.uint64(16)) % np.uint64(61)
    padded = np.pad(a, ((1, 1), (1, 1), (0, 0)), mode="edge")
    h, w, _ = a.shape
    blur = sum(padded[y:y + h, x:x + w] for y in range(3) for x in range(3)) // 9
    blocks = a.reshape(h // 8, 8, w // 8, 8, 3).sum((1, 3)) // 64
    return {"noise": np.clip(a + noise.astype(np.int64) - 30, 0, 255), "blur": blur,
            "blocks": np.repeat(np.repeat(blocks, 8, 0), 8, 1), "contrast": a * 2 // 5 + 90}


def kodak(folder, squeeze, published):
    expected = []
    tensor = lambda p: torch.from_numpy(np.ascontiguousarray(p)).permute(2, 0, 1)[None].double() / 255
    for photograph in ["kodim05.png", "kodim19.png", "kodim23.png"]:
        a = np.asarray(Image.open(folder / photograph).convert("RGB"))[100:100 + 192, 60:60 + 240]
        for name, b in kodak_distorted(a).items():
            b = b.astype(np.uint8)
            x, y = luma(a), luma(b)
            options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
            values = {"ssim": 1 - structural_similarity(x, y, **options),
                      "ssim-rgb": 1 - structural_similarity(a, b, channel_axis=-1, **options),
                      "ms-ssim": 1 - ms_ssim(x, y)}
            with torch.no_grad():
                values["lpips-squeeze"] = squeeze(tensor(a) * 2 - 1, tensor(b) * 2 - 1).item()
                difference = perceptnet(tensor(a), published) - perceptnet(tensor(b), published)
                values["perceptnet-published"] = torch.linalg.norm(difference).item()
            expected.append({"a": photograph, "b": name, "values": values})
    (HERE / "expected_kodak.json").write_text(json.dumps(expected, indent=1) + "\n")


def check(name, ours, theirs, tolerance):
    assert abs(ours - theirs) <= tolerance, (name, ours, theirs)


def main():
    torch.set_num_threads(2)
    published = torch.load(Path(sys.argv[1]) / "percept_colour_tid2008.pth", map_location="cpu", weights_only=True)
    nets = {f"lpips-{net}": lpips_model(net).double() for net in ["alex", "vgg", "squeeze"]}
    formula_net = {n: w.double() for n, w in perceptnet_formula().items()}
    published = {n: w.double() for n, w in published.items()}
    expected = []
    for seed, (size, (width, height)) in enumerate(SIZES.items()):
        original = texture(width, height, seed)
        images = {"original": original} | distorted(original, 10 + seed)
        decoded = {}
        for name, array in images.items():
            path = HERE / f"{size}_{name}.jpg"
            Image.fromarray(array).save(path, quality=92, subsampling=0)
            path.chmod(0o644)
            decoded[name] = np.asarray(Image.open(path).convert("RGB"))
        for name in list(decoded)[1:]:
            a, b = decoded["original"], decoded[name]
            x, y = luma(a), luma(b)
            values = {}
            values["ssim"] = 1 - ssim_maps(x, y)[0]
            options = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
            check("scikit-image", 1 - values["ssim"], structural_similarity(x, y, **options), 1e-9)
            t = lambda p: torch.from_numpy(p)[None, None]
            check("piq", 1 - values["ssim"], piq.ssim(t(x), t(y), data_range=255, downsample=False).item(), 1e-9)
            values["ssim-rgb"] = 1 - np.mean([ssim_maps(a[..., c].astype(float), b[..., c].astype(float))[0]
                                              for c in range(3)])
            check("rgb", 1 - values["ssim-rgb"], structural_similarity(a, b, channel_axis=-1, **options), 1e-9)
            x, y = matlab_gray(a), matlab_gray(b)
            values["ssim-matlab"] = 1 - ssim_maps(x, y)[0]
            factor = max(1, int(np.floor(min(x.shape) / 256 + 0.5)))
            values["ssim-matlab-downsampled"] = 1 - ssim_maps(imfilter_down(x, factor), imfilter_down(y, factor))[0]
            x, y = luma(a), luma(b)
            values["ms-ssim"] = 1 - ms_ssim(x, y)
            if size == "even":
                # piq divides the exponents by their sum; torchmetrics counts mirrored edges in its last scale; both
                # drop an odd row, which the authors mirror.
                exponents = torch.tensor([0.0448, 0.2856, 0.3001, 0.2363, 0.1333], dtype=torch.float64)
                theirs = piq.multi_scale_ssim(t(x), t(y), data_range=255, scale_weights=exponents).item()
                check("piq ms-ssim", 1 - values["ms-ssim"], theirs ** exponents.sum().item(), 1e-9)
            values["psnr"] = float(np.sqrt(((a.astype(float) - b) ** 2).mean()))
            tensor = lambda p: torch.from_numpy(p).permute(2, 0, 1)[None].double() / 255
            with torch.no_grad():
                for net, model in nets.items():
                    values[net] = model(tensor(a) * 2 - 1, tensor(b) * 2 - 1).item()
                for net, w in [("perceptnet", formula_net), ("perceptnet-published", published)]:
                    values[net] = torch.linalg.norm(perceptnet(tensor(a), w) - perceptnet(tensor(b), w)).item()
            expected.append({"a": f"{size}_original.jpg", "b": f"{size}_{name}.jpg", "values": values})
    kodak(Path(sys.argv[2]), nets["lpips-squeeze"], published)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
