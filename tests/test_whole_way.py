"""The whole way: results rated in the running app become a dataset, that a judge, and the app scores with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import cv2
import httpx2 as httpx
import numpy as np
import pyarrow.parquet
import pytest

from rorem_demo.discriminator.network import CONFIG
from rorem_demo.discriminator.splits import Split, split_of
from rorem_demo.feedback.pictures import digest
from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.io import encode_image
from rorem_demo.imaging.types import Box, Image
from tests.browser.conftest import served
from tests.discriminator.scenes import texture
from tests.hub import WRITER, LoopbackHub

pytestmark = pytest.mark.slow

DATASET, MODEL = "me/answers", "me/judge"
PHOTOS: dict[Split, int] = {"train": 14, "validation": 3, "test": 5}
RATERS = 3
EPOCHS = 6
PATIENCE = 120
"""Seconds, for what takes a few on an idle machine."""
T = TypeVar("T")


@dataclass(frozen=True)
class Scene:
    """A photo with a disc on it."""

    photo: Image
    around: Box
    """What a box must hold for the disc to go."""
    inside: Box
    """If only this goes, telea paints the disc back from its rest."""


def scenes() -> list[Scene]:
    """As many photos of each split as PHOTOS tells."""
    left, found, seed = dict(PHOTOS), [], 0
    while any(left.values()):
        scene = scene_of(np.random.default_rng(seed))
        split, seed = split_of(digest(scene.photo)), seed + 1
        if left[split]:
            left[split] -= 1
            found.append(scene)
    return found


def scene_of(chance: np.random.Generator) -> Scene:
    photo = texture(chance)
    height, width = photo.shape[:2]
    radius = int(chance.integers(24, 34))
    x, y = int(chance.integers(50, width - 50)), int(chance.integers(45, height - 45))
    colour = np.where(photo.mean(axis=(0, 1)) > 128, chance.uniform(0, 50, 3), chance.uniform(205, 255, 3))
    cv2.circle(photo, (x, y), radius, colour.tolist(), -1)
    around, inside = radius + 4, radius // 2
    return Scene(photo, *(Box(x - half, y - half, x + half, y + half) for half in (around, inside)))


@dataclass
class Visitor:
    """Somebody with the page open, somewhere in the world."""

    http: httpx.Client
    number: int
    visit: str = ""
    results: dict[str, bool] = field(default_factory=dict)
    """Is the disc gone?"""

    def __post_init__(self) -> None:
        config = self.asked("GET", "/config")
        submit = next(one for one in config["dependencies"] if [event for _, event in one["targets"]] == ["submit"])
        values = {part["id"]: part["props"].get("value") for part in config["components"]}
        self._event, self._options = submit["id"], [values[number] for number in submit["inputs"][2:]]

    def asked(self, method: str, path: str, **given: Any) -> Any:
        headers = {"X-Forwarded-For": f"8.8.8.{self.number}", "X-Visit": self.visit}
        return self.http.request(method, path, headers=headers, **given).raise_for_status().json()

    def remove(self, scene: Scene) -> None:
        """Once well and once badly."""
        opened = self.asked("POST", "/rorem/photos", content=encode_image(scene.photo, "PNG"))
        self.visit = opened["visit"]
        for box, gone in ((scene.around, True), (scene.inside, False)):
            self.results[self._removed(opened["id"], box)] = gone

    def rate(self, result: str, judge: str = "") -> None:
        answer = {"removed": self.results[result], "share": True, "visit": self.visit, "judge": judge}
        self.asked("POST", f"/rorem/results/{result}/rating", json=answer)

    def likely(self, result: str) -> dict[str, str]:
        return dict(self.asked("GET", f"/rorem/results/{result}/likely"))

    def _removed(self, photo: str, box: Box) -> str:
        """Id of the result, as the stage is told it."""
        shape = {"tool": "box", "points": encode_points([(box.left, box.top), (box.right, box.bottom)])}
        drawing = {"grid": 1, "invert": False, "entries": [{"kind": "box", "grow": 0, "shapes": [shape]}]}
        value = json.dumps({"photo": photo, "run": 0, "drawing": drawing})
        session = uuid4().hex
        call = {"data": [value, "telea", *self._options], "fn_index": self._event, "session_hash": session}
        self.asked("POST", "/gradio_api/queue/join", json=call)
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as told:
            (end,) = (json.loads(line[6:]) for line in told.iter_lines() if '"process_completed"' in line)
        (stage,) = end["output"]["data"]
        return str(stage["props"]["update"]["photo"])


@dataclass(frozen=True)
class Place:
    """A Hub, an app that publishes to it, and a folder."""

    hub: LoopbackHub
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HF_ENDPOINT": self.hub.address, "HF_TOKEN": WRITER, "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(self.folder / "cache"), "ROREM_DATA_DIR": str(self.folder / "data"),
            "ROREM_FEEDBACK_DATASET": DATASET, "ROREM_PUBLISH_MINUTES": "0.1", "ROREM_REVIEW_MINUTES": "0",
            "ROREM_DISCRIMINATOR": MODEL, "ROREM_DISCRIMINATOR_MINUTES": "0.1",
        }  # fmt: skip

    @property
    def revision(self) -> str:
        return self.hub.repositories[f"datasets/{DATASET}"].commit("main")

    @property
    def published(self) -> list[str]:
        """Versions of the judge, oldest first."""
        if MODEL not in self.hub.repositories:
            return []
        commits = [files for files in self.hub.repositories[MODEL].commits.values() if CONFIG in files]
        return [json.loads(files[CONFIG])["version"] for files in commits]

    def rows(self, *columns: str) -> list[dict[str, Any]]:
        """Of the dataset, each once."""
        files = self.hub.files(f"datasets/{DATASET}") if f"datasets/{DATASET}" in self.hub.repositories else {}
        shards = [BytesIO(content) for path, content in files.items() if path.endswith(".parquet")]
        return [row for one in shards for row in pyarrow.parquet.read_table(one, columns=[*columns]).to_pylist()]

    def trained(self, name: str, seed: int) -> tuple[str, str]:
        """Version of a judge that learned from the dataset as it is now, and what was said last."""
        given = {"dataset": DATASET, "revision": self.revision, "network": "compact", "output": self.folder / name}
        given |= {"push-to": MODEL, "epochs": EPOCHS, "batch": 8, "seed": seed, "cache": self.folder / "windows"}
        options = [text for option, value in given.items() for text in (f"--{option}", str(value))]
        done = subprocess.run(
            [sys.executable, "-m", "rorem_demo.discriminator.train", *options],
            env={**os.environ, **self.environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip(), done.stderr.splitlines()[-1]


def client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=PATIENCE)


def waited_for(what: Callable[[], T]) -> T:
    """It, once it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def test_what_raters_say_in_the_app_becomes_the_judge_of_its_results(tmp_path: Path) -> None:
    with LoopbackHub() as hub, served(**Place(hub, tmp_path).environment) as address, client(address) as http:
        place, photos = Place(hub, tmp_path), scenes()
        raters = [Visitor(http, number) for number in range(RATERS)]
        for number, scene in enumerate(photos):
            raters[number % RATERS].remove(scene)
        time.sleep(1)  # who answers sooner has not looked
        for rater in raters:
            for result in rater.results:
                rater.rate(result)
        rows = waited_for(lambda: len(place.rows("id")) == 2 * len(photos) and place.rows("rater", "label", "flags"))
        assert len({row["rater"] for row in rows}) == RATERS
        assert sum(row["label"] for row in rows) == len(photos)
        assert not any(row["flags"] for row in rows)

        asking, result = raters[0], next(iter(raters[0].results))
        assert asking.likely(result) == {"words": "", "judge": ""}, "there is none yet"
        first, why = place.trained("first", seed=0)
        assert (why, place.published) == ("There was no published model to beat.", [first])
        told = waited_for(lambda: asking.likely(result)["judge"] and asking.likely(result))
        assert told["judge"] == first
        assert re.fullmatch(r"likely (not )?clean: \d\d%|not sure", told["words"])

        asking.remove(photos[0])
        *_, good, bad = asking.results
        assert [asking.likely(result)["words"][:13] for result in (good, bad)] == ["likely clean:", "likely not cl"]
        time.sleep(1)
        asking.rate(good, judge=first)
        (row,) = waited_for(lambda: [row for row in place.rows("judge", "score", "label") if row["judge"]])
        assert (row["judge"], row["label"]) == (first, 1)
        assert row["score"] > 0.6

        second, why = place.trained("second", seed=1)
        assert second != first
        assert re.search(r"AUROC .* so it is (not better|worse) by more than chance\.$", why)
        assert place.published == [first]
        asking.remove(photos[1])
        assert asking.likely(list(asking.results)[-1])["judge"] == first
