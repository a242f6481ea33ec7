"""`remove`: one photo, or a folder of them."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rorem_demo.cli.files import Job, paired, read, write
from rorem_demo.cli.output import json_line, one_line
from rorem_demo.discriminator.score import in_words
from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.io import Photo, decode_mask, decode_photo, encode_image
from rorem_demo.imaging.types import Box, Mask, Size, as_mask, size_of
from rorem_demo.removers.base import LIMITS, RemovalOptions, ResolvedOptions
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services
from rorem_demo.several.plan import MOST, Plan, plan_for
from rorem_demo.several.run import Ranking, Tried, remove_several
from rorem_demo.visits import OpenedPhoto

_MEANINGS = {
    "seed": "of everything drawn at random",
    "steps": "denoising steps, for methods that have them",
    "guidance": "classifier-free guidance, for methods that have it",
    "grow": "pixels the mask is widened by",
    "feather": "pixels of soft edge, inside what the mask grew by",
    "context": "what the method sees around the mask, in longer sides of it",
}
_LOSSY = "{} is lossy: in the file, pixels outside the mask differ a little. PNG keeps them exact."


@dataclass(frozen=True)
class Rank:
    """One of several tries."""

    place: int
    method: str
    seed: int | None
    """None if nothing is drawn at random."""
    likely: float | None
    """0..1: how likely it is clean; None where no judge is."""

    def __str__(self) -> str:
        words = "not judged" if self.likely is None else in_words(self.likely)
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.place}. {self.method}{seed}: {words}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is told of one removal."""

    photo: Path
    output: Path
    method: str
    """Its key."""
    seconds: float
    """Of the removal alone: no loading, reading or writing."""
    changed_outside: int
    """Pixels outside the grown mask that differ from the photo, before the result is encoded."""
    box: Box
    size: Size
    options: ResolvedOptions
    notes: tuple[str, ...]
    """What the person should know of the photo and the file."""
    ranks: tuple[Rank, ...] = ()
    """Of several tries, the best first, which was written; empty for one."""

    def __str__(self) -> str:
        line = f"{self.output}: {self.method}, {self.seconds:.2f} s, {self.changed_outside} pixels changed outside"
        return "\n".join([line, *(f"  {rank}" for rank in self.ranks), *(f"  {note}" for note in self.notes)])


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `remove` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "remove",
        parents=[common],
        help="remove what a mask marks",
        description="Remove what a mask marks from a photo, or from every photo of a folder. The mask is a picture of "
        "the photo's size, white where the object is. Masks in a folder are named as their photo: name.png or "
        "name_mask.png.",
    )
    parser.add_argument("photo", metavar="PHOTO", type=Path, help="a photo, or a folder of photos")
    parser.add_argument("mask", metavar="MASK", type=Path, help="its mask, or the folder of masks")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True, help="a .png, .jpg or .webp file; or a folder"
    )
    parser.add_argument("--method", metavar="KEY", help="see the command `methods`; default: the first that runs here")
    for name, (low, high) in LIMITS.items():
        text = f"{_MEANINGS[name]}: {low} to {high}; default: the method's"
        parser.add_argument(f"--{name}", metavar="N" if isinstance(low, int) else "X", type=type(low), help=text)
    parser.add_argument(
        "--best-of", metavar="N", type=int, choices=range(1, MOST + 1), default=1,
        help=f"try N seeds and methods, 1 to {MOST}, and write the one that is likeliest clean; default: 1",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Remove, and report on every photo; 2 if one of several failed."""
    key = services.removers[arguments.method or services.default_remover.key].key
    options = RemovalOptions(**{name: getattr(arguments, name) for name in LIMITS})
    folders = arguments.photo.is_dir(), arguments.mask.is_dir()
    if all(folders):
        jobs = paired(arguments.photo, arguments.mask, arguments.output)
        return _run_all(jobs, key, options, services, arguments)
    if any(folders):
        raise InputError("One of photo and mask is a folder.", hint="Give two files or two folders.")
    job = Job(photo=arguments.photo, mask=arguments.mask, output=arguments.output)
    _show(_removed(job, key, options, services, arguments.best_of), as_json=arguments.json)
    return 0


def _run_all(jobs: list[Job], key: str, options: RemovalOptions, services: Services, arguments: Namespace) -> int:
    failed = 0
    for job in tqdm(jobs, unit="photo", file=sys.stderr):
        try:
            report = _removed(job, key, options, services, arguments.best_of)
        except Exception as error:  # a bad file, however bad, must not end the batch
            if arguments.debug:
                raise
            failed += 1
            _show_failure(job, error, as_json=arguments.json)
        else:
            _show(report, as_json=arguments.json)
    tqdm.write(f"{len(jobs) - failed} of {len(jobs)} photos done, {failed} failed.", file=sys.stderr)
    return 2 if failed else 0


def _removed(job: Job, key: str, options: RemovalOptions, services: Services, tries: int) -> Report:
    job.check()
    limit = services.settings.max_pixels
    photo = decode_photo(read(job.photo), name=job.photo.name, max_pixels=limit)
    mask = as_mask(decode_mask(read(job.mask), size_of(photo.image), max_pixels=limit), photo.image)
    ranking = _ranking(photo, mask, plan_for(services, key, mask, options, tries), services) if tries > 1 else None
    removal = ranking.results[0].removal if ranking else finish(services.remove(key, photo.image, mask, options))
    write(job.output, encode_image(removal.image, job.format, photo.icc))
    lossy = () if job.format == "PNG" else (_LOSSY.format(job.format),)
    return Report(
        photo=job.photo,
        output=job.output,
        method=removal.remover,
        seconds=round(removal.seconds, 4),
        changed_outside=removal.changed_outside,
        box=removal.box,
        size=size_of(removal.image),
        options=removal.options,
        notes=(*photo.notes, *removal.notes, *(ranking.notes if ranking else ()), *lossy),
        ranks=tuple(_rank(place, tried, services) for place, tried in enumerate(ranking.results, 1)) if ranking else (),
    )


def _ranking(photo: Photo, mask: Mask, plan: Plan, services: Services) -> Ranking:
    source, _ = services.visits.keep(OpenedPhoto(photo))
    *_, last = remove_several(services, source, mask, plan)
    if not isinstance(last, Ranking):
        raise UnavailableError("The run ended before it was finished.", hint="Try again.")
    return last


def _rank(place: int, tried: Tried, services: Services) -> Rank:
    method, options = tried.removal.remover, tried.removal.options
    seed = options.seed if "seed" in services.removers[method].uses else None
    return Rank(place, method, seed, round(tried.likely.score, 4) if tried.likely else None)


def _show(report: Report, *, as_json: bool) -> None:
    told = asdict(report)
    if not report.ranks:
        del told["ranks"]
    tqdm.write(json_line(told) if as_json else str(report), file=sys.stdout)  # leaves a bar whole


def _show_failure(job: Job, error: Exception, *, as_json: bool) -> None:
    sentence, _ = one_line(error)
    if as_json:
        tqdm.write(json_line({"photo": job.photo, "error": sentence}), file=sys.stdout)
    tqdm.write(f"rorem_demo: {job.photo.name}: {sentence}", file=sys.stderr)
