"""Every error a caller may want to catch, and what the person is told.

    RoremError
    |-- InputError        the person can mend it: unreadable image, empty mask, stale id
    |-- UnavailableError  the request is sound, but not here or not now: no weights, out of memory
    |-- StorageError      something could not be written: disk full, no permission
    `-- ConfigError       whoever runs this can mend it: a bad setting or catalogue row

`str(error)` says what is wrong and `hint` what to do next, one sentence each.
"""

from __future__ import annotations


class RoremError(Exception):
    """Base of all errors this program raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def sentence(self) -> str:
        """What is wrong and the way out, for a notice or one line of a terminal."""
        return f"{self} {self.hint}".strip()


class InputError(RoremError):
    """What the person gave cannot be worked on."""


class UnavailableError(RoremError):
    """The request is sound, but not here or not now."""


class StorageError(RoremError):
    """Something could not be written or read back."""


class ConfigError(RoremError):
    """A setting or a catalogue row is wrong."""
