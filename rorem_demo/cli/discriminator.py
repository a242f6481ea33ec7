"""`discriminator`: train it, say how good it is, and ask it about a result."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rorem_demo.cli.files import read
from rorem_demo.cli.output import json_line
from rorem_demo.discriminator.recipe import add_arguments, recipe_of
from rorem_demo.discriminator.score import Scorer, percent_of
from rorem_demo.discriminator.score import in_words as score_in_words
from rorem_demo.errors import InputError
from rorem_demo.imaging.io import decode_mask, decode_photo
from rorem_demo.imaging.types import as_mask, size_of
from rorem_demo.services import Services


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `discriminator` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "discriminator",
        help="train and ask what tells clean removals from others",
        description="A network that says how likely it is that an object was removed cleanly. It learns from the "
        "dataset of answers, or from a folder in RORem's layout with scores.",
    )
    kinds = parser.add_subparsers(title="what to do", required=True, metavar="WHAT")
    train: ArgumentParser = kinds.add_parser(
        "train",
        parents=[common],
        help="train one from a dataset",
        description="As `python -m rorem_demo.discriminator.train`; under `accelerate launch` on several GPUs.",
    )
    add_arguments(train)
    train.set_defaults(run=run_train)
    _add_evaluate(kinds, common)
    _add_score(kinds, common)


def _add_evaluate(kinds: Any, common: ArgumentParser) -> None:
    parser: ArgumentParser = kinds.add_parser(
        "evaluate",
        parents=[common],
        help="write a report of how good a trained one is",
        description="Ask it about the rows of a dataset that it never learned from, and write report.json, report.md "
        "and plots.",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="folder of a trained model")
    parser.add_argument(
        "--dataset",
        metavar="PLACE",
        required=True,
        help="a Hub dataset owner/name, or a folder of its shards or with meta.json",
    )
    parser.add_argument("--revision", metavar="SHA", default="", help="commit of the dataset; default: the newest")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder for the report")
    parser.add_argument(
        "--all", action="store_true", help="judge all rows; only for a dataset that the model did not learn from"
    )
    parser.set_defaults(run=run_evaluate)


def _add_score(kinds: Any, common: ArgumentParser) -> None:
    parser: ArgumentParser = kinds.add_parser(
        "score",
        parents=[common],
        help="say how likely a result is clean",
        description="How likely it is that the object is gone from a result, as a calibrated probability.",
    )
    for name, meaning in (
        ("model", "folder of a trained model"),
        ("source", "the photo"),
        ("mask", "what was to be removed, white on black, of the photo's size"),
        ("result", "the photo without it, of the same size"),
    ):
        metavar = "DIR" if name == "model" else "FILE"
        parser.add_argument(f"--{name}", metavar=metavar, type=Path, required=True, help=meaning)
    parser.set_defaults(run=run_score)


def run_train(arguments: Namespace, services: Services) -> int:
    """Train, and print the version of the model."""
    recipe = recipe_of(arguments)
    from rorem_demo.discriminator.train import main  # noqa: PLC0415  # imports torch

    config = main(recipe, services.weights)
    facts = {"version": config.version, "folder": recipe.output}
    print(json_line(facts) if arguments.json else config.version)
    return 0


def run_evaluate(arguments: Namespace, services: Services) -> int:
    """Write the report, and print its figures in one line."""
    from rorem_demo.discriminator.asking import report_of  # noqa: PLC0415  # for this command only, as the others
    from rorem_demo.discriminator.examples import read_examples  # noqa: PLC0415
    from rorem_demo.discriminator.network import load_model  # noqa: PLC0415
    from rorem_demo.discriminator.report import JSON, MARKDOWN, write_report  # noqa: PLC0415

    loaded = load_model(arguments.model, weights=services.weights)
    examples = read_examples(arguments.dataset, arguments.revision or None)
    print(examples.told, file=sys.stderr)
    if not arguments.all and len(examples.part("train")) == len(examples):
        raise InputError(
            f"None of {len(examples)} results is on a photo that no model learns from.",
            hint="A tenth of all photos is kept for this; name a larger dataset.",
        )
    report = report_of(loaded, examples, everything=arguments.all)
    write_report(arguments.output, report)
    goals = {
        goal.name: {"found": goal.found, "wanted": goal.wanted, "met": goal.met} for goal in report.evaluation.goals
    }
    if arguments.json:
        print(json_line({"version": loaded.config.version, "report": arguments.output / JSON, "goals": goals}))
        return 0
    for goal in report.evaluation.goals:
        found = "not measured" if goal.found is None else f"{goal.found:.3f}"
        print(f"{goal.name}: {found}, wanted {goal.wanted:.2f}")
    print(f"The report is {arguments.output / MARKDOWN}.")
    return 0


def run_score(arguments: Namespace, services: Services) -> int:
    """Print what the model says of one result."""
    limit = services.settings.max_pixels
    source, result = (decode_photo(read(path), max_pixels=limit).image for path in (arguments.source, arguments.result))
    if size_of(result) != size_of(source):
        raise InputError(
            f"The result is {size_of(result)} but the photo is {size_of(source)}.", hint="Give files of one size."
        )
    mask = as_mask(decode_mask(read(arguments.mask), size_of(source), max_pixels=limit), source)
    scorer = Scorer.load(arguments.model, services.weights)
    score = scorer.score(source, mask, result)
    facts = {"score": round(score, 4), "judge": scorer.version, "simulated": scorer.simulated}
    print(json_line(facts) if arguments.json else f"{in_words(score)} ({scorer.version})")
    return 0


def in_words(score: float) -> str:
    """A probability as the page tells it, and near the middle with its number."""
    words = score_in_words(score)
    return words if "%" in words else f"{words}: {percent_of(score)}%"
