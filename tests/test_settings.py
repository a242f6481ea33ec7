"""Settings: the environment, read once."""

import inspect
from pathlib import Path

import pytest

from rorem_demo.errors import ConfigError
from rorem_demo.settings import Settings

VARIABLES = [
    ("ROREM_MAX_MEGAPIXELS", "max_megapixels"),
    ("ROREM_MAX_UPLOAD_MB", "max_upload_mb"),
    ("ROREM_MEMORY_MB", "memory_mb"),
    ("ROREM_EXPIRY_MINUTES", "expiry_minutes"),
    ("ROREM_QUEUE_SIZE", "queue_size"),
    ("ROREM_PUBLISH_ROWS", "publish_rows"),
    ("ROREM_RATINGS_PER_MINUTE", "ratings_per_minute"),
    ("ROREM_BEST_OF_SECONDS", "best_of_seconds"),
]


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize(("variable", "field"), VARIABLES)
def test_a_variable_sets_its_field_alone(variable: str, field: str) -> None:
    settings = Settings.from_environment({variable: " 7 "})
    assert getattr(settings, field) == 7
    assert {name for name in vars(settings) if getattr(settings, name) != getattr(Settings(), name)} == {field}


@pytest.mark.parametrize("variable", [variable for variable, _ in VARIABLES])
@pytest.mark.parametrize("text", ["many", "0", "-3", "nan", "inf", "1e12"])
def test_a_value_that_is_no_sensible_number_is_refused_by_name(variable: str, text: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        Settings.from_environment({variable: text})


def test_names_are_read_as_they_are() -> None:
    settings = Settings.from_environment({"ROREM_FETCH": " sam-vit-b, owlv2 ,", "ROREM_SEGMENTER": " grabcut "})
    assert settings == Settings(fetch=("sam-vit-b", "owlv2"), segmenter="grabcut")


def test_repositories_are_pairs() -> None:
    settings = Settings.from_environment({"ROREM_REPOSITORIES": "rorem-lcm=me/lora, rorem-mixed=you/unet"})
    assert settings.repositories == {"rorem-lcm": "me/lora", "rorem-mixed": "you/unet"}


@pytest.mark.parametrize("text", ["rorem-lcm", "rorem-lcm=", "=me/lora", "rorem-lcm=lora", "a=b/c/d"])
def test_what_is_no_pair_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="ROREM_REPOSITORIES"):
        Settings.from_environment({"ROREM_REPOSITORIES": text})


@pytest.mark.parametrize(("text", "folder"), [("none", None), (" a/b ", Path("a/b")), ("", Settings().cases)])
def test_cases_are_a_folder_or_none(text: str, folder: Path | None) -> None:
    assert Settings.from_environment({"ROREM_CASES": text}) == Settings(cases=folder)


def test_a_leaderboard_may_be_counted_at_once() -> None:
    settings = Settings.from_environment({"ROREM_LEADERBOARD_MINUTES": "0"})
    assert settings == Settings(leaderboard_minutes=0.0)


def test_a_blank_value_counts_as_unset() -> None:
    assert Settings.from_environment({"ROREM_QUEUE_SIZE": "  "}) == Settings()


def test_every_field_names_its_variable_in_the_source() -> None:
    """The field docstrings are the settings' documentation."""
    source = inspect.getsource(Settings)
    assert all(f"`{variable}`" in source for variable, _ in VARIABLES)


def test_max_pixels_counts_pixels() -> None:
    assert Settings(max_megapixels=1.5).max_pixels == 1_500_000


def test_weights_folder_may_name_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_environment({"ROREM_WEIGHTS_DIR": "~/weights"}).weights == tmp_path / "weights"


@pytest.mark.parametrize("text", ["1", "true", "True"])
def test_zero_gpu_is_on_when_the_space_says_so(text: str) -> None:
    assert Settings.from_environment({"SPACES_ZERO_GPU": text}).zero_gpu


@pytest.mark.parametrize("text", ["0", "false", ""])
def test_zero_gpu_is_off_otherwise(text: str) -> None:
    assert not Settings.from_environment({"SPACES_ZERO_GPU": text}).zero_gpu


def test_what_becomes_of_answers_is_read() -> None:
    variables = {
        "ROREM_DATA_DIR": "/data", "ROREM_FEEDBACK_DATASET": "me/answers", "ROREM_FEEDBACK_PUBLIC": "1",
        "ROREM_PUBLISH_MINUTES": "0.5", "ROREM_REVIEW_MINUTES": "0", "ROREM_REVIEW": "yes", "ROREM_RATER_KEY": " s ",
        "ROREM_ANNOTATE": "me/triplets", "SPACE_ID": "me/space", "ROREM_DISCRIMINATOR": " me/judge ",
        "ROREM_DISCRIMINATOR_MINUTES": "0.5",
    }  # fmt: skip
    assert Settings.from_environment(variables) == Settings(
        data=Path("/data"), feedback_dataset="me/answers", feedback_public=True, publish_minutes=0.5,
        review_minutes=0.0, reviewed=True, rater_key="s", annotate="me/triplets", on_space=True,
        discriminator="me/judge", discriminator_minutes=0.5,
    )  # fmt: skip


def test_a_dataset_without_an_owner_is_refused() -> None:
    with pytest.raises(ConfigError, match="ROREM_FEEDBACK_DATASET"):
        Settings.from_environment({"ROREM_FEEDBACK_DATASET": "answers"})
