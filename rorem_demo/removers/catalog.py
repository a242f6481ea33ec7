"""REMOVERS: one row per remover, data only; reading it imports no model code.

Adding a remover is a row here, an adapter with its loader, and a line in the conformance suite's table if it
needs weights. The page, the command line, the API and the README's table read the row.
"""

from __future__ import annotations

from typing import TypeAlias

from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.removers.base import Cost, Remover, RemoverSpec, ResolvedOptions
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile

Removers: TypeAlias = Catalog[RemoverSpec, Remover]

REMOVERS: Removers = Catalog(
    RemoverSpec(
        key="lama",
        title="LaMa",
        summary="Fills large holes and continues patterns; a good choice for most photos.",
        loader="rorem_demo.removers.lama:load",
        licence="Apache-2.0",
        source="Suvorov et al., Resolution-robust Large Mask Inpainting with Fourier Convolutions, WACV 2022",
        # Half the CPU seconds, random weights: 4.6 at 512 x 512, 22 to 31 at 1024 x 1024. The GPU's are a guess.
        cost=Cost(memory_gb=2.0, fixed_seconds=0.2, seconds_per_step=12.0),
        gpu_cost=Cost(memory_gb=3.0, fixed_seconds=1.0, seconds_per_step=0.5),
        size=SizeRule(multiple_of=8, minimum=16, longest=1024),
        weights=(
            WeightFile(
                repository="signature-ai/big-lama",
                file="big-lama.pt",
                megabytes=206,
                also=("big-lama.safetensors", "best.ckpt"),
            ),
        ),
        reasons="Windows above 1024 pixels take a CPU more than a minute, and the network was trained on 256.",
    ),
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
    RemoverSpec(
        key="mat",
        title="MAT",
        summary="Imagines what could fill a large hole, differently for each seed. Not for commercial use.",
        loader="rorem_demo.removers.mat:load",
        licence="CC BY-NC 4.0",
        source="Li et al., MAT: Mask-Aware Transformer for Large Hole Image Inpainting, CVPR 2022",
        # Half the CPU seconds, random weights, always 512 x 512. The GPU's are a guess.
        cost=Cost(memory_gb=2.2, fixed_seconds=8.0),
        gpu_cost=Cost(memory_gb=2.5, fixed_seconds=1.5),
        size=SizeRule(multiple_of=512, minimum=512, longest=512),
        weights=(
            WeightFile(
                repository="Acly/MAT",
                file="MAT_Places512_G_fp16.safetensors",
                megabytes=125,
                also=("Places_512_FullData_G.pth",),
            ),
        ),
        packages=("spandrel_extra_arches",),  # its licence forbids commercial use: the owner installs it, or not
        uses=frozenset({"seed"}),
        reasons="The network takes squares of 512 pixels.",
        preselected="with a GPU",
    ),
)
