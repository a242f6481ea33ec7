"""erase(): check, grow, cut, fit, run, paste back, time. The one way to run a remover.

Only a window around the mask is touched, at the photo's own resolution, so a large photo costs no more than
its hole. Where memory does not suffice, less of the surroundings is looked at, and the Removal says so. One distance
map of what changes gives both the grown mask and the soft edge. Written as a generator,
because that is the only form in which a ZeroGPU worker can report: progress first, the Removal last; closing
it cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from time import perf_counter

import numpy as np

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.masks import distance_to, soft_edge
from rorem_demo.imaging.types import Box, Image, Mask, Size, as_image, as_mask, size_of
from rorem_demo.removers.base import Progress, Removal, RemovalOptions, Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.guard import guarded

LESS_SEEN = "Memory did not suffice for all of the surroundings, so the method saw less of them."
LEAST_CONTEXT = 32
"""Pixels around a grown mask that a remover sees at least, however small the mask."""


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
    patch: Image | None = None
    window = first
    for window, step in _filled(spec, remover, (image, grown), [first, *smaller], resolved):
        patch = step.image  # a preview is no result: the last step must carry it
        yield Progress(step.fraction, window.box, step.image)
    if patch is None:
        raise UnavailableError(f"{spec.title} gave no picture.", hint="Try another method.")
    alpha = soft_edge(distance, resolved.grow, resolved.feather)
    result = changing.paste(_part(patch, window.box, changing.box), image, alpha)
    yield Removal(
        image=result,
        mask=grown,
        box=window.box,
        remover=spec.key,
        options=resolved,
        seconds=perf_counter() - start,
        changed_outside=count_changed(image, result, ~grown),
        notes=() if window is first else (LESS_SEEN,),
    )


def _windows(spec: RemoverSpec, mask: Mask, grown: Mask, options: ResolvedOptions) -> list[Window]:
    """The window to work on, and others that need less memory, which see less around the hole."""
    windows: list[Window] = []
    for share in (1.0, 0.5, 0.0):
        window = Window.around(mask, grow=options.grow, context=share * options.context, least=LEAST_CONTEXT)
        cheaper = not windows or _model_area(spec, window) < _model_area(spec, windows[-1])
        if cheaper and not window.cut_mask(grown).all():
            windows.append(window)
    if not windows:
        raise InputError("The selection covers everything around it.", hint="Leave some of the background unmarked.")
    return windows


def _model_area(spec: RemoverSpec, window: Window) -> int:
    return spec.size.fit(window.box.size).padded.area


def _filled(
    spec: RemoverSpec,
    remover: Remover,
    picture: tuple[Image, Mask],
    windows: Sequence[Window],
    options: ResolvedOptions,
) -> Iterator[tuple[Window, Step]]:
    """Steps on the first window that memory suffices for, each with that window; starts again on the next."""
    image, grown = picture
    for left, window in zip(range(len(windows))[::-1], windows, strict=True):
        try:
            for step in _steps(spec, remover, window.cut_image(image), window.cut_mask(grown), options):
                yield window, step
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
    def seen(grow: int, context: float) -> Size:
        return Window.around(mask, grow=grow, context=context, least=LEAST_CONTEXT).box.size

    def seconds(spec: RemoverSpec) -> float:
        resolved = spec.defaults.overridden(options)
        fit = spec.size.fit(seen(resolved.grow, resolved.context))
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


def _steps(spec: RemoverSpec, remover: Remover, image: Image, hole: Mask, options: ResolvedOptions) -> Iterator[Step]:
    """The remover's steps at the window's size, whatever size its model works at; may raise MemoryError."""
    fit = spec.size.fit(size_of(image))
    model_image, model_hole = fit.image(image), fit.mask(hole)
    with guarded(spec.title, hint="Try another method."):
        for step in remover.fill(model_image, model_hole, options):
            yield step if step.image is None else Step(step.fraction, fit.undo(_checked(spec, step.image, model_image)))


def _checked(spec: RemoverSpec, answer: Image, question: Image) -> Image:
    if answer.shape != question.shape or answer.dtype != question.dtype:
        raise UnavailableError(
            f"{spec.title} returned {answer.shape} {answer.dtype} for {question.shape} {question.dtype}.",
            hint="Try another method.",
        )
    return answer
