"""WeightFile: whether a file is here."""

from pathlib import Path

from rorem_demo.runtime.weights import WeightFile, Weights

WEIGHT = WeightFile(repository="owner/name", file="unet/model.safetensors")


def test_path_is_below_owner_and_name(tmp_path: Path) -> None:
    file = tmp_path / "owner" / "name" / "unet" / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.touch()
    assert Weights(tmp_path).find(WEIGHT) == file


def test_without_a_folder_nothing_is_here() -> None:
    assert Weights(None).find(WEIGHT) is None


def test_a_missing_file_is_not_here(tmp_path: Path) -> None:
    assert Weights(tmp_path).find(WEIGHT) is None


def test_a_folder_of_its_name_is_not_the_file(tmp_path: Path) -> None:
    (tmp_path / "owner" / "name" / "unet" / "model.safetensors").mkdir(parents=True)
    assert Weights(tmp_path).find(WEIGHT) is None


def test_what_is_unknown_is_none() -> None:
    assert WEIGHT.revision is None
    assert WEIGHT.megabytes is None
