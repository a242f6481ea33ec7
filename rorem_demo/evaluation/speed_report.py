"""Report: how fast our removal is beside the published call, on one machine in one run; a JSON file holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rorem_demo.errors import InputError

UNET, REST = "unet", "rest"
STAGES = ("text", "encode", UNET, "decode", REST)
"""Text networks; VAE, photo to latents; UNet; VAE, latents to photo; opening, cutting, pasting, PNG and all else."""
FULL, RANDOM = "full", "random"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to run the weights, in a process of its own."""

    seconds: float
    """Median of the runs, from a photo's bytes to those of a PNG."""
    runs: tuple[float, ...]
    """Seconds of each, in their order; the first one after loading is not among them."""
    shares: Mapping[str, float]
    """Of each stage in all runs' time; together 1."""
    calls: Mapping[str, int]
    """Of the networks, in one run."""
    numbers: Mapping[str, str]
    """What each network computes in."""
    load_seconds: float
    cold_seconds: float
    """From the start of the process to the first PNG."""
    peak_gb: float
    """Most memory that the process ever held, loading included; files that are mapped count."""
    running_gb: float | None
    """Most while it ran; None where the system does not tell."""
    gpu_peak_gb: float | None


@dataclass(frozen=True, kw_only=True)
class Errors:
    """What our numbers cost, against float32. Pictures: one window, the same noise."""

    unet_relative: float | None
    """Norm of the difference by the norm, of what the UNet makes of the same random input; None if it was not seen."""
    levels_mean: float
    """Grey levels, over pixels and colours."""
    levels_max: int
    psnr_db: float | None
    """None: the pictures are equal."""
    exact_psnr_db: float | None
    """Of ours in float32; None unless asked for, or if the pictures are equal."""
    exact_levels_max: int | None
    """None unless asked for."""


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How well our UNet uses the machine; in 10^12 operations, two for a multiplication with its addition."""

    unet_operations: float
    """Of one call: matrix products and convolutions."""
    unet_rate: float
    """A second."""
    matrix_rate: float
    """Of a large product of square matrices, a second; measured in the same process."""
    matrix_numbers: str

    @property
    def share(self) -> float:
        return self.unet_rate / self.matrix_rate


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Our seconds on a small and on a large photo with one mask, in pixels."""

    small: str
    large: str
    hole: int
    """Its width."""
    small_seconds: float
    large_seconds: float

    @property
    def ratio(self) -> float:
        return self.large_seconds / self.small_seconds


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Names no host and no path."""

    cpu: str
    cores: int
    threads: int
    """Of torch."""
    memory_gb: float
    gpu: str | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it."""

    made: str
    """UTC date."""
    machine: Machine
    versions: Mapping[str, str]
    method: str
    device: str
    size: int
    """Side of the square the networks see."""
    steps: int
    repeats: int
    weights: str
    """The commit they are of, or `random`."""
    shape: str
    """`full`, or that of a trial that measures nothing of interest."""
    at_once: bool
    """Both sides were in memory, one asleep; else each run had a process of its own."""
    ours: Side
    reference: Side
    errors: Errors
    rates: Rates | None
    """None where the UNet was not seen."""
    photos: Photos | None
    """None unless asked for."""

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference we are."""
        return self.reference.seconds / self.ours.seconds

    @property
    def ratio_text(self) -> str:
        return f"{self.ratio:.1f}{TIMES}"

    @property
    def content(self) -> dict[str, Any]:
        """All of it for JSON, with what follows from the rest."""
        content = asdict(self) | {"ratio": self.ratio}
        if self.rates:
            content["rates"]["share"] = self.rates.share
        if self.photos:
            content["photos"]["ratio"] = self.photos.ratio
        return content

    def to_json(self) -> str:
        """The content, indented."""
        return json.dumps(self.content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, data: bytes) -> Report:
        """What `to_json` wrote.

        Raises:
            InputError: it is something else.
        """
        try:
            content: dict[str, Any] = json.loads(data)
            content.pop("ratio")
            for name, kind in (("ours", Side), ("reference", Side), ("errors", Errors), ("machine", Machine)):
                content[name] = kind(**content[name])
            for side in (content["ours"], content["reference"]):
                object.__setattr__(side, "runs", tuple(side.runs))
            content["rates"] = _without(content["rates"], "share", Rates)
            content["photos"] = _without(content["photos"], "ratio", Photos)
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("This is no report of `bench speed --reference`.", hint="Run it again.") from error


def _without(content: dict[str, Any] | None, name: str, kind: Any) -> Any:
    return content and kind(**{key: value for key, value in content.items() if key != name})
