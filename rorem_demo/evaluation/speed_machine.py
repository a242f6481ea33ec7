"""What this machine is, in words that name neither it nor anybody."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rorem_demo import __version__

_CPU = Path("/proc/cpuinfo")
_PACKAGES = ("torch", "diffusers", "transformers", "peft", "numpy")


def cpu_name() -> str:
    """As the system calls the processor."""
    with suppress(OSError, StopIteration):
        lines = _CPU.read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.machine()


def versions() -> dict[str, str]:
    """Of this program, of Python and of the packages that count here."""
    found = {"rorem_demo": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
