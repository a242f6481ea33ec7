"""The app with a board made by hand; run as a module. An empty file `is-NAME` in its data folder moves the board."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from rorem_demo.comparison.board import Board
from rorem_demo.comparison.boards import Boards
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build, launch
from tests.comparison.hand_made import EMPTY, board, moved

BOARDS = {
    "": board(),
    "moved": moved(board()),
    "empty": replace(EMPTY, dataset="owner/answers"),
    "simulated": replace(board(), simulated=True, largest_judge=0.9),
}


class ByFile:
    """Another board by the name of a file in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> str:
        return next((name for name in BOARDS if name and (self._folder / f"is-{name}").exists()), "")

    def count(self, newest: str) -> Board:
        return BOARDS[newest]

    def waiting(self) -> int:
        return 3 if self.newest() == "moved" else 0


if __name__ == "__main__":
    settings = Settings.from_environment(os.environ)
    services = Services.assemble(settings)
    services.__dict__["boards"] = Boards(
        lambda: services.judging.desk.store,
        "owner/answers",
        settings.data / "leaderboard",
        minutes=0.0,
        tally=ByFile(settings.data),
    )
    launch(build(services), services)
