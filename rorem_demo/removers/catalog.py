"""REMOVERS: one row per remover, data only; reading it imports no model code.

Adding a remover is a row here, an adapter with its loader, and a line in the conformance suite's table if it
needs weights. The page, the command line, the API and the README's table read the row.
"""

from __future__ import annotations

from typing import TypeAlias

from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions
from rorem_demo.runtime.catalog import Catalog

Removers: TypeAlias = Catalog[RemoverSpec, Remover]

REMOVERS: Removers = Catalog(
    RemoverSpec(
        key="shift-map",
        title="Shift-map",
        summary="Rebuilds the background from other parts of the photo. Works everywhere, no download.",
        loader="rorem_demo.removers.shiftmap:load",
        licence="Apache-2.0",
        source="He and Sun, Statistics of Patch Offsets for Image Completion, ECCV 2012",
        cost=Cost(memory_gb=1.0, fixed_seconds=1.0, seconds_per_hole_megapixel=0.8),
    ),
    RemoverSpec(
        key="telea",
        title="Telea",
        summary="Smears the surroundings inwards: quick, good for scratches and wires, blurry elsewhere.",
        loader="rorem_demo.removers.classical:load_telea",
        licence="Apache-2.0",
        source="Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004",
        cost=Cost(memory_gb=0.1, fixed_seconds=0.05, seconds_per_hole_megapixel=1.5),
        defaults=ResolvedOptions(context=0.1),
    ),
    RemoverSpec(
        key="navier-stokes",
        title="Navier-Stokes",
        summary="Continues edges inwards like a fluid: quick, good for thin lines, blurry elsewhere.",
        loader="rorem_demo.removers.classical:load_navier_stokes",
        licence="Apache-2.0",
        source="Bertalmio, Bertozzi and Sapiro, Navier-Stokes, Fluid Dynamics, and Image Inpainting, CVPR 2001",
        cost=Cost(memory_gb=0.1, fixed_seconds=0.05, seconds_per_hole_megapixel=1.5),
        defaults=ResolvedOptions(context=0.1),
    ),
)
