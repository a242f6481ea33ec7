"""What this machine is, in words that name neither it nor anybody, and how much memory it has left."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rorem_demo import __version__

_CPU, _MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")
_PACKAGES = ("torch", "diffusers", "transformers", "peft", "numpy")


def cpu_name() -> str:
    """As the system calls the processor."""
    with suppress(OSError, StopIteration):
        lines = _CPU.read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    return platform.machine()


def memory_gb(kind: str) -> float | None:
    """`MemTotal` or `MemAvailable`; None where the system does not tell."""
    with suppress(OSError, StopIteration):
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith(f"{kind}:")).split()[1]) * 1024 / 1e9
    return None


def versions() -> dict[str, str]:
    """Of this program, of Python and of the packages that count here."""
    found = {"rorem_demo": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def computes_in_halves() -> bool:
    """Whether the processor has instructions for bfloat16; asks no torch."""
    with suppress(OSError):
        return "bf16" in _CPU.read_text(encoding="utf-8")
    return False
