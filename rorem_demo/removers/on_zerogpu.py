"""OnZeroGpu: a remover whose model works in ZeroGPU's worker; cutting and pasting stay here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.zerogpu import add_task, on_gpu


class OnZeroGpu:
    """Stands for a model that was loaded in this process, for workers to find when they are forked."""

    def __init__(self, spec: RemoverSpec, model: Remover) -> None:
        """Make the model a task."""
        self._spec = spec
        add_task(spec.key, model.fill)

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        """Yield what the model yields; asks for as long as the row's cost says."""
        cost = self._spec.gpu_cost or self._spec.cost
        seconds = cost.seconds(size_of(image), int(np.count_nonzero(mask)), options.steps)
        yield from on_gpu(self._spec.key, seconds, image, mask, options)
