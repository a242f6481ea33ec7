"""SEGMENTERS: one row per segmenter, data only; reading it imports no model code.

The first row that runs here and understands a prompt acts on it, unless `ROREM_SEGMENTER` names another.
"""

from __future__ import annotations

from typing import TypeAlias

from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.weights import WeightFile
from rorem_demo.segmenters.base import PromptKind, Segmenter, SegmenterSpec

Segmenters: TypeAlias = Catalog[SegmenterSpec, Segmenter]

_POINTING: frozenset[PromptKind] = frozenset({"click", "box"})
_SAM = "Kirillov et al., Segment Anything, ICCV 2023"


def _sam(size: str, file: WeightFile, encode_seconds: float) -> SegmenterSpec:
    return SegmenterSpec(
        key=f"sam-vit-{size.lower()}",
        title=f"Segment Anything ViT-{size}",
        summary="Finds the outline of whatever you point at.",
        loader="rorem_demo.segmenters.sam:load",
        licence="Apache-2.0",
        source=_SAM,
        prompts=_POINTING,
        encode_seconds=encode_seconds,
        weights=(file,),
    )


SEGMENTERS: Segmenters = Catalog(
    _sam(
        "B",
        WeightFile(
            repository="facebook/sam-vit-base",
            file="model.safetensors",
            megabytes=375,
            also=("sam_vit_b_01ec64.pth",),
        ),
        encode_seconds=8.0,
    ),
    SegmenterSpec(
        key="grabcut",
        title="GrabCut",
        summary="Separates colours around the place you point at; no download.",
        loader="rorem_demo.segmenters.grabcut:load",
        licence="Apache-2.0",
        source="Rother, Kolmogorov and Blake, GrabCut, SIGGRAPH 2004",
        prompts=_POINTING,
        encode_seconds=0.3,
    ),
)
