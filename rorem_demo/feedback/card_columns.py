"""What each column of the dataset holds, in words: mostly what the records say of their fields."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from rorem_demo.feedback import records
from rorem_demo.feedback.kinds import RATINGS, Kind
from rorem_demo.feedback.records import CHOICES, LONGEST_COMMENT, REASONS, Consent, Origin

_MORE = {
    "schema": "Version of these columns.",
    "mask": "sha256 of the pixels.",
    "result": "sha256 of the pixels.",
    "width": "Of the photo, in pixels.",
    "height": "Of the photo, in pixels.",
    "seconds": "How long the removal took.",
    "device": "What it ran on: cpu or gpu; empty if unknown.",
    "reasons": f"Why it did not succeed, sorted: {', '.join(REASONS)}.",
    "comment": f"At most {LONGEST_COMMENT} characters that go with the reason `other`.",
    "origin": f"Who answered: {', '.join(get_args(Origin))}. A visitor, an annotator, somebody elsewhere, a program.",
    "consent": f"What may be kept: {', '.join(get_args(Consent))}; see below.",
    "supersedes": "Id of the same person's earlier answer on the same result; empty if there is none.",
    "source_picture": "The photo, at most 1024 pixels wide and high; null if it was not kept.",
    "mask_picture": "What was to be removed, in white; null as before.",
    "result_picture": "What was judged, RORem's GT; null as before.",
}
"""Columns of which the records say nothing, or say it to programmers."""
_PAIRS_MORE = _MORE | {
    "source": "sha256 of the pixels.",
    "method": "Key of the remover, `untouched` or `truth`.",
    "revision": "Commits of the model's weights, or the program's version where it has none; empty if unknown.",
    "choice": f"What was said: {', '.join(CHOICES)}; the first two say which is better.",
    "reasons": f"What is wrong with the worse one, or with both, sorted: {', '.join(REASONS)}.",
    "gold": "Which side is right where that is known, `left` or `right`; empty otherwise.",
    "flags": "Signals for a later filter: too-fast, repeated (one choice over and over), many, pictures-rejected, "
    "pictures-damaged; sorted.",
    "left_picture": "The left result; null as before.",
    "right_picture": "The right result; null as before.",
}
"""The same of votes; a column of a side stands here without the side."""


@cache
def columns(kind: Kind[Any, Any]) -> dict[str, str]:
    """What each column of a kind holds, one sentence or two; in the dataset's order."""
    if kind is RATINGS:
        more, documents = _MORE, _documents("Rating", "Subject")
    else:
        more, documents = _PAIRS_MORE, _documents("Vote", "Rating", "Pairing", "Side", "Subject")
    return {name: _sided(name, more, documents) for name in kind.columns}


def _sided(name: str, more: Mapping[str, str], documents: Mapping[str, str]) -> str:
    """What a column holds; of a side's, that it is the side's."""
    side, _, part = name.partition("_")
    if name in more or side not in {"left", "right"}:
        return more.get(name) or _plain(documents[name])
    text = more.get(part) or _plain(documents[part])
    return f"Of the {side} result: {text[0].lower()}{text[1:]}"


def _documents(*kinds: str) -> dict[str, str]:
    """What the records say of their fields: the first's own, else those it takes over from other records."""
    found: dict[str, str] = {}
    for kind, prefix in (*((kind, "") for kind in kinds), ("Person", ""), ("MaskFacts", "mask_")):
        for name, text in _class_documents(kind):
            found.setdefault(prefix + name, text)
    return found


def _class_documents(kind: str) -> list[tuple[str, str]]:
    tree = ast.parse(inspect.getsource(getattr(records, kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    return [
        (field.target.id, text.value.value)
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    ]


def _plain(text: str) -> str:
    """A docstring on one line, without what refers to the program and with nothing that ends a cell of a table."""
    text = re.sub(r"\s*\((?:see )?`\w+\.\w+`\)", "", " ".join(text.split()))
    return text.replace('""', "empty").replace("|", "\\|")
