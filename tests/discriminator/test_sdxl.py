"""The paper's discriminator, tiny: the same numbers as from the whole UNet, and nothing but what it needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from rorem_demo.discriminator import bench
from rorem_demo.discriminator import network as networks
from rorem_demo.discriminator.batches import batch_of
from rorem_demo.discriminator.network import NETWORKS, ModelConfig, Networks, load_model, save_model
from rorem_demo.discriminator.sdxl import HALF, SdxlNetwork, published_score
from rorem_demo.discriminator.sdxl_files import BRANCH, HEAD, LORA, HalfUNet, half_unet, head
from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.removers.sdxl_prompts import NOTHING, meanings
from rorem_demo.runtime.weights import Weights
from tests.discriminator.sdxl_weights import BASE, TRAINED, UNET, files_of, judge_of, row_of, write_judge

pytestmark = pytest.mark.slow

PUBLISHED = {
    "in_channels": 9,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "block_out_channels": (320, 640, 1280),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
"""Of the published UNet, as far as it is not the library's default."""


@pytest.fixture(autouse=True)
def _exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPU without instructions for bfloat16, whose last digits depend on the order of sums."""
    for module in ("rorem_demo.discriminator.sdxl", "rorem_demo.removers.sdxl_files"):
        monkeypatch.setattr(f"{module}.native_precision", lambda: torch.float32)


@pytest.fixture(scope="module")
def weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_judge(folder)
    return folder


@pytest.fixture
def folder(weights_folder: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(weights_folder, tmp_path / "weights"))


def refusal(folder: Path) -> str:
    with pytest.raises(UnavailableError) as caught:
        judge_of(folder)
    assert caught.value.hint
    assert "\n" not in caught.value.sentence
    return str(caught.value)


def changed(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}  # not what is being written over
    change(tensors)
    save_file(tensors, path)


def rows(count: int = 2, seed: int = 0) -> dict[str, Tensor]:
    chance = np.random.default_rng(seed)
    return dict(
        batch_of(
            [
                {
                    "source": chance.normal(size=(4, 64, 64)).astype(np.float16),
                    "result": chance.normal(size=(4, 64, 64)).astype(np.float16),
                    "mask": chance.integers(0, 2, (1, 64, 64), dtype=np.uint8),
                }
                for _ in range(count)
            ]
        )
    )


def by_the_whole_unet(folder: Path, batch: dict[str, Tensor]) -> Tensor:
    """Published scores by the library alone: its UNet, its LoRA, watched at the middle, and the head written out."""
    unet: Any = UNet2DConditionModel.from_pretrained(folder / BASE / "unet", torch_dtype=torch.float32)
    StableDiffusionXLLoraLoaderMixin.load_lora_into_unet(load_file(folder / TRAINED / LORA), None, unet)
    seen: list[Tensor] = []
    unet.mid_block.register_forward_hook(lambda module, given, features: seen.append(features))
    nothing = meanings("SDXL", files_of(folder), [NOTHING])[NOTHING]
    count = len(batch["mask"])
    with torch.inference_mode():
        unet(
            torch.cat([batch["result"].float(), batch["mask"].float(), batch["source"].float()], 1),
            0,
            encoder_hidden_states=nothing.words.float().expand(count, -1, -1),
            added_cond_kwargs={
                "text_embeds": nothing.whole.float().expand(count, -1),
                "time_ids": torch.tensor([[512.0, 512, 0, 0, 512, 512]] * count),
            },
        )
        held = {name: tensor.float() for name, tensor in load_file(folder / TRAINED / HEAD).items()}
        features = seen[0]
        for number, (stride, padding) in enumerate(((2, 1), (2, 1), (4, 0))):
            first, second = f"{3 * number}", f"{3 * number + 1}"
            features = functional.conv2d(
                features, held[f"{first}.weight"], held[f"{first}.bias"], stride=stride, padding=padding
            )
            features = functional.group_norm(features, 32, held[f"{second}.weight"], held[f"{second}.bias"])
            features = functional.silu(features)
        return functional.softplus(functional.conv2d(features, held["9.weight"], held["9.bias"]))[:, 0, 0, 0]


def test_scores_are_those_of_the_whole_unet_watched_at_its_middle(weights_folder: Path) -> None:
    batch = rows()
    with torch.inference_mode():
        found = published_score(judge_of(weights_folder).eval()(batch))
    expected = by_the_whole_unet(weights_folder, batch)
    assert (expected[0] - expected[1]).abs() > 1e-4
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_lora_matters(weights_folder: Path, folder: Path) -> None:
    changed(folder / TRAINED / LORA, lambda tensors: [tensor.zero_() for tensor in tensors.values()])
    with torch.inference_mode():
        one, other = (judge_of(place)(rows()) for place in (weights_folder, folder))
    assert (one - other).abs().min() > 1e-4


def test_the_logit_is_above_0_where_the_published_score_is_above_a_half() -> None:
    logits = torch.linspace(-5, 5, 101)
    scores = published_score(logits)
    assert torch.equal(scores > 0.5, logits > 0)
    assert (scores.diff() > 0).all()
    assert pytest.approx(-0.43275, abs=1e-5) == HALF


def test_a_score_repeats(weights_folder: Path) -> None:
    network = judge_of(weights_folder).eval()
    with torch.inference_mode():
        assert torch.equal(network(rows()), network(rows()))
        assert torch.equal(network(rows()), judge_of(weights_folder).eval()(rows()))


def test_the_published_networks_sizes() -> None:
    """78.6 million in the head, LoRA and head as large as their published files: 11,483,632 and 157,313,466 bytes."""
    with torch.device("meta"):
        of_head = sum(parameter.numel() for parameter in head(1280).parameters())
    assert of_head == 78_656_001
    assert 0 < 157_313_466 - 2 * of_head < 2_000
    half = HalfUNet.shaped(PUBLISHED)
    assert sum(parameter.numel() for parameter in half.parameters()) == 1_243_381_440  # of 2,567 million
    adapted = [
        module
        for name, module in half.named_modules()
        if isinstance(module, nn.Linear) and name.endswith(("to_q", "to_k", "to_v", "to_out.0"))
    ]
    assert len(adapted) == 272
    of_lora = sum(4 * (module.in_features + module.out_features) for module in adapted)
    assert 0 < 11_483_632 - 4 * of_lora < 100_000


def test_a_lora_of_the_published_names_has_the_published_files_size(tmp_path: Path) -> None:
    """To the byte, so the names are those that the authors' version of diffusers wrote."""
    names = {}
    for name, module in HalfUNet.shaped(PUBLISHED).named_modules():
        if isinstance(module, nn.Linear) and name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            names[f"unet.{name}.lora.down.weight"] = torch.zeros(4, module.in_features)
            names[f"unet.{name}.lora.up.weight"] = torch.zeros(module.out_features, 4)
    save_file(names, tmp_path / LORA, {"format": "pt"})
    assert (tmp_path / LORA).stat().st_size == 11_483_632


