"""`doctor`: what this machine can run, and what it lacks."""

from __future__ import annotations

import os
import platform
import shutil
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rorem_demo.cli.methods import Method, listed
from rorem_demo.cli.output import json_line, table
from rorem_demo.services import Services
from rorem_demo.settings import Settings

PACKAGES = (
    "numpy",
    "opencv-contrib-python-headless",
    "Pillow",
    "tqdm",
    "gradio",
    "spaces",
    "torch",
    "diffusers",
    "transformers",
    "playwright",
)
"""Distributions the program or its tests may use, what everything needs first."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What was found."""

    python: str
    system: str
    cores: int
    memory_gb: float | None
    """None where the system does not tell."""
    gpu: bool
    browser: str | None
    """For the tests of the page only."""
    packages: dict[str, str | None]
    """Version by distribution; None is not installed."""
    methods: tuple[Method, ...]
    settings: Settings

    @property
    def usable(self) -> bool:
        return any(method.available for method in self.methods)


def checkup(services: Services) -> Checkup:
    """Look at this machine; imports none of the packages it tells of."""
    return Checkup(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=services.machine.cores,
        memory_gb=_memory_gb(),
        gpu=services.machine.gpu,
        browser=_browser(),
        packages={name: _version(name) for name in PACKAGES},
        methods=tuple(listed(services)),
        settings=services.settings,
    )


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `doctor` to the commands."""
    parser = commands.add_parser("doctor", parents=[common], help="say what this machine can run and what is missing")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Print the checkup; 0 if at least one method runs here, else 2."""
    found = checkup(services)
    if arguments.json:
        print(json_line(asdict(found)))
    else:
        print("\n\n".join((_machine(found), _packages(found), _methods(found), _settings(found))))
    return 0 if found.usable else 2


def _machine(found: Checkup) -> str:
    rows = [
        ("python", found.python),
        ("system", found.system),
        ("cores", str(found.cores)),
        ("memory", f"{found.memory_gb:.1f} GB" if found.memory_gb else "unknown"),
        ("GPU", "yes" if found.gpu else "none"),
        ("browser", found.browser or "none; only the tests of the page need one"),
    ]
    return table(("machine", ""), rows)


def _packages(found: Checkup) -> str:
    return table(("package", ""), [(name, text or "not installed") for name, text in found.packages.items()])


def _methods(found: Checkup) -> str:
    return table(("method", ""), [(method.key, method.state) for method in found.methods])


def _settings(found: Checkup) -> str:
    return table(("setting", ""), [(name, str(value)) for name, value in asdict(found.settings).items()])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf, other systems not these names
        return None


def _browser() -> str | None:
    """A Chromium on the path, or the newest one Playwright keeps."""
    on_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    kept = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    return on_path or max(map(str, Path(kept).glob("chromium*-*")), default=None)
