"""Stopwatch: how long each stage of a removal takes, whoever runs the networks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import perf_counter
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from rorem_demo.evaluation.speed_report import REST, UNET

_WATCHED: tuple[tuple[Any, str, str], ...] = (
    (CLIPTextModel, "__call__", "text"),
    (CLIPTextModelWithProjection, "__call__", "text"),
    (AutoencoderKL, "encode", "encode"),
    (UNet2DConditionModel, "__call__", UNET),
    (AutoencoderKL, "decode", "decode"),
)
"""Methods by class, so that nobody has to hand out the networks: they are found when they run."""


class Stopwatch:
    """Counts seconds and calls of the stages while `watching`; a stage within another belongs to the outer one.

    Args:
        synchronize: waits for a GPU, which otherwise works on while a call has returned.
    """

    def __init__(self, synchronize: Callable[[], None] = lambda: None) -> None:
        self._synchronize = synchronize
        self._inside = False
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()
        self.networks: dict[str, Any] = {}
        """The one that ran last in each stage."""
        self.numbers: dict[str, torch.dtype] = {}
        """What it ran in: the pipeline changes its VAE before and after."""
        self.named: dict[str, dict[str, Any]] = {}
        """The named arguments of its last call."""

    def timed(self, work: Callable[[], Any]) -> tuple[Any, float]:
        """What `work` gives, and its seconds; afterwards the stages are those of it alone."""
        self.seconds.clear()
        self.calls.clear()
        self._synchronize()
        begun = perf_counter()
        result = work()
        self._synchronize()
        total = perf_counter() - begun
        self.seconds[REST] = total - sum(self.seconds.values())
        return result, total

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time the stages of all networks of this process."""
        with ExitStack() as stack:
            for kind, method, stage in _WATCHED:
                stack.enter_context(_replaced(kind, method, self._watched(getattr(kind, method), stage)))
            yield

    def _watched(self, method: Any, stage: str) -> Any:
        @wraps(method)
        def call(network: Any, *given: Any, **named: Any) -> Any:
            if self._inside:
                return method(network, *given, **named)
            self._inside = True
            self.networks[stage], self.numbers[stage], self.named[stage] = network, network.dtype, named
            self._synchronize()
            begun = perf_counter()
            try:
                result = method(network, *given, **named)
                self._synchronize()
                return result
            finally:
                self._inside = False
                self.calls[stage] += 1
                self.seconds[stage] += perf_counter() - begun

        return call


def synchronizer(device: str) -> Callable[[], None]:
    """What waits for all work on this device."""
    return torch.cuda.synchronize if device == "cuda" else lambda: None


@contextmanager
def _replaced(kind: Any, method: str, by: Any) -> Iterator[None]:
    own = kind.__dict__.get(method)  # not what it inherits
    setattr(kind, method, by)
    try:
        yield
    finally:
        if own is None:
            delattr(kind, method)
        else:
            setattr(kind, method, own)