def test_the_second_half_is_not_in_memory(weights_folder: Path) -> None:
    network = judge_of(weights_folder)
    whole: Any = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(weights_folder / BASE / "unet"))
    second = sum(
        parameter.numel()
        for name, parameter in whole.named_parameters()
        if name.startswith(("up_blocks.", "conv_norm_out.", "conv_out."))
    )
    learned = sum(tensor.numel() for tensor in network.trained().values())
    assert sum(p.numel() for p in network.parameters()) == whole.num_parameters() - second + learned
    assert not len(network.unet.up_blocks)


def test_the_second_half_is_not_read(folder: Path) -> None:
    changed(folder / BASE / UNET, lambda tensors: tensors["conv_out.weight"].fill_(torch.nan))
    with torch.inference_mode():
        assert judge_of(folder)(rows()).isfinite().all()


def test_the_published_names_come_and_go_unchanged(weights_folder: Path) -> None:
    trained = judge_of(weights_folder).trained()
    lora, of_head = load_file(weights_folder / TRAINED / LORA), load_file(weights_folder / TRAINED / HEAD)
    assert trained.keys() == lora.keys() | {f"{BRANCH}{name}" for name in of_head}
    assert all(torch.equal(trained[name], tensor) for name, tensor in lora.items())
    assert all(torch.equal(trained[f"{BRANCH}{name}"], tensor.float()) for name, tensor in of_head.items())


