"""OWLv2: the same numbers as `transformers`, one look per photo, and no file that is not its own."""

from __future__ import annotations

import json
import pickle
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer, Owlv2ForObjectDetection, Owlv2ImageProcessor

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.masks import bounding_box
from rorem_demo.imaging.types import Box, Image, Size
from rorem_demo.segmenters import owl
from rorem_demo.segmenters.base import Candidate, Phrase, SegmenterSpec
from rorem_demo.segmenters.owl import OwlEncoding, OwlSegmenter
from rorem_demo.segmenters.owl_files import OwlFiles, PixelScale, read
from rorem_demo.segmenters.phrases import SUGGEST
from rorem_demo.segmenters.segment import encoded, finished, proposed

# Tests are no package: pytest's importlib mode leaves their folder off the path.
sys.path.insert(0, str(Path(__file__).parent))
from owl_checkpoint import full_config, write_tiny_owl

SPEC = SegmenterSpec(
    key="owl",
    title="OWLv2",
    summary="",
    loader="rorem_demo.segmenters.owl:load",
    licence="Apache-2.0",
    source="",
    prompts=frozenset({"phrase"}),
    encode_seconds=1.0,
    rough=True,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine torch's threads wait for each other longer than such small products take."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiny") / "owl"
    write_tiny_owl(path)
    return path


@pytest.fixture(scope="module")
def unsure_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unsure") / "owl"
    write_tiny_owl(path, planted=False)
    return path


@pytest.fixture(scope="module")
def segmenter(folder: Path) -> OwlSegmenter:
    return loaded(folder)


def loaded(folder: Path) -> OwlSegmenter:
    segmenter = owl.load(SPEC, (folder / "model.safetensors",))
    assert isinstance(segmenter, OwlSegmenter)
    return segmenter


def noise(height: int, width: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def seen(segmenter: OwlSegmenter, image: Image) -> OwlEncoding:
    encoding = finished(encoded(SPEC, segmenter, image))
    assert isinstance(encoding, OwlEncoding)
    return encoding


def asked(segmenter: OwlSegmenter, encoding: OwlEncoding, phrase: str) -> list[Candidate]:
    return proposed(SPEC, segmenter, encoding, [Phrase(phrase)])


def planted(boxes: list[tuple[float, float, float, float]], scores: list[float], size: Size) -> OwlEncoding:
    """An encoding in which any words find these boxes, in parts of the longer side, with these scores."""
    logits = np.log(np.array(scores) / (1 - np.array(scores)))
    return OwlEncoding(
        meanings=np.zeros((len(boxes), 16), np.float16),
        shift=logits.astype(np.float32),
        scale=np.ones(len(boxes), np.float32),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        size=size,
    )


def boxes_of(candidates: list[Candidate]) -> list[Box]:
    return [bounding_box(candidate.mask) for candidate in candidates]


@pytest.mark.parametrize("shape", [(64, 64), (120, 90), (90, 120), (1, 1)])
def test_boxes_and_scores_are_those_of_the_library(unsure_folder: Path, shape: tuple[int, int]) -> None:
    files = read("OWLv2", unsure_folder)
    segmenter = OwlSegmenter(files, torch.float32)
    image, names = noise(*shape), ["dog", "Dog's  very LONG name that does not fit", "цветок"]
    encoding = seen(segmenter, image)
    tokens = CLIPTokenizer.from_pretrained(unsure_folder)(
        [f"a photo of a {name}" for name in names], padding="max_length", truncation=True, return_tensors="pt"
    )
    network = Owlv2ForObjectDetection.from_pretrained(unsure_folder)
    with torch.inference_mode():
        outputs = network(pixel_values=files.scale.pixels(image, 64), **tokens)
    (theirs,) = Owlv2ImageProcessor().post_process_object_detection(outputs, 0.0, [shape])
    ours = owl._scores(encoding, segmenter._meanings(names))
    assert np.ptp(ours) > 0.02
    assert ours.max(axis=1) == pytest.approx(theirs["scores"].numpy(), abs=2e-3)
    assert ours.argmax(axis=1).tolist() == theirs["labels"].tolist()
    assert encoding.boxes * max(shape) == pytest.approx(theirs["boxes"].numpy(), abs=1e-3)


def test_less_precise_products_change_little(unsure_folder: Path) -> None:
    image = noise(64, 64)
    exact = seen(OwlSegmenter(read("OWLv2", unsure_folder), torch.float32), image)
    rounded = seen(OwlSegmenter(read("OWLv2", unsure_folder), torch.bfloat16), image)
    assert not np.array_equal(exact.boxes, rounded.boxes)
    assert exact.boxes == pytest.approx(rounded.boxes, abs=0.03)
    assert exact.meanings == pytest.approx(rounded.meanings, abs=0.05)


def test_pixels_are_those_of_the_library_but_for_the_padding(folder: Path) -> None:
    image = np.kron(noise(8, 16), np.ones((8, 4, 1), np.uint8))[:32]
    theirs = Owlv2ImageProcessor.from_pretrained(folder)(image, return_tensors="pt")["pixel_values"]
    scale = read("OWLv2", folder).scale
    ours = scale.pixels(image, 64)
    assert ours.shape == theirs.shape == (1, 3, 64, 64)
    assert torch.allclose(ours[..., :32, :], theirs[..., :32, :], atol=1e-5)
    grey = (0.5 - torch.tensor(scale.mean)) / torch.tensor(scale.spread)
    assert torch.allclose(ours[0, :, 32:].mean(dim=(1, 2)), grey, atol=1e-5)


def test_a_large_photo_is_averaged() -> None:
    pixels = PixelScale((0.0,) * 3, (1.0,) * 3).pixels(noise(640, 320), 64)
    assert float(pixels[..., :32].std()) < 0.05
    assert float(pixels[..., :32].mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (1, 1), (480, 640), (200, 100), (3, 2)])
@pytest.mark.parametrize("colour", [None, 0, 255])
def test_the_tiny_model_finds_one_thing_in_any_photo(
    segmenter: OwlSegmenter, shape: tuple[int, int], colour: int | None
) -> None:
    image = noise(*shape) if colour is None else np.full((*shape, 3), colour, np.uint8)
    encoding = seen(segmenter, image)
    for phrase in ("dog", "all people", "the cat on the left", "собака", "power lines"):
        (candidate,) = asked(segmenter, encoding, phrase)
        assert candidate.mask.shape == shape
        assert candidate.score > 0.8


def test_a_thing_is_called_by_its_plain_name(segmenter: OwlSegmenter) -> None:
    (candidate,) = asked(segmenter, seen(segmenter, noise(60, 90)), "Please remove all the dogs on the left")
    assert candidate.label == "dog"


def test_different_photos_look_different_and_the_same_one_the_same(segmenter: OwlSegmenter) -> None:
    first, again, other = (seen(segmenter, noise(50, 70, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.meanings, again.meanings)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.boxes, other.boxes)


def test_nothing_sure_is_nothing_found(segmenter: OwlSegmenter) -> None:
    faint = planted([(0.1, 0.1, 0.5, 0.5)], [owl.THRESHOLD - 0.001], Size(100, 100))
    clear = planted([(0.1, 0.1, 0.5, 0.5)], [owl.THRESHOLD + 0.001], Size(100, 100))
    assert segmenter.propose(faint, [Phrase("dog")]) == []
    assert boxes_of(segmenter.propose(clear, [Phrase("dog")])) == [Box(10, 10, 50, 50)]


def test_a_thing_is_found_once_and_its_neighbour_too(segmenter: OwlSegmenter) -> None:
    boxes = [(0.1, 0.1, 0.5, 0.5), (0.11, 0.1, 0.5, 0.51), (0.5, 0.1, 0.9, 0.5)]
    found = asked(segmenter, planted(boxes, [0.5, 0.9, 0.7], Size(200, 200)), "dogs")
    assert boxes_of(found) == [Box(22, 20, 100, 102), Box(100, 20, 180, 100)]
    assert [candidate.score for candidate in found] == pytest.approx([0.9, 0.7])


def test_what_is_in_the_padding_is_not_in_the_photo(segmenter: OwlSegmenter) -> None:
    boxes = [(0.1, 0.6, 0.4, 0.9), (0.1, 0.2, 0.4, 0.7), (-0.2, -0.1, 0.3, 0.2)]
    found = asked(segmenter, planted(boxes, [0.9, 0.8, 0.7], Size(100, 50)), "dogs")
    assert boxes_of(found) == [Box(10, 20, 40, 50), Box(0, 0, 30, 20)]


def test_no_more_than_twenty_things_are_found(segmenter: OwlSegmenter) -> None:
    corners = [(x / 40, y / 40) for x in range(0, 40, 2) for y in range(0, 40, 2)]
    boxes = [(x, y, x + 1 / 40, y + 1 / 40) for x, y in corners]
    scores = np.linspace(0.3, 0.9, len(boxes)).tolist()
    found = asked(segmenter, planted(boxes, scores, Size(400, 400)), "dogs")
    assert [candidate.score for candidate in found] == pytest.approx(scores[::-1][:20])


def test_of_several_the_one_at_the_place_is_meant(segmenter: OwlSegmenter) -> None:
    boxes = [(0.7, 0.1, 0.9, 0.3), (0.1, 0.1, 0.3, 0.3), (0.4, 0.6, 0.6, 0.8)]
    encoding = planted(boxes, [0.9, 0.8, 0.7], Size(100, 100))
    places = {"left": Box(10, 10, 30, 30), "right": Box(70, 10, 90, 30), "bottom": Box(40, 60, 60, 80)}
    for place, box in places.items():
        assert boxes_of(asked(segmenter, encoding, f"the dog on the {place}")) == [box]


def test_suggestions_leave_the_main_person_alone(segmenter: OwlSegmenter) -> None:
    encoding = planted([(0.3, 0.1, 0.7, 0.9), (0.85, 0.4, 0.95, 0.6)], [0.9, 0.8], Size(100, 100))
    found = asked(segmenter, encoding, SUGGEST)
    assert boxes_of(found) == [Box(85, 40, 95, 60)]
    assert found[0].label == "person"


def test_arguments_stay_as_they_were(segmenter: OwlSegmenter) -> None:
    image = noise(40, 60)
    before = image.copy()
    image.flags.writeable = False
    encoding = seen(segmenter, image)
    arrays = (encoding.meanings, encoding.shift, encoding.scale, encoding.boxes)
    copies = [array.copy() for array in arrays]
    asked(segmenter, encoding, "dogs and cats")
    assert np.array_equal(image, before)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, copies, strict=True))


