"""The SDXL family on tiny random weights: diffusers' pictures, and what a remover owes."""

from __future__ import annotations

import gc
import pickle
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LCMScheduler, StableDiffusionXLInpaintPipeline, UNet2DConditionModel
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image as Pictures
from safetensors.torch import load_file, save_file
from torch import Tensor

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.metrics import psnr
from rorem_demo.imaging.sizes import SizeRule
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers import sdxl, sdxl_files, sdxl_networks, sdxl_prompts
from rorem_demo.removers.base import Cost, RemovalOptions, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.erase import erase, finish
from rorem_demo.removers.previews import Previews
from rorem_demo.removers.sdxl import SdxlRemover, load, load_few_steps, load_inpainting
from rorem_demo.removers.sdxl_encodings import EXPIRY, MOST, Encodings
from rorem_demo.removers.sdxl_files import Place
from rorem_demo.removers.sdxl_networks import SdxlNetworks, read
from rorem_demo.removers.sdxl_prompts import FINE, NOTHING, POOR
from rorem_demo.runtime.packed import HalfLinear
from tests.removers.sdxl_checkpoint import write_tiny_lora, write_tiny_sdxl

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning:diffusers"  # with numpy 2 and torch 2.11
)

EXACT = Place(device=torch.device("cpu"), unet=torch.float32, products=torch.float32, vae=torch.float32)
HALF = replace(EXACT, unet=torch.bfloat16, products=torch.bfloat16, vae=torch.bfloat16)

SPEC = RemoverSpec(
    key="tiny",
    title="Tiny RORem",
    summary="",
    loader="",
    licence="",
    source="",
    cost=Cost(memory_gb=0.1, fixed_seconds=0.1),
    size=SizeRule(multiple_of=8, minimum=64, longest=64),
    defaults=ResolvedOptions(steps=3),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository; tests that write there copy it."""
    folder = tmp_path_factory.mktemp("hub") / "RORem"
    write_tiny_sdxl(folder)
    return folder


@pytest.fixture(scope="module")
def lora(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unet = UNet2DConditionModel.from_pretrained(published / "unet")
    return write_tiny_lora(tmp_path_factory.mktemp("lora"), unet)


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread: None) -> None:
    """As `one_thread` says."""


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """float32 on the CPU, whatever this machine has, and a cache of nobody's."""
    monkeypatch.setattr(Place, "here", lambda: EXACT)
    monkeypatch.setattr(sdxl_prompts, "_HOME", tmp_path / "home")


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy", ignore=shutil.ignore_patterns(".prompts")))


def files_of(*folders: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()))


@pytest.fixture(scope="module")
def remover(published: Path) -> SdxlRemover:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "here", lambda: EXACT)
        made = load(SPEC, files_of(published))
    assert isinstance(made, SdxlRemover)
    return made


@pytest.fixture(scope="module")
def few(published: Path, lora: Path) -> SdxlRemover:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "here", lambda: EXACT)
        made = load_few_steps(SPEC, (*files_of(published), lora))
    assert isinstance(made, SdxlRemover)
    return made


def scene(width: int = 64, height: int = 64) -> tuple[Image, Mask]:
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows * 3, columns * 2, 255 - rows - columns], axis=-1).astype(np.uint8)
    mask = (np.abs(rows - height // 2) < height // 5) & (np.abs(columns - width // 3) < width // 6)
    return image, mask


def steps_of(
    remover: Any, options: ResolvedOptions, image: Image | None = None, mask: Mask | None = None
) -> list[Step]:
    given = scene()
    return list(remover.fill(given[0] if image is None else image, given[1] if mask is None else mask, options))


def filled(remover: Any, options: ResolvedOptions, **scene: Any) -> Image:
    result = steps_of(remover, options, **scene)[-1].image
    assert result is not None
    return result


@contextmanager
def calls(remover: SdxlRemover) -> Iterator[list[int]]:
    """The batch sizes of the UNet's calls."""
    seen: list[int] = []
    hook = remover._unet.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[0]))
    yield seen
    hook.remove()


def difference(one: Image, other: Image) -> int:
    return int(np.abs(one.astype(int) - other).max())


# The same picture as diffusers' pipeline