def test_a_lora_that_a_newer_diffusers_wrote_is_the_same(weights_folder: Path, folder: Path) -> None:
    layers = load_file(weights_folder / TRAINED / LORA)
    newer = {
        name.removeprefix("unet.").replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): tensor
        for name, tensor in layers.items()
    }
    StableDiffusionXLPipeline.save_lora_weights(folder / TRAINED, newer)
    assert any(".lora_A." in name for name in load_file(folder / TRAINED / LORA))
    one, other = judge_of(weights_folder).trained(), judge_of(folder).trained()
    assert all(torch.equal(one[name], other[name]) for name in one.keys() | other.keys())


def test_a_head_whose_names_have_a_prefix_is_the_same(weights_folder: Path, folder: Path) -> None:
    of_head = load_file(weights_folder / TRAINED / HEAD)
    save_file({f"{BRANCH}{name}": tensor for name, tensor in of_head.items()}, folder / TRAINED / HEAD)
    one, other = judge_of(weights_folder).trained(), judge_of(folder).trained()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        (f"{BASE}/{UNET}", lambda tensors: tensors.pop("mid_block.resnets.0.norm1.weight"), "lacks 'mid_block."),
        (f"{BASE}/{UNET}", lambda tensors: tensors.update(extra=torch.zeros(1)), "holds 'extra', which does not"),
        (f"{BASE}/{UNET}", lambda tensors: tensors.update({"conv_in.bias": torch.zeros(3)}), "'conv_in.bias'"),
        (f"{TRAINED}/{LORA}", lambda tensors: tensors.pop(min(tensors)), "lacks 'unet.down_blocks.1."),
        (f"{TRAINED}/{LORA}", lambda tensors: [tensors.pop(name) for name in sorted(tensors)[:3]], "and 2 more"),
        (
            f"{TRAINED}/{LORA}",
            lambda tensors: tensors.update({"unet.up_blocks.0.lora.up.weight": torch.zeros(1)}),
            "holds 'unet.up_blocks.0.lora.up.weight', which does not",
        ),
        (f"{TRAINED}/{HEAD}", lambda tensors: tensors.pop("4.bias"), "lacks 'cls_pred_branch.4.bias'"),
        (
            f"{TRAINED}/{HEAD}",
            lambda tensors: tensors.update({"2.weight": torch.zeros(1)}),
            "holds 'cls_pred_branch.2.",
        ),
        (f"{TRAINED}/{HEAD}", lambda tensors: tensors.update({"9.bias": torch.zeros(2)}), "has shape (2,), not (1,)"),
        (f"{TRAINED}/{HEAD}", lambda tensors: tensors["9.bias"].fill_(torch.inf), "is not made of numbers"),
        (f"{TRAINED}/{HEAD}", lambda tensors: tensors.update({f"{BRANCH}9.bias": torch.ones(1)}), "under two names"),
    ],
)
def test_files_that_hold_something_else_are_refused(
    folder: Path, file: str, change: Callable[[dict[str, Tensor]], object], told: str
) -> None:
    changed(folder / file, change)
    found = refusal(folder)
    assert told in found
    assert Path(file).name in found


@pytest.mark.parametrize("file", [LORA, HEAD])
def test_one_of_the_authors_two_files_alone_is_refused(folder: Path, file: str) -> None:
    (folder / TRAINED / file).unlink()
    assert f"lacks its file {file}" in refusal(folder)


@pytest.mark.parametrize("length", [0, 5, 100, -1])
@pytest.mark.parametrize("file", [f"{BASE}/{UNET}", f"{TRAINED}/{LORA}", f"{TRAINED}/{HEAD}"])
def test_truncated_files_are_refused(folder: Path, file: str, length: int) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:length])
    assert "is damaged" in refusal(folder)


def test_the_published_pickle_is_not_read(folder: Path) -> None:
    (folder / TRAINED / HEAD).rename(folder / TRAINED / "cls_pred_branch.pt")
    assert "cls_pred_branch.pt is a pickle" in refusal(folder)


