"""DISTANCES and FEATURES: what networks say of a result beside the truth; data only, reading it imports no torch.

All of them see the same part of the picture, `seen`: what a person sees who looks at the place. Papers mostly measure
whole pictures, in which a small hole hardly counts, so figures of ours are for comparing methods with each other.
Nothing is fetched: a row without its files says so in the report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from rorem_demo.imaging.crops import Window
from rorem_demo.imaging.types import Image, Mask, Size, size_of
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.weights import Weights

LEAST, MOST = 64, 512
"""Pixels: what networks see is enlarged until the shorter side has the first, or reduced until the longer has the
second."""
_MARGIN = 0.5
_LEAST_MARGIN = 32


@dataclass(frozen=True, kw_only=True)
class MeasureSpec:
    """A row: enough to say whether it can be measured here."""

    key: str
    title: str
    source: str
    """Where it comes from: a paper."""
    loader: str
    """`package.module:function`; takes this spec and the paths of its weights, returns the measure."""
    weights: tuple[WeightFile, ...]
    packages: tuple[str, ...] = ()


class Distance(Protocol):
    """A loaded network."""

    def __call__(self, one: Image, other: Image) -> float:
        """0 if both are equal; both of one size, at least 64 pixels each way."""
        ...


class Features(Protocol):
    """A loaded network."""

    def __call__(self, image: Image) -> npt.NDArray[np.float32]:
        """What it sees, as a vector of always the same length."""
        ...


Distances: TypeAlias = Catalog[MeasureSpec, Distance]


def _files(repository: str) -> tuple[WeightFile, ...]:
    return tuple(WeightFile(repository=repository, file=name) for name in ("config.json", "model.safetensors"))


DISTANCES: Distances = Catalog(
    MeasureSpec(
        key="lpips",
        title="LPIPS",
        source="Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018; "
        "AlexNet, version 0.1, by torchmetrics",
        loader="rorem_demo.evaluation.quality_networks:load_lpips",
        weights=(
            WeightFile(
                repository="torchvision",
                file="alexnet-owt-7be5be79.pth",
                megabytes=244,
                also=("alexnet-owt-7be5be79.pth",),
            ),
        ),
        packages=("torchmetrics",),
    ),
    MeasureSpec(
        key="dino",
        title="DINO",
        source="1 - cosine of the class tokens; Oquab et al., DINOv2, 2023, ViT-B/14",
        loader="rorem_demo.evaluation.quality_networks:load_dino",
        weights=_files("facebook/dinov2-base"),
    ),
    MeasureSpec(
        key="clip",
        title="CLIP",
        source="1 - cosine of the image embeddings; Radford et al., CLIP, 2021, ViT-L/14",
        loader="rorem_demo.evaluation.quality_networks:load_clip",
        weights=_files("openai/clip-vit-large-patch14"),
    ),
)
"""Of a result from the truth; smaller is better."""
FID = "fid"
FEATURES: Catalog[MeasureSpec, Features] = Catalog(
    MeasureSpec(
        key=FID,
        title="FID",
        source="Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017; by torchmetrics",
        loader="rorem_demo.evaluation.quality_networks:load_inception",
        weights=(
            WeightFile(
                repository="inception",
                file="inception-2015-12-05.pt",
                megabytes=96,
                also=("inception-2015-12-05.pt",),
            ),
        ),
        packages=("torchmetrics",),
    ),
)
MOST_FOR_NO_FID = 500
"""Cases: of so few and fewer FID is not told. It needs more pictures than that for its 2048 x 2048 covariances."""


def why_empty(weights: Weights, spec: MeasureSpec, cases: int) -> str:
    """Why a column stays empty, in one sentence; "" if it does not."""
    if spec.key == FID and cases <= MOST_FOR_NO_FID:
        return f"{spec.title} is told of more than {MOST_FOR_NO_FID} cases; these are {cases}."
    if not weights.missing(spec):
        return ""
    needs = [name for name in spec.packages if any(name in said for said in weights.missing(spec))]
    if needs:
        return f"The package {needs[0]} is not installed."
    names = " and ".join(f"{file.repository}/{file.file}" for file in _absent(weights, spec.weights))
    return f"Its weights are not here: {names}."


def seen(mask: Mask, *pictures: Image) -> list[Image]:
    """Of each picture what lies around the mask: its box, wider by half its longer side and 32 pixels at least.

    Args:
        mask: not empty.
        pictures: of its size.
    """
    window = Window.around(mask, grow=0, context=_MARGIN, least=_LEAST_MARGIN)
    size = fitting(window.box.size)
    return [_scaled(window.cut_image(picture), size) for picture in pictures]


def fitting(size: Size) -> Size:
    """As close to `size` as `LEAST` and `MOST` allow; of a very long strip, the shorter side gets its `LEAST`."""
    scaled = size.scaled(min(1.0, MOST / max(size)))
    return Size(max(LEAST, scaled.width), max(LEAST, scaled.height))


def _scaled(image: Image, size: Size) -> Image:
    smaller = size.area < size_of(image).area
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return image if size_of(image) == size else np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _absent(weights: Weights, files: Iterable[WeightFile]) -> list[WeightFile]:
    """Those that are nowhere; all of them where each is somewhere, but not all in one place."""
    found = tuple(files)
    return [file for file in found if not weights.find(file)] or list(found)
