"""Services: what the faces are given."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from rorem_demo.errors import ConfigError, InputError, UnavailableError
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import Cost, Progress, Removal, RemovalOptions, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.erase import finish
from rorem_demo.removers.on_zerogpu import OnZeroGpu
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.devices import Machine
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.turns import Begun
from rorem_demo.runtime.turns_line import Line, Place, Waiting
from rorem_demo.runtime.weights import Weights
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.several.plan import Attempt, Plan
from rorem_demo.several.run import remove_several
from rorem_demo.visits import OpenedPhoto, Result
from tests.hub import LoopbackHub
from tests.segmenter_doubles import row as pointer

IMAGE: Image = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
MASK: Mask = np.zeros((30, 40), np.bool_)
MASK[10:15, 10:15] = True


class Grey:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.5)
        yield Step(1.0, np.full_like(image, 128))


def load(spec: RemoverSpec, files: tuple[Path, ...]) -> Grey:
    return Grey()


def row(key: str, *packages: str) -> RemoverSpec:
    return RemoverSpec(
        key=key,
        title=key.title(),
        summary="",
        loader=f"{__name__}:load",
        licence="",
        source="",
        cost=Cost(memory_gb=0, fixed_seconds=0),
        packages=packages,
    )


ABSENT = row("absent", "no_such_package")


@pytest.fixture
def services() -> Services:
    return Services.assemble(Settings(), Catalog(ABSENT, row("grey"), row("gray")))


def test_assembling_loads_no_model(services: Services) -> None:
    assert services.models.loaded == ()


def test_the_default_is_the_first_row_that_runs_here(services: Services) -> None:
    assert services.default_remover.key == "grey"


def test_the_default_suits_the_machine() -> None:
    made_for_gpu = replace(row("large"), preselected="with a GPU")
    services = Services.assemble(Settings(), Catalog(made_for_gpu, row("small")))
    for gpu, key in ((False, "small"), (True, "large")):
        assert replace(services, machine=Machine(gpu=gpu, cores=2)).default_remover.key == key
    assert Services.assemble(Settings(), Catalog(made_for_gpu)).default_remover.key == "large"


def test_on_zero_gpu_models_of_gpu_rows_are_loaded_before_launch_and_work_through_its_door() -> None:
    rows = Catalog(replace(row("away"), gpu_cost=Cost(memory_gb=1, fixed_seconds=1)), row("here"), ABSENT)
    services = Services.assemble(Settings(zero_gpu=True), rows)
    services.preload()
    assert services.models.loaded == ("away",)
    with services.models.use("away") as remover:
        assert isinstance(remover, OnZeroGpu)
    assert finish(services.remove("away", IMAGE, MASK, RemovalOptions())).changed_outside == 0
    elsewhere = Services.assemble(Settings(), rows)
    elsewhere.preload()
    assert elsewhere.models.loaded == ()


def test_missing_names_the_package(services: Services) -> None:
    assert services.missing(ABSENT) == ("the package no_such_package",)


def test_a_removal_reports_and_ends_with_the_removal(services: Services) -> None:
    updates = list(services.remove("grey", IMAGE, MASK, RemovalOptions(grow=0)))
    assert [type(update) for update in updates] == [Progress, Progress, Removal]


def test_an_unknown_method_is_refused(services: Services) -> None:
    with pytest.raises(InputError, match="nothing-like-it"):
        finish(services.remove("nothing-like-it", IMAGE, MASK, RemovalOptions()))


def test_a_method_that_cannot_run_here_names_one_that_can(services: Services) -> None:
    with pytest.raises(UnavailableError, match="no_such_package") as caught:
        finish(services.remove("absent", IMAGE, MASK, RemovalOptions()))
    assert caught.value.hint == "Choose Grey instead."


def test_where_nothing_runs_every_removal_says_so() -> None:
    services = Services.assemble(Settings(), Catalog(ABSENT))
    with pytest.raises(UnavailableError, match="No method"):
        finish(services.remove("absent", IMAGE, MASK, RemovalOptions()))


def test_the_model_is_free_again_after_closing_early(services: Services) -> None:
    updates = services.remove("grey", IMAGE, MASK, RemovalOptions())
    next(updates)
    updates.close()  # type: ignore[attr-defined]
    finish(services.remove("grey", IMAGE, MASK, RemovalOptions()))
    assert services.models.loaded == ("grey",)


class Packaged(Grey):
    def use_packages(self, folder: Path) -> None:
        self.folder = folder


def load_packaged(spec: RemoverSpec, files: tuple[Path, ...]) -> Packaged:
    return Packaged()


def test_a_model_that_can_use_packages_is_told_where_they_are(tmp_path: Path) -> None:
    spec = replace(row("packaged"), loader=f"{__name__}:load_packaged")
    services = Services.assemble(Settings(data=tmp_path), Catalog(spec, row("grey")))
    with services.models.use("packaged") as model, services.models.use("grey"):
        assert isinstance(model, Packaged)
        assert model.folder == services.packages == tmp_path / "compiled"


def test_zero_gpu_keeps_every_model() -> None:
    keys = ["a", "b", "c", "d"]
    services = Services.assemble(Settings(zero_gpu=True), Catalog(*map(row, keys)))
    services.models.preload(*keys)
    assert services.models.loaded == tuple(keys)


def test_a_result_is_kept_in_the_visit_of_its_photo_and_can_be_worked_on(services: Services) -> None:
    photo = Photo(IMAGE, "JPEG", b"profile", "lake", ("It was rotated.",))
    source, visit = services.visits.keep(OpenedPhoto(photo))
    removal = finish(services.remove("grey", services.photo(source).image, MASK, RemovalOptions()))
    key = services.keep_result(source, removal)
    kept = services.photo(key)
    assert services.visits.visit_of(key) == visit
    assert kept.image is removal.image
    assert (kept.icc, kept.name, kept.format, kept.notes) == (b"profile", "lake", "JPEG", ())
    assert services.visits.get(key, Result).source == source


# Fetching

WEIGHT = WeightFile(repository="owner/name", file="model.safetensors")


def fetching(folder: Path, hub: LoopbackHub, *keys: str) -> Services:
    rows = Catalog(replace(row("heavy"), weights=(WEIGHT,)), row("light"))
    services = Services.assemble(Settings(fetch=keys), rows, Catalog(pointer("alike")))
    return replace(services, weights=Weights(folder, cache=folder / "cache", endpoint=hub.address))


def test_weights_that_were_asked_for_arrive_while_the_page_serves(tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        hub.commit("owner/name", {"model.safetensors": b"weights"})
        services = fetching(tmp_path, hub, "heavy", "light")
        assert services.missing(services.removers["heavy"]) == ("weights",)
        services.begin_fetching().join(20)
    assert services.missing(services.removers["heavy"]) == ()


def test_a_download_that_fails_is_a_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with LoopbackHub() as hub:
        services = fetching(tmp_path, hub, "heavy")
        services.begin_fetching().join(20)
    (record,) = [record for record in caplog.records if record.name == "rorem_demo.services"]
    assert "owner/name" in record.message
    assert services.missing(services.removers["heavy"]) == ("weights",)


def test_a_key_that_is_no_rows_is_refused_at_the_start(tmp_path: Path) -> None:
    with LoopbackHub() as hub, pytest.raises(ConfigError, match="ROREM_FETCH names nothing-like-it") as refused:
        fetching(tmp_path, hub, "heavy", "nothing-like-it").begin_fetching()
    assert "heavy, light, alike" in refused.value.hint


def test_weights_kept_elsewhere_say_where_to_put_them_and_may_be_given_a_repository(tmp_path: Path) -> None:
    elsewhere = replace(row("heavy"), weights=(WeightFile(repository="rorem-lcm", file="lora.safetensors"),))
    with LoopbackHub() as hub:
        hub.commit("me/lora", {"lora.safetensors": b"weights"})
        lost, placed = (
            replace(Services.assemble(settings, Catalog(elsewhere)), weights=Weights(tmp_path, endpoint=hub.address))
            for settings in (Settings(), Settings(repositories={"rorem-lcm": "me/lora"}))
        )
        with pytest.raises(UnavailableError, match="No repository of the Hub is known") as refused:
            lost.weights.fetch(lost.removers["heavy"])
        assert "rorem-lcm/ of ROREM_WEIGHTS_DIR" in refused.value.hint
        (path,) = placed.weights.fetch(placed.removers["heavy"])
    assert path == tmp_path / "me" / "lora" / "lora.safetensors"
    (tmp_path / "rorem-lcm").mkdir()
    path.rename(tmp_path / "rorem-lcm" / "lora.safetensors")
    assert lost.missing(lost.removers["heavy"]) == ()


def test_what_a_remover_took_is_what_the_next_estimate_says() -> None:
    slow = replace(row("slow"), cost=Cost(memory_gb=0, fixed_seconds=100.0))
    services = Services.assemble(Settings(), Catalog(slow, row("grey")))
    options = RemovalOptions(grow=3)
    assert services.estimate("slow", MASK, options) == 100.0
    took = finish(services.remove("slow", IMAGE, MASK, options)).seconds
    assert took < 6.0
    assert services.estimates(MASK) == {"slow": 100 / 16, "grey": 0.0}, "quicker than sixteen times is not believed"


# --- turns --------------------------------------------------------------------------------------------------------


def test_in_turn_the_removal_comes_when_the_turn_is_over(services: Services) -> None:
    run = services.remove_in_turn("visitor", "grey", IMAGE, MASK, RemovalOptions(grow=0))
    assert [type(next(run)) for _ in range(3)] == [Begun, Progress, Progress]
    waiting = services.remove_in_turn("other", "gray", IMAGE, MASK, RemovalOptions())
    told = next(waiting)
    assert isinstance(told, Waiting)
    assert told.before == 1
    assert isinstance(next(run), Removal)
    assert isinstance(next(waiting), Begun)


def test_what_can_be_refused_is_refused_before_the_wait(services: Services) -> None:
    held = services.turns.during("other", 100.0, iter([1]))
    next(held)
    with pytest.raises(UnavailableError, match="no_such_package"):
        next(services.remove_in_turn("visitor", "absent", IMAGE, MASK, RemovalOptions()))
    with pytest.raises(InputError, match="Nothing is marked"):
        next(services.remove_in_turn("visitor", "grey", IMAGE, np.zeros_like(MASK), RemovalOptions()))


class Watched(Line):
    """Remembers who came and who began, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def enter(self, place: Place) -> None:
        self.seen.append(("came", place.visitor))
        super().enter(place)

    def begin(self, now: float) -> None:
        before = self._at_work
        super().begin(now)
        if self._at_work and self._at_work is not before:
            self.seen.append(("began", self._at_work.visitor))


