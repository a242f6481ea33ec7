"""`leaderboard` on the command line: the same figures from files, from a hub and from the store."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorem_demo.cli import main
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.counting import count
from rorem_demo.comparison.report import JSON, MARKDOWN
from rorem_demo.comparison.voted import open_answers, stored_answers
from rorem_demo.feedback.records import Rating, Vote
from rorem_demo.feedback.shards import shard_path, write_shard
from rorem_demo.feedback.store import Store
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from tests.comparison.many_votes import write_many
from tests.comparison.polls import Poll, gold, thumb, vote, write
from tests.feedback.strategies import batch_of

THUMBS = [
    thumb(n, "method-0" if n % 2 else "method-1", int(n % 3 > 0), score=n / 99, origin="simulated") for n in range(99)
]
VOTES = Poll(strengths=(0.8, 0.0, -0.8), judges=40, votes=12).drawn(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a dataset."""
    made = tmp_path_factory.mktemp("data") / "answers"
    write(made, "one", VOTES[:300])
    write(made, "two", VOTES[300:])
    write(made, "one", THUMBS)
    return made


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path / "data"))


def leaderboard(services: Services, *options: object) -> int:
    return main(["leaderboard", *map(str, options)], services)


def figures(text: str) -> dict[str, object]:
    """A board of JSON but for when it was made."""
    found: dict[str, object] = json.loads(text)
    return {name: value for name, value in found.items() if name != "made"}


def test_every_figure_of_the_board_is_printed(
    folder: Path, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leaderboard(services, "--dataset", folder, "--simulated") == 0
    out = capsys.readouterr().out
    board = count(open_answers(str(folder)), simulated=True)
    first = board.methods[0]
    assert first.strength
    assert first.success
    assert first.estimate
    line = next(line for line in out.splitlines() if "method-0" in line)
    expected = (
        f"1 method-0 {first.strength.value:.0f} ({first.strength.low:.0f} to {first.strength.high:.0f}) {first.votes} "
        f"{100 * first.success.value:.1f}% ({100 * first.success.low:.1f} to {100 * first.success.high:.1f}) "
        f"{first.success.n} {100 * first.estimate.value:.1f}% "
        f"({100 * first.estimate.low:.1f} to {100 * first.estimate.high:.1f}) {first.gap:+.1f} ranked"
    )
    assert " ".join(line.split()) == expected
    assert out.startswith("SIMULATED")
    for title in ("Methods", "Pairs", "Share of votes won, by kind", "Checks"):
        assert f"\n{title}\n" in out


def test_files_hold_the_same_board(folder: Path, services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    output = services.settings.data.parent / "new" / "report"
    assert leaderboard(services, "--dataset", folder, "--simulated", "--json", "--output", output) == 0
    printed = capsys.readouterr().out
    assert figures(printed) == figures((output / JSON).read_text())
    board = Board.from_json((output / JSON).read_text())
    assert board == count(
        open_answers(str(folder)), simulated=True, now=datetime.fromisoformat(board.made).astimezone(UTC)
    )
    text = (output / MARKDOWN).read_text()
    assert text.startswith("# Leaderboard, simulated\n")
    assert "| 1 | method-0 |" in text


def test_a_name_cannot_break_out_of_its_cell(tmp_path: Path, services: Services) -> None:
    write(tmp_path, "one", [vote(1, "a|b\n<script>", "mat")])
    assert leaderboard(services, "--dataset", tmp_path, "--output", tmp_path / "out") == 0
    assert "| a\\|b &lt;script> |" in (tmp_path / "out" / MARKDOWN).read_text()


def test_simulated_votes_count_only_where_asked_and_then_alone(
    tmp_path: Path, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "one", [*VOTES[:5], vote(900)])
    assert leaderboard(services, "--dataset", tmp_path) == 0
    people = capsys.readouterr().out
    assert people.startswith("1 vote of 1 judge and 0 thumbs, from 2026-11-21 to 2026-11-21.")
    assert re.search(r"votes: simulated +5", people)
    assert leaderboard(services, "--dataset", tmp_path, "--simulated") == 0
    programs = capsys.readouterr().out
    assert programs.startswith("SIMULATED: a program gave these answers, not people.\n5 votes of 1 judge and")
    assert re.search(r"votes: not simulated +1", programs)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--dataset", "no such place"), "Name a folder, or owner/name."),
        (("--dataset", "{empty}"), "holds neither data/pairs/*.parquet nor data/ratings/*.parquet"),
        (("--dataset", "{folder}", "--revision", "abc"), "A folder has no revisions."),
        (("--revision", "abc"), "Name a dataset with --dataset."),
        (("--dataset", "{folder}", "--output", "{file}/out"), "Cannot make the folder"),
    ],
)
def test_what_cannot_be_counted_is_said_in_one_line(  # noqa: PLR0913, PLR0917  # fixtures
    options: tuple[str, ...],
    said: str,
    folder: Path,
    tmp_path: Path,
    services: Services,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").touch()
    places = {"empty": tmp_path, "folder": folder, "file": tmp_path / "file"}
    assert leaderboard(services, *(option.format(**places) for option in options)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_this_machines_own_answers_are_counted_without_a_dataset(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = services.judging.desk
    keep(desk.store, [*VOTES[:40], gold(901, right=True, rater="x", origin="simulated")], THUMBS[:9])
    assert leaderboard(services, "--simulated", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["votes"], told["ratings"], told["dataset"], told["gold"]["n"]) == (40, 9, "", 1)


def keep(store: Store, votes: list[Vote], ratings: list[Rating]) -> None:
    """Put answers into a store."""
    for record in (*votes, *ratings):
        store.append(record, visitor="v", subject=record.id, pictures=None, ready=datetime.now(UTC), review=False)


def test_files_and_store_give_the_same_figures(tmp_path: Path) -> None:
    votes, ratings = VOTES[:200], THUMBS
    for records in (votes, ratings):
        batch = batch_of(*records)
        write_shard(batch, {}.__getitem__, tmp_path / "copy" / shard_path(batch))
    store = Store(tmp_path / "store")
    keep(store, votes, ratings)
    now = datetime.now(UTC)
    filed = count(open_answers(str(tmp_path / "copy")), simulated=True, now=now)
    assert replace(filed, dataset="") == count(stored_answers(store), simulated=True, now=now)
    store.close()


MILLION = """
import resource, sys
from rorem_demo.cli import main
code = main(["leaderboard", "--simulated", "--dataset", sys.argv[1], "--output", sys.argv[2]])
used = resource.getrusage(resource.RUSAGE_SELF)  # its ru_maxrss would be that of the test's own process, if larger
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(used.ru_utime + used.ru_stime, int(peak.split()[1]) / 1024, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_million_votes_are_counted_in_seconds_and_bounded_memory(tmp_path: Path) -> None:
    dataset = write_many(tmp_path / "many", votes=1_000_000, judges=50_000, cases=10_000, methods=8)
    command = [sys.executable, "-c", MILLION, dataset, tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."})
    seconds, megabytes = map(float, done.stderr.split())
    # Of the processor, since others may work here, too: at most as many have gone by on a clock, if they do not.
    assert seconds < 20
    assert megabytes < 1200
    board = Board.from_json((tmp_path / "out" / JSON).read_text())
    assert (board.votes, board.judges, len(board.methods)) == (1_000_000, 50_000, 8)
    assert [row.key for row in board.methods] == [f"method-{number}" for number in range(8)]
    for row in board.methods:
        assert row.strength
        # Votes are by strengths that differ by 0.1, a fifth of them ties, which draw strengths together.
        assert row.strength.high - row.strength.low < 10
