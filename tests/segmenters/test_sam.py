"""Segment Anything: the masks are those of the published code, whichever file the weights come from."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from segment_anything import SamPredictor
from segment_anything.build_sam import build_sam_vit_b, build_sam_vit_h, build_sam_vit_l
from segment_anything.modeling import Sam
from torch import nn
from transformers import SamConfig, SamModel

from rorem_demo.errors import UnavailableError
from rorem_demo.imaging.types import Box, Size, size_of
from rorem_demo.segmenters import sam_checkpoints
from rorem_demo.segmenters.base import BoxPrompt, Candidate, Click, Prompt
from rorem_demo.segmenters.catalog import SEGMENTERS
from rorem_demo.segmenters.sam import SamEncoding, SamSegmenter, _enlarged, _pixels, load
from rorem_demo.segmenters.sam_checkpoints import network
from tests.segmenters.checkpoints import (
    drawn,
    tiny_sam,
    tiny_transformers_sam,
    write_sam,
    write_tiny_sam,
    write_transformers_sam,
)

SPEC = next(iter(SEGMENTERS))
SIDE = 128
"""Of the square that the tiny network looks at."""
PROMPTS: dict[str, list[Prompt]] = {
    "a click": [Click(60, 40)],
    "a click on what stays": [Click(60, 40, keep=True)],
    "two clicks": [Click(60, 40), Click(120, 30, keep=True)],
    "a box": [BoxPrompt(Box(30, 10, 150, 90))],
    "a box and a click": [BoxPrompt(Box(30, 10, 150, 90)), Click(60, 40)],
}


def picture(height: int = 100, width: int = 180, seed: int = 0) -> np.ndarray:
    grid = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def tiny(precision: torch.dtype = torch.float32, change: Callable[[Sam], object] = lambda sam: None) -> SamSegmenter:
    sam = tiny_sam().requires_grad_(requires_grad=False)
    change(sam)
    return SamSegmenter(sam, precision)


def encoded(segmenter: SamSegmenter, image: np.ndarray) -> SamEncoding:
    last = list(segmenter.encode(image))[-1].encoding
    assert isinstance(last, SamEncoding)
    return last


def centre(x: int, y: int, encoding: SamEncoding) -> tuple[float, float]:
    """A pixel's centre in the square, without the half pixel that the published code adds."""
    scale_x, scale_y = (encoding.resized[axis] / encoding.size[axis] for axis in (0, 1))
    return (x + 0.5) * scale_x - 0.5, (y + 0.5) * scale_y - 0.5


def published_prompts(prompts: Sequence[Prompt], encoding: SamEncoding) -> tuple[list, list, list | None]:
    """Points, labels and the box, in pixels of the square."""
    clicks = [prompt for prompt in prompts if isinstance(prompt, Click)]
    boxes = [prompt.box for prompt in prompts if isinstance(prompt, BoxPrompt)]
    points = [centre(click.x, click.y, encoding) for click in clicks]
    corners = [[*centre(*box[:2], encoding), *centre(box[2] - 1, box[3] - 1, encoding)] for box in boxes]
    return points, [int(not click.keep) for click in clicks], corners[0] if corners else None


def compare(found: list[Candidate], logits: np.ndarray, scores: np.ndarray, masks: np.ndarray) -> None:
    """Candidates are the published ones, up to the rounding of the encoding to float16."""
    for candidate, its_logits, score, mask in zip(found, logits, scores, masks, strict=True):
        assert candidate.hint is not None
        assert np.allclose(candidate.hint, its_logits, atol=0.02, rtol=0.01)
        assert candidate.score == pytest.approx(np.clip(score, 0, 1), abs=0.01)
        assert np.mean(candidate.mask != mask) < 0.005


def by_score(*arrays: np.ndarray) -> list[np.ndarray]:
    """All in the order of the first."""
    order = np.argsort(-arrays[0], kind="stable")
    return [array[order] for array in arrays]