def pipeline(folder: Path, patch: pytest.MonkeyPatch) -> StableDiffusionXLInpaintPipeline:
    """Of the same files, but with the mean of what the VAE gives."""
    patch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())
    parts = {
        "unet": UNet2DConditionModel,
        "vae": sdxl_files.AutoencoderKL,
        "text_encoder": sdxl_prompts.CLIPTextModel,
        "text_encoder_2": sdxl_prompts.CLIPTextModelWithProjection,
        "tokenizer": sdxl_prompts.CLIPTokenizer,
        "tokenizer_2": sdxl_prompts.CLIPTokenizer,
        "scheduler": sdxl_networks.diffusers.EulerDiscreteScheduler,
    }
    made = StableDiffusionXLInpaintPipeline(
        **{name: kind.from_pretrained(folder / name) for name, kind in parts.items()}
    )
    made.set_progress_bar_config(disable=True)
    return made.to(torch.float32)


def painted(pipe: StableDiffusionXLInpaintPipeline, generator: torch.Generator, **how: Any) -> Image:
    image, mask = scene()
    result = pipe(
        image=Pictures.fromarray(image),
        mask_image=Pictures.fromarray(mask),
        height=64,
        width=64,
        generator=generator,
        output_type="np",
        **how,
    ).images[0]
    return np.asarray((result * 255).round(), np.uint8)


ALONE: dict[str, Any] = {"guidance_scale": 1.0, "prompt": NOTHING}
GUIDED: dict[str, Any] = {"guidance_scale": 5.0, "prompt": FINE, "negative_prompt": POOR}


@pytest.mark.parametrize("steps", [1, 4, 12])
@pytest.mark.parametrize("how", [ALONE, GUIDED], ids=["alone", "guided"])
def test_the_picture_is_that_of_the_published_call(
    remover: SdxlRemover, published: Path, monkeypatch: pytest.MonkeyPatch, steps: int, how: dict[str, Any]
) -> None:
    theirs = painted(
        pipeline(published, monkeypatch),
        torch.Generator().manual_seed(3),
        num_inference_steps=steps + 1,  # of which strength 0.99 leaves out the first
        strength=0.99,
        **how,
    )
    ours = filled(remover, ResolvedOptions(seed=3, steps=steps, guidance=how["guidance_scale"]))
    assert difference(ours, theirs) <= 1
    assert theirs.std() > 5, "a picture without contrast proves nothing"


def test_four_steps_give_the_picture_of_the_pipeline(
    few: SdxlRemover, published: Path, lora: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = pipeline(published, monkeypatch)
    pipe.scheduler = LCMScheduler.from_config(pipe.scheduler.config)
    layers = load_file(lora)
    new = {name.replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): layers[name] for name in layers}
    pipe.load_lora_weights(new)  # not fused, so this proves the fusing too
    how = {"prompt": "", "num_inference_steps": 4, "strength": 1.0, "guidance_scale": 1.0}
    theirs = painted(pipe, torch.Generator().manual_seed(3), **how)
    assert difference(filled(few, ResolvedOptions(seed=3, steps=4)), theirs) <= 1
    assert theirs.std() > 5, "a picture without contrast proves nothing"


# Steps, guidance and chance


@pytest.mark.parametrize("steps", [1, 2, 20])
def test_as_many_steps_as_asked_for_and_one_row_without_guidance(remover: SdxlRemover, steps: int) -> None:
    with calls(remover) as seen:
        filled(remover, ResolvedOptions(steps=steps))
    assert seen == [1] * steps


def test_four_steps_are_four_whatever_guidance_is_asked_for(few: SdxlRemover) -> None:
    with calls(few) as seen:
        guided = filled(few, ResolvedOptions(steps=4, guidance=7.0))
    assert seen == [1] * 4
    assert np.array_equal(guided, filled(few, ResolvedOptions(steps=4)))


def test_more_few_steps_than_the_lora_knows_are_refused_in_a_sentence(few: SdxlRemover) -> None:
    with pytest.raises(InputError, match="51 steps") as told:
        filled(few, ResolvedOptions(steps=51))
    assert "50" in told.value.hint


def test_guidance_costs_two_rows_and_only_then_the_negative_prompt_matters(remover: SdxlRemover) -> None:
    other = SdxlRemover.__new__(SdxlRemover)
    other.__dict__ = {**remover.__dict__, "_prompts": replace(remover._prompts, away=remover._prompts.alone)}
    with calls(other) as seen:
        guided = filled(other, ResolvedOptions(steps=2, guidance=5.0))
    assert seen == [2, 2]
    assert not np.array_equal(guided, filled(remover, ResolvedOptions(steps=2, guidance=5.0)))
    alone = ResolvedOptions(steps=2)
    assert np.array_equal(filled(other, alone), filled(remover, alone))


