"""`compile` as it is run: what it refuses, before anything is loaded, and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rorem_demo.cli import compiling, main
from rorem_demo.errors import UnavailableError
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.runtime.devices import Machine
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.whole_weights import write_weights

GPU = Machine(gpu=True, cores=2)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """With a GPU, as far as it knows, and no weights."""
    return replace(Services.assemble(Settings(data=tmp_path / "data", weights=tmp_path / "weights")), machine=GPU)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The line of an error, after what libraries show of their progress."""

    def run(services: Services, *arguments: str) -> str:
        assert main(["compile", *arguments], services) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "Traceback" not in shown.err
        return shown.err.splitlines()[-1]

    return run


Said = Callable[..., str]


def test_without_a_gpu_it_is_refused(services: Services, said: Said) -> None:
    there = replace(services, machine=Machine(gpu=False, cores=2))
    assert said(there) == "rorem_demo: There is no GPU here, and a CPU is quicker without. Run it where the GPU is."


def test_on_zerogpu_it_is_refused(services: Services, said: Said) -> None:
    there = replace(services, settings=replace(services.settings, zero_gpu=True))
    assert said(there).startswith("rorem_demo: ZeroGPU lends its GPU to no command.")


def test_without_a_compiler_it_is_refused(services: Services, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert said(services).startswith("rorem_demo: There is no C++ compiler no-such-compiler. Install g++")


def test_without_weights_it_is_refused(services: Services, said: Said) -> None:
    assert said(services).startswith("rorem_demo: RORem 4 steps needs ")
    assert not services.settings.data.exists()


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ("telea", "Telea runs on the CPU only. Choose rorem-4s, for example."),
        ("no-such-method", "There is no method 'no-such-method'. Choose one of: rorem-4s, "),
    ],
)
def test_methods_without_a_network_are_refused(services: Services, said: Said, method: str, sentence: str) -> None:
    assert said(services, "--method", method).startswith(f"rorem_demo: {sentence}")


class Plain:
    """A method of another kind."""


def allowed(spec: RemoverSpec, services: Services, *, cpu: bool) -> None:
    """Stands for `check`."""


def test_a_network_that_is_no_unet_is_refused(services: Services, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "check", allowed)
    monkeypatch.setattr(type(services.removers), "load", lambda self, key, weights: Plain())
    assert (
        said(services, "--method", "lama") == "rorem_demo: LaMa has no UNet to compile. Choose rorem-4s, for example."
    )


@pytest.fixture
def weights(tmp_path: Path) -> None:
    write_weights(tmp_path / "weights")


@pytest.mark.slow
@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("C++ compile error\nand more"), "torch cannot compile the UNet of RORem here. Methods work"),
        (OSError(28, "No space left on device"), "Nothing can be written to "),
        (UnavailableError("It is gone.", hint="Try again."), "It is gone. Try again."),
    ],
)
def test_what_fails_is_one_line(
    services: Services, said: Said, monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    from rorem_demo.removers import sdxl_compiled

    def fails(*given: Any) -> None:
        raise error

    monkeypatch.setattr(sdxl_compiled, "compile_unet", fails)
    assert said(services, "--method", "rorem").startswith(f"rorem_demo: {sentence}")
