"""parsed(): what a visitor's words look for.

English is understood; what is not understood is left in the name of the thing, so words of any language, and finer
descriptions, reach the detector as they were written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from rorem_demo.errors import InputError
from rorem_demo.segmenters.places import Place, Wanted

SUGGEST = "distractors"
"""The phrase that asks for what people usually want gone."""
LONGEST = 200
"""Characters of a phrase."""
MOST_NAMES = 10
"""Different things in one phrase."""

_EXAMPLES = "For example: the dog on the left."


SUGGESTED = (
    Wanted("person", places=(Place.BACKGROUND,)),
    Wanted("power line"),
    Wanted("cable"),
    Wanted("trash can", places=(Place.ASIDE,)),
    Wanted("litter", places=(Place.ASIDE,)),
    Wanted("plastic bottle", places=(Place.ASIDE,)),
    Wanted("traffic sign", places=(Place.ASIDE,)),
    Wanted("traffic cone", places=(Place.ASIDE,)),
    Wanted("parked car", places=(Place.BACKGROUND,)),
)
"""What people usually want gone; nothing that may be the main subject."""


def _list(words: str) -> list[str]:
    return words.split()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WRAPPERS = re.compile(
    r"^(?:(?:please|pls|kindly|hey|hi|ok|now|just)\b[\s,]*|(?:could|can|would|will) you\b\s*"
    r"|i (?:want|need)\b\s*(?:you )?(?:to\b)?\s*|i(?:'d| would) like\b\s*(?:you )?(?:to\b)?\s*"
    r"|(?:remove|erase|delete|eliminate|find|select|mark|hide|suggest|get rid of|take (?:away|out|off)"
    r"|wipe (?:away|out)|clean up|cut out|paint out|edit out)(?:\s+|$))+",
    re.IGNORECASE,
)
_PICTURE = r"(?:the|this|my|our) (?:photo|photograph|picture|pic|image|frame|shot|scene)"
_THANKS = re.compile(rf"(?:[\s,]+(?:please|thanks|thank you|from {_PICTURE}|in {_PICTURE}))+$", re.IGNORECASE)
_AND = re.compile(r"\s*(?:[,;&+]|\b(?:and|or|plus)\b)\s*", re.IGNORECASE)
_COLOURS = _set("black white red green blue yellow orange brown grey gray pink purple gold silver")

_WHERE = {
    Place.LEFT: "leftmost|left",
    Place.RIGHT: "rightmost|right",
    Place.TOP: "topmost|top|upper",
    Place.BOTTOM: "bottommost|bottom|lower",
    Place.MIDDLE: "middle|center|centre",
    Place.BACKGROUND: "background|distance|back",
    Place.FRONT: "foreground|front",
}
_SUPERLATIVES = {
    Place.BIGGEST: "biggest|largest|tallest",
    Place.SMALLEST: "smallest|tiniest|littlest",
    Place.FRONT: "nearest|closest",
    Place.BACKGROUND: "farthest|furthest|background|distant",
}
_SPOT = "(?:{})".format("|".join(_WHERE.values()))
_SPOTS = rf"(?:{_SPOT}(?:[\s-]+{_SPOT})?)"
_TAIL = re.compile(
    r"\s+(?:(?:who|that|which) (?:is|are) )?(?:behind|(?:(?:over )?(?:on|at|in|to|toward|towards|from) )"
    rf"(?:the |its |your |my )?(?:very |far |extreme )?(?P<where>{_SPOTS})(?:[\s-]hand)?"
    rf"(?: (?:side|half|part|corner|edge|end|third))?(?: (?:of|in) {_PICTURE})?)$",
    re.IGNORECASE,
)
_ADJECTIVE = "|".join(("leftmost|rightmost|topmost|bottommost", *_SUPERLATIVES.values()))
_CORNER = r"(?:(?:top|upper|bottom|lower)[\s-]+)?(?:left|right)(?:[\s-]?most)?"
_HEAD = re.compile(rf"^(?P<where>{_ADJECTIVE}|{_CORNER})\s+(?P<rest>\S.*)$", re.IGNORECASE)

_ONE = _set("the a an this that my our your his her its their one single")
_ALL = _set("all every any each some these those several few many of only")
_NUMBERS = dict(zip(_list("two three four five six seven eight nine ten both"), (*range(2, 11), 2), strict=True))
_DIGITS = re.compile(r"[1-9]\d?$", re.ASCII)
_VAGUE = _set(
    "it its him them they this that these those here there what which one ones all both some any none rest other others"
    " thing things stuff something anything everything nothing object objects item items"
    " background foreground left right top bottom middle"
)
_IRREGULAR = dict(
    pair.split(":")
    for pair in _list(
        "people:person persons:person humans:person everyone:person everybody:person someone:person somebody:person"
        " men:man women:woman children:child fishermen:fisherman policemen:policeman passersby:passerby feet:foot"
        " teeth:tooth geese:goose mice:mouse leaves:leaf knives:knife shelves:shelf buses:bus movies:movie"
    )
)
_PAIRS = _set("glasses sunglasses scissors trousers pants jeans shorts binoculars headphones stairs clothes series")
_PLURAL = re.compile(r"[a-z]*(?:[^aius\W]|[a-z]{3}a)s$")
"""Neither glass nor bus nor tennis, and no short word as in other languages."""


def parsed(text: str) -> tuple[Wanted, ...]:
    """What a phrase looks for, in the order of its words.

    Raises:
        InputError: it says nothing, too little or too much.
    """
    phrase = _cleaned(text)
    if phrase.casefold() == SUGGEST:
        return SUGGESTED
    parts = _parts(phrase)
    if len(parts) > MOST_NAMES:
        raise InputError(f"{len(parts)} things are too many at once.", hint=f"Name at most {MOST_NAMES}.")
    _, places = _without_tail(parts[-1])  # "dogs and cats on the left": both are there
    return tuple(_wanted(part, places) for part in parts)


def _cleaned(text: str) -> str:
    if len(text) > LONGEST:
        raise InputError(f"The phrase has more than {LONGEST} characters.", hint=f"Say it shorter. {_EXAMPLES}")
    printable = "".join(" " if unicodedata.category(letter) in {"Cc", "Cs"} else letter for letter in text)
    phrase = " ".join(printable.split())
    if not any(letter.isalnum() for letter in phrase):
        raise InputError("The phrase says nothing.", hint=f"Say what should go. {_EXAMPLES}")
    while (plain := _trimmed(_THANKS.sub("", _WRAPPERS.sub("", phrase)))) != phrase:
        phrase = plain
    return phrase


def _trimmed(phrase: str) -> str:
    """Without the punctuation around it."""
    kept = [number for number, letter in enumerate(phrase) if unicodedata.category(letter)[0] in "LMNS"]
    return phrase[kept[0] : kept[-1] + 1] if kept else ""


def _parts(phrase: str) -> list[str]:
    parts: list[str] = []
    colour = ""
    for part in filter(None, map(_trimmed, _AND.split(phrase))):
        whole = f"{colour} and {part}" if colour else part
        # "A black and white cat" is one thing.
        colour = whole if part.split()[-1].casefold() in _COLOURS else ""
        if not colour:
            parts.append(whole)
    return [*parts, colour] if colour or not parts else parts


def _wanted(part: str, elsewhere: tuple[Place, ...]) -> Wanted:
    """The places `elsewhere` hold unless this part names its own."""
    rest, places = _without_tail(part)
    words, counts = rest.split(), list[int | None]()
    while words:
        word = words[0].casefold()
        head = _HEAD.match(" ".join(words))
        if word in _ONE or word in _ALL or word in _NUMBERS or (_DIGITS.match(word) and len(words) > 1):
            counts.append(_count(word))
            words = words[1:]
        elif head:
            places = (*places, *_places(head["where"]))
            words = head["rest"].split()
        else:
            break
    name, plural = _singular(words)
    if not words or words[-1].casefold() in _VAGUE:
        raise InputError("It is not clear what should go.", hint=f"Name it. {_EXAMPLES}")
    places = places or elsewhere
    return Wanted(name, _counted(counts, plural=plural, placed=bool(places)), tuple(dict.fromkeys(places)))


def _without_tail(part: str) -> tuple[str, tuple[Place, ...]]:
    tail = _TAIL.search(f" {part}")
    if not tail:
        return part, ()
    return part[: max(0, tail.start() - 1)], _places(tail["where"]) if tail["where"] else (Place.BACKGROUND,)


def _places(words: str) -> tuple[Place, ...]:
    tables = (*_WHERE.items(), *_SUPERLATIVES.items())
    return tuple(place for place, names in tables if re.search(rf"\b(?:{names})", words, re.IGNORECASE))


def _count(word: str) -> int | None:
    if word in _ALL:
        return None
    return 1 if word in _ONE else _NUMBERS.get(word) or int(word)


def _counted(counts: Sequence[int | None], *, plural: bool, placed: bool) -> int | None:
    """How many are meant: "the three dogs" are three, "the dogs" and "all the dog" all, "dog on the left" one."""
    numbers = [count for count in counts if count is not None and count > 1]
    if numbers:
        return numbers[0]
    if plural or None in counts:
        return None
    return 1 if counts or placed else None


def _singular(words: Sequence[str]) -> tuple[str, bool]:
    """The name in the singular, and whether it was in the plural."""
    if not words:
        return "", False
    *before, last = words
    lower = last.casefold()
    if lower in _PAIRS:
        return " ".join(words), True
    one = _IRREGULAR.get(lower) or _ruled(lower) if lower.isascii() else None
    if one is None or (before and lower in {"everyone", "everybody", "someone", "somebody"}):
        return " ".join(words), False
    single = one if lower in _IRREGULAR else last[: len(one)] if lower.startswith(one) else one
    return " ".join((*before, single)), lower not in {"someone", "somebody"}


def _ruled(plural: str) -> str | None:
    if len(plural) < 4 or not _PLURAL.match(plural):
        return None
    if plural.endswith("ies") and len(plural) > 4:
        return f"{plural[:-3]}y"
    return plural[:-2] if plural.endswith(("ches", "shes", "xes", "sses")) else plural[:-1]
