"""What every row of the catalogue must do, whatever it is made of.

Rows with weights get those in ROREM_WEIGHTS_DIR, or random ones.
"""

import gc
import hashlib
import os
import pickle
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.pool import ModelPool
from rorem_demo.runtime.weights import Weights
from rorem_demo.settings import Settings
from tests.whole_weights import write_weights

OTHER_PROCESS = """
import hashlib, runpy
suite = runpy.run_path({path!r})
spec = suite["REMOVERS"][{key!r}]
image = suite["filled"](spec, suite["loaded"](spec), *suite["scene"](90, 70))
print(hashlib.sha256(image.tobytes()).hexdigest())
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if given := Settings.from_environment(os.environ).weights:
        return given
    made = tmp_path_factory.mktemp("weights")
    write_weights(made)
    return made


def loaded(spec: RemoverSpec, folder: Path | None = None) -> Remover:
    weights = Weights(folder or Settings.from_environment(os.environ).weights)
    if needs := weights.missing(spec):
        pytest.skip(f"{spec.key} needs {' and '.join(needs)}")
    return REMOVERS.load(spec.key, weights)


ROWS = [pytest.param(spec, marks=[pytest.mark.slow] * bool(spec.weights), id=spec.key) for spec in REMOVERS]


@pytest.fixture(scope="module", params=ROWS)
def spec(request: pytest.FixtureRequest) -> RemoverSpec:
    row: RemoverSpec = request.param
    return row


@pytest.fixture(scope="module")
def remover(spec: RemoverSpec, request: pytest.FixtureRequest) -> Remover:
    return loaded(spec, request.getfixturevalue("folder") if spec.weights else None)


def scene(width: int, height: int, seed: int = 0) -> tuple[Image, Mask]:
    """A photo-like picture with a hole over a tenth of it, off its middle."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = 90 + 60 * np.sin(columns / 5 + seed)[..., None] * np.cos(rows / 7)[..., None] * [1.0, 0.8, 0.5]
    image = np.clip(waves + random.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)
    mask = ((rows / height - 0.4) ** 2 + (columns / width - 0.55) ** 2) < 0.03
    return image, mask


def steps_of(spec: RemoverSpec, remover: Remover, image: Image, mask: Mask, seed: int = 0) -> list[Step]:
    """All steps, on arrays of a size the row allows."""
    fit = spec.size.fit(size_of(image))
    return list(remover.fill(fit.image(image), fit.mask(mask), ResolvedOptions(seed=seed, steps=2)))


def filled(spec: RemoverSpec, remover: Remover, image: Image, mask: Mask, seed: int = 0) -> Image:
    result = steps_of(spec, remover, image, mask, seed)[-1].image
    assert result is not None, "the last step carries the image"
    return result


def extremes() -> dict[str, tuple[Image, Mask]]:
    hole = scene(40, 30)[0], np.zeros((30, 40), np.bool_)
    hole[1][15, 20] = True
    tiny = scene(3, 3)[0], np.zeros((3, 3), np.bool_)
    tiny[1][1, 1] = True
    nearly_all = scene(40, 30)[0], np.ones((30, 40), np.bool_)
    nearly_all[1][0, 0] = False
    half = scene(40, 30)[0], np.arange(1200).reshape(30, 40) % 40 < 20
    return {
        "hole of one pixel": hole,
        "image of 3 x 3": tiny,
        "all but one pixel": nearly_all,
        "one whole side": half,
        "2000 x 7": scene(2000, 7),
        "7 x 2000": scene(7, 2000),
    }


def test_the_result_has_the_size_and_type_of_the_image(spec: RemoverSpec, remover: Remover) -> None:
    image, mask = scene(90, 70)
    fit = spec.size.fit(size_of(image))
    result = filled(spec, remover, image, mask)
    assert size_of(result) == fit.padded
    assert result.dtype == np.uint8


def test_the_hole_changes(spec: RemoverSpec, remover: Remover) -> None:
    image, mask = scene(90, 70)
    image[mask] = (255, 0, 255)
    result = spec.size.fit(size_of(image)).undo(filled(spec, remover, image, mask))
    assert (result[mask] != image[mask]).any(axis=1).mean() > 0.99


