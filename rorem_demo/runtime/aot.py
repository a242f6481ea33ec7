"""package(), packaged(): networks compiled ahead of time; imports torch, so only adapters import it.

A package is a network's code without its weights, as torch's AOTInductor writes it. The weights are those of the
network that is loaded, and exist once. A package of another machine, version or structure has another name (`Key`) and
is never opened; one that cannot be loaded, or gives other numbers than the network, is not used, and the log says why.

A package is machine code: it is run with the rights of this process, so its folder must be the operator's own.

On ZeroGPU `torch.compile` does not work, because every call may come in a new fork, but packages do. Weights are on the
GPU in the forks alone, so a package is loaded, and given the weights, at the first call in each process; a fork never
uses what its parent loaded. Packages come there in two ways: made by the Space, in a function under
`@spaces.GPU(duration=1500)`, the most that is granted while it starts, before the models are told of the folder; or
brought along in that folder, made on a machine whose key is the same: its GPU, and its processor too.
"""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.export import Dim, export

from rorem_demo.runtime.aot_key import Dynamic, Key, Span, file_name, machine, network, shapes, stem
from rorem_demo.runtime.aot_unpacked import unpacked

log = logging.getLogger(__name__)

_Answer: TypeAlias = Callable[..., Tensor]

FAR = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 5e-2}
"""Relative differences from the network that are no rounding any more."""
_HOW = {
    "aot_inductor.package_constants_in_so": False,
    "always_keep_tensor_constants": True,  # else tensors of up to 8 numbers become part of the code
    "joint_graph_constant_folding": False,  # else so do weights that are all the same
    "aot_inductor.precompile_headers": False,  # which pays with many networks only
}


def package(module: nn.Module, arguments: Sequence[Tensor], dynamic: Dynamic, folder: Path) -> Path:
    """Compile a network in eval mode for arguments like these, without its weights; returns the file.

    Args:
        module: takes tensors only and gives one tensor.
        arguments: examples.
        dynamic: which of their sizes may change.
        folder: gets the whole file or none.

    Raises:
        Exception: whatever torch raises of a network it cannot compile.
    """
    given = tuple(tensor.detach().clone(memory_format=torch.contiguous_format) for tensor in arguments)
    path = folder / Key.of(module, given, dynamic).file
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{os.getpid()}.unfinished.pt2"
    sizes = tuple(
        {dimension: _dim(f"size_{number}_{dimension}", span) for dimension, span in dynamic.get(number, {}).items()}
        for number in range(len(given))
    )
    try:
        with torch.no_grad(), _without_torchs_own_warnings():
            program = export(module, given, dynamic_shapes=sizes)
            compile_: Any = torch._inductor.aoti_compile_and_package  # noqa: SLF001  # documented under this name
            compile_(program, package_path=str(unfinished), inductor_configs=dict(_HOW))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def packaged(module: nn.Module, folder: Path, dynamic: Dynamic) -> Packaged | None:
    """The network, run by those of the folder's packages that are of it; None if there is none for this machine."""
    if not any(folder.glob("*.pt2")):  # most have none, and then nothing is asked of the machine
        return None
    return Packaged(module, folder, dynamic) if any(folder.glob(f"{_stem(module)}*.pt2")) else None


