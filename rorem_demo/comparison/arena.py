"""Arena: blind pairs. Who is shown which two results, what they say of them, and what they are told then."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from random import Random
from secrets import SystemRandom
from time import monotonic

from rorem_demo.comparison import gold
from rorem_demo.comparison.arena_views import Gallery, View, Views, views_of
from rorem_demo.comparison.board import Board
from rorem_demo.comparison.cases import CaseSet
from rorem_demo.comparison.rounds import Open, Round, Shown, Told
from rorem_demo.comparison.rounds_dealer import Dealer
from rorem_demo.comparison.rounds_own import OwnPair, own_round
from rorem_demo.comparison.rounds_ready import ready_round
from rorem_demo.errors import InputError, RoremError
from rorem_demo.feedback.records import Choice, Receipt, Verdict
from rorem_demo.imaging.types import Box, Size
from rorem_demo.judging import Judging
from rorem_demo.tickets import GoneError, Ticket, Tickets


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A round for one visitor; nothing in it depends on the two methods or their sides."""

    key: str
    size: Size
    """Of each picture."""
    photo: Size
    spots: tuple[Box, ...]
    """Where something was to go, photo pixels."""
    own: bool
    """The visitor's own photo."""
    public: bool
    """Its pictures are public already."""


@dataclass(frozen=True)
class Nothing:
    """Why there is no round now, in one sentence."""

    sentence: str
    empty: bool
    """There is nothing for anybody."""


@dataclass(frozen=True, kw_only=True)
class Revealed:
    """What is told once a round is answered."""

    receipt: Receipt
    choice: Choice
    """What stands: the first answer."""
    methods: tuple[str, str]
    """Of left and right."""
    left: Told
    right: Told
    check: str
    """A sentence, where the round was a gold item; else nothing."""


@dataclass(frozen=True)
class About:
    """How pairs are chosen, and of what."""

    policy: str
    missing: str
    """Which methods not every ready case has a result of; "" if there are none."""


