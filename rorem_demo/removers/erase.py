"""erase(): check, grow, cut, fit, run, paste back, time. The one way to run a remover.

Only a window around the mask is touched, at the photo's own resolution, so a large photo costs no more than
its hole. Where memory does not suffice, less of the surroundings is looked at, and the Removal says so. One distance
map of what changes gives both the grown mask and the soft edge. Where a model works at a much smaller size than the
photo's, its last answer gets fine detail from elsewhere in the photo, and the Removal says so. Written as a generator,
because that is the only form in which a ZeroGPU worker can report: progress first, the Removal last; closing
it cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from time import perf_counter
from typing import NamedTuple

import numpy as np

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.detail import detailed
from rorem_demo.imaging.masks import distance_to, soft_edge
from rorem_demo.imaging.sizes import Fit
from rorem_demo.imaging.types import Box, Image, Mask, Size, as_image, as_mask, size_of
from rorem_demo.removers.base import Progress, Removal, RemovalOptions, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.guard import guarded, machine_told

LESS_SEEN = "Memory did not suffice for all of the surroundings, so the method saw less of them."
DETAILED = "The method works at {} pixels; fine detail inside was taken from elsewhere in the photo."
LEAST_CONTEXT = 32
"""Pixels around a grown mask that a remover sees at least, however small the mask."""
_SHARP = 0.8
"""Share of the photo's resolution from which on an enlarged answer needs no detail."""


class _Answer(NamedTuple):
    """A step of a remover, and how its picture was brought to the model's size."""

    window: Window
    fit: Fit
    step: Step
    """Its picture, if any, at the model's size."""
    patch: Image | None
    """The same at the window's."""


def erase(
    spec: RemoverSpec, remover: Remover, image: Image, mask: Mask, options: RemovalOptions
) -> Iterator[Progress | Removal]:
    """Remove what `mask` marks, yielding Progress and at last one Removal.

    Every pixel outside the grown mask stays exactly as it was; `image` and `mask` are never changed.

    Raises:
        InputError: a bad image, an empty mask, or one that leaves nothing to fill the hole from.
        UnavailableError: the remover failed, ran out of memory, or gave something that is no image.
    """
    start = perf_counter()
    as_mask(mask, as_image(image))
    resolved = spec.defaults.overridden(options)
    changing = Window.around(mask, grow=resolved.grow, context=0, least=0)
    distance = distance_to(changing.cut_mask(mask))
    grown = np.zeros_like(mask)
    grown[changing.box.slices] = distance <= resolved.grow
    first, *smaller = _windows(spec, mask, grown, resolved)
    answer: _Answer | None = None
    for answer in _filled(spec, remover, (image, grown), [first, *smaller], resolved):
        yield Progress(answer.step.fraction, answer.window.box, answer.patch)
    if answer is None or answer.patch is None:  # a preview is no result: the last step must carry it
        raise UnavailableError(f"{spec.title} gave no picture.", hint="Try another method.")
    window, sharp = answer.window, _sharp(spec, answer, (image, grown))
    alpha = soft_edge(distance, resolved.grow, resolved.feather)
    patch = answer.patch if sharp is None else sharp
    result = changing.paste(_part(patch, window.box, changing.box), image, alpha)
    less_seen = () if window is first else (LESS_SEEN,)
    yield Removal(
        image=result,
        mask=grown,
        box=window.box,
        remover=spec.key,
        options=resolved,
        seconds=perf_counter() - start,
        changed_outside=count_changed(image, result, ~grown),
        notes=less_seen if sharp is None else (*less_seen, DETAILED.format(max(answer.fit.scaled))),
    )


def _windows(spec: RemoverSpec, mask: Mask, grown: Mask, options: ResolvedOptions) -> list[Window]:
    """The window to work on, and others that need less memory, which see less around the hole."""
    windows: list[Window] = []
    for share in (1.0, 0.5, 0.0):
        window = _window(mask, options.grow, share * options.context, spec.size.square)
        cheaper = not windows or _model_area(spec, window) < _model_area(spec, windows[-1])
        if cheaper and not window.cut_mask(grown).all():
            windows.append(window)
    if not windows:
        raise InputError("The selection covers everything around it.", hint="Leave some of the background unmarked.")
    return windows


def _window(mask: Mask, grow: int, context: float, square: bool) -> Window:  # noqa: FBT001  # as `cache` wants it
    return Window.around(mask, grow=grow, context=context, least=LEAST_CONTEXT, square=square)


