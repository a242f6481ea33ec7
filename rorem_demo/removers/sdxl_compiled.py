"""compiled(), compile_unet(): SDXL's UNet compiled ahead of time, called as it is called without.

One package serves all pictures whose latents have sides the UNet can halve as often as it does, without a rest, up to
2048 pixels; of one batch size, so a method that is used with and without guidance has two. What hears no such picture
goes to the UNet itself. `encoder_hidden_states` may be whatever the UNet takes there: it is part of the key.

On ZeroGPU: `rorem_demo.runtime.aot` says how packages come there. `compiled` may be called where the GPU is not lent
yet, for it only looks for files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeAlias

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from rorem_demo.runtime.aot import FAR, Packaged, difference, package, packaged
from rorem_demo.runtime.aot_key import Dynamic, Key, Span

Call: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Sample, time, words, their whole, and sizes: what one call of the UNet is given, time as float32 of the batch."""

_LONGEST = 256
"""Side of latents, of 2048 pixels."""
_REPEATS = 5


class FlatUnet(nn.Module):
    """A UNet as a function of tensors."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.unet = unet
        self.training = unet.training  # a wrapper's own mode is part of the key

    def forward(self, sample: Tensor, time: Tensor, words: Tensor, whole: Tensor, sizes: Tensor) -> Tensor:
        """B x 9 x h x w, B, what the UNet takes as words, B x width, B x 6 to B x 4 x h x w."""
        told = {"text_embeds": whole, "time_ids": sizes}
        answer = self.unet(sample, time, encoder_hidden_states=words, added_cond_kwargs=told, return_dict=False)
        found: Tensor = answer[0]
        return found


class CompiledUnet:
    """Called as `SdxlRemover` calls a UNet, and gives what it gives."""

    def __init__(self, run: Packaged) -> None:
        self._run = run

    def __call__(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        encoder_hidden_states: Tensor,
        added_cond_kwargs: Mapping[str, Tensor],
        return_dict: bool = False,  # noqa: ARG002  # as diffusers' has it
    ) -> tuple[Tensor]:
        """A UNet's answer as it is without a dictionary."""
        return (self._run(*flat(sample, timestep, encoder_hidden_states, added_cond_kwargs)),)

    def uses_package(self, call: Call) -> bool:
        """Whether a package gave the last answer to such a call, in this process."""
        return self._run.uses_package(*call)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A package, and what it is good for."""

    path: Path
    seconds: float
    """To make it."""
    megabytes: float
    before: float
    after: float
    """Seconds of a call, medians of 5, without and with it."""
    difference: float
    """Of an answer with it from that without, as a share of its size."""


def flat(sample: Tensor, timestep: Tensor, words: Tensor, told: Mapping[str, Tensor]) -> Call:
    """A call's tensors in one row; all schedulers' times are alike then."""
    time = timestep.to(sample.device, torch.float32).reshape(-1).expand(sample.shape[0])
    return sample, time, words, told["text_embeds"], told["time_ids"]


def compiled(unet: Any, folder: Path, *, anywhere: bool = False) -> CompiledUnet | None:
    """The UNet run by a package from the folder; None if none there is of it and of this machine.

    Args:
        unet: in eval mode; nothing replaces its tensors any more.
        folder: of packages, `compiled` below the data directory.
        anywhere: also on a CPU, where the layers torch packs are quicker.
    """
    if unet.device.type != "cuda" and not anywhere:
        return None
    run = packaged(FlatUnet(unet), folder, _sides(unet))
    return None if run is None else CompiledUnet(run)


def unet_of(model: object) -> Any | None:
    """The UNet a remover holds; None if it has none."""
    return next((part for part in vars(model).values() if isinstance(part, UNet2DConditionModel)), None)


@contextmanager
def calls_of(unet: nn.Module) -> Iterator[list[Call]]:
    """Collects what the UNet is called with."""
    seen: list[Call] = []

    def note(_: nn.Module, given: tuple[Tensor, ...], named: Mapping[str, Any]) -> None:
        seen.append(flat(given[0], given[1], named["encoder_hidden_states"], named["added_cond_kwargs"]))

    hook = unet.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def compile_unet(unet: Any, call: Call, folder: Path) -> Made:
    """Make the package for calls like this one, and try it.

    Raises:
        RuntimeError: it does not give the UNet's numbers; then there is no package, as the log says too.
        Exception: whatever else torch raises of a network it cannot compile.
    """
    network, call = FlatUnet(unet), _copies(call)
    begun = perf_counter()
    path = package(network, call, _sides(unet), folder)
    seconds = perf_counter() - begun
    run = Packaged(network, folder, _sides(unet))
    with torch.no_grad():
        off = difference(run(*call), network(*call))
        if not run.uses_package(*call) or not off <= FAR[call[0].dtype]:
            path.unlink()
            raise RuntimeError(f"The package is {off:.2g} away from its network.")
        before, after = _seconds(network, call), _seconds(run, call)
    megabytes = path.stat().st_size / 1e6
    return Made(path=path, seconds=seconds, megabytes=megabytes, before=before, after=after, difference=off)


def package_of(unet: Any, call: Call, folder: Path) -> Path:
    """Where the package for such calls is, or would be."""
    return folder / Key.of(FlatUnet(unet), call, _sides(unet)).file


def _copies(call: Call) -> Call:
    """Not of inference mode, whose tensors export refuses."""
    sample, time, words, whole, sizes = (tensor.clone() for tensor in call)
    return sample, time, words, whole, sizes


def _sides(unet: Any) -> Dynamic:
    """Latents' sides: the upward half doubles what the downward half halved, to the same size only without a rest."""
    step = 2 ** (len(unet.config["block_out_channels"]) - 1)
    side = Span(least=2 * step, most=_LONGEST, step=step)
    return {0: {2: side, 3: side}}


def _seconds(run: Callable[..., Tensor], call: Call) -> float:
    """Of a call, once it is warm."""
    run(*call)
    return median(_timed(run, call) for _ in range(_REPEATS))


def _timed(run: Callable[..., Tensor], call: Call) -> float:
    begun = perf_counter()
    found = run(*call)
    if found.is_cuda:
        torch.cuda.synchronize()
    return perf_counter() - begun
