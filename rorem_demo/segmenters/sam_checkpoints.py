"""Segment Anything's network from a file of weights, in either of the two namings in which they are published.

The original `.pth` files name the tensors as the package `segment_anything` does, `model.safetensors` as
`transformers` does. How large the network is can be read from the tensors' shapes, so any size loads.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor, nn

from rorem_demo.runtime.guard import readable
from rorem_demo.runtime.tensors import tensors_of

_POSITIONS = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
_NAMES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^(prompt_encoder\.shared|shared_image)_embedding\.positional_embedding$", _POSITIONS),
        (r"^vision_encoder\.layers\.", "image_encoder.blocks."),
        (r"^vision_encoder\.patch_embed\.projection\.", "image_encoder.patch_embed.proj."),
        (r"^vision_encoder\.neck\.conv1\.", "image_encoder.neck.0."),
        (r"^vision_encoder\.neck\.layer_norm1\.", "image_encoder.neck.1."),
        (r"^vision_encoder\.neck\.conv2\.", "image_encoder.neck.2."),
        (r"^vision_encoder\.neck\.layer_norm2\.", "image_encoder.neck.3."),
        (r"^vision_encoder\.", "image_encoder."),
        (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
        (r"^prompt_encoder\.mask_embed\.conv1\.", "prompt_encoder.mask_downscaling.0."),
        (r"^prompt_encoder\.mask_embed\.layer_norm1\.", "prompt_encoder.mask_downscaling.1."),
        (r"^prompt_encoder\.mask_embed\.conv2\.", "prompt_encoder.mask_downscaling.3."),
        (r"^prompt_encoder\.mask_embed\.layer_norm2\.", "prompt_encoder.mask_downscaling.4."),
        (r"^prompt_encoder\.mask_embed\.conv3\.", "prompt_encoder.mask_downscaling.6."),
        (r"^mask_decoder\.upscale_conv1\.", "mask_decoder.output_upscaling.0."),
        (r"^mask_decoder\.upscale_layer_norm\.", "mask_decoder.output_upscaling.1."),
        (r"^mask_decoder\.upscale_conv2\.", "mask_decoder.output_upscaling.3."),
        # Each of these small networks has three layers; only the middle one is called a layer.
        (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))\.layers\.0\.", r"\1.layers.1."),
        (r"\.proj_in\.", ".layers.0."),
        (r"\.proj_out\.", ".layers.2."),
        (r"\.layer_norm(\d|_final_attn)\.", r".norm\1."),
    )
)
"""From the names of `transformers` to those of the package; applied in turn."""

_DECODER_HEADS = 8
"""The one number that no shape tells; the same in every published size."""


def network(path: Path) -> Sam:
    """The network with the file's weights, in float32 on the CPU.

    Its buffers `pixel_mean` and `pixel_std`, which no file holds, have no values.

    Raises:
        UnavailableError: the file is damaged or holds something else.
    """
    with readable("Segment Anything", path.name):
        tensors = _renamed({name: tensor.float() for name, tensor in tensors_of(path).items()})
        with torch.device("meta"):  # memory for the weights is taken once, and nothing is drawn at random
            sam = _unfilled(tensors)
        sam.load_state_dict(tensors, strict=True, assign=True)
    return sam.eval().requires_grad_(requires_grad=False)


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors under the package's names.

    Files in the other naming hold the matrix of positions once or twice; the copy that is used there sorts last.
    """
    if not any(name.startswith("vision_encoder.") for name in tensors):
        return tensors
    return {_renamed_one(name): tensors[name] for name in sorted(tensors)}


def _renamed_one(name: str) -> str:
    for pattern, replacement in _NAMES:
        name = pattern.sub(replacement, name)
    return name


def _unfilled(tensors: dict[str, Tensor]) -> Sam:
    """A network without values, of the size that the tensors have."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    encoder = _image_encoder(shapes)
    grid = shapes["image_encoder.pos_embed"][1]
    channels = shapes["image_encoder.neck.0.weight"][0]
    prompts = PromptEncoder(
        embed_dim=channels,
        image_embedding_size=(grid, grid),
        input_image_size=(encoder.img_size, encoder.img_size),
        mask_in_chans=shapes["prompt_encoder.mask_downscaling.3.weight"][0],
    )
    return Sam(encoder, prompts, _mask_decoder(shapes, channels))


def _image_encoder(shapes: dict[str, tuple[int, ...]]) -> ImageEncoderViT:
    width, _, patch, _ = shapes["image_encoder.patch_embed.proj.weight"]
    grid = shapes["image_encoder.pos_embed"][1]
    depth = _count(shapes, r"image_encoder\.blocks\.(\d+)\.")
    # A block that attends to a square of n x n patches tells 2n - 1 distances apart.
    reach = [(shapes[f"image_encoder.blocks.{block}.attn.rel_pos_h"][0] + 1) // 2 for block in range(depth)]
    return ImageEncoderViT(
        img_size=grid * patch,
        patch_size=patch,
        embed_dim=width,
        depth=depth,
        num_heads=width // shapes["image_encoder.blocks.0.attn.rel_pos_h"][1],
        mlp_ratio=shapes["image_encoder.blocks.0.mlp.lin1.weight"][0] / width,
        out_chans=shapes["image_encoder.neck.0.weight"][0],
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=min(reach),
        global_attn_indexes=tuple(block for block in range(depth) if reach[block] == grid),
    )


def _mask_decoder(shapes: dict[str, tuple[int, ...]], channels: int) -> MaskDecoder:
    return MaskDecoder(
        num_multimask_outputs=shapes["mask_decoder.mask_tokens.weight"][0] - 1,
        transformer=TwoWayTransformer(
            depth=_count(shapes, r"mask_decoder\.transformer\.layers\.(\d+)\."),
            embedding_dim=channels,
            mlp_dim=shapes["mask_decoder.transformer.layers.0.mlp.lin1.weight"][0],
            num_heads=_DECODER_HEADS,
        ),
        transformer_dim=channels,
        iou_head_hidden_dim=shapes["mask_decoder.iou_prediction_head.layers.0.weight"][0],
    )


def _count(shapes: dict[str, tuple[int, ...]], pattern: str) -> int:
    """How many blocks the names number."""
    return len({found[1] for name in shapes if (found := re.match(pattern, name))})
