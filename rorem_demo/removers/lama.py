"""LaMa: fills large holes in one pass, and carries repeating patterns across them.

After Suvorov et al., "Resolution-robust Large Mask Inpainting with Fourier Convolutions" (WACV 2022), with the
network of the package `spandrel`.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from safetensors.torch import load_file
from spandrel.architectures.LaMa import LaMa  # type: ignore[import-untyped]
from torch import Tensor, nn

from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.guard import readable

_MARK = "model.1.bn_l.running_mean"
"""A tensor that only this network has; what stands before `1.` is how a file calls the layers."""


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Remover:
    """The network of the first file, on the GPU if there is one.

    Takes `.safetensors`, and what torch writes: a state dict, a Lightning checkpoint, or TorchScript. Of these only
    tensors are read, so that no file can run code.

    Raises:
        UnavailableError: the file is damaged or holds something else.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return LamaRemover(_layers(spec.title, files[0]).to(device))


class LamaRemover:
    """The network, which nothing changes after this is made. It draws nothing at random."""

    def __init__(self, layers: nn.Sequential) -> None:
        """Takes the layers over, which work where they are, in float32.

        They take 1 x 4 x H x W, the photo without the hole and the hole, and give 1 x 3 x H x W, all 0..1.
        """
        self._layers = layers.eval().requires_grad_(requires_grad=False)

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:  # noqa: ARG002
        """Yield before each layer, and at last the image; no option changes it. Sides are multiples of 8, from 16."""
        # The mode belongs to the thread, so it must not stay on while a caller has the thread.
        with torch.inference_mode():
            state = _question(image, mask).to(next(self._layers.parameters()).device)
        for number, layer in enumerate(self._layers):
            yield Step(number / len(self._layers))
            with torch.inference_mode():
                state = layer(state)
        with torch.inference_mode():
            answer = (state[0] * 255).round().clamp(0, 255).byte().permute(1, 2, 0).cpu().numpy()
        yield Step(1.0, np.where(mask[..., None], answer, image))


def _question(image: Image, mask: Mask) -> Tensor:
    """1 x 4 x H x W."""
    known = np.where(mask[..., None], np.uint8(0), image).astype(np.float32) / 255
    stacked = np.concatenate([known, mask[..., None].astype(np.float32)], axis=2)
    return torch.from_numpy(np.ascontiguousarray(stacked.transpose(2, 0, 1)[None]))


def _layers(title: str, path: Path) -> nn.Sequential:
    """The network with the file's weights, in float32 on the CPU."""
    with readable(title, path.name):
        tensors = load_file(path) if path.suffix == ".safetensors" else _archived(path)
        with torch.device("meta"):  # memory for the weights is taken once, and nothing is drawn at random
            layers: nn.Sequential = LaMa(in_nc=4, out_nc=3).model.model
        layers.load_state_dict(_generator(tensors), strict=True, assign=True)
    return layers


def _generator(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the generator by layer, as `1.bn_l.running_mean`; training leaves other networks beside it."""
    names = [name for name in tensors if f".{name}".endswith(f".{_MARK}")]
    before = min(names, key=len).removesuffix("1.bn_l.running_mean")
    own = {name.removeprefix(before): tensor for name, tensor in tensors.items() if name.startswith(before)}
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in own.items()}


def _archived(path: Path) -> dict[str, Tensor]:
    """All tensors in a file of torch's, by the names of what leads to them.

    A state dict, a Lightning checkpoint and TorchScript are the same zip: a pickle, and the numbers beside it.
    `torch.load(weights_only=True)` refuses the latter two, `torch.jit.load` may run what the file says.
    """
    with ZipFile(path) as archive:  # which checks sums, so that a damaged file does not pass
        (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        with archive.open(index) as content:
            return dict(_named(_TensorsOnly(content, archive, index.removesuffix("data.pkl")).load()))


def _named(value: object, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, _Inert):
        yield from _named(value.state, name)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _named(part, f"{name}.{key}" if name else str(key))


class _Inert:
    """In place of whatever a file wants made or called: keeps its attributes and does nothing."""

    def __init__(self, *_: object) -> None:
        self.state: object = None

    def __call__(self, *_: object) -> object:
        return self

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, *_: object) -> None: ...

    def append(self, _: object) -> None: ...

    def extend(self, _: object) -> None: ...


class _TensorsOnly(pickle.Unpickler):
    """Reads a pickle of torch's with tensors and containers in it, and everything else inert.

    A pickle acts through the classes and functions it names; this one is given none but those below.
    """

    def __init__(self, content: Any, archive: ZipFile, folder: str) -> None:
        super().__init__(content)

        @cache
        def numbers(key: str, dtype: torch.dtype) -> Tensor:
            content = bytearray(archive.read(f"{folder}data/{key}"))
            return torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)

        self._numbers = numbers

    def find_class(self, module: str, name: str) -> Any:
        allowed: dict[tuple[str, str], object] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch", "FloatStorage"): torch.float32,
            ("torch", "HalfStorage"): torch.float16,
            ("torch", "BFloat16Storage"): torch.bfloat16,
            ("torch", "DoubleStorage"): torch.float64,
            ("torch", "LongStorage"): torch.int64,
        }
        return allowed.get((module, name), _Inert)

    def persistent_load(self, pid: Any) -> Tensor | None:
        """The numbers a tensor is made from: all of one storage. None for a kind that no weights are."""
        _, dtype, key, *_ = pid
        return self._numbers(str(key), dtype) if isinstance(dtype, torch.dtype) else None


def _tensor(storage: Tensor | None, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> object:
    """A view into a storage; torch refuses one that reaches out of it."""
    return None if storage is None else storage.as_strided(size, stride, offset)
