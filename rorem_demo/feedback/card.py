"""The dataset's card: README.md, of which the Hub reads the head and people the rest.

It has no number that grows with every batch, so that it changes about once a month. Only ratings are a
configuration: `datasets` reads all configurations of a repository as one file format, so the lists of deletions, which
are JSON lines, are read with the two lines the card gives.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from typing import get_args

from rorem_demo.feedback import records
from rorem_demo.feedback.records import LONGEST_COMMENT, REASONS, SHARED_LICENCE, Consent, Origin, Rating

GLOB = "data/ratings/**/*.parquet"
"""Where shards lie."""
PAPER = "https://arxiv.org/abs/2501.00740"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
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
    "source_picture": "The photo, at most 1024 pixels wide and high; null if it was not shared.",
    "mask_picture": "What was to be removed, in white; null as before.",
    "result_picture": "What was judged, RORem's GT; null as before.",
}
"""Columns of which the records say nothing, or say it to programmers."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a dataset holds, as far as its card tells."""

    repository: str
    """`owner/name`."""
    rows: int
    """Told in powers of ten only."""
    first: str
    """When its oldest rating was made, ISO 8601, at least to the month; "" if there is none."""
    last: str
    private: bool


def card(contents: Contents) -> str:
    """README.md of a dataset."""
    table = "\n".join(f"| `{name}` | {text} |" for name, text in columns().items())
    return _head(contents) + _BODY.format(
        repository=contents.repository,
        paper=PAPER,
        licence=SHARED_LICENCE,
        columns=table,
        collected=_collected(contents),
        visibility="It is private for now." if contents.private else "It is public.",
    )


def _head(contents: Contents) -> str:
    """YAML; a configuration without files could not be loaded, so there is none before the first shard."""
    configs = f"""\
configs:
- config_name: default
  data_files:
  - split: train
    path: "{GLOB}"
"""
    size = next((name for limit, name in _SIZES if contents.rows < limit), "1M<n<10M")
    return f"""\
---
pretty_name: Answers to object removals
license: {SHARED_LICENCE.lower()}
task_categories:
- image-classification
- image-to-image
annotations_creators:
- crowdsourced
size_categories:
- {size}
tags:
- arxiv:{PAPER.rpartition("/")[2]}
- object-removal
- inpainting
- human-feedback
{configs if contents.rows else ""}---
"""


def _collected(contents: Contents) -> str:
    if not contents.rows:
        return "Nothing has been collected yet."
    first, last = contents.first[:7], contents.last[:7]
    return f"Collected in {first}." if first == last else f"Collected from {first} to {last}."


@cache
def columns() -> dict[str, str]:
    """What each column holds, one sentence or two; in the dataset's order."""
    names = [field.name for field in fields(Rating) if field.name != "files"]
    documents = _documents()
    return {
        name: _MORE.get(name) or _plain(documents[name])
        for name in (*names, "source_picture", "mask_picture", "result_picture")
    }


def _documents() -> dict[str, str]:
    """What the records say of their fields: Rating's own, else those it takes over from other records."""
    found: dict[str, str] = {}
    for kind, prefix in (("Rating", ""), ("Subject", ""), ("Person", ""), ("MaskFacts", "mask_")):
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


_BODY = """
# Answers to object removals

A Space removes objects from photos and asks "Is it gone?". Each row is one answer, yes or no, to one result, as the
annotators of [RORem]({paper}) gave them; a discriminator can be trained on it.
{collected} {visibility}

## Reading it

```python
from datasets import load_dataset

rows = load_dataset("{repository}", split="train")  # or streaming=True; pin what you train on with revision="<commit>"
gone = load_dataset("json", data_files="hf://datasets/{repository}/deleted/*.jsonl", split="train")  # once there is one
receipts = set(gone["receipt"])
rows = rows.filter(lambda receipt: receipt not in receipts, input_columns="receipt")
```

`deleted/` lists answers that were taken back. The newest revision has them no more; copies and older revisions may, so
please leave out every row whose `receipt` is listed. `purges/` names revisions that no longer exist.

RORem's training row is `source_picture`, `mask_picture`, GT = `result_picture` and score = `label`, of rows that have
pictures. The column `score` is something else: what a discriminator had said. A row is never changed: who changes their
mind adds one that names the earlier in `supersedes`.

## Columns

| column | what it holds |
|---|---|
{columns}

## Consent and licence

- `answer`: the answer alone is kept, with hashes of the pictures and statistics of the mask. This is the default.
- `pictures`: the visitor ticked "share my photo, mask and result for research (CC BY 4.0)", which is not ticked before.
- `public`: the pictures were public before, such as the Space's examples; `licence` names theirs.

The answers, and the pictures that visitors share, are under {licence}. Never stored: IP addresses, accounts, names,
the photo's file name, EXIF and other metadata of photos, and photos of visitors who did not share them.

## Known biases

- Visitors choose themselves what they try and whether they answer; most results get one answer, from nobody trained.
- `rater` is made anew every day: it stands for a connection on one day, not for a person.
- Rows with pictures are only from those who shared them, and the Space's examples are judged more often than others.
- Which methods are judged depends on what the Space offers and what it runs on. Results were looked at on any screen.
- All answers are here, dubious ones too: `flags` tells which are, `origin` which are not from visitors. Filter to need.

## Deleting

Everybody who answers gets a receipt. Whoever enters it in the Space takes the answer back: the row, and pictures no
other row uses, leave the newest revision within minutes. Older revisions keep them until history is rewritten.

## Citation

The method and the question come from *RORem: Training a Robust Object Remover with Human-in-the-Loop*, {paper}.
"""
