"""Visits: ids, expiry, the bound on memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import numpy as np
import pytest

from rorem_demo.errors import InputError
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Box
from rorem_demo.removers.base import Removal, ResolvedOptions
from rorem_demo.segmenters.base import Candidate
from rorem_demo.visits import OpenedMask, OpenedPhoto, Result, Visits

KILOBYTE = 1000


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def photo_of(kilobytes: int = 1) -> Photo:
    return Photo(np.zeros((10 * kilobytes, 10, 3), np.uint8), "PNG", None, "lake", ())


def opened(kilobytes: int = 3) -> OpenedPhoto:
    """An item of 0.3 kB per unit, so that 10 of them are 3 kB."""
    return OpenedPhoto(photo_of(kilobytes))


UNIT = opened(1).size_bytes


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visits(clock: Clock) -> Visits:
    return Visits(capacity_bytes=10 * UNIT, expiry_seconds=60, clock=clock)


def is_kept(visits: Visits, key: str) -> bool:
    return visits.visit_of(key) is not None


def test_what_is_kept_is_given_back_itself(visits: Visits) -> None:
    item = opened()
    key, _ = visits.keep(item)
    assert visits.get(key, OpenedPhoto) is item


def test_ids_are_long_and_differ(visits: Visits) -> None:
    keys = {visits.keep(opened(1))[0] for _ in range(100)}
    assert len(keys) == 100
    assert min(map(len, keys)) >= 22  # 128 bits in base 64


def test_an_unused_item_expires(visits: Visits, clock: Clock) -> None:
    key, _ = visits.keep(opened())
    clock.now = 61
    with pytest.raises(InputError, match="no longer"):
        visits.get(key, OpenedPhoto)
    assert visits.size_bytes == 0


def test_use_puts_expiry_off(visits: Visits, clock: Clock) -> None:
    key, _ = visits.keep(opened())
    for moment in (50, 100, 150):
        clock.now = moment
        visits.get(key, OpenedPhoto)


def test_an_expired_item_has_no_visit(visits: Visits, clock: Clock) -> None:
    key, _ = visits.keep(opened())
    clock.now = 61
    assert visits.visit_of(key) is None


def test_keeping_more_expires_what_is_old(visits: Visits, clock: Clock) -> None:
    old, _ = visits.keep(opened())
    clock.now = 61
    visits.keep(opened(2))
    assert not is_kept(visits, old)
    assert visits.size_bytes == 2 * UNIT


def test_a_known_visit_is_continued_and_an_unknown_one_is_not(visits: Visits) -> None:
    _, visit = visits.keep(opened())
    assert visits.keep(opened(), visit)[1] == visit
    assert visits.keep(opened(), "made up")[1] not in {visit, "made up"}


def test_the_greediest_visit_loses_its_oldest(visits: Visits) -> None:
    modest, _ = visits.keep(opened(3))
    first, greedy = visits.keep(opened(3))
    second, _ = visits.keep(opened(4), greedy)
    newcomer, _ = visits.keep(opened(1))
    assert [is_kept(visits, key) for key in (modest, first, second, newcomer)] == [True, False, True, True]


def test_within_the_greediest_visit_use_protects(visits: Visits) -> None:
    first, visit = visits.keep(opened(4))
    second, _ = visits.keep(opened(4), visit)
    visits.get(first, OpenedPhoto)
    visits.keep(opened(4), visit)
    assert [is_kept(visits, key) for key in (first, second)] == [True, False]


def test_an_item_larger_than_the_bound_is_kept_alone(visits: Visits) -> None:
    small, _ = visits.keep(opened(1))
    huge, _ = visits.keep(opened(20))
    assert [is_kept(visits, key) for key in (small, huge)] == [False, True]


@pytest.mark.parametrize("key", ["", "made up", "../etc/passwd", "A" * 10_000])
def test_foreign_ids_are_refused(visits: Visits, key: str) -> None:
    visits.keep(opened())
    with pytest.raises(InputError):
        visits.get(key, OpenedPhoto)


def test_an_id_of_another_kind_is_refused(visits: Visits) -> None:
    photo, visit = visits.keep(opened())
    mask, _ = visits.keep(OpenedMask.of(np.ones((5, 3), np.bool_), photo), visit)
    with pytest.raises(InputError):
        visits.get(mask, OpenedPhoto)
    with pytest.raises(InputError):
        visits.get(photo, OpenedMask)
    with pytest.raises(InputError):
        visits.get(photo, Result)


def test_a_mask_is_packed_and_comes_back_equal(visits: Visits) -> None:
    mask = np.random.default_rng(0).random((13, 7)) < 0.5
    item = OpenedMask.of(mask, "photo")
    assert np.array_equal(item.mask, mask)
    assert item.size_bytes == len(item.data)


def test_a_mask_of_twelve_megapixels_takes_kilobytes() -> None:
    mask = np.zeros((3000, 4000), np.bool_)
    mask[1000:2000, 1500:2500] = True
    assert OpenedMask.of(mask, "photo").size_bytes < 20_000


def test_a_proposed_mask_is_a_candidate_again() -> None:
    mask, hint = np.eye(9, dtype=np.bool_), np.ones((4, 4), np.float16)
    item = OpenedMask.proposed(Candidate(mask, 0.7, "dog", hint), "photo")
    assert np.array_equal(item.candidate.mask, mask)
    assert (item.candidate.score, item.candidate.hint is hint) == (0.7, True)
    assert item.size_bytes == len(item.data) + hint.nbytes


def test_what_belongs_to_an_item_is_found_by_its_id_and_a_name(visits: Visits) -> None:
    photo, visit = visits.keep(OpenedPhoto(photo_of(1)))
    assert f"{photo}/encoding" not in visits
    key, same = visits.keep(OpenedMask.of(np.eye(3, dtype=np.bool_), photo), visit, f"{photo}/encoding")
    assert (key, same) == (f"{photo}/encoding", visit)
    assert key in visits


def test_a_result_is_a_photo(visits: Visits) -> None:
    result = result_of(photo_of(1))
    key, _ = visits.keep(result)
    assert visits.get(key, OpenedPhoto) is result
    assert visits.get(key, Result) is result
    assert visits.size_bytes == UNIT + result.removal.mask.nbytes


def result_of(photo: Photo) -> Result:
    mask = np.ones(photo.image.shape[:2], np.bool_)
    removal = Removal(
        image=photo.image,
        mask=mask,
        box=Box(0, 0, 10, 10),
        remover="fake",
        options=ResolvedOptions(),
        seconds=0.1,
        changed_outside=0,
    )
    return Result(photo, removal=removal, source="source")


def test_many_threads_stay_within_the_bound_and_lose_nothing_of_their_own() -> None:
    threads, items = 8, 50
    visits = Visits(capacity_bytes=threads * UNIT, expiry_seconds=60, clock=ticking().__next__)
    barrier = Barrier(threads)

    def one_visitor() -> None:
        barrier.wait()
        visit = None
        for _ in range(items):
            item = opened(1)
            key, visit = visits.keep(item, visit)
            assert visits.visit_of(key) in {visit, None}
            assert visits.size_bytes <= threads * UNIT

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(one_visitor) for _ in range(threads)]:
            future.result()


def ticking() -> Iterator[float]:
    return map(float, count(step=0))
