"""The attention of SDXL's networks, with fewer and larger products than diffusers' layers, and the same results.

- The prompts are constant, so what the UNet's cross-attention makes of them, its keys and values, is worked out once,
  when the weights are read; the layers that made them (0.3 of 2.57 billion parameters) are forgotten.
- Queries, keys and values of a picture come from one product, not three.
- In bfloat16 on a CPU, two products with a softmax between are more than twice as fast as torch's one operator.

It happens on the CPU, before weights are moved: a process on ZeroGPU may hold weights on a GPU but not use them.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn

_SCORES = 1 << 24
"""At once; more queries wait, so that a large picture needs no more memory than the rest of its network."""


class SelfAttention(nn.Module):
    """Attention of a picture's places to each other; takes the place of diffusers' Attention, whose layers it has."""

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.heads = given.heads
        self.to_qkv = _joined(given.to_q, given.to_k, given.to_v)
        self.to_out = given.to_out[0]

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor:
        """B x places x channels to the same."""
        query, key, value = self.to_qkv(hidden_states).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        given: Tensor = self.to_out(attended(query, key, value))
        return given


class PromptAttention(nn.Module):
    """Attention of a picture's places to constant prompts.

    Args:
        given: the Attention whose place it takes.
        words: prompts x tokens x width.
    """

    keys: Tensor
    values: Tensor
    """Prompts x heads x tokens x channels of one."""

    def __init__(self, given: Any, words: Tensor) -> None:
        super().__init__()
        self.heads = given.heads
        self.to_q, self.to_out = given.to_q, given.to_out[0]
        self.register_buffer("keys", self._heard(given.to_k, words), persistent=False)
        self.register_buffer("values", self._heard(given.to_v, words), persistent=False)

    def _heard(self, layer: nn.Linear, words: Tensor) -> Tensor:
        heard: Tensor = words.float() @ layer.weight.float().T
        return heard.reshape(*heard.shape[:2], self.heads, -1).transpose(1, 2).contiguous().to(layer.weight.dtype)

    def forward(self, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        """B x places x channels to the same; of each picture the prompt's number in `encoder_hidden_states`, B."""
        query = self.to_q(hidden_states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        given: Tensor = self.to_out(
            attended(query, self.keys[encoder_hidden_states], self.values[encoder_hidden_states])
        )
        return given


class PictureAttention(nn.Module):
    """The VAE's attention: between places of a whole picture, added to it."""

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.group_norm, self.within = given.group_norm, SelfAttention(given)

    def forward(self, hidden_states: Tensor, **_: Any) -> Tensor:
        """B x channels x height x width to the same."""
        places: Tensor = self.group_norm(hidden_states).flatten(2).transpose(1, 2)
        seen: Tensor = self.within(places)
        return hidden_states + seen.transpose(1, 2).reshape(hidden_states.shape)


def tell_prompts(part: nn.Module, words: Tensor) -> None:
    """Make a UNet, or a part of one, know these prompts and no others: it is called with their numbers.

    Args:
        part: on the CPU, with its weights.
        words: prompts x tokens x width.
    """
    for layer in part.modules():
        if isinstance(layer, BasicTransformerBlock):
            block: Any = layer
            block.attn1, block.attn2 = SelfAttention(block.attn1), PromptAttention(block.attn2, words)


def join_attention(vae: Any) -> None:
    """The same for both halves of a VAE, which hears no prompts."""
    for half in (vae.encoder, vae.decoder):
        layers = half.mid_block.attentions
        for number, layer in enumerate(layers):
            layers[number] = PictureAttention(layer)


def attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention: each B x heads x places x channels of one head; B x places x channels comes out."""
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        found: Tensor = nn.functional.scaled_dot_product_attention(query, key, value)
    else:
        at_once = max(1, _SCORES // (query.shape[0] * query.shape[1] * key.shape[2]))
        scaled = query * query.shape[-1] ** -0.5
        parts = [(part @ key.transpose(-1, -2)).softmax(-1) @ value for part in scaled.split(at_once, dim=2)]
        found = parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)
    return found.transpose(1, 2).flatten(2)


def _joined(*layers: nn.Linear) -> nn.Linear:
    """One layer whose outputs are theirs, one after the other."""
    biases = [layer.bias.data for layer in layers if layer.bias is not None]
    with torch.device("meta"):
        made = nn.Linear(layers[0].in_features, sum(layer.out_features for layer in layers), bias=bool(biases))
    made.weight = nn.Parameter(torch.cat([layer.weight.data for layer in layers]), requires_grad=False)
    if biases:
        made.bias = nn.Parameter(torch.cat(biases), requires_grad=False)
    return made
