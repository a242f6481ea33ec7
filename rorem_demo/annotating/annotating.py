"""Annotating: who is shown which result, and what they say of it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from time import monotonic

from rorem_demo.annotating.feeds import Feed
from rorem_demo.annotating.items import Item, key_of, read_triplet
from rorem_demo.annotating.pile import Pile
from rorem_demo.errors import InputError
from rorem_demo.feedback.pictures import encoded
from rorem_demo.feedback.records import Answer, Pictures, Rating, Receipt, Subject
from rorem_demo.judging import Judging
from rorem_demo.tickets import GoneError, Ticket, Tickets

_MOST_VISITORS = 1000
"""Whose answers are remembered at once, to ask the store only once for each."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """An item for one visitor."""

    ticket: str
    done: int
    """Answers of this visitor that stand, of all items."""
    left: int
    """Items they have not answered, this one included."""
    more: bool
    """The feed is still being read: there may be more left."""


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Why there is no item now, in one sentence."""

    sentence: str
    wait: bool = False
    """Ask again in a moment."""


def doubt(item: Item) -> float:
    """How unsure a discriminator was of the item: 0.5 at most, 0 where it was sure or none was asked."""
    return 0.0 if item.score is None else min(item.score, 1 - item.score)


class Annotating:
    """Results that wait for a yes or no.

    Each visitor gets what they have not answered; those with the fewest answers come first, among them those of the
    highest priority, then those earlier in the file. Nothing is read before somebody asks.

    Args:
        judging: keeps the answers.
        feed: where the results come from; None if there are none.
        max_pixels: larger pictures are left out.
        priority: how much an answer on an item is worth; higher ones come first. By default what a discriminator
            doubted most.
        clock: seconds; a seam for tests.
    """

    def __init__(
        self,
        judging: Judging,
        feed: Feed | None,
        max_pixels: int,
        *,
        priority: Callable[[Item], float] = doubt,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._judging = judging
        self.pile = Pile(feed, max_pixels, self._count_answers, clock)
        self._max_pixels = max_pixels
        self._priority = priority
        self._tickets: Tickets[Item] = Tickets(clock)
        self._lock = Lock()
        self._answers: Counter[str] = Counter()
        self._said: OrderedDict[str, dict[str, bool]] = OrderedDict()  # by visitor: has an item their answer?

    def next(self, visit: str, skip: Collection[str]) -> Issued | Nothing:
        """The item this visit should answer next.

        Args:
            visit: the page's token.
            skip: ids of items issued to it that it is not to be given again.

        Raises:
            StorageError: the store cannot be read.
        """
        self.pile.start()
        tickets = [ticket for key in skip if (ticket := self._tickets.find(key))]
        skipped = {ticket.item.key for ticket in tickets if ticket.visit == visit}
        visitor = self._judging.person(visit, "").visitor
        reading, items = self.pile.is_reading, self.pile.items
        with self._lock:
            open_ = [item for item in items if not self._has_answered(visitor, item)]
            given = min((item for item in open_ if item.key not in skipped), key=self._turn, default=None)
        if given is not None:
            return Issued(
                ticket=self._tickets.issue(given, visit), done=len(items) - len(open_), left=len(open_), more=reading
            )
        if reading:
            return Nothing(sentence="Results are being fetched. This takes a moment.", wait=True)
        return Nothing(sentence=self._why_nothing(bool(items), bool(open_)))

    def ticket(self, key: str) -> Ticket[Item]:
        """What was issued under an id.

        Raises:
            GoneError: nothing was, or it has expired.
        """
        ticket = self._tickets.find(key)
        if ticket is None:
            raise GoneError("This picture is no longer open.", hint="Go on with the next one.")
        return ticket

    def rate(self, key: str, answer: Answer, *, visit: str, address: str, looked: float | None = None) -> Receipt:
        """Keep what somebody says of the item issued to them under an id.

        Args:
            key: the id.
            answer: what they say.
            visit: the page's token; only a hash of it is kept.
            address: where the request came from; only a hash of it that changes daily is kept.
            looked: seconds the page says it showed the picture; items are issued before they are shown.

        Raises:
            GoneError: the id was never issued, or has expired.
            InputError: it was issued to somebody else, its files have changed, or there are too many answers.
            StorageError: the answer could not be kept.
        """
        try:
            ticket = self.ticket(key)
        except GoneError:
            self._judging.desk.refuse("unknown")
            raise
        if ticket.visit != visit:
            self._judging.desk.refuse("foreign")
            raise InputError("This picture was shown on another page.", hint="Go on with the next one.")
        person = self._judging.person(visit, address)
        with self._lock:
            first = not self._has_answered(person.visitor, ticket.item)
        receipt = self._judging.desk.rate(self._subject(ticket, looked), replace(answer, share=False), person)
        with self._lock:
            self._answers[ticket.item.key] += first
            self._known(person.visitor)[ticket.item.key] = True
        return receipt

    # --- what is asked next ---------------------------------------------------------------------------------------

    def _turn(self, item: Item) -> tuple[int, float, int]:
        return self._answers[item.key], -self._priority(item), item.number

    def _has_answered(self, visitor: str, item: Item) -> bool:
        if not self._answers[item.key]:
            return False
        known = self._known(visitor)
        if item.key not in known:
            known[item.key] = self._judging.desk.store.standing(visitor, item.key) is not None
        return known[item.key]

    def _known(self, visitor: str) -> dict[str, bool]:
        known = self._said.setdefault(visitor, {})
        self._said.move_to_end(visitor)
        if len(self._said) > _MOST_VISITORS:
            self._said.popitem(last=False)
        return known

    def _why_nothing(self, any_: bool, open_: bool) -> str:  # noqa: FBT001  # a private table
        if open_:
            return "You have seen all that waits here. Reload the page for what you skipped."
        if any_:
            return "You have answered all that waits here. Thank you."
        return self.pile.trouble or "Nothing waits for an answer here."

    def _count_answers(self) -> None:
        """How many people answered each item before this program was started."""
        receipts: dict[str, set[str]] = {}
        for held in self._judging.desk.store.each(Rating):
            rating = held.record
            if rating.origin == "annotate":
                receipts.setdefault(key_of(rating.source, rating.mask, rating.result), set()).add(rating.receipt)
        with self._lock:
            self._answers = Counter({key: len(people) for key, people in receipts.items()})

    # --- answers --------------------------------------------------------------------------------------------------

    def _subject(self, ticket: Ticket[Item], looked: float | None) -> Subject:
        item = ticket.item
        source, mask, result = item.digests
        return Subject(
            key=item.key,
            origin="annotate",
            source=source,
            mask=mask,
            result=result,
            width=item.size.width,
            height=item.size.height,
            method=item.origin.method,
            revision=item.origin.revision,
            options=item.origin.options,
            seconds=item.origin.seconds,
            device=item.origin.device,
            facts=item.facts,
            licence=item.origin.licence,
            issued=ticket.shown(looked),
            pictures=partial(_pictures, item, self._max_pixels),
        )


def _pictures(item: Item, max_pixels: int) -> Pictures:
    """The item's pictures for the store, if they still are what was shown."""
    triplet = read_triplet(item.paths, max_pixels)
    if triplet.digests != item.in_files:
        raise InputError("The files of this picture have changed.", hint="Skip it.")
    return encoded(triplet.source, triplet.mask, triplet.result, triplet.icc)