class Published:
    """The package's own way to the masks."""

    def __init__(self, image: np.ndarray) -> None:
        self.predictor = SamPredictor(tiny_sam())
        self.predictor.set_image(image)

    def masks(
        self, prompts: list[Prompt], encoding: SamEncoding, previous: Candidate | None = None, *, several: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points, labels, box = published_prompts(prompts, encoding)
        hint = None if previous is None or previous.hint is None else torch.tensor(previous.hint).float()[None, None]
        masks, scores, logits = self.predictor.predict_torch(
            torch.tensor([points]) if points else None,
            torch.tensor([labels]) if points else None,
            torch.tensor([box]) if box else None,
            hint,
            multimask_output=several,
        )
        return masks[0].numpy(), scores[0].numpy(), logits[0].numpy()


@pytest.mark.parametrize("shape", [(100, 180), (300, 170), (SIDE, SIDE)])
@pytest.mark.parametrize("prompts", PROMPTS)
def test_a_file_of_the_authors_gives_the_masks_of_their_predictor(
    prompts: str, shape: tuple[int, int], tmp_path: Path
) -> None:
    image = picture(*shape)
    segmenter = SamSegmenter(network(write_tiny_sam(tmp_path / "sam.pth")), torch.float32)
    encoding, published = encoded(segmenter, image), Published(image)
    assert np.allclose(encoding.features, published.predictor.features[0], atol=2e-3, rtol=1e-3)
    found = segmenter.propose(encoding, PROMPTS[prompts])
    lone_click = prompts.startswith("a click")
    masks, scores, logits = published.masks(PROMPTS[prompts], encoding, several=lone_click)
    scores, masks, logits = by_score(scores, masks, logits)
    compare(found if lone_click else found[:1], logits, scores, masks)


def test_a_further_click_sees_the_mask_it_corrects() -> None:
    image, prompts = picture(), PROMPTS["two clicks"]
    segmenter = tiny()
    encoding = encoded(segmenter, image)
    previous = segmenter.propose(encoding, prompts[:1])[1]
    masks, scores, logits = Published(image).masks(prompts, encoding, previous, several=False)
    found = segmenter.propose(encoding, prompts, previous)
    compare(found[:1], logits, scores, masks)
    assert not np.array_equal(found[0].hint, segmenter.propose(encoding, prompts)[0].hint)


@pytest.mark.parametrize(
    "leave_out",
    [(), ("prompt_encoder.shared_embedding.positional_embedding",), ("shared_image_embedding.positional_embedding",)],
)
@pytest.mark.parametrize("prompts", PROMPTS)
def test_a_file_of_the_hub_gives_the_masks_of_transformers(
    prompts: str, leave_out: tuple[str, ...], tmp_path: Path
) -> None:
    image, model = picture(), tiny_transformers_sam()
    path = write_transformers_sam(model, tmp_path / "model.safetensors", leave_out=leave_out)
    segmenter = SamSegmenter(network(path), torch.float32)
    encoding = encoded(segmenter, image)
    points, labels, box = published_prompts(PROMPTS[prompts], encoding)
    lone_click = prompts.startswith("a click")
    with torch.no_grad():
        theirs = model(
            pixel_values=_pixels(image, encoding.resized, SIDE),
            input_points=torch.tensor([[points]]) if points else None,
            input_labels=torch.tensor([[labels]]) if points else None,
            input_boxes=torch.tensor([[box]]) if box else None,
            multimask_output=lone_click,
        )
    scores, logits = by_score(theirs.iou_scores[0, 0].numpy(), theirs.pred_masks[0, 0].numpy())
    masks = tiny_sam().postprocess_masks(torch.tensor(logits)[None], encoding.resized[::-1], image.shape[:2])[0] > 0
    compare(segmenter.propose(encoding, PROMPTS[prompts])[: len(scores)], logits, scores, masks.numpy())


@pytest.mark.parametrize("build", [build_sam_vit_b, build_sam_vit_l, build_sam_vit_h])
def test_every_published_size_is_told_from_its_tensors(build: Callable[[], Sam]) -> None:
    with torch.device("meta"):
        theirs = build()
        ours = sam_checkpoints._unfilled(theirs.state_dict())

    def shape(sam: Sam) -> list[object]:
        encoder, transformer = sam.image_encoder, sam.mask_decoder.transformer
        blocks = [(block.window_size, block.attn.num_heads, block.norm1.eps) for block in encoder.blocks]
        return [blocks, encoder.img_size, transformer.num_heads, transformer.layers[0].norm1.eps, repr(sam)]

    assert shape(ours) == shape(theirs)
    assert sizes_in(ours) == sizes_in(theirs)


def sizes_in(model: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def test_every_name_of_transformers_has_one_of_the_package() -> None:
    with torch.device("meta"):
        theirs, ours = SamModel(SamConfig()), build_sam_vit_b()
    renamed = sam_checkpoints._renamed(theirs.state_dict())
    assert {name: tensor.shape for name, tensor in renamed.items()} == sizes_in(ours)


def test_weights_kept_in_half_precision_load_too(tmp_path: Path) -> None:
    segmenter = SamSegmenter(network(write_sam(tiny_sam().half(), tmp_path / "sam.pth")), torch.float32)
    assert np.allclose(encoded(segmenter, picture()).features, encoded(tiny(), picture()).features, atol=0.05)


class Unsafe:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


def changed(**tensors: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Names with `__` for dots; None leaves one out."""
    together = tiny_sam().state_dict() | {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in together.items() if tensor is not None}


SPOILT: dict[str, Callable[[Path], object]] = {
    "nothing.pth": lambda path: path.touch(),
    "nothing.safetensors": lambda path: path.touch(),
    "text.pth": lambda path: path.write_text("<html>Not found</html>"),
    "text.safetensors": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1"),
    "half.pth": lambda path: path.write_bytes(write_tiny_sam(path).read_bytes()[:-5000]),
    "half.safetensors": lambda path: path.write_bytes(write_tiny_sam(path).read_bytes()[:-5000]),
    "start.safetensors": lambda path: path.write_bytes(write_tiny_sam(path).read_bytes()[:100]),
    "unsafe.pth": lambda path: torch.save({"weights": Unsafe(path.with_suffix(".ran"))}, path),
    "list.pth": lambda path: torch.save([torch.zeros(3)], path),
    "words.pth": lambda path: torch.save({"weights": "none"}, path),
    "other.pth": lambda path: torch.save(nn.Linear(3, 4).state_dict(), path),
    "other.safetensors": lambda path: save_file({"vision_encoder.weight": torch.zeros(3)}, path),
    "missing.pth": lambda path: torch.save(changed(prompt_encoder__no_mask_embed__weight=None), path),
    "missing2.pth": lambda path: torch.save(changed(image_encoder__blocks__1__attn__rel_pos_h=None), path),
    "further.pth": lambda path: torch.save(changed(mask_decoder__hf_token__weight=torch.zeros(1, 32)), path),
    "shape.pth": lambda path: torch.save(changed(image_encoder__neck__3__bias=torch.zeros(31)), path),
    "flat.pth": lambda path: torch.save(changed(image_encoder__pos_embed=torch.zeros(4)), path),
    "none.pth": lambda path: torch.save(changed(image_encoder__blocks__0__attn__rel_pos_h=torch.zeros(11, 0)), path),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_file_is_told_in_one_sentence_that_names_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    SPOILT[name](path)
    with pytest.raises(UnavailableError) as told:
        load(SPEC, (path,))
    assert name in str(told.value)
    assert str(tmp_path) not in told.value.sentence
    assert "Get it again" in told.value.hint
    assert told.value.__cause__ is not None
    assert not path.with_suffix(".ran").exists()


def test_want_of_memory_is_not_taken_for_a_spoilt_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", hungry)
    with pytest.raises(MemoryError):
        network(tmp_path / "sam.pth")


def test_the_row_loads_either_file(tmp_path: Path) -> None:
    for name in ("model.safetensors", "sam_vit_b_01ec64.pth"):
        segmenter = load(SPEC, (write_tiny_sam(tmp_path / name),))
        encoding = list(segmenter.encode(picture()))[-1].encoding
        assert encoding is not None
        assert segmenter.propose(encoding, [Click(60, 40)])


def test_bfloat16_is_close_to_float32() -> None:
    exact, rounded = encoded(tiny(), picture()).features, encoded(tiny(torch.bfloat16), picture()).features
    error = np.sqrt(np.mean((exact.astype(np.float32) - rounded) ** 2)) / exact.astype(np.float32).std()
    assert 0 < error < 0.05


@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    place=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)),
    keep=st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_masks_fit_the_photo_and_differ(width: int, height: int, place: tuple[float, float], keep: bool) -> None:  # noqa: FBT001
    encoding = encoded(SHARED, picture(height, width))
    click = Click(int(place[0] * width), int(place[1] * height), keep)
    for prompts in ([click], [click, Click(0, 0)], [BoxPrompt(Box(click.x, click.y, width, height))]):
        found = SHARED.propose(encoding, prompts)
        assert len(found) <= 3
        for number, candidate in enumerate(found):
            assert candidate.mask.shape == (height, width)
            assert candidate.mask.dtype == np.bool_
            assert candidate.mask.any()
            assert 0 <= candidate.score <= 1
            assert all(overlap(candidate.mask, other.mask) <= 0.95 for other in found[:number])
        if len(prompts) == 1 and prompts[0] is click:
            assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


SHARED = tiny()


def overlap(mask: np.ndarray, other: np.ndarray) -> float:
    return float((mask & other).sum() / (mask | other).sum())


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 700), (40, 3)])
def test_no_shape_is_too_odd(shape: tuple[int, int]) -> None:
    encoding = encoded(SHARED, picture(*shape))
    found = SHARED.propose(encoding, [Click(shape[1] - 1, shape[0] - 1)])
    assert all(candidate.mask.shape == shape and candidate.mask.any() for candidate in found)


@given(width=st.integers(1, 300), height=st.integers(1, 300), seed=st.integers(0, 9))
@settings(deadline=None, max_examples=30)
def test_masks_are_enlarged_as_the_package_does(width: int, height: int, seed: int) -> None:
    size, scale = Size(width, height), SIDE / max(width, height)
    resized = Size(max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5)))
    logits = np.random.default_rng(seed).normal(size=(64, 64)).astype(np.float32)
    theirs = SAM.postprocess_masks(torch.tensor(logits)[None, None], resized[::-1], (height, width))[0, 0].numpy()
    ours = _enlarged(logits, SamEncoding(np.zeros((1, 1, 1), np.float16), size, resized), SIDE)
    clear = np.abs(theirs) > 1e-5  # beyond what rounding decides
    assert np.array_equal(ours[clear], theirs[clear] > 0)


SAM = tiny_sam()


def constant(*values: float) -> Callable[[Sam], None]:
    """Make a network whose masks have these logits everywhere."""

    def change(sam: Sam) -> None:
        decoder = sam.mask_decoder
        last = decoder.output_upscaling[3]
        last.weight.zero_()
        last.bias.fill_(1.0)
        for head, value in zip(decoder.output_hypernetworks_mlps, values, strict=True):
            head.layers[2].weight.zero_()
            head.layers[2].bias.fill_(value)

    return change


@pytest.mark.parametrize("prompts", PROMPTS)
@pytest.mark.parametrize(("values", "count"), [((-1, -1, -1, -1), 0), ((1, 1, 2, 3), 1), ((1, -1, 1, -1), 1)])
def test_empty_masks_and_repeated_ones_are_left_out(values: tuple[float, ...], count: int, prompts: str) -> None:
    segmenter = tiny(change=constant(*values))
    assert len(segmenter.propose(encoded(segmenter, picture()), PROMPTS[prompts])) == count


def test_a_hint_is_the_small_logits_and_anothers_hint_is_ignored() -> None:
    encoding = encoded(SHARED, picture())
    found = SHARED.propose(encoding, [Click(60, 40)])
    assert len(found) == 3
    for candidate in found:
        assert candidate.hint is not None
        assert (candidate.hint.shape, candidate.hint.dtype) == ((64, 64), np.float16)
    clicks = PROMPTS["two clicks"]
    for hint in (None, np.ones((10, 20), np.float16)):
        again = SHARED.propose(encoding, clicks, Candidate(found[0].mask, 1.0, hint=hint))
        assert np.array_equal(again[0].mask, SHARED.propose(encoding, clicks)[0].mask)


def test_an_encoding_is_small_and_can_be_pickled() -> None:
    encoding = encoded(SHARED, picture())
    assert encoding.size_bytes == encoding.features.nbytes == 32 * 16 * 16 * 2
    copy = pickle.loads(pickle.dumps(encoding))
    assert (copy.size, copy.resized) == (encoding.size, encoding.resized) == (Size(180, 100), Size(128, 71))
    first, again = (SHARED.propose(one, [Click(60, 40)]) for one in (encoding, copy))
    assert all(np.array_equal(a.mask, b.mask) and a.score == b.score for a, b in zip(first, again, strict=True))


def test_arguments_are_left_untouched() -> None:
    image = picture()
    image.flags.writeable = False
    encoding = encoded(SHARED, image)
    encoding.features.flags.writeable = False
    features = encoding.features.copy()
    previous = SHARED.propose(encoding, [Click(60, 40)])[0]
    assert previous.hint is not None
    hint, mask = previous.hint.copy(), previous.mask.copy()
    SHARED.propose(encoding, PROMPTS["two clicks"], previous)
    assert np.array_equal(image, picture())
    assert np.array_equal(encoding.features, features)
    assert np.array_equal(previous.hint, hint)
    assert np.array_equal(previous.mask, mask)


def test_visitors_at_once_get_what_each_gets_alone() -> None:
    def answer(seed: int) -> list[np.ndarray]:
        encoding = encoded(SHARED, picture(90 + 10 * seed, 200, seed))
        clicks = [Click(20 * seed, 30), Click(150, 60 + seed, keep=True)]
        first = SHARED.propose(encoding, clicks[:1])[0]
        return [encoding.features, first.hint, SHARED.propose(encoding, clicks, first)[0].hint]

    alone = [answer(seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            for mine, meanwhile in zip(alone, pool.map(answer, range(6)), strict=True):
                assert all(np.array_equal(one, other) for one, other in zip(mine, meanwhile, strict=True))


def test_steps_rise_to_one_and_leave_the_threads_mode_alone() -> None:
    fractions = []
    for step in SHARED.encode(picture()):
        assert not torch.is_inference_mode_enabled()
        fractions.append(step.fraction)
        assert (step.encoding is not None) == (step.fraction == 1)
    assert fractions == sorted(fractions)
    assert len(fractions) == 4


def test_closing_stops_between_blocks() -> None:
    ran: list[int] = []

    def watched(sam: Sam) -> None:
        for number, block in enumerate(sam.image_encoder.blocks):
            block.mlp.register_forward_hook(lambda *_, number=number: ran.append(number))

    steps = tiny(change=watched).encode(picture())
    next(steps)
    assert ran == []
    next(steps)
    steps.close()
    assert ran == [0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sam_vit_b_01ec64.pth", "model.safetensors"])
def test_the_published_size_serves_a_photo_of_12_megapixels(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".pth":
        write_sam(drawn(build_sam_vit_b(), 0), path)
    else:
        write_transformers_sam(drawn(SamModel(SamConfig()), 0), path)
    segmenter, image = load(SPEC, (path,)), picture(3024, 4032)
    encoding = list(segmenter.encode(image))[-1].encoding
    assert isinstance(encoding, SamEncoding)
    assert encoding.features.shape == (256, 64, 64)
    small = SamEncoding(encoding.features, Size(400, 300), encoding.resized)

    def seconds(seen: SamEncoding) -> float:
        start = time.perf_counter()
        found = segmenter.propose(seen, [Click(200, 150)])
        assert found
        assert all(size_of(candidate.mask) == seen.size for candidate in found)
        assert all(candidate.hint is not None and candidate.hint.shape == (256, 256) for candidate in found)
        return time.perf_counter() - start

    assert any(seconds(encoding) < 4 * seconds(small) for _ in range(5))


@pytest.mark.slow
def test_a_real_photo_is_encoded_as_the_package_does(photos: Path) -> None:
    image = cv2.imread(str(next((photos / "kodak24").glob("*.png"))))[..., ::-1].copy()
    sam = drawn(build_sam_vit_b(), 0, gain=1.0)
    predictor = SamPredictor(sam)
    predictor.set_image(image)
    theirs = predictor.features[0].clone().numpy()
    for precision, tolerance in ((torch.float32, 2e-3), (torch.bfloat16, 0.05)):
        ours = encoded(SamSegmenter(sam, precision), image).features
        assert np.sqrt(np.mean((ours - theirs) ** 2)) < tolerance * theirs.std()
