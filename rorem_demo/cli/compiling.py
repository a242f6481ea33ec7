"""`compile`: a method's UNet compiled ahead of time for this GPU."""

from __future__ import annotations

import os
import shutil
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem_demo.cli.output import json_line
from rorem_demo.errors import InputError, RoremError, StorageError, UnavailableError
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.removers.base import Remover
    from rorem_demo.removers.sdxl_compiled import Call, Made


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `compile` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "compile",
        parents=[common],
        help="compile a method's UNet for this GPU",
        description="Compile a method's UNet ahead of time for this GPU and these versions, into the data directory, "
        "where the method finds it from the next start on. Takes minutes and needs a C++ compiler.",
    )
    parser.add_argument("--method", metavar="KEY", default="rorem-4s", help="default: rorem-4s")
    parser.add_argument("--again", action="store_true", help="even if it is there already")
    parser.add_argument("--cpu", action="store_true", help=SUPPRESS)  # a trial: methods use no packages there
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Compile, try what was made, and say what it is worth."""
    spec = services.removers[arguments.method]
    check(spec, services, cpu=arguments.cpu)
    from rorem_demo.removers.sdxl_compiled import compile_unet, package_of, unet_of  # noqa: PLC0415  # imports torch

    model = services.removers.load(spec.key, services.weights)
    unet = unet_of(model)
    if unet is None:
        raise InputError(f"{spec.title} has no UNet to compile.", hint="Choose rorem-4s, for example.")
    call = _first_call(model, unet, spec)
    folder = services.packages
    path = package_of(unet, call, folder)
    if path.is_file() and not arguments.again:
        raise InputError(f"{path} is there already.", hint="With --again it is made anew.")
    with _in_words(spec, folder):
        made = compile_unet(unet, call, folder)
    print(json_line({"method": spec.key} | asdict(made)) if arguments.json else _told(made))
    return 0


def check(spec: RemoverSpec, services: Services, *, cpu: bool) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        InputError: the method has no network for a GPU.
        UnavailableError: there is no GPU, no compiler, or the weights are missing.
    """
    if spec.gpu_cost is None:
        raise InputError(f"{spec.title} runs on the CPU only.", hint="Choose rorem-4s, for example.")
    if services.settings.zero_gpu:
        raise UnavailableError("ZeroGPU lends its GPU to no command.", hint="rorem_demo/runtime/aot.py says how.")
    if not (services.machine.gpu or cpu):
        raise UnavailableError("There is no GPU here, and a CPU is quicker without.", hint="Run it where the GPU is.")
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise UnavailableError(f"There is no C++ compiler {compiler}.", hint="Install g++, or name another in CXX.")
    if missing := services.missing(spec):
        hint = f"`weights {spec.key}` fetches weights."
        raise UnavailableError(f"{spec.title} needs {' and '.join(missing)}.", hint=hint)


@contextmanager
def _in_words(spec: RemoverSpec, folder: Path) -> Iterator[None]:
    try:
        yield
    except (RoremError, MemoryError):
        raise
    except OSError as error:
        raise StorageError(f"Nothing can be written to {folder}.", hint="Set ROREM_DATA_DIR to another one.") from error
    except Exception as error:  # a compiler fails in any way; methods work without
        hint = "Methods work without; --debug shows what torch says."
        raise UnavailableError(f"torch cannot compile the UNet of {spec.title} here.", hint=hint) from error


def _told(made: Made) -> str:
    return (
        f"{made.path}\n"
        f"{made.megabytes:.1f} MB, made in {made.seconds:.0f} s. A call of the UNet takes {made.before * 1e3:.1f} ms "
        f"without it and {made.after * 1e3:.1f} ms with it; the answers differ by {made.difference:.1e} of their size."
    )


def _first_call(model: Remover, unet: Any, spec: RemoverSpec) -> Call:
    """What the method asks of its UNet for a picture of the least size it works at."""
    import numpy as np  # noqa: PLC0415  # as torch

    from rorem_demo.removers.sdxl_compiled import calls_of  # noqa: PLC0415

    side = max(spec.size.minimum, 64)
    image, mask = np.full((side, side, 3), 128, np.uint8), np.zeros((side, side), np.bool_)
    mask[side // 4 : side // 2, side // 4 : side // 2] = True
    with calls_of(unet) as seen:
        for _ in model.fill(image, mask, spec.defaults):
            if seen:
                break
    return seen[0]