def test_a_pickle_under_the_right_name_is_not_read(folder: Path) -> None:
    torch.save({"9.bias": torch.zeros(1)}, folder / TRAINED / HEAD)
    assert f"{HEAD} is a pickle" in refusal(folder)


@pytest.mark.parametrize("change", [{"in_channels": 4}, {"addition_embed_type": None}, {"block_out_channels": [8, 16]}])
def test_a_unet_that_is_not_for_sdxl_inpainting_is_refused(folder: Path, change: dict[str, object]) -> None:
    config = folder / BASE / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    assert "unet/config.json" in refusal(folder)


def test_without_what_the_authors_trained_it_starts_by_chance_from_torchs_seed(folder: Path) -> None:
    shutil.rmtree(folder / TRAINED)
    with torch.random.fork_rng():
        found = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            found.append(judge_of(folder).trained())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not torch.equal(found[0][f"{BRANCH}0.weight"], found[2][f"{BRANCH}0.weight"])
    assert all((tensor == 0).all() for name, tensor in found[0].items() if name.endswith(".lora.up.weight"))


def test_the_frozen_half_may_be_in_bfloat16_and_what_is_learned_is_not(weights_folder: Path) -> None:
    files = files_of(weights_folder / BASE)
    nothing = meanings("SDXL", files, [NOTHING])[NOTHING]
    network = SdxlNetwork(half_unet("SDXL", files, torch.bfloat16), nothing, Any)
    assert {tensor.dtype for tensor in network.trained().values()} == {torch.float32}
    assert network.unet.mid_block.resnets[0].conv1.weight.dtype == torch.bfloat16
    exact = judge_of(weights_folder)
    networks.restore(network, exact.trained(), "")
    found = network(rows())
    torch.testing.assert_close(found, exact(rows()), rtol=0, atol=0.02)
    found.square().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize("loop", get_args(bench.Loop))
def test_the_benchmark_runs_each_loop(loop: bench.Loop, tmp_path: Path) -> None:
    bench.write_latents(tmp_path, 8, 2)
    with torch.random.fork_rng():
        found = bench.measured(bench.Task(loop=loop, scale=8, batch=1, steps=1, folder=str(tmp_path)))
    assert found.images_per_second > 0
    assert found.cpu_seconds > 0
    assert 0.1 < found.gigabytes < 20


def test_a_step_changes_the_lora_and_the_head_and_nothing_else(weights_folder: Path) -> None:
    network = judge_of(weights_folder)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-2)
    functional.binary_cross_entropy_with_logits(network.train()(rows()), torch.tensor([0.0, 1.0])).backward()
    optimizer.step()
    different = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert different == {name for name in before if ".lora_" in name or name.startswith(BRANCH)}


def test_a_model_folder_holds_what_was_trained_and_comes_back(
    weights_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "NETWORKS", Networks(row_of(weights_folder, BASE, TRAINED)))
    made = judge_of(weights_folder)
    with torch.no_grad():
        for tensor in made.trained().values():
            tensor.add_(0.01)
    save_model(tmp_path / "model", made, ModelConfig(network="sdxl", views=1))
    assert load_file(tmp_path / "model" / networks.WEIGHTS).keys() == made.trained().keys()
    loaded = load_model(tmp_path / "model", network="sdxl", weights=Weights(folder=weights_folder))
    with torch.inference_mode():
        assert torch.equal(loaded.network(rows()), made.eval()(rows()))
    changed(tmp_path / "model" / networks.WEIGHTS, lambda tensors: tensors.pop(f"{BRANCH}9.bias"))
    with pytest.raises(RoremError, match=r"cls_pred_branch\.9\.bias"):
        load_model(tmp_path / "model", network="sdxl", weights=Weights(folder=weights_folder))


def test_the_row_can_name_only_the_base(weights_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(row_of(weights_folder, BASE), key="sdxl-fresh")
    made: Any = Networks(*NETWORKS, spec).load("sdxl-fresh", Weights(folder=weights_folder))
    assert made(rows()).shape == (2,)
