"""What a judge said of rows, beside what people said of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rorem_demo.errors import InputError
from rorem_demo.statistics import Floats

Names: TypeAlias = npt.NDArray[np.str_]
Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """Columns of one length; given as any sequences, kept as arrays.

    Raises:
        InputError: lengths differ, a probability or a share is not within 0..1, or a label is neither 0 nor 1.
    """

    prob: Floats
    """Calibrated chance that the object is gone."""
    label: Floats
    """1 = people say it is."""
    method: Names
    """Key of the remover; of an easy negative, its kind."""
    photo: Names
    """Digest of the source: rows that share it are not independent."""
    mask_fraction: Floats
    """Share of the photo that is marked."""
    origin: Names
    """As in `records.Origin`."""
    easy: Flags = ()  # type: ignore[assignment]  # given as any sequence; empty: none is
    """Results that nobody needs a judge for."""
    before: Floats | None = None
    """The chance before calibration: the sigmoid of the logit."""
    cues: Floats | None = None
    """Rows x simple statistics of the hole (`cues.cues`), for a baseline."""

    def __post_init__(self) -> None:
        for name in ("method", "photo", "origin"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.str_))
        for name in ("prob", "label", "mask_fraction", "before", "cues"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        easy = self.easy if len(self.easy) else np.zeros(len(self.prob))
        object.__setattr__(self, "easy", np.asarray(easy, np.bool_))
        self._check()

    def _check(self) -> None:
        columns = {column.name: getattr(self, column.name) for column in fields(self)}
        columns = {name: column for name, column in columns.items() if column is not None}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"Columns differ in length: {lengths}.")
        for name in ("prob", "mask_fraction", "before"):
            # Written so that a value that is not a number fails too.
            if name in columns and not ((columns[name] >= 0) & (columns[name] <= 1)).all():
                raise InputError(f"A value of {name} is not within 0..1.")
        if not np.isin(self.label, (0, 1)).all():
            raise InputError("A label is neither 0 nor 1.")

    @property
    def photos(self) -> int:
        return len(np.unique(self.photo))

    def where(self, chosen: Flags) -> Predictions:
        """Some rows, in their order."""
        columns: dict[str, Any] = {column.name: getattr(self, column.name) for column in fields(self)}
        cut: dict[str, Any] = {name: column if column is None else column[chosen] for name, column in columns.items()}
        return replace(self, **cut)
