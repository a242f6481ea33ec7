"""Key: everything a compiled network depends on, as the name of its file; whatever differs is another file."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Span:
    """Sizes one package takes: from `least` to `most`, multiples of `step` like both."""

    least: int
    most: int
    step: int = 1

    def __contains__(self, size: int) -> bool:
        return self.least <= size <= self.most and size % self.step == 0


Dynamic: TypeAlias = Mapping[int, Mapping[int, Span]]
"""Of an argument's number its dimensions whose sizes may change; all others are as they were compiled."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """Names of what must be the same for a package to be used."""

    machine: str
    """Device, its architecture and this processor's; torch's version, and on a GPU CUDA's."""
    network: str
    """Digest of its structure: layers, settings, code, and of each tensor name, shape, strides and numbers."""
    arguments: str
    """Their numbers and shapes."""

    @classmethod
    def of(cls, module: nn.Module, arguments: Sequence[Tensor], dynamic: Dynamic) -> Key:
        """The key of a network in eval mode, called with such arguments."""
        device = arguments[0].device
        return cls(machine=machine(device), network=network(module), arguments=shapes(arguments, dynamic))

    @property
    def file(self) -> str:
        """Name of the package."""
        return file_name(stem(self.machine, self.network), self.arguments)


def stem(machine: str, network: str) -> str:
    """How the names of a network's packages begin."""
    return f"{machine}_{network}_"


def file_name(stem: str, arguments: str) -> str:
    """Of the package for such arguments."""
    return f"{stem}{_digest([arguments])[:8]}.pt2"


def machine(device: torch.device) -> str:
    """What code is compiled for; a GPU's package also holds code for the processor, so that is named for both."""
    able = sorted(name for name, has in torch.cpu.get_capabilities().items() if has)
    parts = [f"{sys.platform}-{platform.machine()}-{_digest(map(str, able))[:6]}", f"torch-{torch.__version__}"]
    if device.type != "cuda":
        return "_".join([f"{device.type}-{torch.backends.cpu.get_cpu_capability()}".lower(), *parts])
    major, minor = torch.cuda.get_device_capability(device)
    return "_".join([f"cuda-sm{major}{minor}", *parts, f"cuda-{torch.version.cuda}"])


def network(module: nn.Module) -> str:
    """Digest of a structure; the values of the weights are not in it, for one package serves them all."""
    return _digest(_structure(module))[:16]


def shapes(arguments: Sequence[Tensor], dynamic: Dynamic) -> str:
    """Arguments as text: numbers, device and sizes, with the span in the place of a size that lies in it."""
    return " ".join(_shape(tensor, dynamic.get(number, {})) for number, tensor in enumerate(arguments))


def _shape(tensor: Tensor, spans: Mapping[int, Span]) -> str:
    sizes = (_size(size, spans.get(dimension)) for dimension, size in enumerate(tensor.shape))
    return f"{tensor.dtype}:{tensor.device.type}[{','.join(sizes)}]"


def _size(size: int, span: Span | None) -> str:
    return str(size) if span is None or size not in span else f"{span.least}..{span.most}/{span.step}"


def _structure(module: nn.Module) -> Iterator[str]:
    """Everything that is the same in every process and for all weights."""
    kinds: set[type] = set()
    yield repr(module)
    for name, part in module.named_modules():
        kinds.add(type(part))
        plain = {key: value for key, value in vars(part).items() if isinstance(value, _PLAIN)}
        yield f"{name} {sorted(plain.items())} {_settings(part)}"
        kinds |= {type(value) for value in vars(part).values() if not isinstance(value, (*_PLAIN, Tensor))}
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        yield f"{name} {tuple(tensor.shape)} {tensor.stride()} {tensor.dtype} {tensor.device.type}"
    yield from sorted({f"{kind.__module__}.{kind.__qualname__} {_code(kind.__module__)}" for kind in kinds})


def _settings(part: nn.Module) -> list[tuple[str, str]]:
    """A diffusers network's configuration, without notes of where it came from."""
    config = getattr(part, "config", None)
    told = config.items() if isinstance(config, Mapping) else ()
    return sorted((name, repr(value)) for name, value in told if not name.startswith("_"))


@cache
def _code(name: str) -> str:
    """Version of the installed package a module belongs to; of one that is not installed a digest of its text."""
    whole = name.partition(".")[0]
    if whole in sys.stdlib_module_names:
        return ""  # nothing compiled depends on it
    try:
        return version(whole)
    except PackageNotFoundError:
        file = getattr(sys.modules.get(name), "__file__", None)
        return _digest([Path(file).read_text(encoding="utf-8")]) if file else ""


def _digest(lines: Iterable[str]) -> str:
    digest = sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()
