"""The command line: parses, makes one call on Services, prints. `python -m rorem_demo --help` lists the commands."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from rorem_demo import __version__
from rorem_demo.cli import (
    bench,
    compare,
    compiling,
    curate,
    discriminator,
    doctor,
    feedback,
    leaderboard,
    methods,
    remove,
    select,
    weights,
)
from rorem_demo.cli.output import one_line
from rorem_demo.runtime.process import settle
from rorem_demo.services import Services
from rorem_demo.settings import Settings

_INTERRUPTED = 130
_BROKEN_PIPE = 141
"""What a shell reports of a program that SIGINT or SIGPIPE ended."""


def main(argv: Sequence[str] | None = None, services: Services | None = None) -> int:
    """Run one command; returns the exit code.

    0: done. 1: a fault of this program. 2: anything the person or the operator can mend, said in one line.

    Args:
        argv: without the program's name; None takes the process's.
        services: a seam for tests; None assembles them from the environment.

    Raises:
        SystemExit: the arguments cannot be parsed (2), or ask for help or the version (0).
        Exception: anything, with `--debug`.
    """
    settle()
    arguments = _parser().parse_args(argv)
    try:
        code = _run(arguments, services)
        sys.stdout.flush()  # here, because at exit nobody could catch a broken pipe
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        return _BROKEN_PIPE
    except Exception as error:  # the border of the program
        if arguments.debug:
            raise
        sentence, code = one_line(error)
        print(f"rorem_demo: {sentence}", file=sys.stderr)
    return code


def _run(arguments: Namespace, services: Services | None) -> int:
    code: int = arguments.run(arguments, services or Services.assemble(Settings.from_environment(os.environ)))
    return code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="rorem_demo", description="Remove objects from photos.")
    parser.add_argument("--version", action="version", version=__version__)
    common = ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, one object per line")
    common.add_argument("--debug", action="store_true", help="on an error, show where it came from")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (
        remove,
        select,
        methods,
        weights,
        doctor,
        bench,
        compiling,
        feedback,
        discriminator,
        curate,
        compare,
        leaderboard,
    ):
        module.add_parser(commands, common)
    return parser


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain at its end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