@pytest.mark.slow
def test_beside_a_best_of_5_with_real_removers_a_single_removal_waits_at_most_one_attempt() -> None:
    services = Services.assemble(Settings())
    services.turns._line = line = Watched()
    image: Image = np.random.default_rng(1).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    large, small = np.zeros((600, 800), np.bool_), np.zeros((600, 800), np.bool_)
    large[100:300, 100:400] = True
    small[500:510, 500:510] = True
    source, _ = services.visits.keep(OpenedPhoto(Photo(image, "PNG", None, "noise", ())))
    attempts = tuple(Attempt("shift-map", RemovalOptions(seed=seed), 1.0) for seed in range(5))
    many = Thread(
        target=lambda: list(remove_several(services, source, large, Plan(attempts, 5, 600.0), visitor="many"))
    )
    many.start()
    while many.is_alive():
        *_, last = services.remove_in_turn("one", "telea", image, small, RemovalOptions())
        assert isinstance(last, Removal)
    assert line.seen.count(("began", "many")) == 5
    came = [index for index, what in enumerate(line.seen) if what == ("came", "one")]
    began = [index for index, what in enumerate(line.seen) if what == ("began", "one")]
    between = [line.seen[start:end].count(("began", "many")) for start, end in zip(came, began, strict=True)]
    assert max(between) == 0  # nothing is begun before it, so it waits for the one at work at most
    attempts_began = [index for index, what in enumerate(line.seen) if what == ("began", "many")]
    assert all(set(began) & set(range(*pair)) for pair in pairwise(attempts_began))  # it was between all of them
