"""A compact model that learned nothing, calibrated so that its scores spread: real in everything but its judgement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from rorem_demo.discriminator.asking import logits_of
from rorem_demo.discriminator.network import NETWORKS, ModelConfig, Network, save_model
from rorem_demo.discriminator.score import canaries
from rorem_demo.discriminator.triples import Triple
from rorem_demo.removers.base import RemovalOptions
from rorem_demo.removers.erase import finish
from rorem_demo.runtime.weights import Weights
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.statistics import Calibration
from tests.discriminator.scenes import triple


def write_model(folder: Path) -> str:
    """A model's folder; returns its version."""
    for seed in range(20):
        torch.manual_seed(seed)
        network: Network = NETWORKS.load("compact", Weights())
        network.as_module().eval()
        logits = logits_of(network)
        clean, left = np.asarray(logits(list(canaries())), np.float64)
        if clean > left:
            break
    known = np.unique([clean, left, *np.asarray(logits(_results()), np.float64)])
    spread = Calibration("isotonic", logits=tuple(known), probs=tuple(np.linspace(0.02, 0.98, len(known))))
    config = ModelConfig(network="compact", views=NETWORKS["compact"].views, calibration=spread.to_json())
    return save_model(folder, network, config).version


def _results() -> list[Triple]:
    """Of the photos that `rendered.write_photos` writes first."""
    services, found = Services.assemble(Settings()), []
    for number in range(8):
        source, mask, _ = triple(np.random.default_rng(number), "good")
        removal = finish(services.remove("telea", source, mask, RemovalOptions()))
        found.append(Triple(source=source, mask=removal.mask, result=removal.image))
    return found
