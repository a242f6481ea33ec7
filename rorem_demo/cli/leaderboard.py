"""`leaderboard`: what people's answers say of each method, from public files alone."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rorem_demo.cli.feedback_desk import desk_of
from rorem_demo.cli.files import write
from rorem_demo.cli.output import json_line, table
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.report import JSON, MARKDOWN, headline, in_markdown, tables
from rorem_demo.errors import InputError, StorageError
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.comparison.voted import Answers  # imports pyarrow


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `leaderboard` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "leaderboard",
        parents=[common],
        help="count what people said of each method",
        description="Strengths from blind pairs and success from thumbs, each with its interval, as the page shows "
        "them: from a dataset at a revision the same figures come out for everybody. docs/leaderboard.md says how.",
    )
    parser.add_argument(
        "--dataset",
        metavar="PLACE",
        default="",
        help="a Hub dataset owner/name, or a folder with a copy of it; default: what is kept on this machine",
    )
    parser.add_argument("--revision", metavar="SHA", default="", help="commit of the dataset; default: the newest")
    parser.add_argument("--simulated", action="store_true", help="count the answers of programs, and only those")
    parser.add_argument(
        "--output", metavar="DIR", type=Path, default=None, help=f"write {JSON} and {MARKDOWN} there, too"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Count, and print or write the board."""
    from rorem_demo.comparison.counting import count  # noqa: PLC0415  # imports pyarrow and pandas

    with _answers(arguments, services) as answers:
        board = count(answers, simulated=arguments.simulated)
    if arguments.output:
        _write(arguments.output, board)
    if arguments.json:
        print(json_line(json.loads(board.to_json())))
        return 0
    print("\n".join(headline(board)))
    for part in tables(board):
        print(f"\n{part.title}\n{table(part.header, part.rows)}")
    return 0


def _write(folder: Path, board: Board) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"Cannot make the folder {folder}: {error.strerror}.", hint="Choose another one.") from error
    write(folder / JSON, board.to_json().encode())
    write(folder / MARKDOWN, in_markdown(board).encode())


@contextmanager
def _answers(arguments: Namespace, services: Services) -> Iterator[Answers]:
    from rorem_demo.comparison.voted import open_answers, stored_answers  # noqa: PLC0415  # imports pyarrow

    if arguments.dataset:
        yield open_answers(arguments.dataset, arguments.revision or None)
        return
    if arguments.revision:
        raise InputError("What is kept on this machine has no revisions.", hint="Name a dataset with --dataset.")
    with desk_of(services) as desk:
        yield stored_answers(desk.store)
