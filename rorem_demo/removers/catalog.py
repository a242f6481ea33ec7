"""REMOVERS: one row per remover, data only; reading it imports no model code.

Adding a remover is a row here, an adapter with its loader, and a line in the conformance suite's table if it
needs weights. The page, the command line, the API and the README's table read the row.
"""

from __future__ import annotations

from typing import TypeAlias

from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.removers.base import Cost, OptionName, Remover, RemoverSpec, ResolvedOptions
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile

Removers: TypeAlias = Catalog[RemoverSpec, Remover]

_ROREM, _SDXL = "LetsThink/RORem", "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"
_ROREM_PAPER = "Li et al., RORem: Training a Robust Object Remover with Human-in-the-Loop, CVPR 2025"
_ROREM_LICENCE = "OpenRAIL++-M; RORem itself Apache-2.0 by its README, data terms unclear"
_GUIDED: frozenset[OptionName] = frozenset({"seed", "steps", "guidance"})
_TOKENIZER = ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json")
_SMALL = (
    "unet/config.json",
    "vae/config.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder_2/config.json",
    *(f"tokenizer{number}/{name}" for number in ("", "_2") for name in _TOKENIZER),
)


def _unet(repository: str, variant: str = "") -> WeightFile:
    file = f"unet/diffusion_pytorch_model{variant}.safetensors"
    return WeightFile(repository=repository, file=file, megabytes=5135)  # parameters in half precision


def _without_unet(repository: str, variant: str = "") -> tuple[WeightFile, ...]:
    large = (("vae/diffusion_pytorch_model", 167), ("text_encoder/model", 246), ("text_encoder_2/model", 1390))
    return (
        *(WeightFile(repository=repository, file=f"{file}{variant}.safetensors", megabytes=mb) for file, mb in large),
        *(WeightFile(repository=repository, file=file) for file in _SMALL),
    )


REMOVERS: Removers = Catalog(
    # CPU: docs/speed.md, random weights, two cores, with int8 and bfloat16, and in float32 on a slow one, where 1024 is
    # reckoned from 512 as with bfloat16. GPU: from the paper's table, not measured.
    RemoverSpec(
        key="rorem-4s",
        title="RORem 4 steps",
        summary="RORem in four steps: nearly as good, several times as fast.",
        loader="rorem_demo.removers.sdxl:load_few_steps",
        licence=_ROREM_LICENCE,
        source=_ROREM_PAPER,
        cost=Cost(memory_gb=5.5, fixed_seconds=5.0, seconds_per_step=6.8),
        float32_cost=Cost(memory_gb=10.2, fixed_seconds=29.0, seconds_per_step=88.0),
        gpu_cost=Cost(memory_gb=8.0, fixed_seconds=0.5, seconds_per_step=0.3),
        size=SizeRule(multiple_of=8, minimum=512, longest=512),
        weights=(
            _unet(_ROREM),
            *_without_unet(_ROREM),
            WeightFile(repository="rorem-lcm", file="pytorch_lora_weights.safetensors"),
        ),
        uses=frozenset({"seed", "steps"}),
        defaults=ResolvedOptions(steps=4),
        reasons="Four steps are what the LoRA was trained for; guidance is in it. Trained at 512.",
        preselected="with a GPU",
    ),
    RemoverSpec(
        key="rorem",
        title="RORem",
        summary="Removes objects cleanly, in the most careful way.",
        loader="rorem_demo.removers.sdxl:load",
        licence=_ROREM_LICENCE,
        source=_ROREM_PAPER,
        cost=Cost(memory_gb=5.5, fixed_seconds=5.0, seconds_per_step=6.8),
        float32_cost=Cost(memory_gb=10.2, fixed_seconds=29.0, seconds_per_step=88.0),
        gpu_cost=Cost(memory_gb=8.0, fixed_seconds=0.5, seconds_per_step=0.3),
        size=SizeRule(multiple_of=8, minimum=512, longest=512),
        weights=(_unet(_ROREM), *_without_unet(_ROREM)),
        uses=_GUIDED,
        defaults=ResolvedOptions(steps=20),
        reasons="20 steps: its authors validate with 20 and say 15 to 30. Guidance 1 is none, as in the published "
        "call and in training, where the prompt was empty. Trained at 512.",
        preselected="with a GPU",
    ),
    RemoverSpec(
        key="rorem-mixed",
        title="RORem mixed",
        summary="RORem for large objects: works at up to 1024 pixels.",
        loader="rorem_demo.removers.sdxl:load",
        licence=_ROREM_LICENCE,
        source=_ROREM_PAPER,
        cost=Cost(memory_gb=9.0, fixed_seconds=20.0, seconds_per_step=8.0),
        float32_cost=Cost(memory_gb=13.2, fixed_seconds=116.0, seconds_per_step=104.0),
        gpu_cost=Cost(memory_gb=12.0, fixed_seconds=1.0, seconds_per_step=0.1),
        size=SizeRule(multiple_of=8, minimum=512, longest=1024),
        weights=(_unet("rorem-mixed"), *_without_unet(_ROREM)),
        uses=_GUIDED,
        defaults=ResolvedOptions(steps=20),
        reasons="As RORem; trained at 512 and 1024, better above 512.",
        preselected="with a GPU",
    ),
    RemoverSpec(
        key="sdxl-inpaint",
        title="SDXL inpainting",
        summary="What RORem was made from; often paints something new, good for comparing.",
        loader="rorem_demo.removers.sdxl:load_inpainting",
        licence="OpenRAIL++-M",
        source="Podell et al., SDXL, 2023; inpainting 0.1 by the diffusers team",
        cost=Cost(memory_gb=9.0, fixed_seconds=20.0, seconds_per_step=16.0),
        float32_cost=Cost(memory_gb=13.2, fixed_seconds=116.0, seconds_per_step=207.0),
        gpu_cost=Cost(memory_gb=12.0, fixed_seconds=1.0, seconds_per_step=0.2),
        size=SizeRule(multiple_of=8, minimum=1024, longest=1024),
        weights=(_unet(_SDXL, ".fp16"), *_without_unet(_SDXL, ".fp16")),
        uses=_GUIDED,
        defaults=ResolvedOptions(steps=20, guidance=8.0),
        reasons="20 steps and guidance 8 stand in its own usage example; its size is 1024.",
        preselected="with a GPU",
    ),
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
