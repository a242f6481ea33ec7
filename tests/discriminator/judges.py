"""Model folders that say what a test wants: `compact` with random weights that tell the canaries apart, or do not."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from rorem_demo.discriminator.compact import CompactNetwork
from rorem_demo.discriminator.network import NETWORKS, WEIGHTS, ModelConfig, save_model
from rorem_demo.discriminator.score import canaries
from rorem_demo.statistics import Calibration, logit

FLAT = 1e-3
"""Slope of a calibration under which every result has nearly the same score."""


def write_judge(
    folder: Path, says: float = 0.83, *, seed: int = 0, blind: bool = False, simulated: bool = False
) -> str:
    """A model that gives every result about this score; returns its version.

    `blind`: it takes an untouched object for cleaner than a clean picture.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = CompactNetwork().eval()
    clean, left = (_logit(network, number) for number in range(2))
    if (clean < left) != blind:
        _turn(network)
    calibration = Calibration(slope=FLAT, offset=float(logit(says)))
    lineage = {"origins": ["simulated"]} if simulated else {"origins": None}
    config = ModelConfig(
        network="compact", views=NETWORKS["compact"].views, calibration=calibration.to_json(), lineage=lineage
    )
    version = save_model(folder, network, config).version
    (folder / "README.md").write_text(f"---\nlicense: apache-2.0\n---\n\n# {version}\n")
    (folder / "report.json").write_text(json.dumps({"lineage": {"origins": {"app": 1}}}))
    return version


def files_of(folder: Path) -> dict[str, bytes]:
    """What a repository holds of it."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def torn(folder: Path) -> dict[str, bytes]:
    """The same with half of its weights."""
    files = files_of(folder)
    return files | {WEIGHTS: files[WEIGHTS][: len(files[WEIGHTS]) // 2]}


def _logit(network: CompactNetwork, number: int) -> float:
    each = canaries()[number]
    arrays = network.arrays(each.source, each.mask, each.result)
    with torch.inference_mode():
        return float(network({name: torch.from_numpy(value[None]) for name, value in arrays.items()})[0])


def _turn(network: CompactNetwork) -> None:
    with torch.no_grad():
        for parameter in network.layers[-1].parameters():
            parameter.neg_()
