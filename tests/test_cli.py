"""The command line: exit codes, one line per error, JSON, whole files."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from time import perf_counter

import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms

from rorem_demo.cli import main
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import LIMITS, Cost, RemoverSpec, ResolvedOptions, Step
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.segmenters.catalog import SEGMENTERS
from rorem_demo.services import Services
from rorem_demo.settings import Settings

LEVEL = 200
KEYS = ["photo", "output", "method", "seconds", "changed_outside", "box", "size", "options", "notes"]


class Grey:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(1.0, np.full_like(image, LEVEL))


class Interrupted:
    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        yield Step(0.1)
        raise KeyboardInterrupt


def load_grey(spec: RemoverSpec, files: tuple[Path, ...]) -> Grey:
    return Grey()


def load_interrupted(spec: RemoverSpec, files: tuple[Path, ...]) -> Interrupted:
    return Interrupted()


def load_broken(spec: RemoverSpec, files: tuple[Path, ...]) -> Grey:
    raise ZeroDivisionError("not\nfit to load")


def row(key: str, *packages: str) -> RemoverSpec:
    return RemoverSpec(
        key=key,
        title=key.title(),
        summary="",
        loader=f"{__name__}:load_{key}",
        licence="CC0-1.0",
        source="",
        cost=Cost(memory_gb=0, fixed_seconds=0),
        packages=packages,
    )


@pytest.fixture
def services() -> Services:
    rows = row("grey"), row("interrupted"), row("broken"), row("absent", "no_such_package")
    return Services.assemble(Settings(max_megapixels=1.0), Catalog(*rows))


class Desk:
    """A photo, its mask, and what the command line says of them."""

    def __init__(self, folder: Path, services: Services, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.services, self.capsys = folder, services, capsys
        self.photo, self.mask, self.output = folder / "photo.png", folder / "mask.png", folder / "out.png"
        self.image = np.random.default_rng(0).integers(0, 100, (30, 40, 3), dtype=np.uint8)
        PIL.Image.fromarray(self.image).save(self.photo)
        save_mask(self.mask)

    def run(self, *arguments: str) -> int:
        return main(arguments, self.services)

    def remove(self, *options: str, photo: Path | None = None, mask: Path | None = None, to: Path | None = None) -> int:
        paths = str(photo or self.photo), str(mask or self.mask)
        return self.run("remove", *paths, "-o", str(to or self.output), *options)

    def refusal(self) -> str:
        """The one line on stderr."""
        captured = self.capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("rorem_demo: ")
        assert captured.err.count("\n") == 1
        return captured.err.strip()

    def json(self) -> dict[str, object]:
        """The one line on stdout."""
        lines = self.capsys.readouterr().out.splitlines()
        assert len(lines) == 1
        report: dict[str, object] = json.loads(lines[0])
        return report


def save_mask(path: Path, width: int = 40, height: int = 30) -> None:
    mask = np.zeros((height, width), np.uint8)
    mask[10:15, 10:15] = 255
    PIL.Image.fromarray(mask).save(path)


@pytest.fixture
def desk(tmp_path: Path, services: Services, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, services, capsys)


def in_a_process(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "rorem_demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


# One photo


def test_remove_writes_the_photo_without_what_was_marked(desk: Desk) -> None:
    assert desk.remove("--grow", "0") == 0
    with PIL.Image.open(desk.output) as file:
        result = np.asarray(file)
    assert (result[10:15, 10:15] == LEVEL).all()
    changed = (result != desk.image).any(axis=2)
    assert changed.sum() == 25
    assert "0 pixels changed outside" in desk.capsys.readouterr().out


def test_json_is_one_object_on_one_line(desk: Desk) -> None:
    asked = "--seed 5 --grow 3 --feather 2 --steps 4 --guidance 2.5"
    assert desk.remove("--json", *asked.split()) == 0
    report = desk.json()
    assert list(report) == KEYS
    assert report["method"] == "grey"
    assert report["size"] == [40, 30]
    assert report["box"] == [0, 0, 40, 30]
    assert report["changed_outside"] == 0
    assert report["output"] == str(desk.output)
    assert report["notes"] == []
    options = {"seed": 5, "steps": 4, "guidance": 2.5, "grow": 3, "feather": 2, "context": 1.0}
    assert report["options"] == options


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", "PNG"), ("a.PNG", "PNG"), ("a", "PNG"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG"), ("a.webp", "WEBP")],
)
def test_the_extension_picks_the_format(desk: Desk, name: str, expected: str) -> None:
    assert desk.remove(to=desk.folder / name) == 0
    with PIL.Image.open(desk.folder / name) as file:
        assert file.format == expected


def test_a_lossy_format_is_noted(desk: Desk) -> None:
    assert desk.remove("--json", to=desk.folder / "a.jpg") == 0
    assert "JPEG is lossy" in str(desk.json()["notes"])


def test_the_colour_profile_is_kept_and_other_metadata_is_not(desk: Desk) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = PIL.Image.Exif()
    exif[0x010F] = "Camera of a person"
    photo = desk.folder / "photo.jpg"
    PIL.Image.fromarray(desk.image).save(photo, icc_profile=profile, exif=exif)
    assert desk.remove(photo=photo) == 0
    assert b"Camera of a person" not in desk.output.read_bytes()
    with PIL.Image.open(desk.output) as file:
        assert file.info["icc_profile"] == profile
        assert not file.getexif()


def test_an_existing_result_is_replaced_and_nothing_else_is_left(desk: Desk) -> None:
    desk.output.write_bytes(b"old")
    assert desk.remove() == 0
    assert sorted(path.name for path in desk.folder.iterdir()) == ["mask.png", "out.png", "photo.png"]


def test_the_result_is_as_readable_as_any_new_file(desk: Desk) -> None:
    assert desk.remove() == 0
    (desk.folder / "new").touch()
    modes = [stat.S_IMODE((desk.folder / name).stat().st_mode) for name in ("out.png", "new")]
    assert modes[0] == modes[1]


@pytest.mark.parametrize("name", ["photo.png", "mask.png", "link.png"])
def test_an_input_is_never_overwritten(desk: Desk, name: str) -> None:
    (desk.folder / "link.png").symlink_to(desk.photo)
    before = desk.photo.read_bytes(), desk.mask.read_bytes()
    assert desk.remove(to=desk.folder / name) == 2
    assert "is an input" in desk.refusal()
    assert (desk.photo.read_bytes(), desk.mask.read_bytes()) == before


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--method", "nothing-like-it"], "There is no method 'nothing-like-it'. Choose one of: grey"),
        (["--method", "absent"], "it needs the package no_such_package. Choose Grey instead."),
        (["--grow", "100000"], "grow is 100000"),
        (["--guidance", "nan"], "guidance is nan"),
        (["--output", "out.gif"], "Cannot write .gif files."),
        (["--output", "/no/such/folder/out.png"], "There is no folder /no/such/folder."),
        (["--output", "/dev/null"], "/dev/null is not a file."),
        (["--output", "/"], "/ is not a file."),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(desk: Desk, option: list[str], sentence: str) -> None:
    assert desk.remove(*option) == 2
    assert sentence in desk.refusal()


def test_a_missing_photo_is_named(desk: Desk) -> None:
    assert desk.remove(photo=desk.folder / "none.png") == 2
    assert "none.png: No such file" in desk.refusal()


def test_a_photo_that_is_none_is_one_line(desk: Desk) -> None:
    desk.photo.write_text("no photo")
    assert desk.remove() == 2
    desk.refusal()


def test_a_mask_of_another_size_is_one_line(desk: Desk) -> None:
    save_mask(desk.mask, width=41)
    assert desk.remove() == 2
    assert "41x30" in desk.refusal()


def test_an_empty_mask_is_one_line(desk: Desk) -> None:
    PIL.Image.new("L", (40, 30)).save(desk.mask)
    assert desk.remove() == 2
    assert "Nothing is marked" in desk.refusal()


def test_a_photo_above_the_limit_is_refused(desk: Desk) -> None:
    PIL.Image.new("RGB", (2000, 1000)).save(desk.photo)
    assert desk.remove() == 2
    assert "megapixels" in desk.refusal()


def test_a_photo_with_a_folder_of_masks_is_refused(desk: Desk) -> None:
    assert desk.remove(mask=desk.folder) == 2
    assert "two files or two folders" in desk.refusal()


def test_interruption_is_130(desk: Desk) -> None:
    assert desk.remove("--method", "interrupted") == 130
    assert not desk.output.exists()


def test_a_fault_of_the_program_is_one_line_and_1(desk: Desk) -> None:
    assert desk.remove("--method", "broken") == 1
    line = desk.refusal()
    assert "ZeroDivisionError: not fit to load" in line
    assert "run again with --debug" in line


def test_debug_raises(desk: Desk) -> None:
    with pytest.raises(ZeroDivisionError):
        desk.remove("--method", "broken", "--debug")


# A folder


@pytest.fixture
def batch(desk: Desk) -> Desk:
    """Photos good, bad and without a mask; masks named both ways."""
    for name in ("photos", "masks"):
        (desk.folder / name).mkdir()
    desk.photo.rename(desk.folder / "photos" / "a.png")
    save_mask(desk.folder / "masks" / "a.png")
    PIL.Image.fromarray(desk.image).save(desk.folder / "photos" / "b.JPG")
    save_mask(desk.folder / "masks" / "b_mask.png")
    (desk.folder / "photos" / "broken.png").write_text("no photo")
    save_mask(desk.folder / "masks" / "broken.png")
    PIL.Image.fromarray(desk.image).save(desk.folder / "photos" / "lonely.png")
    (desk.folder / "photos" / "notes.txt").touch()
    desk.photo, desk.mask, desk.output = desk.folder / "photos", desk.folder / "masks", desk.folder / "out"
    return desk


def test_a_batch_goes_on_after_bad_files_and_is_2(batch: Desk) -> None:
    assert batch.remove() == 2
    assert sorted(path.name for path in batch.output.iterdir()) == ["a.png", "b.png"]
    error = batch.capsys.readouterr().err
    assert "rorem_demo: broken.png: " in error
    assert "rorem_demo: lonely.png: Cannot read" in error
    assert "2 of 4 photos done, 2 failed." in error
    assert "4/4" in error  # the progress bar


def test_a_batch_gives_one_json_line_per_photo(batch: Desk) -> None:
    assert batch.remove("--json") == 2
    reports = [json.loads(line) for line in batch.capsys.readouterr().out.splitlines()]
    assert [Path(report["photo"]).name for report in reports] == ["a.png", "b.JPG", "broken.png", "lonely.png"]
    assert [list(report) for report in reports] == [KEYS, KEYS, ["photo", "error"], ["photo", "error"]]


def test_a_batch_without_a_bad_file_is_0(batch: Desk) -> None:
    for name in ("broken.png", "lonely.png"):
        (batch.photo / name).unlink()
    assert batch.remove() == 0


def test_photos_and_masks_may_share_a_folder(batch: Desk) -> None:
    shared = batch.folder / "shared"
    shared.mkdir()
    PIL.Image.fromarray(batch.image).save(shared / "a.png")
    save_mask(shared / "a_mask.png")
    assert batch.remove(photo=shared, mask=shared) == 0
    assert [path.name for path in batch.output.iterdir()] == ["a.png"]


def test_two_photos_of_one_stem_give_two_results(batch: Desk) -> None:
    PIL.Image.fromarray(batch.image).save(batch.photo / "a.webp")
    assert batch.remove() == 2
    assert {"a.png.png", "a.webp.png", "b.png"} == {path.name for path in batch.output.iterdir()}


def test_results_never_go_among_the_inputs(batch: Desk) -> None:
    assert batch.remove(to=batch.photo) == 2
    assert "holds the inputs" in batch.refusal()


def test_a_folder_without_photos_is_refused(batch: Desk) -> None:
    empty = batch.folder / "empty"
    empty.mkdir()
    assert batch.remove(photo=empty) == 2
    assert "no photos" in batch.refusal()


def test_an_output_that_is_a_file_is_refused(batch: Desk) -> None:
    batch.output.touch()
    assert batch.remove() == 2
    assert "Cannot make the folder" in batch.refusal()


def test_a_batch_survives_a_fault_of_the_program(batch: Desk) -> None:
    assert batch.remove("--method", "broken") == 2
    assert "0 of 4 photos done, 4 failed." in batch.capsys.readouterr().err


# What is here


def test_methods_shows_a_row_each(desk: Desk) -> None:
    assert desk.run("methods") == 0
    lines = desk.capsys.readouterr().out.splitlines()
    assert len(lines) == 5 + len(list(SEGMENTERS))
    assert lines[1].split() == ["grey", "remove", "Grey", "CC0-1.0", "CPU", "available"]
    assert lines[4].endswith("needs the package no_such_package")
    assert lines[-1].split()[1] == "select"


def test_doctor_says_what_runs_and_what_is_in_force(desk: Desk) -> None:
    assert desk.run("doctor") == 0
    text = desk.capsys.readouterr().out
    for expected in ("python", "cores", "memory", "GPU", "numpy", "no_such_package", "max_megapixels"):
        assert expected in text


def test_doctor_json_tells_packages_methods_and_settings(desk: Desk) -> None:
    assert desk.run("doctor", "--json") == 0
    found = desk.json()
    assert found["packages"]["numpy"] == np.__version__  # type: ignore[index]
    assert found["methods"][3]["missing"] == ["the package no_such_package"]  # type: ignore[index]
    assert found["settings"]["max_megapixels"] == 1.0  # type: ignore[index]


def test_doctor_is_2_where_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    services = Services.assemble(Settings(), Catalog(row("absent", "no_such_package")))
    assert main(["doctor"], services) == 2
    assert "needs the package no_such_package" in capsys.readouterr().out


def test_bench_refuses_no_repeats(desk: Desk) -> None:
    assert desk.run("bench", "speed", "--repeats", "0") == 2
    assert "at least 1" in desk.refusal()


def test_every_option_is_offered_with_its_range(desk: Desk) -> None:
    with pytest.raises(SystemExit) as caught:
        desk.run("remove", "--help")
    assert caught.value.code == 0
    text = " ".join(desk.capsys.readouterr().out.split())
    for name, (low, high) in LIMITS.items():
        assert f"--{name}" in text
        assert f"{low} to {high}" in text


@pytest.mark.parametrize("arguments", [[], ["dance"], ["remove"], ["remove", "a", "b", "-o", "c", "--seed", "x"]])
def test_arguments_that_do_not_parse_are_2(desk: Desk, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        desk.run(*arguments)
    assert caught.value.code == 2


# As a process of its own


def test_the_program_removes_with_a_real_method(desk: Desk) -> None:
    done = in_a_process("remove", str(desk.photo), str(desk.mask), "-o", str(desk.output), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["changed_outside"] == 0
    with PIL.Image.open(BytesIO(desk.output.read_bytes())) as file:
        assert file.size == (40, 30)


def test_a_bad_setting_is_one_line_and_2() -> None:
    done = in_a_process("methods", ROREM_MEMORY_MB="much")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rorem_demo: ROREM_MEMORY_MB is 'much'.")
    assert done.stderr.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_the_old_result(desk: Desk) -> None:
    desk.output.write_bytes(b"old")
    before = sorted(desk.folder.iterdir())
    command = f"ulimit -f 0; exec {sys.executable} -B -m rorem_demo remove {desk.photo} {desk.mask} -o {desk.output}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"rorem_demo: Cannot write {desk.output}: ")
    assert done.stderr.count("\n") == 1
    assert sorted(desk.folder.iterdir()) == before
    assert desk.output.read_bytes() == b"old"


def test_a_reader_that_left_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rorem_demo", "methods"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_listing_the_methods_imports_no_model_code() -> None:
    heavy = ["diffusers", "gradio", "torch", "transformers"]
    code = (
        "import sys; from rorem_demo.cli import main; main(['methods']);"
        f"sys.exit(', '.join(m for m in {heavy} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_listing_the_methods_is_quick() -> None:
    def seconds() -> float:
        start = perf_counter()
        in_a_process("methods")
        return perf_counter() - start

    assert any(seconds() < 1.5 for _ in range(10))  # a shared machine may be busy, but not ten times


def test_a_disk_that_fills_while_writing_leaves_one_line_and_no_half_file(desk: Desk) -> None:
    """The system refuses after 2 KB, as a full disk does in the middle of a file."""
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90, 3), np.uint8)).save(desk.photo)
    PIL.Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), 35)).save(desk.mask)
    command = ["remove", str(desk.photo), str(desk.mask), "--output", str(desk.output), "--method", "telea"]
    done = subprocess.run(
        [sys.executable, "-m", "rorem_demo", *command],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("rorem_demo: Cannot write ")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in desk.folder.iterdir()) == ["mask.png", "photo.png"]
