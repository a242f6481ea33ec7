"""`python app.py` as a Space runs it: how soon it answers, what it holds, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SOONEST = 5.0
"""Seconds to the first page."""
MOST_MEGABYTES = 350
MODEL_LIBRARIES = {"torch", "diffusers", "transformers", "datasets", "accelerate"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def app(
    port: int, *options: str, errors: int | IO[str] | None = None, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The app in a process of its own, from its first instruction on."""
    settings = {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False", **environment}
    command = [sys.executable, *options, "app.py"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=quiet, stderr=errors) as process:
        try:
            yield process
        finally:
            process.kill()


def get(address: str, method: str = "GET") -> bytes:
    with urlopen(Request(address, method=method), timeout=10) as answer:
        return bytes(answer.read())


def first_page(port: int, host: str = "127.0.0.1") -> bytes:
    """As soon as it answers; half a minute at most."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(URLError, ConnectionError):
            return get(f"http://{host}:{port}/")
        time.sleep(0.05)
    raise AssertionError("app.py did not answer within half a minute")


def megabytes(process: int) -> float:
    """Resident memory of a process and all its descendants."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    children = [
        int(child)
        for path in Path(f"/proc/{process}/task").iterdir()
        for child in (path / "children").read_text().split()
    ]
    return int(status["VmRSS"].split()[0]) / 1024 + sum(map(megabytes, children))


def seconds_to_first_page() -> float:
    start = time.monotonic()
    with app(port := free_port()):
        first_page(port)
        return time.monotonic() - start


def seconds_to_import_gradio() -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.monotonic() - start


def test_the_first_page_comes_soon() -> None:
    """Best of three; on a busy machine, where gradio's import alone takes that long, half as much again as it."""
    taken: list[tuple[float, float]] = []
    while len(taken) < 3:
        page, gradio = seconds_to_first_page(), seconds_to_import_gradio()
        if page <= max(SOONEST, 1.5 * gradio):
            return
        taken.append((page, gradio))
    pytest.fail(f"seconds to the first page, and to import gradio: {taken}")


def test_a_page_and_an_open_example_need_little_memory() -> None:
    with app(port := free_port()) as process:
        assert b"RORem" in first_page(port)
        assert b'"id"' in get(f"http://127.0.0.1:{port}/rorem/examples/coffee.jpg", "POST")
        held = megabytes(process.pid)
    assert held <= MOST_MEGABYTES


IMPORTS = """
import sys
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build
build(Services.assemble(Settings()))
print(*sys.modules)
"""


def test_building_the_page_imports_no_model_library() -> None:
    built = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert MODEL_LIBRARIES & set(built.stdout.split()) == set()


def test_serving_the_page_imports_no_model_library(tmp_path: Path) -> None:
    with (tmp_path / "imports").open("w+") as told, app(port := free_port(), "-X", "importtime", errors=told):
        first_page(port)
        told.seek(0)
        imported = {line.rpartition("|")[2].strip() for line in told}
    assert {"gradio", "rorem_demo.ui.app"} <= imported
    assert MODEL_LIBRARIES & imported == set()


def test_the_address_is_the_one_it_is_told() -> None:
    port = free_port()
    with app(port, GRADIO_SERVER_NAME="127.0.0.2"):
        assert b"RORem" in first_page(port, "127.0.0.2")
        with pytest.raises(URLError):
            get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=lambda ending: ending.name)
def test_it_ends_when_told_to(ending: signal.Signals) -> None:
    with app(port := free_port()) as process:
        first_page(port)
        process.send_signal(ending)
        process.communicate(timeout=20)  # publishing alone may take eight
    with pytest.raises(URLError):
        get(f"http://127.0.0.1:{port}/")


def test_a_bad_setting_is_said_by_name() -> None:
    with app(free_port(), errors=subprocess.PIPE, ROREM_MEMORY_MB="lots") as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "ROREM_MEMORY_MB is 'lots'." in errors.decode().splitlines()[-1]