def test_arguments_are_left_untouched(spec: RemoverSpec, remover: Remover) -> None:
    image, mask = scene(90, 70)
    fit = spec.size.fit(size_of(image))
    given = fit.image(image), fit.mask(mask)
    for array in given:
        array.flags.writeable = False
    before = [array.copy() for array in given]
    steps = list(remover.fill(*given, ResolvedOptions(steps=2)))
    assert all(np.array_equal(array, kept) for array, kept in zip(given, before, strict=True))
    assert not any(np.shares_memory(step.image, given[0]) for step in steps if step.image is not None)


def test_the_same_seed_gives_the_same_pixels_also_after_another_image(spec: RemoverSpec, remover: Remover) -> None:
    first = filled(spec, remover, *scene(90, 70), seed=7)
    filled(spec, remover, *scene(64, 50, seed=1), seed=8)
    assert np.array_equal(filled(spec, remover, *scene(90, 70), seed=7), first)


@pytest.mark.slow
def test_another_process_gives_the_same_pixels(
    spec: RemoverSpec, remover: Remover, request: pytest.FixtureRequest
) -> None:
    here = hashlib.sha256(filled(spec, remover, *scene(90, 70)).tobytes()).hexdigest()
    code = OTHER_PROCESS.format(path=__file__, key=spec.key)
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    if spec.weights:
        environment["ROREM_WEIGHTS_DIR"] = str(request.getfixturevalue("folder"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == here


def test_the_global_random_state_is_left_alone(spec: RemoverSpec, remover: Remover) -> None:
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002  # it is the legacy state that a model would spoil
    filled(spec, remover, *scene(90, 70))
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


def test_fractions_rise_within_0_and_1_and_the_last_step_carries_the_image(spec: RemoverSpec, remover: Remover) -> None:
    steps = steps_of(spec, remover, *scene(90, 70))
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0
    assert fractions[-1] <= 1
    assert steps[-1].image is not None


@pytest.mark.parametrize("name", extremes())
def test_extreme_windows_are_filled(spec: RemoverSpec, remover: Remover, name: str) -> None:
    image, mask = extremes()[name]
    result = filled(spec, remover, image, mask)
    assert size_of(result) == spec.size.fit(size_of(image)).padded


def test_closing_early_leaves_the_remover_usable(spec: RemoverSpec, remover: Remover) -> None:
    image, mask = scene(90, 70)
    fit = spec.size.fit(size_of(image))
    steps = remover.fill(fit.image(image), fit.mask(mask), ResolvedOptions(steps=2))
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    filled(spec, remover, image, mask)


def test_each_step_asked_for_is_one_step(spec: RemoverSpec, remover: Remover) -> None:
    image, mask = scene(90, 70)
    fit = spec.size.fit(size_of(image))
    few, more = (
        len(list(remover.fill(fit.image(image), fit.mask(mask), ResolvedOptions(steps=steps)))) for steps in (2, 5)
    )
    assert more - few == (3 if "steps" in spec.uses else 0)


def test_steps_and_rows_can_be_pickled(spec: RemoverSpec, remover: Remover) -> None:
    assert pickle.loads(pickle.dumps(spec)) == spec
    for step in steps_of(spec, remover, *scene(90, 70)):
        again = pickle.loads(pickle.dumps(step))
        assert again.fraction == step.fraction
        assert np.array_equal(again.image, step.image) if step.image is not None else again.image is None


def parts(remover: Any) -> list[Any]:
    """The adapter, and of its networks every tensor and every layer that holds one."""
    networks = [value for value in vars(remover).values() if hasattr(value, "named_modules")]
    layers = [layer for network in networks for layer in network.modules()]
    tensors = [(layer, [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]) for layer in layers]
    return [remover, *(part for layer, own in tensors if own for part in (layer, *own))]


def test_eviction_frees_all_of_a_model(spec: RemoverSpec, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    own = tmp_path / "weights"  # by another path, for what has one path is shared with models of other tests
    if spec.weights:
        own.symlink_to(request.getfixturevalue("folder"))
    other = "navier-stokes" if spec.key == "telea" else "telea"
    pool = ModelPool(lambda key: loaded(REMOVERS[key], own), 1)
    with pool.use(spec.key) as model:
        filled(spec, model, *scene(90, 70))
        left = [weakref.ref(part) for part in parts(model)]
        assert len(left) > 100 or not spec.weights
    del model
    with pool.use(other):
        gc.collect()
        assert [type(part()) for part in left if part() is not None] == []
