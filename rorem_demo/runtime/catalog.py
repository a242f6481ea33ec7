"""Catalog: an explicit table of specs, each with a loader named by text.

Reading a catalogue imports no model code; `load` imports the one module it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Generic, Protocol, TypeVar

from rorem_demo.errors import ConfigError, InputError
from rorem_demo.runtime.guard import machine_told
from rorem_demo.runtime.weights import NeedsWeights, Weights


class Spec(NeedsWeights, Protocol):
    """What every row of a catalogue has."""

    @property
    def key(self) -> str: ...

    @property
    def loader(self) -> str:
        """`package.module:function`; takes the spec and the paths of its weights, returns the model."""
        ...


S = TypeVar("S", bound=Spec)
M = TypeVar("M")


class Catalog(Generic[S, M]):
    """Specs by key, in the order they are shown.

    Raises:
        ConfigError: two specs share a key.
    """

    def __init__(self, *specs: S) -> None:
        self._specs = {spec.key: spec for spec in specs}
        if len(self._specs) != len(specs):
            raise ConfigError("Two rows of a catalogue share a key.")

    def __iter__(self) -> Iterator[S]:
        return iter(self._specs.values())

    def __contains__(self, key: object) -> bool:
        return key in self._specs

    def __getitem__(self, key: str) -> S:
        if key not in self._specs:
            raise InputError(f"There is no method {key!r}.", hint=f"Choose one of: {', '.join(self._specs)}.")
        return self._specs[key]

    def load(self, key: str, weights: Weights) -> M:
        """The model of a row, made now; raises what its loader raises.

        Raises:
            UnavailableError: its weights are not here, or the GPU stopped working.
            MemoryError: it does not fit.
        """
        spec = self[key]
        module, _, function = spec.loader.partition(":")
        with machine_told(spec.title):
            model: M = getattr(import_module(module), function)(spec, weights.files(spec))
        return model
