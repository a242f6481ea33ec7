"""erase(): what it leaves alone, what it replaces, and how it fails."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.io import decode_photo
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Box, Image, Mask, Size, size_of
from rorem_demo.removers.base import (
    Cost,
    Progress,
    Removal,
    RemovalOptions,
    Remover,
    RemoverSpec,
    ResolvedOptions,
    Step,
)
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.removers.erase import DETAILED, LESS_SEEN, count_changed, erase, estimate, estimates, finish
from rorem_demo.runtime.devices import Machine

SPEC = RemoverSpec(
    key="fake",
    title="Fake",
    summary="",
    loader="",
    licence="",
    source="",
    cost=Cost(memory_gb=0, fixed_seconds=0),
)
COLOUR = (255, 0, 254)


class Painter:
    """Fills the whole window with one colour."""

    def __init__(self) -> None:
        self.sizes: list[Size] = []
        self.closed = 0

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        self.sizes.append(size_of(image))
        assert size_of(mask) == size_of(image)
        try:
            yield Step(0.5)
            yield Step(1.0, np.full_like(image, COLOUR))
        finally:
            self.closed += 1


class Doing:
    """Does what it is told."""

    def __init__(self, steps: Callable[[Image], Iterator[Step]]) -> None:
        self.steps = steps

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        return self.steps(image)


def raising(error: Exception) -> Remover:
    def steps(image: Image) -> Iterator[Step]:
        yield Step(0.1)
        raise error

    return Doing(steps)


def answering(answer: Callable[[Image], Image | None]) -> Remover:
    return Doing(lambda image: iter([Step(1.0, answer(image))]))


def noise(width: int, height: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8)


def dot(width: int, height: int, x: int, y: int) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    mask[y, x] = True
    return mask


def run(
    image: Image, mask: Mask, remover: Remover | None = None, spec: RemoverSpec = SPEC, **options: float
) -> Removal:
    return finish(erase(spec, remover or Painter(), image, mask, RemovalOptions(**options)))  # type: ignore[arg-type]


def distances(mask: Mask) -> npt.NDArray[np.float64]:
    """To the nearest marked pixel, the slow and obvious way."""
    here = np.indices(mask.shape)[:, :, :, None]
    marked = np.argwhere(mask).T[:, None, None, :]
    return np.asarray(np.sqrt(np.square(here - marked).sum(axis=0)).min(axis=-1))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Image, Mask]:
    width, height = draw(st.integers(2, 48)), draw(st.integers(2, 48))
    places = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    mask = np.zeros((height, width), np.bool_)
    for place in draw(st.lists(places, min_size=1, max_size=6)):
        mask[place] = True
    return noise(width, height, draw(st.integers(0, 99))), mask


@settings(max_examples=60, deadline=None)
@given(scenes(), st.integers(0, 12), st.integers(0, 12), st.sampled_from([0.0, 0.3, 2.0]))
def test_only_the_grown_mask_changes_and_the_mask_changes_fully(
    scene: tuple[Image, Mask], grow: int, feather: int, context: float
) -> None:
    image, mask = scene
    before = image.copy(), mask.copy()
    grown = distances(mask) <= grow
    if grown.all():
        with pytest.raises(InputError):
            run(image, mask, grow=grow, feather=feather, context=context)
        return
    removal = run(image, mask, grow=grow, feather=feather, context=context)
    assert np.array_equal(removal.mask, grown)
    assert np.array_equal(removal.image[~grown], image[~grown])
    assert (removal.image[mask] == COLOUR).all()
    assert removal.changed_outside == 0
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])
    assert removal.image is not image
    assert not np.shares_memory(removal.image, image)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10), st.integers(0, 10))
def test_the_soft_edge_lies_in_the_ring_only(grow: int, feather: int) -> None:
    mask = dot(60, 60, 30, 30)
    removal = run(np.zeros((60, 60, 3), np.uint8), mask, grow=grow, feather=feather)
    red = removal.image[..., 0]
    soft = (red > 0) & (red < 255)
    distance = distances(mask)
    assert (distance[soft] > grow - min(grow, feather)).all()
    assert (distance[soft] <= grow).all()
    assert soft.any() == (min(grow, feather) > 0)


def test_the_soft_edge_falls_outwards() -> None:
    removal = run(np.zeros((9, 80, 3), np.uint8), dot(80, 9, 40, 4), grow=10, feather=6)
    levels = removal.image[4, 40:60, 0].astype(int)
    assert (np.diff(levels) <= 0).all()
    assert len(set(levels)) > 5


def test_without_growing_the_edge_is_hard() -> None:
    image, mask = noise(40, 30), dot(40, 30, 20, 15)
    removal = run(image, mask, grow=0, feather=10)
    assert np.array_equal(removal.mask, mask)
    assert count_changed(image, removal.image, np.ones_like(mask)) == 1


@pytest.mark.parametrize(("x", "y"), [(0, 0), (39, 0), (0, 29), (39, 29)])
def test_a_mask_in_a_corner_is_removed(x: int, y: int) -> None:
    removal = run(noise(40, 30), dot(40, 30, x, y))
    assert tuple(removal.image[y, x]) == COLOUR


def test_the_removal_says_what_was_done() -> None:
    removal = run(noise(400, 300), dot(400, 300, 200, 150), grow=5, context=0.0, seed=9)
    assert removal.box == (200 - 37, 150 - 37, 201 + 37, 151 + 37)
    assert removal.remover == "fake"
    assert removal.options == replace(SPEC.defaults, grow=5, context=0.0, seed=9)
    assert removal.seconds > 0


def test_a_removal_survives_pickling() -> None:
    removal = run(noise(40, 30), dot(40, 30, 20, 15))
    again = pickle.loads(pickle.dumps(removal))
    assert np.array_equal(again.image, removal.image)
    assert np.array_equal(again.mask, removal.mask)
    assert replace(again, image=removal.image, mask=removal.mask) == removal


def test_progress_comes_first_and_the_removal_last() -> None:
    *progress, last = erase(SPEC, Painter(), noise(40, 30), dot(40, 30, 20, 15), RemovalOptions())
    assert [update.fraction for update in progress if isinstance(update, Progress)] == [0.5, 1.0]
    assert isinstance(last, Removal)


def test_previews_have_the_size_of_the_window() -> None:
    def steps(image: Image) -> Iterator[Step]:
        yield Step(0.3, np.zeros_like(image))
        yield Step(1.0, np.full_like(image, COLOUR))

    spec = replace(SPEC, size=SizeRule(multiple_of=8, minimum=200))
    updates = list(erase(spec, Doing(steps), noise(90, 70), dot(90, 70, 20, 15), RemovalOptions()))
    previews = [update for update in updates if isinstance(update, Progress) and update.preview is not None]
    assert len(previews) == 2
    assert all(size_of(update.preview) == update.box.size for update in previews if update.preview is not None)


def test_closing_cancels_the_remover() -> None:
    painter = Painter()
    updates = erase(SPEC, painter, noise(40, 30), dot(40, 30, 20, 15), RemovalOptions())
    next(updates)
    updates.close()  # type: ignore[attr-defined]
    assert painter.closed == 1


@pytest.mark.parametrize(
    ("rule", "photo", "expected"),
    [
        (SizeRule(), Size(90, 70), Size(90, 70)),
        (SizeRule(multiple_of=64), Size(90, 70), Size(128, 128)),
        (SizeRule(minimum=140), Size(90, 70), Size(180, 140)),
        (SizeRule(longest=45), Size(90, 70), Size(45, 35)),
        (SizeRule(multiple_of=8, longest=45), Size(90, 70), Size(48, 40)),
    ],
)
def test_a_model_gets_the_size_it_asks_for_and_the_photo_keeps_its_own(
    rule: SizeRule, photo: Size, expected: Size
) -> None:
    painter, image, mask = Painter(), noise(*photo), dot(*photo, 45, 35)
    removal = run(image, mask, painter, replace(SPEC, size=rule), context=10.0, grow=50)
    assert painter.sizes == [expected]
    assert removal.image.shape == image.shape
    assert tuple(removal.image[35, 45]) == COLOUR


def test_a_model_that_takes_squares_sees_one_without_padding() -> None:
    seen: list[Image] = []

    def steps(image: Image) -> Iterator[Step]:
        seen.append(image)
        yield Step(1.0, np.full_like(image, COLOUR))

    image, mask = noise(120, 90), dot(120, 90, 60, 45) | dot(120, 90, 60, 64)
    spec = replace(SPEC, size=SizeRule(multiple_of=10, minimum=90, longest=90))
    removal = finish(erase(spec, Doing(steps), image, mask, RemovalOptions(grow=0, context=5.0)))
    assert removal.box.size == Size(101, 90)  # half of what was asked for needs more than a square
    removal = finish(erase(spec, Doing(steps), image, mask, RemovalOptions(grow=0, context=3.0)))
    assert removal.box == Box(15, 0, 105, 90)
    assert np.array_equal(seen[-1], image[:, 15:105])


def test_a_single_pixel_reaches_a_model_that_sees_the_photo_far_smaller() -> None:
    marked: list[int] = []

    class Counting:
        def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
            marked.append(int(mask.sum()))
            yield Step(1.0, image)

    mask = dot(3000, 64, 1, 1) | dot(3000, 64, 2998, 62)
    run(noise(3000, 64), mask, Counting(), replace(SPEC, size=SizeRule(longest=64)), grow=0)
    assert marked[0] >= 2


def test_a_mask_over_everything_is_refused() -> None:
    with pytest.raises(InputError, match="everything"):
        run(noise(40, 30), np.ones((30, 40), np.bool_))


def test_a_mask_that_grows_over_everything_is_refused() -> None:
    with pytest.raises(InputError, match="everything"):
        run(noise(10, 10), dot(10, 10, 5, 5), grow=20)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (noise(4, 4), np.zeros((4, 4), np.bool_)),
        (noise(4, 4), np.ones((4, 5), np.bool_)),
        (noise(4, 4), np.ones((4, 4), np.uint8)),
        (noise(4, 4)[..., 0], np.ones((4, 4), np.bool_)),
        (noise(4, 4).astype(np.float32), np.ones((4, 4), np.bool_)),
    ],
)
def test_what_is_no_image_or_no_mask_is_refused(image: Image, mask: Mask) -> None:
    with pytest.raises(InputError):
        run(image, mask)


@pytest.mark.parametrize(
    ("remover", "sentence"),
    [
        (answering(lambda image: image[::2, ::2]), "returned"),
        (answering(lambda image: image.astype(np.float32)), "float32"),
        (answering(lambda image: None), "no picture"),
        (Doing(lambda image: iter([])), "no picture"),
        (Doing(lambda image: iter([Step(0.5, image), Step(1.0)])), "no picture"),
        (raising(ValueError("shape")), "Fake failed"),
        (raising(MemoryError()), "out of memory"),
        (raising(UnavailableError("Its own words.")), "Its own words"),
    ],
)
def test_a_remover_that_fails_is_one_sentence(remover: Remover, sentence: str) -> None:
    with pytest.raises(UnavailableError, match=sentence):
        run(noise(40, 30), dot(40, 30, 20, 15), remover)


def fitting(most: int) -> Remover:
    """Runs out of memory on more pixels than these, once it has begun."""

    def fill(image: Image) -> Iterator[Step]:
        yield Step(0.1)
        if image.shape[0] * image.shape[1] > most:
            raise MemoryError
        yield Step(1.0, np.full_like(image, 9))

    return Doing(fill)


def test_where_memory_does_not_suffice_less_of_the_surroundings_is_seen_and_told() -> None:
    image, mask = noise(600, 400), np.zeros((400, 600), np.bool_)
    mask[150:250, 200:350] = True
    whole, less = run(image, mask, fitting(10**6)), run(image, mask, fitting(100_000))
    assert whole.notes == ()
    assert less.notes == (LESS_SEEN,)
    assert less.box.size.area <= 100_000 < whole.box.size.area
    assert (less.image[mask] == 9).all()
    assert less.changed_outside == 0


def gravel(width: int, height: int) -> Image:
    """Grains of all sizes."""
    drawn = np.random.default_rng(4).normal(0, 1, (height, width)).astype(np.float32)
    grains = np.sum([cv2.GaussianBlur(drawn, (0, 0), sigma) * sigma for sigma in (0.7, 1.5, 3.0, 6.0)], axis=0)
    return np.repeat(np.clip(120 + 22 * grains, 0, 255)[..., None], 3, axis=2).astype(np.uint8)


def knowing(truth: Image) -> Remover:
    """Gives a blank preview and at last the truth, at whatever size it is asked for."""

    def fill(image: Image) -> Iterator[Step]:
        yield Step(0.5, np.zeros_like(image))
        yield Step(1.0, cv2.resize(truth, size_of(image), interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]

    return Doing(fill)


def wide(width: int, height: int) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    mask[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = True
    return mask


def removed(truth: Image, longest: int | None) -> tuple[list[Progress], Removal]:
    mask = wide(*size_of(truth))
    spec = replace(SPEC, size=SizeRule(longest=longest))
    asked = np.where(mask[..., None], np.uint8(9), truth)
    *progress, last = erase(spec, knowing(truth), asked, mask, RemovalOptions(grow=4, feather=2, context=9.0))
    assert isinstance(last, Removal)
    return [update for update in progress if isinstance(update, Progress)], last


def detail_of(image: Image, where: Mask) -> float:
    levels = image[..., 0].astype(np.float32)
    return float(np.square(levels - cv2.GaussianBlur(levels, (0, 0), 1.5))[where].mean())


def test_a_wide_hole_gets_its_fine_detail_back_and_the_removal_says_so() -> None:
    truth = gravel(480, 360)
    progress, last = removed(truth, 160)
    assert last.notes == (DETAILED.format(160),)
    assert last.changed_outside == 0
    assert np.array_equal(last.image[~last.mask], truth[~last.mask])
    where, plain = wide(480, 360), progress[-1].preview
    assert plain is not None
    assert detail_of(plain, where) < 0.3 * detail_of(truth, where)
    assert 0.5 * detail_of(truth, where) < detail_of(last.image, where) < 1.3 * detail_of(truth, where)


def test_previews_are_the_plain_answer() -> None:
    progress, _ = removed(gravel(480, 360), 160)
    blank, plain = (update.preview for update in progress)
    assert blank is not None
    assert plain is not None
    assert not blank.any()
    fit = SizeRule(longest=160).fit(Size(480, 360))
    assert np.array_equal(plain, fit.undo(fit.image(gravel(480, 360))))


@pytest.mark.parametrize("longest", [None, 480, 400])
def test_where_a_model_works_at_about_the_photos_size_its_answer_stays_as_it_is(longest: int | None) -> None:
    progress, last = removed(gravel(480, 360), longest)
    where = wide(480, 360)
    assert last.notes == ()
    assert progress[-1].preview is not None
    assert np.array_equal(last.image[where], progress[-1].preview[where])


def test_nothing_is_told_where_no_place_is_like_the_answer() -> None:
    image, mask = gravel(480, 360), wide(480, 360)
    removal = run(image, mask, Painter(), replace(SPEC, size=SizeRule(longest=160)), context=9.0)
    assert removal.notes == ()
    assert (removal.image[mask] == COLOUR).all()


def test_where_memory_does_not_suffice_for_detail_the_answer_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Image:
        raise MemoryError

    monkeypatch.setattr("rorem_demo.removers.erase.detailed", full)
    progress, last = removed(gravel(480, 360), 160)
    assert last.notes == ()
    assert progress[-1].preview is not None
    assert np.array_equal(last.image[wide(480, 360)], progress[-1].preview[wide(480, 360)])


def test_a_real_photo_gets_its_fine_detail_back(photos: Path) -> None:
    truth = decode_photo((photos / "kodak24" / "13.png").read_bytes(), max_pixels=10**6).image
    progress, last = removed(truth, 192)
    where, plain = wide(*size_of(truth)), progress[-1].preview
    assert plain is not None
    assert last.notes == (DETAILED.format(192),)
    assert detail_of(last.image, where) > 3 * detail_of(plain, where)


def test_where_no_window_is_small_enough_it_fails_in_a_sentence() -> None:
    image, mask = noise(600, 400), np.zeros((400, 600), np.bool_)
    mask[150:250, 200:350] = True
    with pytest.raises(UnavailableError, match="ran out of memory") as caught:
        run(image, mask, fitting(100))
    assert isinstance(caught.value.__cause__, MemoryError)


@pytest.mark.parametrize("gpu", [True, False])
@given(st.integers(1, 400), st.integers(1, 300), st.integers(1, 100))
def test_estimates_for_many_are_those_for_each(gpu: bool, x: int, y: int, steps: int) -> None:  # noqa: FBT001
    mask = np.zeros((300, 400), np.bool_)
    mask[:y, :x] = True
    machine, options = Machine(gpu=gpu, cores=2), RemovalOptions(steps=steps)
    each = {spec.key: estimate(spec, machine, mask, options) for spec in REMOVERS}
    assert estimates(REMOVERS, machine, mask, options) == each
    assert all(seconds > 0 for seconds in each.values())


def test_estimates_look_at_the_mask_once_for_rows_that_see_equally_far(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, around = [], Window.around

    def counted(mask: Mask, **how: Any) -> Window:
        looks.append(how)
        return around(mask, **how)

    monkeypatch.setattr(Window, "around", counted)
    specs = [replace(SPEC, key=str(number), cost=Cost(memory_gb=0, fixed_seconds=number)) for number in range(9)]
    seconds = estimates(specs, Machine(gpu=False, cores=2), dot(40, 30, 20, 15), RemovalOptions())
    assert seconds == {str(number): number for number in range(9)}
    assert len(looks) == 1


def test_the_cause_of_a_failure_is_kept_for_the_log() -> None:
    error = ValueError("shape")
    with pytest.raises(UnavailableError) as caught:
        run(noise(40, 30), dot(40, 30, 20, 15), raising(error))
    assert caught.value.__cause__ is error


def test_finishing_what_ended_early_is_refused() -> None:
    box = run(noise(40, 30), dot(40, 30, 20, 15)).box
    with pytest.raises(UnavailableError, match="before it was finished"):
        finish(iter([Progress(0.5, box)]))


def test_count_changed_counts_pixels_not_levels() -> None:
    before = np.zeros((4, 5, 3), np.uint8)
    after = before.copy()
    after[0, 0] = (1, 2, 3)
    after[1, 1, 2] = 1
    where = np.ones((4, 5), np.bool_)
    assert count_changed(before, after, where) == 2
    where[0, 0] = False
    assert count_changed(before, after, where) == 1


def test_a_small_hole_in_12_megapixels_costs_little_besides_the_remover() -> None:
    image, mask = np.zeros((3000, 4000, 3), np.uint8), np.zeros((3000, 4000), np.bool_)
    mask[1400:1600, 1900:2100] = True

    def seconds() -> float:
        start = perf_counter()
        run(image, mask)
        return perf_counter() - start

    assert any(seconds() < 0.5 for _ in range(10))  # a shared machine may be busy, but not ten times
