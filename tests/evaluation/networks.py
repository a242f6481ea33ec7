"""Small networks with weights drawn at random, in files where those of the real ones would lie."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

from rorem_demo.runtime.weights import Weights

FEATURES = 4


class Inception(nn.Module):
    """Says what the real one is asked for: features of pictures with levels 0..255."""

    def forward(self, levels: Tensor, return_features: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as it is called
        assert return_features
        assert levels.dtype == torch.uint8
        means = levels.to(torch.float32).mean(dim=(2, 3)) / 255
        return torch.cat([means, means.prod(dim=1, keepdim=True)], dim=1)


def write_alexnet(folder: Path) -> dict[str, Tensor]:
    """The network as torchvision publishes it, without what classifies: LPIPS does not use that, and it is 230 MB."""
    path = folder / "torchvision" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with torch.device("meta"):
            layers = torchvision.models.alexnet(weights=None).features
        layers.to_empty(device="cpu")
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()
    found: dict[str, Tensor] = {f"features.{name}": values for name, values in layers.state_dict().items()}
    torch.save(found, path)
    return found


def write_dino(folder: Path) -> None:
    """Two layers of 16 numbers."""
    how = Dinov2Config(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=28)
    _save(Dinov2Model(how), folder / "facebook/dinov2-base")


def write_clip(folder: Path) -> None:
    """Two layers of 16 numbers, beside the network for text that the published file holds, too."""
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    how = CLIPConfig(
        vision_config={**small, "patch_size": 32, "projection_dim": 8},
        text_config={**small, "vocab_size": 9, "projection_dim": 8},
        projection_dim=8,
    )
    _save(CLIPModel(how), folder / "openai/clip-vit-large-patch14")


def write_inception(folder: Path) -> None:
    """As TorchScript."""
    path = folder / "inception" / "inception-2015-12-05.pt"
    path.parent.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript, which the published file is
        torch.jit.script(Inception()).save(str(path))


def weights_of(folder: Path) -> Weights:
    """Of the folder alone."""
    return Weights(folder, cache=folder / "no-cache")


def _save(network: nn.Module, folder: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for values in network.parameters():
            nn.init.normal_(values, std=0.5)
    network.save_pretrained(folder)
