"""MAT: imagines what may stand in a large hole, another thing for each seed.

After Li et al., "MAT: Mask-Aware Transformer for Large Hole Image Inpainting" (CVPR 2022), with the network of the
package `spandrel_extra_arches`. Code and weights may not be used commercially (CC BY-NC 4.0), so the package is not
among the requirements: whoever installs it switches the method on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.guard import readable
from rorem_demo.runtime.tensors import tensors_of

_PACKAGE = "spandrel_extra_arches"
_STYLE = 512
"""Numbers that choose among the fillings; the same in every published file."""


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    """The network of the first file, on the GPU if there is one.

    Raises:
        UnavailableError: the package is not installed, or the file is damaged or holds something else.
    """
    try:
        architecture = import_module(f"{_PACKAGE}.architectures.MAT")
    except ImportError as error:
        hint = f"Install it if the licence {spec.licence} suits you."
        raise UnavailableError(f"{spec.title} needs the package {_PACKAGE}.", hint=hint) from error
    with _global_generators_kept():  # making the network draws from both
        network: nn.Module = architecture.MAT().model
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return MatRemover(_filled(network, spec.title, files[0]).to(device))


class MatRemover:
    """The network, which nothing changes after this is made."""

    def __init__(self, network: nn.Module) -> None:
        """Takes the network over, which works where it is, in float32."""
        self._network = network.eval().requires_grad_(requires_grad=False)

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        """Yield once before the network runs, and at last the image. Sides are 512."""
        yield Step(0.0)
        device = next(self._network.parameters()).device
        pixels = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1).to(device)
        known = torch.from_numpy((~mask).astype(np.float32)[None, None]).to(device)
        generator = torch.Generator().manual_seed(options.seed)
        style = torch.randn((1, _STYLE), generator=generator).to(device)
        with torch.inference_mode(), _Drawing(generator):
            answer = self._network(pixels * known, known, style, torch.zeros(1, 0, device=device), noise_mode="none")
            filled = (answer[0] * 127.5 + 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
        yield Step(1.0, np.where(mask[..., None], filled, image))


class _Drawing(TorchFunctionMode):
    """While on, this thread's dropout draws from `generator`; the network means it to, at every run.

    The global generator is shared by all threads: seeded, it would still give two visitors each other's numbers.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is nn.functional.dropout:
            return self._dropped(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _dropped(self, values: Tensor, p: float = 0.5, **_: object) -> Tensor:
        kept = torch.rand(values.shape, generator=self._generator) >= p  # on the CPU: the same on every device
        return values * kept.to(values) / (1 - p)


@contextmanager
def _global_generators_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002  # the one that is drawn from
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _filled(network: nn.Module, title: str, path: Path) -> nn.Module:
    """The network itself with the file's weights, in float32 whatever they are in."""
    with readable(title, path.name):
        network.load_state_dict({name.removeprefix("model."): tensor for name, tensor in tensors_of(path).items()})
    return network
