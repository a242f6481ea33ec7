"""The dataset's card: README.md, of which the Hub reads the head and people the rest.

It has no number that grows with every batch, so that it changes about once a month. Each kind of records that has
shards is a configuration, and nothing else: `datasets` reads all configurations of a repository as one file format, so
the lists of deletions, which are JSON lines, are read with the two lines the card gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rorem_demo.feedback.card_columns import columns
from rorem_demo.feedback.kinds import KINDS, PAIRS, RATINGS, Kind
from rorem_demo.feedback.records import SHARED_LICENCE

PAPER = "https://arxiv.org/abs/2501.00740"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a dataset holds, as far as its card tells."""

    repository: str
    """`owner/name`."""
    rows: Mapping[str, int]
    """By the name of their kind; told in powers of ten only."""
    first: str
    """When its oldest record was made, ISO 8601, at least to the month; "" if there is none."""
    last: str
    private: bool


def card(contents: Contents) -> str:
    """README.md of a dataset."""
    return _head(contents) + _BODY.format(
        repository=contents.repository,
        paper=PAPER,
        licence=SHARED_LICENCE,
        loading="\n".join(_loading(kind, contents) for kind in _kinds(contents) or [RATINGS]),
        leaving_out="\n".join(map(_leaving_out, _kinds(contents) or [RATINGS])),
        columns=_table(RATINGS),
        pairs=_PAIRS.format(columns=_table(PAIRS)) if PAIRS in _kinds(contents) else "",
        collected=_collected(contents),
        visibility="It is private for now." if contents.private else "It is public.",
    )


def _kinds(contents: Contents) -> list[Kind[Any, Any]]:
    """Those with files: the others could not be loaded."""
    return [kind for kind in KINDS.values() if contents.rows.get(kind.name)]


def _head(contents: Contents) -> str:
    """YAML."""
    kinds = _kinds(contents)
    configs = "configs:\n" + "".join(map(_config, kinds)) if kinds else ""
    rows = sum(contents.rows.values())
    size = next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")
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
{configs}---
"""


def _config(kind: Kind[Any, Any]) -> str:
    return f"""\
- config_name: {kind.config}
  data_files:
  - split: train
    path: "data/{kind.name}/**/*.parquet"
"""


def _loading(kind: Kind[Any, Any], contents: Contents) -> str:
    named = f'"{contents.repository}"' + (f', "{kind.config}"' if kind is not RATINGS else "")
    return f'{kind.name} = load_dataset({named}, split="train")'


def _leaving_out(kind: Kind[Any, Any]) -> str:
    return f'{kind.name} = {kind.name}.filter(lambda receipt: receipt not in receipts, input_columns="receipt")'


def _table(kind: Kind[Any, Any]) -> str:
    return "\n".join(f"| `{name}` | {text} |" for name, text in columns(kind).items())


def _collected(contents: Contents) -> str:
    if not _kinds(contents):
        return "Nothing has been collected yet."
    first, last = contents.first[:7], contents.last[:7]
    return f"Collected in {first}." if first == last else f"Collected from {first} to {last}."


_PAIRS = """
## Columns of `pairs`

Each row is one vote on two results of one photo and mask, side by side, the sides by chance. It is blind: the methods
were named after the vote, so reasons were chosen before, and a vote is final. Nobody is asked twice in one round, and
skipping is no vote.

- `left` and `right` say which of the two is better, not that either is good: they give no label. `both-good` and
  `both-bad` give two, one for each result; their pictures are kept where they were public before or shared.
- In a gold item (`gold` is not empty) one side is the untouched photo and the other a clean removal, the photo taken
  without the object; their methods are called `untouched` and `truth`. They measure how carefully somebody looks: count
  them in nothing else.
- `policy` says by which rule the two were chosen. Which pairs were asked for, and how often, hangs on it.
- A ready case (`case` is not empty) is one of a set that was computed beforehand, of which `cases` is the version.

| column | what it holds |
|---|---|
{columns}
"""

_BODY = """
# Answers to object removals

A Space removes objects from photos and asks "Is it gone?". Each rating is one answer, yes or no, to one result, as the
annotators of [RORem]({paper}) gave them; a discriminator can be trained on it.
The Space also shows two results beside each other, without their names, and asks which is better: those votes are a
configuration of their own.
{collected} {visibility}

## Reading it

```python
from datasets import load_dataset

# or with streaming=True; pin what you train on with revision="<commit>"
{loading}
gone = load_dataset("json", data_files="hf://datasets/{repository}/deleted/*.jsonl", split="train")  # once there is one
receipts = set(gone["receipt"])
{leaving_out}
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
{pairs}
## Consent and licence

- `answer`: the answer alone is kept, with hashes of the pictures and statistics of the mask. This is the default.
- `pictures`: the visitor ticked "share my photo, mask and result for research (CC BY 4.0)", which is not ticked before.
- `public`: the pictures were public before, such as the Space's examples; `licence` names theirs if they are kept.

The answers, and the pictures that visitors share, are under {licence}. Never stored: IP addresses, accounts, names,
the photo's file name, EXIF and other metadata of photos, and photos of visitors who did not share them.

## Known biases

- Visitors choose themselves what they try and whether they answer; most results get one answer, from nobody trained.
- `rater` is made anew every day: it stands for a connection on one day, not for a person.
- Rows with pictures are only from those who shared them, and the Space's examples are judged more often than others.
- Votes are mostly on ready cases, and on the pairs of methods that the policy asked for.
- Which methods are judged depends on what the Space offers and what it runs on. Results were looked at on any screen.
- All answers are here, dubious ones too: `flags` tells which are, `origin` which are not from visitors. Filter to need.

## Deleting

Everybody who answers gets a receipt. Whoever enters it in the Space takes the answer back: the row, and pictures no
other row uses, leave the newest revision within minutes. Older revisions keep them until history is rewritten.

## Citation

The method and the question come from *RORem: Training a Robust Object Remover with Human-in-the-Loop*, {paper}.
"""
