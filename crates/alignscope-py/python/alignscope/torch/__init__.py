"""Any torch model as a model of a run, beside encoders, metrics and features, at every stage.

`from_timm`, `from_transformers`, `from_open_clip` and `from_torchvision` take a name or a module,
and know its stages, its tokens and its preprocessing; `module` takes any `nn.Module` and the names
of its modules. What they give goes into `alignscope.run(models=[...])`:

    model = alignscope.torch.from_timm("vit_base_patch14_dinov2.lvd142m", device="cuda")
    alignscope.run([model, "openai/clip-vit-base-patch32", "ssim"], datasets, "results")

torch and the libraries are imported when they are used.
"""

from ._model import TorchModel
from ._module import module
from ._open_clip import from_open_clip
from ._options import Options
from ._recipe import Recipe
from ._timm import from_timm
from ._torchvision import from_torchvision
from ._transformers import from_transformers

__all__ = [
    "Options",
    "Recipe",
    "TorchModel",
    "from_open_clip",
    "from_timm",
    "from_torchvision",
    "from_transformers",
    "module",
]