def test_an_encoding_survives_the_disk(segmenter: OwlSegmenter) -> None:
    encoding = seen(segmenter, noise(40, 60))
    again = pickle.loads(pickle.dumps(encoding))
    assert again.size == Size(60, 40)
    assert again.size_bytes == encoding.size_bytes > 0
    (ours,), (theirs,) = asked(segmenter, encoding, "dog"), asked(segmenter, again, "dog")
    assert ours.score == theirs.score


def test_threads_get_what_one_alone_gets(segmenter: OwlSegmenter) -> None:
    images = [noise(40 + 10 * number, 60, number) for number in range(4)]
    phrases = ["dog", "all of the people with hats and bags", "the cat", "wires"]

    def work(number: int) -> tuple[float, tuple[int, ...]]:
        (candidate,) = asked(segmenter, seen(segmenter, images[number]), phrases[number])[:1]
        return candidate.score, bounding_box(candidate.mask)

    alone = [work(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, [*range(4)] * 3))
    assert [score for score, _ in together] == pytest.approx([score for score, _ in alone] * 3, abs=1e-5)
    assert [box for _, box in together] == [box for _, box in alone] * 3


def test_closing_the_look_stops_it_between_layers(segmenter: OwlSegmenter) -> None:
    steps = segmenter.encode(noise(40, 60))
    assert next(steps).fraction == 0.0
    assert not torch.is_inference_mode_enabled()
    steps.close()
    assert next(steps, None) is None


