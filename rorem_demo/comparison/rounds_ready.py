"""Rounds of ready cases: which there are, and one of them as a Round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import combinations
from random import Random

from rorem_demo.comparison import gold
from rorem_demo.comparison.cases import Case, CaseResult, CaseSet
from rorem_demo.comparison.policy import POLICY, Pair, pair_of
from rorem_demo.comparison.rounds import Pixels, Round, Seen, Shown, Told, encoded_pixels
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import digest
from rorem_demo.feedback.records import Gold, Pairing, Side
from rorem_demo.imaging.types import Image, size_of

GOLD: Pair = (gold.TRUTH, gold.UNTOUCHED)


@dataclass(frozen=True)
class Deck:
    """All that a set of cases can show: pairs of results that differ, and photos whose truth is known."""

    cases: CaseSet
    broken: frozenset[str] = frozenset()
    """Cases whose files turned out to be damaged."""
    by_pair: dict[Pair, list[str]] = field(init=False, default_factory=lambda: defaultdict(list))
    """Ids of the cases, by pair of methods."""
    checks: list[str] = field(init=False, default_factory=list)
    """Ids of the cases that can be gold items."""
    methods: dict[str, tuple[str, int]] = field(init=False, default_factory=dict)
    """Title of each method, and how many cases it has a result of."""

    def __post_init__(self) -> None:
        for key, case in self.cases.cases.items():
            if key in self.broken:
                continue
            for result in case.results:
                _, count = self.methods.get(result.method, ("", 0))
                self.methods[result.method] = result.title, count + 1
            for one, other in combinations(case.results, 2):
                if one.digest != other.digest:
                    self.by_pair[pair_of(one.method, other.method)].append(key)
            if gold.can_check(case) and len(case.results) > 1:
                self.checks.append(key)

    @property
    def pairs(self) -> Collection[Pair]:
        return self.by_pair.keys()

    def without(self, case: str) -> Deck:
        """The same without a case whose files are damaged."""
        return Deck(self.cases, self.broken | {case})

    def open_pairs(self, seen: Seen) -> list[Pair]:
        """Those of which this visit was not shown every case."""
        # The count is too high where it was shown cases that are no more; only then is there anything to look through.
        return [
            pair
            for pair, cases in self.by_pair.items()
            if seen.by_pair[pair] < len(cases) or self.cases_left(pair, seen)
        ]

    def cases_left(self, pair: Pair, seen: Seen) -> list[str]:
        """Cases in which this visit was not shown the pair."""
        return [case for case in self.by_pair[pair] if (pair, case) not in seen.shown]

    def again(self, seen: Seen, held: Collection[Shown]) -> list[Shown]:
        """What the visit was shown but neither judged nor skipped, as before a reload; not what it still has open."""
        return sorted(
            shown
            for shown in seen.shown - seen.closed
            if shown not in held and shown[1] in self.by_pair.get(shown[0], ())
        )

    def checks_left(self, seen: Seen) -> list[str]:
        """Cases that were no gold item for this visit yet."""
        return [case for case in self.checks if (GOLD, case) not in seen.shown]


def ready_round(cases: CaseSet, case: Case, pair: Pair, chance: Random) -> Round:
    """Two methods' results of a case, on sides that a fair coin gives them.

    Raises:
        StorageError, InputError: files are missing, damaged or changed.
    """
    left, right = pair if chance.random() < 0.5 else pair[::-1]
    if pair == GOLD:
        return _gold_round(cases, case, left, right)
    results = {result.method: result for result in case.results}
    return _round(cases, case, _told(results[left]), _told(results[right]))


def _gold_round(cases: CaseSet, case: Case, left: str, right: str) -> Round:
    truth = case.true_image()
    if size_of(truth) != case.size:
        raise InputError(f"The truth of {case.id} is {size_of(truth)}.", hint="Take it out of the case.")
    digests = {gold.TRUTH: digest(truth), gold.UNTOUCHED: case.source_digest}
    sides = {name: (gold.side(name, digests[name]), Told(title=gold.TITLES[name])) for name in GOLD}
    return _round(cases, case, sides[left], sides[right], gold.right_side(left))


def _round(
    cases: CaseSet, case: Case, left: tuple[Side, Told], right: tuple[Side, Told], right_one: Gold = ""
) -> Round:
    read = partial(_read, case, left[0].method, right[0].method)
    pairing = Pairing(
        key="",
        origin="app",
        case=case.id,
        cases=cases.version,
        source=case.source_digest,
        mask=case.mask_digest,
        width=case.size.width,
        height=case.size.height,
        facts=case.facts,
        left=left[0],
        right=right[0],
        gold=right_one,
        policy=POLICY,
        licence=case.licence,
        issued=datetime.now(UTC),
        pictures=partial(encoded_pixels, read),
    )
    return Round(pairing=pairing, read=read, left=left[1], right=right[1])


def _read(case: Case, left: str, right: str) -> Pixels:
    return Pixels(case.source(), case.mask(), _image(case, left), _image(case, right))


def _image(case: Case, method: str) -> Image:
    if method == gold.UNTOUCHED:
        return case.source()
    return case.true_image() if method == gold.TRUTH else case.image(method)


def _told(result: CaseResult) -> tuple[Side, Told]:
    side = Side(
        method=result.method,
        revision=result.revision,
        options=result.options,
        result=result.digest,
        seconds=result.seconds or 0.0,
        device=result.device,
    )
    return side, Told(title=result.title, score=result.score)
