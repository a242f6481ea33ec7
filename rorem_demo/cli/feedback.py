"""`feedback`: what people said of results, kept here and published to a dataset.

All of it works beside a running app: the store and the publisher take turns with those of other processes.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rorem_demo.cli import feedback_folders, feedback_review
from rorem_demo.cli.feedback_desk import desk_of, patiently, publisher_of
from rorem_demo.cli.output import json_line, table
from rorem_demo.errors import InputError
from rorem_demo.feedback.publisher import Publisher
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.feedback.verification import Verification  # imports datasets

_DIFFERENT = 2
"""Exit code: the operator has something to mend."""


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `feedback` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "feedback",
        help="look at what people said of results, publish or delete it",
        description="What people said of results: kept in the folder ROREM_DATA_DIR names, published to the dataset "
        "ROREM_FEEDBACK_DATASET names with the token HF_TOKEN. All of this works beside a running app.",
    )
    kinds = parser.add_subparsers(title="what to do", required=True, metavar="WHAT")
    _add(kinds, common, "status", run_status, "how much is kept and published, and what waits")
    _add(kinds, common, "publish", run_publish, "publish now what may be published, and deletions")
    _add(kinds, common, "verify", run_verify, "compare every row kept here with the dataset; 2 if they differ")
    feedback_review.add_parser(kinds, common)
    delete = _add(kinds, common, "delete", run_delete, "delete an answer and what goes with it")
    delete.add_argument("receipt", metavar="RECEIPT", help="as the person was told it")
    purge = _add(kinds, common, "purge", run_purge, "rewrite the dataset's history, so that old revisions are gone")
    purge.add_argument("--yes", action="store_true", help="do it: nobody can get at older revisions afterwards")
    feedback_folders.add_parsers(kinds, common)
    _add(kinds, common, "compact", run_compact, "merge the dataset's small shards")


def run_status(arguments: Namespace, services: Services) -> int:
    """Print the store in numbers."""
    with desk_of(services) as desk:
        dataset, status = desk.publisher.dataset, desk.status()
        facts = {
            "folder": str(services.settings.data),
            "dataset": services.settings.feedback_dataset,
            "token": dataset is not None and dataset.has_token,
            **asdict(status),
        }
    if arguments.json:
        print(json_line(facts))
        return 0
    facts["token"] = "yes" if facts["token"] else "no"
    facts["refused"] = ", ".join(f"{count} {why}" for why, count in status.refused.items()) or "none"
    rows = [(name.replace("_", " "), "-" if value in {None, ""} else str(value)) for name, value in facts.items()]
    print(table(("answers", ""), rows))
    return 0


def run_publish(arguments: Namespace, services: Services) -> int:
    """Publish, and print each step."""
    with desk_of(services) as desk:
        publisher = publisher_of(desk)
        done = []
        before = desk.status().published
        for step in _steps(publisher):
            now = desk.status().published
            done.append({"step": step, "answers": now - before})
            if not arguments.json:
                print(_step_line(step, now - before), flush=True)
            before = now
        status = desk.status()
    left = {"waiting": status.waiting, "in_review": status.in_review}
    if arguments.json:
        print(json_line({"steps": done, **left}))
    elif status.waiting:
        print(f"Not published yet: {status.waiting}, of which {status.in_review} wait for a reviewer.")
    else:
        print("All answers are published.")
    return 0


def run_verify(arguments: Namespace, services: Services) -> int:
    """Compare, and print what differs."""
    with desk_of(services) as desk:
        found = patiently(publisher_of(desk).verify)
    if arguments.json:
        print(json_line({"sound": found.sound, **asdict(found)}))
    else:
        print(f"The dataset has {_answers(found.same)} just as they are here.")
        for line in _differences(found):
            print(line)
    return 0 if found.sound else _DIFFERENT


def run_delete(arguments: Namespace, services: Services) -> int:
    """Delete an answer as the page does."""
    judging = services.judging
    with desk_of(services) as desk:
        sentence = desk.delete(arguments.receipt, judging.person("", ""))
        unsent = bool(desk.store.tombstones(unpublished=True))
    if arguments.json:
        print(json_line({"sentence": sentence, "unsent": unsent}))
    else:
        print(sentence)
        if unsent:
            print("A running app tells the dataset; without one, `feedback publish` does.", file=sys.stderr)
    return 0


def run_purge(arguments: Namespace, services: Services) -> int:
    """Rewrite history, and print how many revisions died."""
    if not arguments.yes:
        raise InputError("Older revisions of the dataset would be gone for everybody.", hint="Add --yes to do it.")
    with desk_of(services) as desk:
        gone = patiently(publisher_of(desk).purge)
    print(json_line({"revisions": gone}) if arguments.json else f"{gone} revisions are gone.")
    return 0


def run_compact(arguments: Namespace, services: Services) -> int:
    """Merge shards, and print how many files there are fewer."""
    with desk_of(services) as desk:
        fewer = patiently(publisher_of(desk).compact)
    print(json_line({"fewer": fewer}) if arguments.json else f"{fewer} files fewer.")
    return 0


def _steps(publisher: Publisher) -> Iterator[str]:
    """Steps of publishing as they are done, until there is nothing left to do."""
    while (done := patiently(lambda: publisher.step(force=True))) != "nothing":
        yield done


def _differences(found: Verification) -> Iterator[str]:
    facts = {
        "missing in the dataset": found.missing,
        "different there": found.different,
        "there more than once": found.twice,
        "there though deleted": found.taken_back,
    }
    for words, ids in facts.items():
        yield from (f"{key} is {words}." for key in ids)
    if found.extra:
        yield f"{len(found.extra)} more were published from elsewhere."


def _add(kinds: Any, common: ArgumentParser, name: str, run: Any, text: str) -> ArgumentParser:
    parser: ArgumentParser = kinds.add_parser(name, parents=[common], help=text)
    parser.set_defaults(run=run)
    return parser


def _step_line(step: str, answers: int) -> str:
    match step:
        case "published":
            return f"published {_answers(answers)}"
        case "deleted":
            return "published deletions"
        case _:
            return f"asked the dataset what had arrived: {_answers(answers)}"


def _answers(count: int) -> str:
    return f"{count} answer{'s' * (count != 1)}"