def test_progress_rises_to_one(segmenter: OwlSegmenter) -> None:
    fractions = [step.fraction for step in segmenter.encode(noise(40, 60))]
    assert fractions == [0.0, 0.5, 1.0]


def test_a_phrase_that_says_nothing_is_told_so(segmenter: OwlSegmenter) -> None:
    with pytest.raises(InputError) as caught:
        asked(segmenter, seen(segmenter, noise(40, 60)), "remove it")
    assert caught.value.hint


def truncated(path: Path) -> None:
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def emptied(path: Path) -> None:
    (path / "model.safetensors").write_bytes(b"")


def of_another_kind(path: Path) -> None:
    changed(path, "config.json", model_type="owlvit")


def of_another_size(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    changed(path, "config.json", vision_config={**config["vision_config"], "intermediate_size": 48})


def of_more_layers(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    changed(path, "config.json", vision_config={**config["vision_config"], "num_hidden_layers": 3})


def without_mean(path: Path) -> None:
    (path / "preprocessor_config.json").write_text("{}")


def torn(path: Path) -> None:
    vocabulary = path / "vocab.json"
    vocabulary.write_text(vocabulary.read_text()[:100])


def changed(path: Path, name: str, **values: object) -> None:
    told = json.loads((path / name).read_text())
    (path / name).write_text(json.dumps({**told, **values}))


@pytest.mark.parametrize(
    "damage", [truncated, emptied, of_another_kind, of_another_size, of_more_layers, without_mean, torn]
)
def test_damaged_files_are_told_in_a_sentence(folder: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    shutil.copytree(folder, tmp_path / "owl")
    damage(tmp_path / "owl")
    with pytest.raises(UnavailableError, match="damaged or does not hold") as caught:
        loaded(tmp_path / "owl")
    assert caught.value.hint
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "preprocessor_config.json", "merges.txt"])
def test_a_missing_file_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(folder, tmp_path / "owl")
    (tmp_path / "owl" / name).unlink()
    with pytest.raises(UnavailableError, match=name) as caught:
        loaded(tmp_path / "owl")
    assert caught.value.hint


def test_loading_leaves_torch_as_it_was(folder: Path) -> None:
    before = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state()
    segmenter = loaded(folder)
    asked(segmenter, seen(segmenter, noise(40, 60)), "dog")
    after = torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state()
    assert before[:3] == after[:3]
    assert torch.equal(before[3], after[3])


@pytest.mark.slow
def test_the_published_size_takes_seconds_not_minutes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(2)
    tiny = read("OWLv2", folder)
    files = OwlFiles(Owlv2ForObjectDetection(full_config()).eval(), tiny.tokenizer, tiny.scale)
    segmenter = OwlSegmenter(files, owl.native_precision())
    start = perf_counter()
    encoding = seen(segmenter, noise(900, 1200))
    looked = perf_counter()
    segmenter._meanings(["514 tokens are enough"])
    owl._scores(encoding, segmenter._meanings(["dog"]))
    answered = perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    with capsys.disabled():
        print(  # noqa: T201  # for whoever measures
            f"\nlook {looked - start:.1f} s, two phrases {answered - looked:.2f} s, peak {peak:.1f} GB"
        )
    assert encoding.meanings.shape == (3600, 512)
    assert encoding.size_bytes < 5_000_000
    assert looked - start < 120
