"""Answers of this machine's own store, in the columns of the published ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from rorem_demo.comparison.voted import COLUMNS, Kind
from rorem_demo.feedback.records import Rating, Vote
from rorem_demo.feedback.store import Store

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Stored:
    """Answers of a store."""

    store: Store

    dataset = ""
    revision = ""
    deletions = ""

    def batches(self, kind: Kind) -> Iterator[pa.RecordBatch]:
        """Every row of a kind."""
        schema = pa.schema(dict(COLUMNS[kind]))
        held = self.store.each(Vote if kind == "pairs" else Rating)
        while some := [each.record for each in islice(held, _ROWS_AT_ONCE)]:
            columns = {name: [getattr(record, name) for record in some] for name in schema.names}
            yield pa.RecordBatch.from_pydict(columns, schema)

    def taken_back(self) -> Iterator[str]:
        """Receipts of deletions, whose rows are gone from the store already."""
        return (stone.receipt for stone in self.store.tombstones())
