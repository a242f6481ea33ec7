"""What all commands print with: tables, JSON lines, errors in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rorem_demo.errors import RoremError


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, two spaces apart, without trailing spaces."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def json_line(value: Any) -> str:
    """Strict JSON on one line; paths become text."""
    return json.dumps(value, default=str, ensure_ascii=False, allow_nan=False)


def one_line(error: Exception) -> tuple[str, int]:
    """What a person is told of an error, without line breaks, and the exit code it deserves."""
    if isinstance(error, RoremError):
        return " ".join(error.sentence.split()), 2
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{text}; run again with --debug for the traceback.", 1
