"""`doctor`: what this machine can run, and what it lacks; it also pins what the catalogues take from the Hub."""

from __future__ import annotations

import json
import os
import platform
import shutil
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rorem_demo.cli.files import write
from rorem_demo.cli.methods import Method, listed
from rorem_demo.cli.output import json_line, one_line, table
from rorem_demo.cli.weights import Stored, stored
from rorem_demo.cli.weights import listed as listed_weights
from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.runtime.fetching import refusal
from rorem_demo.runtime.memory import memory_gb
from rorem_demo.runtime.pins import read_pins
from rorem_demo.runtime.weights import Weights
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
    weights: tuple[Stored, ...]
    settings: Settings

    @property
    def usable(self) -> bool:
        return any(method.available for method in self.methods if method.command == "remove")


def checkup(services: Services) -> Checkup:
    """Look at this machine; imports none of the packages it tells of."""
    return Checkup(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=services.machine.cores,
        memory_gb=memory_gb("MemTotal"),
        gpu=services.machine.gpu,
        browser=_browser(),
        packages={name: _version(name) for name in PACKAGES},
        methods=tuple(listed(services)),
        weights=tuple(stored(services)),
        settings=services.settings,
    )


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `doctor` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "doctor",
        parents=[common],
        help="say what this machine can run and what is missing",
        description="Say what this machine can run and what is missing.",
    )
    parser.add_argument(
        "--pin",
        nargs="?",
        choices=("known", "latest"),
        const="known",
        help="instead, ask the Hub for the commit, sizes and sha256 of everything the catalogues take from it, and "
        "write them to rorem_demo/runtime/pins.json. A commit that is pinned already stays and only what is unknown "
        "of it is added; `--pin latest` moves to the newest commits. What cannot be asked stays as it was",
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Print the checkup; 0 if at least one method runs here, else 2. Or write the pins; 2 if one could not be had."""
    if arguments.pin:
        return _pin(services, latest=arguments.pin == "latest", as_json=arguments.json)
    found = checkup(services)
    if arguments.json:
        print(json_line(asdict(found)))
    else:
        weights = listed_weights(list(found.weights))
        print("\n\n".join((_machine(found), _packages(found), _methods(found), weights, _settings(found))))
    return 0 if found.usable else 2


def _pin(services: Services, *, latest: bool, as_json: bool) -> int:
    weights, failed = services.weights, 0
    pins = dict(read_pins(weights.pins))
    for repository, files in _taken(services).items():
        try:
            pins[repository] = _asked(weights, repository, files, {} if latest else pins.get(repository, {}))
            told = {"repository": repository, "revision": pins[repository]["revision"]}
        except RoremError as error:
            failed += 1
            told = {"repository": repository, "error": one_line(error)[0]}
        print(json_line(told) if as_json else ": ".join(told.values()))
    if pins != read_pins(weights.pins):
        write(weights.pins, (json.dumps(pins, indent=2, sort_keys=True) + "\n").encode())
        read_pins.cache_clear()
    return 2 if failed else 0


def _taken(services: Services) -> dict[str, list[str]]:
    """The files on the Hub that rows of the catalogues name, each once, by repository."""
    taken: dict[str, list[str]] = {}
    for file in dict.fromkeys(file for row in services.rows.values() for file in row.weights):
        if file.is_on_hub:
            taken.setdefault(file.repository, []).append(file.file)
    return taken


def _asked(weights: Weights, repository: str, files: list[str], known: dict[str, Any]) -> dict[str, Any]:
    """What the Hub tells of a repository, at the known commit if there is one.

    Raises:
        UnavailableError: it does not tell, lacks a file, or contradicts what is known of the same commit.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415  # half a second that no other command should pay

    try:
        info = HfApi(endpoint=weights.endpoint).model_info(
            repository, revision=known.get("revision"), files_metadata=True, timeout=30
        )
    except Exception as error:  # the client and what it stands on raise many kinds
        raise refusal(error, repository) from error
    told = {one.rfilename: one for one in info.siblings or ()}
    if absent := sorted(set(files) - set(told)):
        raise UnavailableError(f"{info.sha} has no {' and no '.join(absent)}.", hint="Mend the catalogue.")
    found = {name: _facts(told[name].size, told[name].lfs) for name in files}
    for name, facts in known.get("files", {}).items():
        if any(found.get(name, facts).get(key, value) != value for key, value in facts.items()):
            hint = "Do not use it before you know why."
            raise UnavailableError(f"{name} differs from what is pinned of the same commit.", hint=hint)
    return {"revision": info.sha, "files": known.get("files", {}) | found}


def _facts(size: int | None, lfs: Any) -> dict[str, Any]:
    """Of small files the Hub tells no sha256."""
    facts = {"size": size, "sha256": lfs.sha256 if lfs else None}
    return {name: value for name, value in facts.items() if value is not None}


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


def _browser() -> str | None:
    """A Chromium on the path, or the newest one Playwright keeps."""
    on_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    kept = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright"
    return on_path or max(map(str, Path(kept).glob("chromium*-*")), default=None)