class Packaged:
    """Gives what a network gives: by a package where there is one for such arguments, else by the network itself.

    Whoever changes the network's weights in place changes what this gives; other tensors in their place are not seen.
    """

    def __init__(self, module: nn.Module, folder: Path, dynamic: Dynamic) -> None:
        """Open nothing yet: what is loaded here would be of no use in a fork."""
        self._module, self._folder, self._dynamic = module, folder, dynamic
        self._runs: dict[str, _Answer] = {}
        self._stem, self._process = "", 0

    def __call__(self, *arguments: Tensor) -> Tensor:
        """What the network gives; two threads that are first may load a package twice, which harms nothing."""
        if self._process != os.getpid():
            self._runs, self._stem, self._process = {}, _stem(self._module), os.getpid()
        called = shapes(arguments, self._dynamic)
        run = self._runs.get(called)
        if run is None:
            self._runs[called] = run = self._found(called, arguments) or self._module
        found: Tensor = run(*arguments)
        return found

    def uses_package(self, *arguments: Tensor) -> bool:
        """Whether a package gave the last answer to such arguments, in this process."""
        run = self._runs.get(shapes(arguments, self._dynamic), self._module)
        return run is not self._module and self._process == os.getpid()

    def _found(self, called: str, arguments: tuple[Tensor, ...]) -> _Answer | None:
        path = self._folder / file_name(self._stem, called)
        if not path.is_file():
            return None
        try:
            run = _loaded(path, self._module)
            small = self._smallest(arguments)
            with torch.no_grad():
                off = difference(run(*small), self._module(*small))
        except Exception as error:  # noqa: BLE001  # the file may be anything, and the network works without it
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            log.warning("%s cannot be used, so its network runs without it: %s", path.name, said)
            return None
        if not off <= FAR.get(small[0].dtype, FAR[torch.float32]):  # also if it is no number
            log.warning("%s gives other numbers than its network, which runs without it: %.2g apart.", path.name, off)
            return None
        return run

    def _smallest(self, arguments: tuple[Tensor, ...]) -> list[Tensor]:
        """Arguments as small as they may be, so that checking takes little time and memory."""
        small = list(arguments)
        for number, spans in self._dynamic.items():
            for dimension, span in spans.items():
                small[number] = small[number].narrow(dimension, 0, span.least)
        return small


def _stem(module: nn.Module) -> str:
    return stem(machine(next(module.parameters()).device), network(module))


def difference(one: Tensor, other: Tensor) -> float:
    """Size of the difference as a share of the other's size; nan if one of them holds what is no number."""
    first, second = one.double(), other.double()
    return float((first - second).norm() / second.norm().clamp_min(torch.finfo(torch.float32).tiny))


def _loaded(path: Path, module: nn.Module) -> _Answer:
    """The code of a package with the module's own tensors."""
    with zipfile.ZipFile(path) as archive:  # torch does not compare checksums, and damaged code may end the process
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"{damaged} is damaged.")
    with unpacked(path.parent):
        # Not by `aoti_load_package`: that compiles a trial to name the processor, 14 s in each new process.
        loader: Any = torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1)  # noqa: SLF001
    weights = {name: attrgetter(name)(module).detach() for name in loader.get_constant_fqns()}
    # Into the code that is active, all of them, and kept by us: so they exist once.
    loader.load_constants({name: _borrowed(weight) for name, weight in weights.items()}, False, True, True)
    return partial(_run, loader, weights)


def _run(loader: Any, _weights: Mapping[str, Tensor], *arguments: Tensor) -> Tensor:
    """A package's answer; whoever may ask keeps its weights."""
    # It was compiled for this order in memory, and does not check.
    (found,) = loader.boxed_run([tensor.contiguous() for tensor in arguments])
    answer: Tensor = found
    return answer


def _borrowed(tensor: Tensor) -> Tensor:
    """The same numbers in the same place, which may be freed nevertheless.

    torch 2.11 never lets go of weights it was given like this (pytorch#194480), so a model would outlive its removal.
    """
    owned = tensor.untyped_storage()
    construct: Any = torch._C._construct_storage_from_data_pointer  # noqa: SLF001  # nothing public borrows
    storage = construct(owned.data_ptr(), tensor.device, owned.nbytes())
    empty = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    return empty.set_(storage, tensor.storage_offset(), tensor.shape, tensor.stride())


def _dim(name: str, span: Span) -> Any:
    counted = Dim(name, min=-(-span.least // span.step), max=span.most // span.step)
    return counted if span.step == 1 else span.step * counted


@contextmanager
def _without_torchs_own_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
        warnings.filterwarnings("ignore", r".*torch\.jit\.\w+. is deprecated", DeprecationWarning)
        yield