class Arena:
    """Rounds of two results whose methods nobody is told before the answer.

    Args:
        judging: keeps the votes.
        cases: what is drawn from.
        board: what has been voted so far; None before it was counted.
        chance: draws pairs, cases, sides and gold items; a seam for tests.
        clock: seconds; a seam for tests.
    """

    def __init__(
        self,
        judging: Judging,
        cases: Callable[[], CaseSet],
        board: Callable[[], Board | None],
        *,
        chance: Random | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._judging = judging
        self._chance = chance or SystemRandom()
        self._dealer = Dealer(cases, board, self._chance)
        self._tickets: Tickets[Open] = Tickets(clock)
        self._gallery = Gallery()

    # --- rounds ---------------------------------------------------------------------------------------------------

    def next(self, visit: str, holding: Collection[str] = ()) -> Issued | Nothing:
        """The round of a ready case that this visit should answer next.

        Args:
            visit: the page's token.
            holding: ids of rounds that the page has open.
        """
        held = self._held(visit, holding)
        while dealt := self._dealer.deal(visit, held):
            cases = self._dealer.deck.cases
            try:
                round_ = ready_round(cases, cases.cases[dealt[1]], dealt[0], self._chance)
                return self._issue(round_, views_of(round_.read()), visit)
            except RoremError as error:
                self._dealer.leave_out(dealt[1], error)
        if self._dealer.deck.pairs:
            return Nothing("You have seen every pair that is here. Thank you.", empty=False)
        return Nothing("No ready case with two results is here yet.", empty=True)

    def own(self, visit: str, pair: OwnPair) -> Issued:
        """A round of a visitor's own photo.

        Raises:
            InputError: the photo or a result is gone.
        """
        round_ = own_round(self._judging, pair)
        return self._issue(round_, views_of(round_.read()), visit)

    def methods(self, runnable: Collection[str]) -> tuple[str, str]:
        """Left and right for a visitor's own photo, of the methods that could run.

        Raises:
            InputError: fewer than two could.
        """
        return self._dealer.methods(runnable)

    def view(self, key: str, which: View) -> bytes:
        """A picture of a round, as JPEG.

        Raises:
            GoneError: there is no such round, or it has expired.
            InputError, StorageError: its pictures are gone.
        """
        opened = self._ticket(key).item
        views = self._gallery.get(key, lambda: views_of(opened.round.read()))
        return {"left": views.left, "right": views.right, "source": views.source}[which]

    def _issue(self, round_: Round, views: Views, visit: str) -> Issued:
        key = self._tickets.issue(Open(round_), visit)
        self._gallery.put(key, views)
        pairing = round_.pairing
        return Issued(
            key=key,
            size=views.size,
            photo=Size(pairing.width, pairing.height),
            spots=pairing.facts.boxes,
            own=not pairing.case,
            public=bool(pairing.case or pairing.licence),
        )

    def _held(self, visit: str, holding: Collection[str]) -> set[Shown]:
        tickets = [ticket for key in holding if (ticket := self._tickets.find(key)) and ticket.visit == visit]
        return {ticket.item.round.shown for ticket in tickets if ticket.item.round.shown}

    # --- answers --------------------------------------------------------------------------------------------------

    def vote(self, key: str, verdict: Verdict, *, visit: str, address: str, looked: float | None = None) -> Revealed:
        """Keep what somebody says of the round issued to them under an id; what they said first stands.

        Args:
            key: the id.
            verdict: what they say.
            visit: the page's token; only a hash of it is kept.
            address: where the request came from; only a hash of it that changes daily is kept.
            looked: seconds the page says it showed the two; rounds are issued before they are shown.

        Raises:
            GoneError: the id was never issued, has expired, or the round was skipped.
            InputError: it was issued to somebody else, its vote was deleted, or there are too many answers.
            StorageError: the vote could not be kept.
        """
        ticket = self._mine(key, visit)
        opened = ticket.item
        with opened.lock:
            if opened.skipped:
                self.refuse("skipped")
                raise GoneError("You skipped this pair.", hint="Go on with the next one.")
            if opened.choice:
                return _revealed(opened, opened.choice, self._judging.desk.receipt(opened.receipt))
            pairing = replace(opened.round.pairing, key=key, issued=ticket.shown(looked))
            meant = replace(verdict, share=verdict.share and not pairing.case)
            receipt = self._judging.vote(pairing, meant, visit=visit, address=address)
            opened.choice, opened.receipt = meant.choice, receipt.text
        self._dealer.close(visit, opened.round.shown, None if pairing.gold else opened.round.methods)
        return _revealed(opened, meant.choice, receipt)

    def skip(self, key: str, visit: str) -> None:
        """Take no vote on this round any more; one that was given stands. Raises GoneError and InputError as `vote`."""
        opened = self._mine(key, visit).item
        with opened.lock:
            opened.skipped = not opened.choice
        self._dealer.close(visit, opened.round.shown)

    def refuse(self, why: str) -> None:
        """Count a vote that was not taken."""
        self._judging.desk.refuse(why)

    def _mine(self, key: str, visit: str) -> Ticket[Open]:
        try:
            ticket = self._ticket(key)
        except GoneError:
            self.refuse("unknown")
            raise
        if ticket.visit != visit:
            self.refuse("foreign")
            raise InputError("This pair was shown on another page.", hint="Go on with the next one.")
        return ticket

    def _ticket(self, key: str) -> Ticket[Open]:
        ticket = self._tickets.find(key)
        if ticket is None:
            raise GoneError("This pair is no longer open.", hint="Go on with the next one.")
        return ticket

    # --- what the page says ---------------------------------------------------------------------------------------

    def about(self) -> About:
        """How pairs are chosen, with the numbers as they are now."""
        checks = (
            f"About one pair in {round(1 / gold.SHARE)} is a check with a known answer, which counts for no method."
        )
        return About(f"{self._dealer.policy()} {checks}", self._missing())

    def _missing(self) -> str:
        """Methods are never left out in silence."""
        deck = self._dealer.deck
        total = len(deck.cases.cases)
        some = [f"{title} ({count} of {total})" for title, count in deck.methods.values() if count < total]
        none = [spec.title for spec in self._judging.removers if spec.key not in deck.methods]
        told = [("In fewer cases", some), ("In none yet", none)]
        return " ".join(f"{words}: {', '.join(titles)}." for words, titles in told if titles and total)


def _revealed(opened: Open, choice: Choice, receipt: Receipt) -> Revealed:
    round_ = opened.round
    pairing = round_.pairing
    return Revealed(
        receipt=receipt,
        choice=choice,
        methods=(pairing.left.method, pairing.right.method),
        left=round_.left,
        right=round_.right,
        check=gold.in_words(pairing.gold, choice) if pairing.gold else "",
    )
