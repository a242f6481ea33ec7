"""RemoverSpec, Remover, RemovalOptions, Removal: what a remover is, is asked, and gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite
from typing import Literal, Protocol, TypeAlias

from rorem_demo.errors import InputError
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Box, Image, Mask, Size
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.pins import WeightFile

OptionName: TypeAlias = Literal["seed", "steps", "guidance"]

LIMITS: dict[str, tuple[float, float]] = {
    "seed": (0, 2**32 - 1),
    "steps": (1, 100),
    "guidance": (1.0, 20.0),
    "grow": (0, 200),
    "feather": (0, 200),
    "context": (0.0, 10.0),
}
"""Inclusive range of every option; the command line, the page and the API all take theirs from here."""


_WHOLE = frozenset({"seed", "steps", "grow", "feather"})


@dataclass(frozen=True, kw_only=True)
class RemovalOptions:
    """What was asked for; None leaves it to the remover's defaults.

    Raises:
        InputError: a value outside `LIMITS`.
    """

    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    grow: int | None = None
    feather: int | None = None
    context: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.asked().items():
            low, high = LIMITS[name]
            if not low <= value <= high:  # also false for nan
                raise InputError(f"{name} is {value}.", hint=f"Give a value from {low} to {high}.")

    @classmethod
    def given(cls, values: Mapping[str, float | None]) -> RemovalOptions:
        """Options from numbers as a page or a client sends them: 7.0 is a fine seed, 7.5 is not.

        Raises:
            InputError: an option that takes whole numbers was given another.
        """
        for name, value in values.items():
            if value is not None and name in _WHOLE and value != int(value if isfinite(value) else 0):
                raise InputError(f"{name} is {value}.", hint="Give a whole number.")
        whole = {name: int(value) for name, value in values.items() if value is not None and name in _WHOLE}
        return cls(**{**values, **whole})  # type: ignore[arg-type]  # mypy cannot see which are whole

    def asked(self) -> dict[str, float]:
        """The options that were given."""
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class ResolvedOptions:
    """The same with nothing left open; what removers see and records keep.

    seed: of everything drawn at random.
    steps: denoising steps; 1 for removers without any.
    guidance: classifier-free guidance scale; 1 is none.
    grow: photo pixels the mask is widened by before anything else.
    feather: photo pixels of soft edge, inside the ring the mask was grown by.
    context: margin of the window, in longer sides of the mask.
    """

    seed: int = 0
    steps: int = 1
    guidance: float = 1.0
    grow: int = 8
    feather: int = 4
    context: float = 1.0

    def overridden(self, options: RemovalOptions) -> ResolvedOptions:
        """These options with those that were asked for in their place."""
        return replace(self, **options.asked())  # type: ignore[arg-type]  # both classes name the same fields


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Enough to choose a remover, to tell the visitor how long, and to ask ZeroGPU for time.

    Seconds are measured as the row's comment says; megapixels are those of the window, or of the hole in it,
    after the size rule.
    """

    memory_gb: float
    fixed_seconds: float
    seconds_per_step: float = 0.0
    """At one megapixel of window."""
    seconds_per_hole_megapixel: float = 0.0

    def seconds(self, window: Size, hole: int, steps: int) -> float:
        """About how long a window with `hole` marked pixels takes in `steps` steps."""
        stepping = self.seconds_per_step * steps * window.megapixels
        return self.fixed_seconds + stepping + self.seconds_per_hole_megapixel * hole / 1e6


@dataclass(frozen=True, kw_only=True)
class RemoverSpec:
    """What is known of a remover without loading it: one row of the catalogue."""

    key: str
    title: str
    summary: str
    """One plain sentence for the page: when to choose it."""
    loader: str
    """`package.module:function`; takes this spec and the paths of its weights, returns the Remover."""
    licence: str
    """Of the code and the weights together, the stricter one."""
    source: str
    """Where the method comes from: a paper, or a project."""
    cost: Cost
    """On two CPU cores, with instructions for bfloat16 if it makes use of them."""
    float32_cost: Cost | None = None
    """On two without; None: it makes no use of them."""
    gpu_cost: Cost | None = None
    """On one GPU; None: it uses the CPU alone, wherever it runs."""
    size: SizeRule = field(default_factory=SizeRule)
    weights: tuple[WeightFile, ...] = ()
    packages: tuple[str, ...] = ()
    """Modules that must be installed beyond `requirements.txt`."""
    uses: frozenset[OptionName] = frozenset()
    """Options that change its result, besides those of `erase` (grow, feather, context)."""
    defaults: ResolvedOptions = field(default_factory=ResolvedOptions)
    reasons: str = ""
    """Why the defaults are what they are, for `docs/models.md`."""
    preselected: Literal["anywhere", "with a GPU"] = "anywhere"
    """Where it may be the default; the first such row that runs is."""

    def cost_on(self, machine: Machine) -> Cost:
        """What it costs on this machine."""
        if self.gpu_cost and machine.gpu:
            return self.gpu_cost
        return self.cost if machine.halves else self.float32_cost or self.cost

    @property
    def runs_on(self) -> str:
        """`GPU or CPU`, or `CPU`."""
        return "GPU or CPU" if self.gpu_cost else "CPU"


@dataclass(frozen=True)
class Step:
    """How far a remover is; the last one carries the finished image."""

    fraction: float
    """0..1."""
    image: Image | None = None
    """A preview now and then; on the last step the result."""


class Remover(Protocol):
    """A loaded model. Only `erase` calls it."""

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        """Yield progress, and at last the image with its masked pixels replaced.

        Same size as the input, which is left untouched. Pixels outside the mask may differ: `erase`
        restores them. The same options give the same pixels on the same machine. Closing the iterator
        cancels: a remover holds nothing that outlives it.
        """
        ...


@dataclass(frozen=True)
class Progress:
    """A removal on its way."""

    fraction: float
    """0..1."""
    box: Box
    """The window, in photo pixels."""
    preview: Image | None = None
    """The window as far as it is, at the window's size."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A finished removal, at the size of the photo. Frozen and picklable."""

    image: Image
    mask: Mask
    """As used: grown."""
    box: Box
    """The window the remover saw."""
    remover: str
    """Its key."""
    options: ResolvedOptions
    seconds: float
    """From decoded arrays to the finished one; loading a model is not in it."""
    changed_outside: int
    """Pixels outside the grown mask that differ from the photo: counted, and always 0."""
    notes: tuple[str, ...] = ()
    """What the person should know of how it was made, a sentence each."""
