"""Worker: what both processes of the benchmark have in common: they time runs, and say what they used."""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from diffusers import UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from rorem_demo.errors import UnavailableError
from rorem_demo.evaluation.speed_process import Job
from rorem_demo.evaluation.speed_report import FULL, UNET
from rorem_demo.evaluation.speed_shapes import TOKENS
from rorem_demo.evaluation.speed_stages import Stopwatch, synchronizer
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.runtime.memory import give_back_memory
from rorem_demo.runtime.packed import Int8Linear

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIDDLE = 499
"""Of a thousand times; one of the four steps."""
_PRODUCTS = 7


class Way(Protocol):
    """One way to run the weights, loaded."""

    def removed(self, photo: bytes, mask: bytes, seed: int) -> bytes:
        """A PNG of the photo without what is marked."""
        ...

    def picture(self, image: Image, mask: Mask, seed: int) -> Image:
        """What the networks make of a square of their size, with the mean of what the VAE gives."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One run."""

    seconds: float
    stages: dict[str, float]
    calls: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a process used."""

    load_seconds: float
    numbers: dict[str, str]
    threads: int
    gpu: str | None
    peak_gb: float
    running_gb: float | None
    gpu_peak_gb: float | None


class Worker:
    """Loads on its first question, as whoever starts a process waits for it.

    Args:
        job: what to do.
        load: makes the way; called once.
    """

    def __init__(self, job: Job, load: Callable[[Job], Way]) -> None:
        if job.device == "cuda" and not torch.cuda.is_available():
            raise UnavailableError("There is no GPU here that torch can use.", hint="Measure with --device cpu.")
        self._job = job
        self._watch = Stopwatch(synchronizer(job.device))
        self._watching = ExitStack()
        self._watching.enter_context(self._watch.watching())
        begun = perf_counter()
        self._way = load(job)
        synchronizer(job.device)()
        self._load_seconds = perf_counter() - begun
        self._peak_before: float | None = None

    def close(self) -> None:
        """Watch no more; only where other things run in the same process."""
        self._watching.close()

    def run(self, photo: bytes, mask: bytes, seed: int) -> Ran:
        """Time one removal."""
        _, seconds = self._watch.timed(lambda: self._way.removed(photo, mask, seed))
        return Ran(seconds=seconds, stages=dict(self._watch.seconds), calls=dict(self._watch.calls))

    def loaded(self) -> None:
        """From here on memory counts as that of running; what loading freed goes back to the system."""
        peak = _peak_gb()
        give_back_memory()
        with suppress(OSError):
            _FORGET.write_text("5", encoding="ascii")
            self._peak_before = peak

    def picture(self, image: Image, mask: Mask, seed: int) -> Image:
        """See `Way.picture`."""
        return self._way.picture(image, mask, seed)

    @torch.inference_mode()
    def guess(self, seed: int) -> npt.NDArray[np.float32] | None:
        """What the UNet, LoRA included, makes of random noise and the last run's prompt; None if none showed it."""
        unet = self._watch.networks.get(UNET)
        if unet is None:
            return None
        sample = _unet_input(unet.config, self._job.size, torch.Generator().manual_seed(seed))["sample"]
        time = torch.tensor(_MIDDLE, device=unet.device)
        guess: torch.Tensor = unet(sample.to(unet.device, unet.dtype), time, **self._watch.named[UNET])[0]
        return guess.float().cpu().numpy()

    def rates(self) -> tuple[float, float, str] | None:
        """10^12 operations of a UNet call, those of matrix products a second, and in what numbers."""
        unet = self._watch.networks.get(UNET)
        if unet is None:
            return None
        numbers = torch.bfloat16 if self._job.device == "cuda" else unet.dtype
        side = (8192 if self._job.device == "cuda" else 4096) if self._job.shapes.name == FULL else 64
        return _operations(unet.config, self._job.size) / 1e12, _matrix_rate(unet.device, numbers, side), _name(numbers)

    def facts(self) -> Facts:
        """So far."""
        cuda = self._job.device == "cuda"
        now = _peak_gb()
        return Facts(
            load_seconds=self._load_seconds,
            numbers={stage: self._numbers(stage) for stage in self._watch.numbers},
            threads=torch.get_num_threads(),
            gpu=torch.cuda.get_device_name() if cuda else None,
            peak_gb=max(now, self._peak_before or 0.0),
            running_gb=None if self._peak_before is None else now,
            gpu_peak_gb=torch.cuda.max_memory_allocated() / 1e9 if cuda else None,
        )

    def _numbers(self, stage: str) -> str:
        own, layers = _name(self._watch.numbers[stage]), self._watch.networks[stage].modules()
        return f"{own} and int8" if any(isinstance(layer, Int8Linear) for layer in layers) else own


def _peak_gb() -> float:
    """Most memory this process held since it was last made to forget it."""
    with suppress(OSError, StopIteration):
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _unet_input(config: Any, size: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    side, told = size // 8, config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    sample = torch.randn((1, config["in_channels"], side, side), generator=generator)
    sample[:, 4] = (sample[:, 4] > 1).float()  # the mask
    return {
        "sample": sample,
        "words": torch.randn((1, TOKENS, config["cross_attention_dim"]), generator=generator),
        "whole": torch.randn((1, told), generator=generator),
        "shape": torch.tensor([[size, size, 0, 0, size, size]], dtype=torch.float32),
    }


def _called(unet: Any, given: dict[str, torch.Tensor]) -> torch.Tensor:
    guess: torch.Tensor = unet(
        given["sample"],
        torch.tensor(_MIDDLE, device=given["sample"].device),
        encoder_hidden_states=given["words"],
        added_cond_kwargs={"text_embeds": given["whole"], "time_ids": given["shape"].float()},
        return_dict=False,
    )[0]
    return guess


def _operations(config: Any, size: int) -> int:
    """Of a call, counted on a network without numbers, which takes no time."""
    family: Any = UNet2DConditionModel
    with torch.device("meta"):
        blank = family.from_config(config)
    given = _unet_input(config, size, torch.Generator().manual_seed(0))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        _called(blank, {name: tensor.to("meta") for name, tensor in given.items()})
    return int(counter.get_total_flops())


def _matrix_rate(device: torch.device, numbers: torch.dtype, side: int) -> float:
    """10^12 operations a second, in the median of some products after a first one."""
    synchronize = synchronizer(device.type)
    one, other = (torch.randn((side, side), device=device).to(numbers) for _ in range(2))
    seconds = []
    for _ in range(_PRODUCTS):
        synchronize()
        begun = perf_counter()
        one @ other
        synchronize()
        seconds.append(perf_counter() - begun)
    return 2 * side**3 / median(seconds[1:]) / 1e12


def _name(numbers: torch.dtype) -> str:
    return str(numbers).removeprefix("torch.")
