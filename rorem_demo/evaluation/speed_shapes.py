"""FULL, TINY: the shapes of SDXL inpainting's networks, as their configurations say, and small enough for a test.

The full one is that of diffusers/stable-diffusion-xl-1.0-inpainting-0.1, which RORem shares: a UNet of 2.57 billion
parameters with nine input channels, and the networks of Podell et al., SDXL, 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LORA_TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2"),
    *("conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj"),
)
"""Ends of the names of the layers that train_RORem_lcm.py adapts."""
SCHEDULER: Mapping[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}
"""As published with both."""
TOKENS = 77
"""Of a prompt."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """Configurations of the networks, as their libraries take them."""

    name: str
    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    text_encoder: Mapping[str, Any]
    text_encoder_2: Mapping[str, Any]
    lora_rank: int

    def of(self, folder: str) -> Mapping[str, Any]:
        """The configuration of the network in this folder of a repository."""
        configuration: Mapping[str, Any] = getattr(self, folder)
        return configuration


_UNET = {
    "in_channels": 9,
    "out_channels": 4,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
}
_VAE = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "scaling_factor": 0.13025,
    "force_upcast": True,
}
_TEXT = {"vocab_size": 49408, "max_position_embeddings": TOKENS, "bos_token_id": 0, "eos_token_id": 2}
"""The last is no token's number: published so, and it makes the library take the largest number for the end."""

FULL = Shapes(
    name="full",
    unet=_UNET
    | {
        "sample_size": 128,
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),  # how many heads, whatever it is called
        "cross_attention_dim": 2048,
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    vae=_VAE | {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "sample_size": 1024},
    text_encoder=_TEXT
    | {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "projection_dim": 768,
        "hidden_act": "quick_gelu",
    },
    text_encoder_2=_TEXT
    | {
        "hidden_size": 1280,
        "intermediate_size": 5120,
        "num_hidden_layers": 32,
        "num_attention_heads": 20,
        "projection_dim": 1280,
        "hidden_act": "gelu",
    },
    lora_rank=64,
)
_TINY_TEXT = _TEXT | {
    "vocab_size": 600,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 32,
}
TINY = Shapes(
    name="tiny",
    unet=_UNET
    | {
        "sample_size": 8,
        "block_out_channels": (8, 16, 32),
        "layers_per_block": 1,
        "transformer_layers_per_block": (1, 1, 2),
        "attention_head_dim": (2, 4, 8),
        "norm_num_groups": 4,
        "cross_attention_dim": 64,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 80,
    },
    vae=_VAE | {"block_out_channels": (4, 4, 8, 8), "norm_num_groups": 4},
    text_encoder=_TINY_TEXT,
    text_encoder_2=_TINY_TEXT,
    lora_rank=4,
)