def _model_area(spec: RemoverSpec, window: Window) -> int:
    return spec.size.fit(window.box.size).padded.area


def _filled(
    spec: RemoverSpec,
    remover: Remover,
    picture: tuple[Image, Mask],
    windows: Sequence[Window],
    options: ResolvedOptions,
) -> Iterator[_Answer]:
    """Answers on the first window that memory suffices for; starts again on the next."""
    image, grown = picture
    for left, window in zip(range(len(windows))[::-1], windows, strict=True):
        try:
            yield from _answers(spec, remover, (image, grown), window, options)
        except MemoryError as error:
            if not left:
                hint = "Mark a smaller area or choose another method."
                raise UnavailableError(f"{spec.title} ran out of memory.", hint=hint) from error
        else:
            return


def _part(patch: Image, window: Box, part: Box) -> Image:
    """The pixels of `part` in a patch that covers `window`; both boxes in photo pixels."""
    left, top = part.left - window.left, part.top - window.top
    return patch[top : top + part.size.height, left : left + part.size.width]


def estimate(spec: RemoverSpec, machine: Machine, mask: Mask, options: RemovalOptions) -> float:
    """About how many seconds `erase` takes on a machine like the one measured; the mask is not empty."""
    return estimates([spec], machine, mask, options)[spec.key]


def estimates(specs: Iterable[RemoverSpec], machine: Machine, mask: Mask, options: RemovalOptions) -> dict[str, float]:
    """The same for several removers, by key."""
    marked = np.count_nonzero(mask)

    @cache  # most rows look equally far around the mask, and finding it takes longer than all the rest
    def seen(grow: int, context: float, square: bool) -> Size:  # noqa: FBT001  # as `cache` wants it
        return _window(mask, grow, context, square).box.size

    def seconds(spec: RemoverSpec) -> float:
        resolved = spec.defaults.overridden(options)
        fit = spec.size.fit(seen(resolved.grow, resolved.context, spec.size.square))
        hole = marked * fit.scaled.area / fit.size.area
        return spec.cost_on(machine).seconds(fit.padded, round(hole), resolved.steps)

    return {spec.key: seconds(spec) for spec in specs}


def count_changed(before: Image, after: Image, where: Mask) -> int:
    """Pixels inside `where` that differ between two images of one size."""
    differs = before != after
    red, green, blue = differs[..., 0], differs[..., 1], differs[..., 2]
    return int(np.count_nonzero((red | green | blue) & where))  # ten times as fast as differs.any(axis=2)


def finish(updates: Iterator[Progress | Removal]) -> Removal:
    """Run `erase` to its end and give the Removal, for callers who show no progress."""
    *_, last = updates
    if not isinstance(last, Removal):
        raise UnavailableError("The removal ended before it was finished.", hint="Try again.")
    return last


def _answers(
    spec: RemoverSpec, remover: Remover, picture: tuple[Image, Mask], window: Window, options: ResolvedOptions
) -> Iterator[_Answer]:
    """The remover's steps on a window, whatever size its model works at; may raise MemoryError."""
    image, hole = window.cut_image(picture[0]), window.cut_mask(picture[1])
    fit = spec.size.fit(size_of(image))
    model_image, model_hole = fit.image(image), fit.mask(hole)
    with guarded(spec.title, hint="Try another method."):
        for step in remover.fill(model_image, model_hole, options):
            patch = None if step.image is None else fit.undo(_checked(spec, step.image, model_image))
            yield _Answer(window, fit, step, patch)


def _sharp(spec: RemoverSpec, last: _Answer, picture: tuple[Image, Mask]) -> Image | None:
    """The last answer at the window's size with fine detail; None if it needs none or there is none to be had."""
    (image, grown), fit = picture, last.fit
    if last.step.image is None or max(fit.scaled) >= _SHARP * max(fit.size):
        return None
    window, rows, columns = last.window.cut_image(image), slice(fit.scaled.height), slice(fit.scaled.width)
    answer = last.step.image[rows, columns]
    try:
        with machine_told(spec.title):
            return detailed(window, last.window.cut_mask(grown), fit.image(window)[rows, columns], answer)
    except MemoryError:  # the removal itself is done, and a soft one is better than none
        return None


def _checked(spec: RemoverSpec, answer: Image, question: Image) -> Image:
    if answer.shape != question.shape or answer.dtype != question.dtype:
        raise UnavailableError(
            f"{spec.title} returned {answer.shape} {answer.dtype} for {question.shape} {question.dtype}.",
            hint="Try another method.",
        )
    return answer