@pytest.mark.parametrize("name", ["remover", "few"])
def test_the_seed_decides_and_nothing_global_does(name: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(name)
    options = ResolvedOptions(seed=7, steps=2)
    before = torch.get_rng_state()
    first = filled(model, options)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert np.array_equal(filled(model, options), first)
    assert not np.array_equal(filled(model, replace(options, seed=8)), first)


def test_half_precision_gives_nearly_the_same_picture(
    published: Path, lora: Path, few: SdxlRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "here", lambda: HALF)
    half = load_few_steps(SPEC, (*files_of(published), lora))
    options = ResolvedOptions(seed=5, steps=4)
    one, other = filled(few, options), filled(half, options)
    apart = np.abs(one.astype(int) - other).mean()
    assert apart < 3 < np.abs(one.astype(int) - filled(few, replace(options, seed=6))).mean()


def test_noise_is_the_same_in_any_numbers_on_any_device(
    published: Path, remover: SdxlRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "here", lambda: HALF)
    half, noises = load(SPEC, files_of(published)), []
    draw = torch.randn

    def noted(*size: Any, generator: torch.Generator | None = None, **how: Any) -> torch.Tensor:
        assert generator is not None
        noise = draw(*size, generator=generator, **how)
        noises.append((noise, generator.device.type))
        return noise

    monkeypatch.setattr(torch, "randn", noted)
    for model in (remover, half):
        filled(model, ResolvedOptions(seed=5, steps=2))
    (one, here), (other, there) = noises
    assert here == there == one.device.type == other.device.type == "cpu"
    assert one.dtype == other.dtype == torch.float32
    assert torch.equal(one, other)


# What every remover owes


@pytest.mark.parametrize("size", [(64, 64), (72, 40), (8, 136), (56, 88)])
def test_any_multiple_of_8_comes_back_at_its_size_and_the_arguments_stay(
    remover: SdxlRemover, size: tuple[int, int]
) -> None:
    image, mask = scene(*size)
    mask[0, 0] = True
    image.flags.writeable = mask.flags.writeable = False
    result = filled(remover, ResolvedOptions(steps=2), image=image, mask=mask)
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    assert not np.shares_memory(result, image)


def test_progress_rises_and_previews_change_only_the_hole(
    remover: SdxlRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Previews, "affordable", True)
    image, mask = scene()
    steps = steps_of(remover, ResolvedOptions(steps=5))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(set(fractions))
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    previews = [step.image for step in steps[:-1] if step.image is not None]
    assert len(previews) == 5
    assert all(np.array_equal(preview[~mask], image[~mask]) for preview in previews)
    assert all(preview[mask].std() > 0 for preview in previews)


def test_previews_that_somebody_is_slow_to_take_become_few(remover: SdxlRemover) -> None:
    image, mask = scene()
    shown = 0
    for step in remover.fill(image, mask, ResolvedOptions(steps=12)):
        if step.image is not None:
            shown += 1
            sleep(0.3)
    assert shown == 2, "the first, and the result"


def test_closing_stops_the_unet_and_leaves_no_mode_behind(remover: SdxlRemover) -> None:
    with calls(remover) as seen:
        steps = remover.fill(*scene(), ResolvedOptions(steps=8))
        while len(seen) < 3:
            next(steps)
            assert not torch.is_inference_mode_enabled()
        steps.close()  # type: ignore[attr-defined]
        assert len(seen) == 3
    filled(remover, ResolvedOptions(steps=2))


def test_two_pictures_at_a_time_do_not_disturb_each_other(few: SdxlRemover) -> None:
    options = ResolvedOptions(seed=1, steps=4)
    alone = filled(few, options)
    slow = few.fill(*scene(), options)
    first = [next(slow) for _ in range(5)]
    filled(few, replace(options, seed=2, steps=3))
    assert len(first) == 5
    *_, last = slow
    assert np.array_equal(last.image, alone)


def test_erase_runs_it_and_its_removal_can_be_pickled(remover: SdxlRemover) -> None:
    image, mask = scene(200, 150)
    removal = finish(erase(SPEC, remover, image, mask, RemovalOptions(steps=2)))
    assert removal.changed_outside == 0
    assert pickle.loads(pickle.dumps(removal)).options.steps == 2


def test_lack_of_gpu_memory_is_lack_of_memory(remover: SdxlRemover) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    hook = remover._unet.register_forward_pre_hook(full)
    with pytest.raises(UnavailableError, match="ran out of memory"):
        finish(erase(SPEC, remover, *scene(), RemovalOptions()))
    hook.remove()


def test_no_numbers_are_told_instead_of_a_black_picture(remover: SdxlRemover) -> None:
    hook = remover._vae.decoder.register_forward_hook(lambda *given: given[-1] * float("nan"))
    with pytest.raises(UnavailableError, match="no numbers"):
        filled(remover, ResolvedOptions())
    hook.remove()


# Files


def test_the_mask_and_grey_are_what_the_unet_is_told(remover: SdxlRemover) -> None:
    image, mask = scene()
    mask[:] = False
    mask[8:24, 16:40] = True
    given: list[torch.Tensor] = []
    hook = remover._unet.register_forward_pre_hook(lambda _, args: given.append(args[0]))
    one = filled(remover, ResolvedOptions(), image=image, mask=mask)
    grey = np.where(mask[..., None], np.uint8(0), image)
    filled(remover, ResolvedOptions(), image=grey, mask=mask)
    hook.remove()
    where = torch.zeros(8, 8)
    where[1:3, 2:5] = 1
    assert torch.equal(given[0][0, 4], where)
    assert torch.equal(given[0][0, 4:], given[1][0, 4:]), "what is under the mask is not told"
    assert one.shape == image.shape


@pytest.mark.parametrize(
    "part", ["unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder_2/model"]
)
def test_a_torn_file_is_told_by_its_name(copy: Path, part: str) -> None:
    path = copy / f"{part}.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UnavailableError, match=f"{part}.safetensors is damaged") as told:
        load(SPEC, files_of(copy))
    assert told.value.hint
    assert told.value.__cause__ is not None


@pytest.mark.parametrize(
    "name", ["unet/config.json", "vae/config.json", "scheduler/scheduler_config.json", "text_encoder/config.json"]
)
@pytest.mark.parametrize("content", ["{", '{"_class_name": "Path", "block_out_channels": "no"}'])
def test_a_damaged_description_is_told_in_a_sentence(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content, encoding="utf-8")
    with pytest.raises(UnavailableError, match="is damaged or does not hold the weights of Tiny RORem"):
        load(SPEC, files_of(copy))


@pytest.mark.parametrize(
    "name",
    ["unet/config.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "tokenizer_2/merges.txt"],
)
def test_a_missing_file_is_told_by_its_name(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(UnavailableError, match=f"lacks its file {Path(name).parent}"):
        load(SPEC, files_of(copy))


def test_a_unet_that_does_not_inpaint_is_refused(tmp_path: Path) -> None:
    files = write_tiny_sdxl(tmp_path / "base", channels=4)
    with pytest.raises(UnavailableError, match=r"unet/config\.json"):
        load(SPEC, files)


def test_a_unet_of_another_stable_diffusion_is_refused(copy: Path, tmp_path: Path) -> None:
    write_tiny_sdxl(tmp_path / "base", channels=4)
    shutil.copy(tmp_path / "base/unet/diffusion_pytorch_model.safetensors", copy / "unet")
    with pytest.raises(UnavailableError, match=r"unet/diffusion_pytorch_model\.safetensors"):
        load(SPEC, files_of(copy))
    config = (copy / "unet/config.json").read_text(encoding="utf-8")
    (copy / "unet/config.json").write_text(config.replace('"text_time"', "null"), encoding="utf-8")
    with pytest.raises(UnavailableError, match=r"unet/config\.json"):
        load(SPEC, files_of(copy))


def test_the_unet_may_come_from_elsewhere(published: Path, remover: SdxlRemover, tmp_path: Path) -> None:
    write_tiny_sdxl(tmp_path / "mixed", seed=4, text=False)
    weights = tmp_path / "mixed/unet/diffusion_pytorch_model.safetensors"
    base = tuple(path for path in files_of(published) if path.match("*.json") or path.parent.name != "unet")
    mixed = load(SPEC, (weights, *base))
    options = ResolvedOptions(steps=2)
    assert not np.array_equal(filled(mixed, options), filled(remover, options))


def test_names_with_fp16_and_old_names_within_a_vae_are_read(copy: Path, remover: SdxlRemover) -> None:
    for folder in ("unet", "vae", "text_encoder", "text_encoder_2"):
        for path in (copy / folder).glob("*.safetensors"):
            path.rename(path.with_suffix(".fp16.safetensors"))
    path = copy / "vae/diffusion_pytorch_model.fp16.safetensors"
    former = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(path)
    for new, old in former.items():
        weights = {name.replace(f".{new}.", f".{old}."): tensor for name, tensor in weights.items()}
    save_file(weights, path)
    options = ResolvedOptions(steps=2)
    assert np.array_equal(filled(load(SPEC, files_of(copy)), options), filled(remover, options))


@pytest.mark.slow
@pytest.mark.parametrize("style", ["as published", "of peft", "of kohya"])
def test_a_lora_of_any_style_becomes_part_of_the_unet(
    published: Path, lora: Path, few: SdxlRemover, tmp_path: Path, style: str
) -> None:
    layers = load_file(lora)
    assert {name.split(".lora")[-1] for name in layers} > {".down.weight", "_A.weight"}, "the published file mixes two"
    if style != "as published":
        layers = {name.replace("lora.down", "lora_A").replace("lora.up", "lora_B"): layers[name] for name in layers}
    if style == "of kohya":
        layers = {
            name.replace(".lora_A", "~lora_down")
            .replace(".lora_B", "~lora_up")
            .replace(".", "_")
            .replace("~", "."): layer
            for name, layer in ((f"lora_{name}".removesuffix(".weight"), layer) for name, layer in layers.items())
        }
        layers = {f"{name}.weight": layer for name, layer in layers.items()}
    save_file(layers, tmp_path / lora.name)
    options = ResolvedOptions(seed=2, steps=4)
    picture = filled(load_few_steps(SPEC, (*files_of(published), tmp_path / lora.name)), options)
    assert difference(picture, filled(few, options)) <= 1
    words = sdxl_prompts.meanings("", files_of(published), [NOTHING])[NOTHING].words
    without = SdxlRemover(read("", files_of(published), EXACT, words), few._scheduler, few._prompts)
    assert difference(picture, filled(without, options)) > 5


def test_a_package_takes_the_unets_place_and_without_one_nothing_does(
    published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model, asked = load(SPEC, files_of(published)), []
    assert isinstance(model, SdxlRemover)
    options = ResolvedOptions(steps=2)
    plain = filled(model, options)
    model.use_packages(tmp_path)  # there is none, nor a GPU
    assert np.array_equal(filled(model, options), plain)

    def other(unet: Any, folder: Path) -> Any:
        return lambda *given, **named: asked.append(folder) or [-guess for guess in unet(*given, **named)]

    monkeypatch.setattr(sdxl, "compiled", other)
    model.use_packages(tmp_path)
    assert not np.array_equal(filled(model, options), plain)
    assert asked == [tmp_path] * 2


def test_reading_changes_no_file(copy: Path, lora: Path) -> None:
    before = (copy / "unet/diffusion_pytorch_model.safetensors").read_bytes()
    load_few_steps(SPEC, (*files_of(copy), lora))
    assert (copy / "unet/diffusion_pytorch_model.safetensors").read_bytes() == before


def test_few_steps_need_the_lora(published: Path) -> None:
    with pytest.raises(UnavailableError, match="lacks its file pytorch_lora_weights"):
        load_few_steps(SPEC, files_of(published))


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["torn", "of other layers", "of other widths", "of something else", "empty"])
def test_a_lora_that_does_not_fit_is_told_by_its_name(published: Path, lora: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / lora.name
    layers = load_file(lora)
    if damage == "of other layers":
        layers |= {f"unet.extra.{name}": torch.zeros(4, 4) for name in ("lora_A.weight", "lora_B.weight")}
    elif damage == "of other widths":
        layers = {name: tensor.repeat(2, *[1] * (tensor.ndim - 1)) for name, tensor in layers.items()}
    elif damage == "of something else":
        layers = {"weight": torch.zeros(4)}
    elif damage == "empty":
        layers = {}
    save_file({name: tensor.contiguous() for name, tensor in layers.items()}, path)
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UnavailableError, match=f"{path.name} is damaged"):
        load_few_steps(SPEC, (*files_of(published), path))


@pytest.mark.slow
def test_rows_of_one_repository_share_the_vae_while_one_is_loaded(copy: Path, lora: Path) -> None:
    one, other = load(SPEC, files_of(copy)), load_few_steps(SPEC, (*files_of(copy), lora))
    assert isinstance(one, SdxlRemover)
    assert isinstance(other, SdxlRemover)
    assert one._vae is other._vae
    assert one._unet is not other._unet
    before = len(sdxl_files._SHARED)
    del one, other
    gc.collect()
    assert len(sdxl_files._SHARED) == before - 1


# Prompts


def without_text(folder: Path) -> tuple[Path, ...]:
    for path in folder.glob("t*"):  # text networks and tokenizers
        shutil.rmtree(path)
    return files_of(folder)


def test_once_known_the_prompts_need_no_text_networks(copy: Path) -> None:
    options = ResolvedOptions(steps=2, guidance=4.0)
    first = filled(load(SPEC, files_of(copy)), options)
    assert np.array_equal(filled(load(SPEC, without_text(copy)), options), first)
    with pytest.raises(UnavailableError, match="tokenizer"):
        load_inpainting(SPEC, files_of(copy))  # other prompts


def test_other_text_networks_in_the_same_folder_mean_something_else(copy: Path, tmp_path: Path) -> None:
    old = load(SPEC, files_of(copy))
    write_tiny_sdxl(tmp_path / "newer", seed=9)
    for folder in ("text_encoder", "text_encoder_2"):
        shutil.copy(tmp_path / "newer" / folder / "model.safetensors", copy / folder)
    new = load(SPEC, files_of(copy))
    assert isinstance(old, SdxlRemover)
    assert isinstance(new, SdxlRemover)
    assert not torch.equal(old._prompts.wholes, new._prompts.wholes)


def test_torn_meanings_are_made_anew(copy: Path) -> None:
    first = filled(load(SPEC, files_of(copy)), ResolvedOptions())
    kept = list((copy / ".prompts").iterdir())
    assert len(kept) == 3
    for path in kept:
        path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(filled(load(SPEC, files_of(copy)), ResolvedOptions()), first)
    load(SPEC, without_text(copy))


def test_a_folder_that_cannot_be_written_to_sends_them_to_the_users_cache(copy: Path, tmp_path: Path) -> None:
    (copy / ".prompts").write_text("in the way", encoding="utf-8")
    load(SPEC, files_of(copy))
    assert len(list((tmp_path / "home").rglob("*.safetensors"))) == 3
    load(SPEC, without_text(copy))


def test_nowhere_to_keep_them_is_no_failure(copy: Path, tmp_path: Path) -> None:
    for place in (copy / ".prompts", tmp_path / "home"):
        place.write_text("in the way", encoding="utf-8")
    assert filled(load(SPEC, files_of(copy)), ResolvedOptions()).std() > 0


def test_the_rows_prompts(published: Path, remover: SdxlRemover, few: SdxlRemover) -> None:
    plain = load_inpainting(SPEC, files_of(published))
    assert isinstance(plain, SdxlRemover)
    ours, theirs, without = (model._prompts for model in (remover, few, plain))
    assert torch.equal(ours.wholes[ours.alone], theirs.wholes[theirs.alone])
    assert not torch.equal(without.wholes[without.alone], theirs.wholes[theirs.alone])
    assert without.alone == without.towards != without.away


def test_a_gpu_gets_half_the_unet_and_a_vae_that_does_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for capability, vae in (((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((12, 0), torch.bfloat16)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda capability=capability: capability)
        place = Place.here()
        assert (place.device.type, place.unet, place.vae) == ("cuda", torch.float16, vae)


def test_a_cpu_gets_what_it_is_quick_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sdxl_files, "native_precision", lambda: torch.bfloat16)
    monkeypatch.setattr(sdxl_files, "native_products", lambda: torch.int8)
    assert Place.here() == replace(HALF, products=torch.int8)


@pytest.mark.parametrize(("memory", "kept"), [(16.8, torch.float16), (25.0, torch.float32), (None, torch.float32)])
def test_a_cpu_that_only_has_float32_keeps_halves_where_memory_is_short(
    monkeypatch: pytest.MonkeyPatch, memory: float | None, kept: torch.dtype
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sdxl_files, "native_precision", lambda: torch.float32)
    monkeypatch.setattr(sdxl_files, "native_products", lambda: torch.float32)
    monkeypatch.setattr(sdxl_files, "memory_gb", lambda kind: memory)
    place = Place.here()
    assert (place.unet, place.products, place.vae) == (torch.float32, kept, torch.float32)


def test_halves_change_a_picture_by_next_to_nothing(published: Path) -> None:
    whole = load(SPEC, files_of(published), EXACT)
    half = load(SPEC, files_of(published), replace(EXACT, products=torch.float16))
    kinds = [type(layer) for layer in half._unet.modules()]  # type: ignore[attr-defined]  # a SdxlRemover
    assert kinds.count(HalfLinear) > 10
    pictures = [filled(model, ResolvedOptions(steps=2)) for model in (whole, half)]
    assert psnr(*pictures, np.ones(pictures[0].shape[:2], np.bool_)) > 45


def test_the_adapter_keeps_no_picture_but_what_its_vae_made_of_the_last(remover: SdxlRemover) -> None:
    before = dict(vars(remover))
    for seed in range(3 * MOST):
        image, mask = scene()
        filled(remover, ResolvedOptions(steps=1, seed=seed), image=image + np.uint8(seed), mask=mask)
    assert vars(remover) == before
    assert len(remover._encodings) == MOST


# What is run, counted: seconds differ from machine to machine


@contextmanager
def counted(remover: SdxlRemover) -> Iterator[Counter[str]]:
    """How often the networks run."""
    seen: Counter[str] = Counter()
    parts = {"unet": remover._unet, "encoder": remover._vae.encoder, "decoder": remover._vae.decoder}
    hooks = [part.register_forward_pre_hook(lambda *_, name=name: seen.update([name])) for name, part in parts.items()]
    yield seen
    for hook in hooks:
        hook.remove()


def test_four_steps_run_the_unet_four_times_and_each_half_of_the_vae_once(few: SdxlRemover) -> None:
    image, mask = scene()
    with counted(few) as seen:
        filled(few, ResolvedOptions(steps=4), image=image + np.uint8(91), mask=mask)
    assert seen == {"unet": 4, "encoder": 1, "decoder": 1}


def test_many_steps_encode_the_photo_too(remover: SdxlRemover) -> None:
    image, mask = scene()
    with counted(remover) as seen:
        filled(remover, ResolvedOptions(steps=5), image=image + np.uint8(92), mask=mask)
    assert seen == {"unet": 5, "encoder": 2, "decoder": 1}


def test_a_second_removal_of_one_photo_reuses_its_encodings(remover: SdxlRemover) -> None:
    image, mask = scene()
    image = image + np.uint8(93)
    first = filled(remover, ResolvedOptions(steps=2, seed=1), image=image, mask=mask)
    with counted(remover) as seen:
        again = filled(remover, ResolvedOptions(steps=2, seed=1), image=image, mask=mask)
        filled(remover, ResolvedOptions(steps=2, seed=2), image=image, mask=mask)
    assert seen == {"unet": 4, "decoder": 2}
    assert np.array_equal(first, again)
    with counted(remover) as seen:
        filled(remover, ResolvedOptions(steps=2), image=image, mask=~mask)
    assert seen["encoder"] == 1, "another mask leaves another picture, but the photo is the same"


def test_rows_that_share_a_vae_share_what_it_saw(remover: SdxlRemover, few: SdxlRemover, published: Path) -> None:
    same = SdxlRemover(replace_vae(few, remover), few._scheduler, few._prompts)
    image, mask = scene()
    filled(remover, ResolvedOptions(steps=1), image=image + np.uint8(94), mask=mask)
    with counted(same) as seen:
        filled(same, ResolvedOptions(steps=4), image=image + np.uint8(94), mask=mask)
    assert seen["encoder"] == 0


def replace_vae(few: SdxlRemover, remover: SdxlRemover) -> SdxlNetworks:
    return SdxlNetworks(unet=few._unet, vae=remover._vae, scheduler=few._scheduler, place=EXACT)


def test_encodings_expire() -> None:
    now = [0.0]
    kept = Encodings(lambda: now[0])
    pixels = torch.zeros(1, 3, 8, 8)
    runs: list[int] = []

    def encode(given: Tensor) -> Tensor:
        runs.append(1)
        return given + 1

    for moment in (0.0, EXPIRY - 1, 2 * EXPIRY):
        now[0] = moment
        assert torch.equal(kept.of(pixels, encode), pixels + 1)
    assert len(runs) == 2
    assert torch.equal(kept.of(pixels.reshape(1, 3, 4, 16), encode), torch.ones(1, 3, 4, 16)), (
        "same values, other shape"
    )
    now[0] = 10 * EXPIRY
    assert len(kept) == 0
