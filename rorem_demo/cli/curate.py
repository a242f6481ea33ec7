"""`curate`: photos and masks to triplets, made by a remover and sorted by the discriminator."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rorem_demo.cli.feedback_desk import patiently
from rorem_demo.cli.files import paired
from rorem_demo.cli.output import json_line, table
from rorem_demo.curation import table as tables
from rorem_demo.curation.candidates import Candidate, is_layout, listed
from rorem_demo.curation.curate import SHARD_SIZE, Order, Outcome, curate
from rorem_demo.curation.recipe import Band, Bands, Recipe
from rorem_demo.curation.team import team
from rorem_demo.errors import ConfigError, InputError
from rorem_demo.feedback.hub import Dataset
from rorem_demo.removers.base import LIMITS, RemovalOptions
from rorem_demo.services import Services

if TYPE_CHECKING:
    from rorem_demo.curation.work import Judge

_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_NOTHING_TESTED = 2
_UPLOAD_SECONDS = 3600.0


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `curate` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "curate",
        parents=[common],
        help="make triplets and sort them with the discriminator",
        description="For each photo and mask: remove, score, and keep the result among accepted/, unsure/ or "
        "rejected/, each a folder in RORem's layout; ROREM_ANNOTATE may name unsure/. What was tested is not tested "
        "again: a run that was stopped goes on, and the next one is a new round. Several processes or machines share "
        "a round: `accelerate launch --multi_gpu -m rorem_demo curate ...`, or on CPUs `torchrun --nproc_per_node N -m "
        "rorem_demo curate ...`, with an output that all of them see.",
    )
    _add_places(parser)
    _add_limits(parser)
    parser.set_defaults(run=run)


def _add_places(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--images",
        metavar="SOURCE",
        type=Path,
        required=True,
        help="a folder in RORem's layout, of which source and mask are used; or a folder of photos",
    )
    parser.add_argument(
        "--masks",
        metavar="DIR",
        type=Path,
        help="with a folder of photos: its masks, name.png or name_mask.png; default: the same folder",
    )
    parser.add_argument("--method", metavar="KEY", required=True, help="see the command `methods`")
    parser.add_argument("--discriminator", metavar="DIR", type=Path, required=True, help="folder of a trained model")
    parser.add_argument(
        "--output",
        metavar="DIR|REPO",
        required=True,
        help="a folder; or, where there is no folder owner/, a Hub dataset owner/name: then what people should judge "
        "goes to owner/name-unsure",
    )
    parser.add_argument(
        "--work", metavar="DIR", type=Path, help="with a Hub dataset: the folder it is made in; default: in the data's"
    )


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument("--accept", metavar="X", type=float, default=0.9, help="scores to keep from; default: 0.9")
    parser.add_argument(
        "--unsure", metavar="LOW..HIGH", help="scores that people should judge; default: 0.3 to what is accepted"
    )
    parser.add_argument("--round", metavar="TITLE", default="", help="of a new round; default: Round N")
    parser.add_argument("--licence", metavar="SPDX", default="", help="of the photos, told with each triplet")
    parser.add_argument("--no-rejected", action="store_true", help="do not keep the pictures of what is rejected")
    parser.add_argument("--retry", action="store_true", help="test again what could not be tested in earlier rounds")
    parser.add_argument(
        "--shard-size",
        metavar="N",
        type=int,
        default=SHARD_SIZE,
        help=f"masks of a shard, about: what a stopped run does again; default: {SHARD_SIZE}",
    )
    for name, (low, high) in LIMITS.items():
        text = f"of the removal, as in `remove`: {low} to {high}"
        parser.add_argument(f"--{name}", metavar="N" if isinstance(low, int) else "X", type=type(low), help=text)


def run(arguments: Namespace, services: Services) -> int:
    """Curate, publish if a dataset is named, and print the table; 2 if nothing could be tested."""
    folder, repository = place(arguments, services)
    judge = load_judge(arguments.discriminator)
    together = team()
    try:
        order = Order(
            recipe=_recipe(arguments, services, judge),
            candidates=together.once(lambda: _candidates(arguments, folder)),
            folder=folder,
            title=arguments.round,
            shard_size=arguments.shard_size,
            retry=arguments.retry,
        )
        with tqdm(unit="mask", file=sys.stderr, disable=not together.leads) as bar:
            outcome = curate(services, judge, order, together, lambda done, of: _show_progress(bar, done, of))
        if not together.leads:
            return 0
        if repository:
            _publish(order, outcome, repository)
        return _show(outcome, folder, as_json=arguments.json)
    finally:
        together.leave()


def place(arguments: Namespace, services: Services) -> tuple[Path, str]:
    """The folder that is worked in, and the dataset to publish to; "" for none.

    Raises:
        ConfigError: the shards have no size, a folder is named to work in beside one as output, or no token is here
            for a dataset.
    """
    if arguments.shard_size < 1:
        raise ConfigError(f"--shard-size is {arguments.shard_size}.", hint="Give at least 1.")
    name, there = arguments.output, Path(arguments.output).expanduser()
    if there.is_dir() or there.parent.is_dir() or not _REPOSITORY.fullmatch(name):
        if arguments.work:
            raise ConfigError("--work goes with a Hub dataset as output.", hint=f"Leave it out: {there} is a folder.")
        return there, ""
    folder = arguments.work or services.settings.data / "curated" / name.replace("/", "--")
    if not Dataset(name, cache=folder).has_token:
        hint = f"Set HF_TOKEN to one that may write to {name}, or write ./{name} if a folder is meant."
        raise ConfigError("There is no token for the Hub.", hint=hint)
    return folder, name


def load_judge(folder: Path) -> Judge:
    """The discriminator of a folder, once it told apart what any must; a seam for tests.

    Raises:
        RoremError: it cannot be loaded, or does not.
    """
    from rorem_demo.discriminator.score import Scorer, check_canary  # noqa: PLC0415  # imports torch in time

    scorer = Scorer.load(folder)
    check_canary(scorer)
    return scorer


def _candidates(arguments: Namespace, folder: Path) -> list[Candidate]:
    images, masks = arguments.images, arguments.masks or arguments.images
    if not images.is_dir() or not masks.is_dir():
        raise InputError(f"There is no folder {images if not images.is_dir() else masks}.")
    if is_layout(images):
        if arguments.masks:
            raise InputError(f"{images} is in RORem's layout, which names its masks.", hint="Leave out --masks.")
        return listed(images)
    return [Candidate(job.photo.name, job.mask.name) for job in paired(images, masks, folder)]


def _recipe(arguments: Namespace, services: Services, judge: Judge) -> Recipe:
    spec = services.removers[arguments.method]
    options = RemovalOptions(**{name: getattr(arguments, name) for name in LIMITS}).asked()
    return Recipe(
        images=str(arguments.images.resolve()),
        masks=str((arguments.masks or arguments.images).resolve()),
        method=spec.key,
        revision=services.weights.revision(spec),
        options=options,
        judge=judge.version,
        bands=Bands.asked(arguments.accept, arguments.unsure),
        licence=" ".join(arguments.licence.split()),
        rejected=not arguments.no_rejected,
    )


def _publish(order: Order, outcome: Outcome, repository: str) -> None:
    from rorem_demo.curation.dataset import UNSURE, publish  # noqa: PLC0415  # imports datasets

    cache = order.folder / "hub"
    parts: dict[str, tuple[Band, ...]] = {repository: ("accepted", "rejected"), f"{repository}{UNSURE}": ("unsure",)}
    for name, bands in parts.items():
        dataset = Dataset(name, deadline=_UPLOAD_SECONDS, cache=cache)
        patiently(partial(publish, order.folder, outcome.merged, dataset, bands, order.recipe.licence))
        print(f"published to {name}", file=sys.stderr)


def _show_progress(bar: Any, done: int, of: int) -> None:
    bar.total = of
    bar.update(done - bar.n)


def _show(outcome: Outcome, folder: Path, *, as_json: bool) -> int:
    """Print what became of it: failures to stderr, the table to stdout; returns the exit code."""
    for row in outcome.failures:
        print(f"rorem_demo: {row.photo} {row.mask}: {row.sentence}", file=sys.stderr)
    if not outcome.round:
        print("There is nothing to test that was not tested before.", file=sys.stderr)
    summaries = outcome.merged.summaries
    if as_json:
        for summary in summaries:
            print(json_line(asdict(summary) | {"rate": summary.rate}))
    else:
        print(table(tables.HEADER, [tables.cells(summary) for summary in summaries]))
        print(f"All of it is in {folder}.")
    last = next((summary for summary in summaries if summary.round == outcome.round), None)
    return _NOTHING_TESTED if last and not last.tested else 0
