"""What the Compare tab sends and is told: parsed once at the border, plain JSON out; see `ui.values`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any, Literal, TypeAlias

from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import Drawing, parse_drawing
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Box, Size
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.ui.values import parse_json

MOST = 16
"""Methods side by side at most, and results in one file."""
SHOWN = SizeRule(longest=2048)
"""Size of the pictures the tab shows."""
LONGEST_KEY = 64
_MARGIN = 4  # so that what shrinking mixes at the edge of a box lies in it
_OPTIONS = ("seed", "grow", "feather")

State: TypeAlias = Literal["waiting", "working", "done", "failed", "none"]
"""`none`: there is nothing to try, and `sentence` says why."""


@dataclass(frozen=True)
class ComparisonRequest:
    """The tab's value when Compare or Study is pressed."""

    photo: str
    """Id of the photo."""
    drawing: Drawing
    run: int
    """The page's own count; told back so that it can drop answers it no longer waits for."""
    methods: tuple[str, ...]
    """Keys, none twice; never empty."""
    study: bool
    """Of mask sizes and edges, by the first method."""
    options: RemovalOptions
    """For all methods alike."""

    @property
    def made_by(self) -> tuple[str, ...]:
        """How the entries of the selection were made."""
        return tuple(sorted({entry.kind for entry in self.drawing.entries}))


def parse_comparison(text: object) -> ComparisonRequest:
    """The tab's value, checked for its form.

    Raises:
        InputError: anything is missing or malformed, or an option is out of its range.
    """
    value = parse_json(text)
    photo, run, methods, study = (value.get(name) for name in ("photo", "run", "methods", "study"))
    if not isinstance(photo, str) or len(photo) > LONGEST_KEY or type(run) is not int or not 0 <= run < 2**53:
        raise _unreadable()
    if not isinstance(methods, list) or any(not isinstance(key, str) for key in methods) or len(methods) > MOST:
        raise _unreadable()
    if not methods:
        raise InputError("No method is chosen.", hint="Choose at least one.")
    if not isinstance(study, bool | None):
        raise _unreadable()
    keys = tuple(dict.fromkeys(key[:LONGEST_KEY] for key in methods))
    given = {name: _number(value.get(name)) for name in _OPTIONS}
    return ComparisonRequest(
        photo, parse_drawing(value.get("drawing")), run, keys, bool(study), RemovalOptions.given(given)
    )


def parse_box(text: str, within: Size) -> Box:
    """A box as `left,top,right,bottom`, in pixels of a picture that is `within` as large.

    Raises:
        InputError: it is no box, or lies outside.
    """
    parts = text.split(",")
    if len(parts) != 4 or any(not part.isascii() or not part.isdigit() or len(part) > 6 for part in parts):
        raise _no_part()
    box = Box(*map(int, parts))
    if not (box.left < box.right <= within.width and box.top < box.bottom <= within.height):
        raise _no_part()
    return box


def parse_ids(text: str) -> tuple[str, ...]:
    """Ids with commas between.

    Raises:
        InputError: there is none, or there are too many.
    """
    ids = tuple(dict.fromkeys(part for part in text.split(",") if part))
    if not 0 < len(ids) <= MOST or any(len(key) > LONGEST_KEY for key in ids):
        raise InputError("These results could not be read.", hint="Compare again.")
    return ids


def shown_box(box: Box, size: Size) -> Box:
    """Where a box of a picture of this size lies on the picture as it is shown, with a small margin."""
    shown = SHOWN.fit(size).scaled
    if shown == size:
        return box.grown(_MARGIN, size)
    (left, top, right, bottom), (x, y) = box, (shown.width / size.width, shown.height / size.height)
    scaled = Box(int(left * x), int(top * y), -int(-right * x // 1), -int(-bottom * y // 1))
    return scaled.grown(_MARGIN, shown)


@dataclass(frozen=True, kw_only=True)
class TileView:
    """One tile as the page shows it; `ui/static/compare_tiles.js` reads these fields."""

    tile: str
    title: str
    colour: str
    method: str = ""
    """Key; "" of what no method made."""
    state: State = "waiting"
    fraction: float = 0.0
    facts: tuple[str, ...] = ()
    sentence: str = ""
    """What went wrong."""
    result: str = ""
    """Id, of a live one."""
    picture: str = ""
    """Address of the lossless part that differs from the source."""
    box: Box | None = None
    """Where that part lies, in shown pixels."""


@dataclass(frozen=True, kw_only=True)
class BenchView:
    """Everything side by side, of one photo; told whole each time, because the page may miss one of many updates."""

    run: int
    """-1 fits whatever the page waits for."""
    title: str = ""
    credit: str = ""
    case: str = ""
    """Id of the ready case; "" of the photo on the Remove tab."""
    columns: int = 0
    """Of the grid; 0: as many as fit."""
    size: Size | None = None
    """Of the picture as shown."""
    view: str = ""
    """Address of the source as a JPEG."""
    picture: str = ""
    """Address of its lossless part, which covers those of all tiles."""
    box: Box | None = None
    tiles: tuple[TileView, ...] = ()
    """The untouched photo first."""
    waiting: str = ""
    """Who is before the next tile, in one sentence; "" while one is at work."""
    ended: bool = False
    trouble: str = ""
    """Why there is nothing to show, or no more."""

    def with_tile(self, tile: str, **changed: Any) -> BenchView:
        """The same with one tile changed."""
        tiles = tuple(replace(one, **changed) if one.tile == tile else one for one in self.tiles)
        return replace(self, tiles=tiles)


_numbers = count()


def to_props(view: BenchView) -> dict[str, Any]:
    """The view as the tab's script reads it; numbered, because the browser is not told of a value that stays."""
    return {"number": next(_numbers), **asdict(view)}


def _number(value: object) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise _unreadable()


def _unreadable() -> InputError:
    return InputError("The comparison could not be read.", hint="Reload the page and mark the object again.")


def _no_part() -> InputError:
    return InputError("There is no such part of the picture.", hint="Reload the page.")
