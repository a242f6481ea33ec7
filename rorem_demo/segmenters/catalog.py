"""SEGMENTERS: one row per segmenter, data only; reading it imports no model code.

The first row that runs here and understands a prompt acts on it, unless `ROREM_SEGMENTER` names another.
"""

from __future__ import annotations

from typing import TypeAlias

from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.segmenters.base import PromptKind, Segmenter, SegmenterSpec

Segmenters: TypeAlias = Catalog[SegmenterSpec, Segmenter]

_POINTING: frozenset[PromptKind] = frozenset({"click", "box"})
_OWL = "google/owlv2-base-patch16-ensemble"


def _sam(letter: str, summary: str, encode_seconds: float, file: WeightFile) -> SegmenterSpec:
    return SegmenterSpec(
        key=f"sam-vit-{letter.lower()}",
        title=f"Segment Anything ViT-{letter}",
        summary=summary,
        loader="rorem_demo.segmenters.sam:load",
        licence="Apache-2.0",
        source="Kirillov et al., Segment Anything, ICCV 2023",
        prompts=_POINTING,
        encode_seconds=encode_seconds,
        weights=(file,),
    )


def _sam_file(name: str, megabytes: int, also: str) -> WeightFile:
    return WeightFile(repository=f"facebook/{name}", file="model.safetensors", megabytes=megabytes, also=(also,))


SEGMENTERS: Segmenters = Catalog(
    # Half as long on a CPU that multiplies bfloat16. B was measured; L and H by their number of operations.
    _sam(
        "B",
        "Finds the outline of whatever you point at.",
        8.0,
        _sam_file("sam-vit-base", 375, also="sam_vit_b_01ec64.pth"),
    ),
    _sam(
        "L",
        "The same, a little better and three times as slow.",
        25.0,
        _sam_file("sam-vit-large", 1250, also="sam_vit_l_0b3195.pth"),
    ),
    _sam(
        "H",
        "The same, a little better still and six times as slow.",
        45.0,
        _sam_file("sam-vit-huge", 2565, also="sam_vit_h_4b8939.pth"),
    ),
    SegmenterSpec(
        key="grabcut",
        title="GrabCut",
        summary="Finds what has the colours of the place you point at, up to an edge; no download.",
        loader="rorem_demo.segmenters.grabcut:load",
        licence="Apache-2.0",
        source="Rother, Kolmogorov and Blake, GrabCut, SIGGRAPH 2004, on superpixels",
        prompts=_POINTING,
        encode_seconds=0.3,
    ),
    SegmenterSpec(
        key="owlv2",
        title="OWLv2",
        summary="Finds whatever you name.",
        loader="rorem_demo.segmenters.owl:load",
        licence="Apache-2.0",
        source="Minderer, Gritsenko and Houlsby, Scaling Open-Vocabulary Object Detection, NeurIPS 2023",
        prompts=frozenset({"phrase"}),
        encode_seconds=10.0,
        weights=(
            WeightFile(repository=_OWL, file="model.safetensors", megabytes=620),
            *(
                WeightFile(repository=_OWL, file=file)
                for file in ("config.json", "preprocessor_config.json", "vocab.json", "merges.txt")
            ),
        ),
        rough=True,
    ),
)
