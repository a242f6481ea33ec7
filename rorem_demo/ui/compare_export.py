"""exported(): what stands side by side on the Compare tab as a file: contact sheet, Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rorem_demo.comparison.cases import Case
from rorem_demo.comparison.sheet import Tile, contact_sheet, reduced
from rorem_demo.comparison.study import named
from rorem_demo.comparison.tables import Line, decibels, latex, markdown
from rorem_demo.errors import InputError
from rorem_demo.imaging.metrics import psnr as psnr_of
from rorem_demo.services import Services
from rorem_demo.ui.compare_facts import credited, device_of, removal_facts, result_facts
from rorem_demo.ui.methods import NEUTRAL, colour_of
from rorem_demo.visits import Result

FORMATS = {"png": "image/png", "md": "text/markdown; charset=utf-8", "tex": "application/x-tex; charset=utf-8"}
"""Media types by suffix."""


@dataclass(frozen=True)
class Exported:
    """Everything a file of any format needs."""

    name: str
    """Of the file, without suffix."""
    heading: str
    credit: str
    tiles: tuple[Tile, ...]
    lines: tuple[Line, ...]

    def file(self, suffix: str) -> bytes:
        """The bytes of the file with this suffix.

        Raises:
            InputError: there is no such format.
        """
        if suffix == "png":
            return contact_sheet(self.tiles, self.heading, self.credit)
        if suffix not in FORMATS:
            raise InputError("There is no such file.", hint="Choose PNG, Markdown or LaTeX.")
        caption = ". ".join(part for part in (self.heading, self.credit) if part)
        return (markdown if suffix == "md" else latex)(self.lines, caption).encode()


def of_case(case: Case) -> Exported:
    """All results of a ready case; raises StorageError where a file of it is damaged."""
    truth = case.true_image() if case.truth else None
    mask = case.mask()
    tiles, lines = [Tile(image=reduced(case.source()), title="Original", colour=NEUTRAL)], []
    for result in case.results:
        image = case.image(result.method)
        psnr = None if truth is None else psnr_of(image, truth, mask)
        facts = (*result_facts(result), *([f"PSNR in the hole, dB: {decibels(psnr)}"] if psnr is not None else []))
        tiles.append(Tile(image=reduced(image), title=result.title, colour=colour_of(result.method), lines=facts))
        lines.append(
            Line(
                title=result.title, seconds=result.seconds, device=result.device, licence=result.licence,
                likely=result.score, psnr=psnr,
            )
        )  # fmt: skip
    if truth is not None:
        tiles.append(Tile(image=reduced(truth), title="Truth", colour=NEUTRAL))
    return Exported(f"compare-{case.id}", case.title, credited(case), tuple(tiles), tuple(lines))


def of_results(services: Services, keys: Iterable[str]) -> Exported:
    """Live results of one photo.

    Raises:
        InputError: one of them, or the photo, is gone, or they are not of one photo.
    """
    results = [services.visits.get(key, Result) for key in keys]
    if len({result.source for result in results}) != 1:
        raise InputError("These are results of different photos.", hint="Compare again.")
    photo = services.photo(results[0].source)
    study = len({result.removal.remover for result in results}) == 1 < len(results)
    tiles = [
        Tile(image=reduced(photo.image), title="Original", colour=NEUTRAL),
        *(_tile(services, one, study) for one in results),
    ]
    lines = [_line(services, one, study) for one in results]
    licence = next((one.licence for one in results if one.licence), "")
    return Exported(f"{photo.name}-compared", photo.name, licence, tuple(tiles), tuple(lines))


def _tile(services: Services, result: Result, study: bool) -> Tile:  # noqa: FBT001  # a private pair of callers
    score = result.likely.score if result.likely else None
    return Tile(
        image=reduced(result.photo.image),
        title=_title(services, result, study),
        colour=colour_of(result.removal.remover),
        lines=removal_facts(services, result.removal, score),
    )


def _line(services: Services, result: Result, study: bool) -> Line:  # noqa: FBT001  # as above
    removal = result.removal
    return Line(
        title=_title(services, result, study),
        seconds=removal.seconds,
        device=device_of(services, removal.remover),
        licence=services.removers[removal.remover].licence,
        likely=result.likely.score if result.likely else None,
        psnr=None,
    )


def _title(services: Services, result: Result, study: bool) -> str:  # noqa: FBT001  # as above
    title, options = services.removers[result.removal.remover].title, result.removal.options
    return f"{title}, {named(options.grow, options.feather)}" if study else title
