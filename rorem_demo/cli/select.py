"""`select`: what is pointed at in a photo, as a mask file for `remove`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rorem_demo.cli.files import check_output, read, write
from rorem_demo.cli.output import json_line
from rorem_demo.errors import InputError
from rorem_demo.imaging.io import decode_photo, encode_mask
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Size, size_of
from rorem_demo.segmenters.base import Phrase, Prompt
from rorem_demo.segmenters.prompts import read_box, read_click
from rorem_demo.selecting import Proposal
from rorem_demo.services import Services


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """One object in the mask."""

    label: str
    """What a phrase named it; empty otherwise."""
    score: float
    box: Box
    pixels: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is told of one selection."""

    photo: Path
    output: Path
    method: str
    """Its key."""
    seconds: float
    """Without loading, reading, writing and the first look at the photo."""
    size: Size
    objects: tuple[FoundObject, ...]
    """What is in the mask."""

    def __str__(self) -> str:
        share = sum(found.pixels for found in self.objects) / self.size.area
        count = len(self.objects)
        what = f"{count} {'object' if count == 1 else 'objects'}"
        return f"{self.output}: {self.method}, {self.seconds:.2f} s, {what}, {share:.1%} of the photo"


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `select` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "select",
        parents=[common],
        help="make a mask by pointing",
        description="Write the mask of what is pointed at: by clicks and at most one box, which all mean one object, "
        "or by a phrase, which may mean several. Coordinates are photo pixels from the top left corner.",
    )
    parser.add_argument("photo", metavar="PHOTO", type=Path, help="a photo")
    parser.add_argument("-o", "--output", metavar="MASK", type=Path, required=True, help="a .png file")
    parser.add_argument(
        "--click",
        metavar="X,Y[,-]",
        action="append",
        default=[],
        help="on the object; with ,- on what stays; again for more",
    )
    parser.add_argument("--box", metavar="L,T,R,B", help="around the object")
    parser.add_argument("--text", metavar="PHRASE", help='for instance "the dog on the left", "all people"')
    parser.add_argument("--method", metavar="KEY", help="see the command `methods`; default: the first that runs here")
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Select, write the mask, report."""
    prompts = _prompts(arguments)
    if arguments.output.suffix.lower() != ".png":
        raise InputError("A mask is written as PNG.", hint="Name the output .png.")
    check_output(arguments.output, inputs=(arguments.photo,))
    photo = decode_photo(read(arguments.photo), name=arguments.photo.name, max_pixels=services.settings.max_pixels)
    proposal = services.selecting.select(photo.image, prompts, arguments.method)
    write(arguments.output, encode_mask(proposal.mask))
    report = _report(arguments, proposal, size_of(photo.image))
    print(json_line(asdict(report)) if arguments.json else report)
    return 0


def _prompts(arguments: Namespace) -> list[Prompt]:
    prompts: list[Prompt] = [read_click(text) for text in arguments.click]
    if arguments.box is not None:
        prompts.append(read_box(arguments.box))
    if arguments.text is not None:
        prompts.append(Phrase(arguments.text))
    return prompts


def _report(arguments: Namespace, proposal: Proposal, size: Size) -> Report:
    return Report(
        photo=arguments.photo,
        output=arguments.output,
        method=proposal.method.key,
        seconds=round(proposal.seconds, 4),
        size=size,
        objects=tuple(
            FoundObject(
                label=found.label,
                score=round(found.score, 3),
                box=bounding_box(found.mask),
                pixels=int(np.count_nonzero(found.mask)),
            )
            for found in proposal.objects
        ),
    )
