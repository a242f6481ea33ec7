"""Settings: the environment, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rorem_demo.errors import ConfigError

_FAR_TOO_LARGE = 1e9
_SHIPPED_CASES = Path(__file__).parents[1] / "assets" / "cases"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What whoever runs this can set, each by the variable named at its field.

    Raises:
        ConfigError: from `from_environment`, when a value cannot be read.
    """

    max_megapixels: float = 50.0
    """`ROREM_MAX_MEGAPIXELS`: larger photos are refused before they are decoded."""
    max_upload_mb: int = 60
    """`ROREM_MAX_UPLOAD_MB`: larger files are refused while they arrive."""
    memory_mb: int = 2048
    """`ROREM_MEMORY_MB`: visitors' photos and results kept at most; the greediest visitor's oldest go first."""
    expiry_minutes: int = 60
    """`ROREM_EXPIRY_MINUTES`: photos and results nobody used for so long are dropped."""
    queue_size: int = 32
    """`ROREM_QUEUE_SIZE`: removals that may wait in gradio's queue, beyond those that work or wait for their turn; the
    next visitor is told to come back."""
    weights: Path | None = None
    """`ROREM_WEIGHTS_DIR`: folder of weights, as `owner/name/file`."""
    repositories: Mapping[str, str] = field(default_factory=dict)
    """`ROREM_REPOSITORIES`: where weights are that their authors keep elsewhere than on the Hub, as
    `rorem-lcm=owner/name`, with commas between."""
    fetch: tuple[str, ...] = ()
    """`ROREM_FETCH`: keys of rows, with commas between, whose weights are fetched while the page already serves."""
    segmenter: str | None = None
    """`ROREM_SEGMENTER`: key of the segmenter to prefer; by default the first that runs here."""
    data: Path = Path.home() / ".local/share/rorem"
    """`ROREM_DATA_DIR`: where answers are kept until they are published, and after; a local disk."""
    feedback_dataset: str | None = None
    """`ROREM_FEEDBACK_DATASET`: `owner/name` of the Hub dataset that answers are published to."""
    feedback_public: bool = False
    """`ROREM_FEEDBACK_PUBLIC`: 1 creates that dataset public; an existing one stays as it is."""
    publish_minutes: float = 10.0
    """`ROREM_PUBLISH_MINUTES`: no answer waits longer for its batch."""
    publish_rows: int = 500
    """`ROREM_PUBLISH_ROWS`: so many answers are a batch at once."""
    review_minutes: float = 60.0
    """`ROREM_REVIEW_MINUTES`: how long shared pictures stay here at least before they are published; may be 0."""
    reviewed: bool = False
    """`ROREM_REVIEW`: 1 keeps shared pictures here until somebody accepts them with `feedback review`."""
    rater_key: str | None = None
    """`ROREM_RATER_KEY`: secret that makes raters' daily pseudonyms; by default made once and kept with the answers.
    Replicas that share it count a person once."""
    ratings_per_minute: int = 60
    """`ROREM_RATINGS_PER_MINUTE`: answers taken from one rater; more are refused."""
    annotate: str | None = None
    """`ROREM_ANNOTATE`: results that wait for a yes or no: a folder in RORem's layout or a Hub dataset `owner/name`."""
    discriminator: str | None = None
    """`ROREM_DISCRIMINATOR`: the judge of results: a model's folder, a Hub repository `owner/name`, or `none`; by
    default the one that comes with the program."""
    discriminator_minutes: float = 10.0
    """`ROREM_DISCRIMINATOR_MINUTES`: from one look for a newer version of it to the next."""
    best_of_seconds: float = 60.0
    """`ROREM_BEST_OF_SECONDS`: no try but the first is begun that would not end within so many seconds of a run."""
    cases: Path | None = _SHIPPED_CASES
    """`ROREM_CASES`: folder of ready cases that `compare` wrote, or `none`; by default those of the program."""
    leaderboard_minutes: float = 5.0
    """`ROREM_LEADERBOARD_MINUTES`: from one count of the votes to the next, where there are new ones."""
    zero_gpu: bool = False
    """`SPACES_ZERO_GPU`: set by the Space."""
    on_space: bool = False
    """`SPACE_ID`: set by the Space, whose disk does not outlive a restart."""

    @property
    def max_pixels(self) -> int:
        return int(self.max_megapixels * 1e6)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Settings from variables; what is not set keeps its default."""
        folder = environ.get("ROREM_WEIGHTS_DIR")
        return cls(
            max_megapixels=_number(environ, "ROREM_MAX_MEGAPIXELS", cls.max_megapixels),
            max_upload_mb=int(_number(environ, "ROREM_MAX_UPLOAD_MB", cls.max_upload_mb)),
            memory_mb=int(_number(environ, "ROREM_MEMORY_MB", cls.memory_mb)),
            expiry_minutes=int(_number(environ, "ROREM_EXPIRY_MINUTES", cls.expiry_minutes)),
            queue_size=int(_number(environ, "ROREM_QUEUE_SIZE", cls.queue_size)),
            weights=Path(folder).expanduser() if folder else None,
            repositories=_pairs(environ, "ROREM_REPOSITORIES"),
            fetch=_names(environ, "ROREM_FETCH"),
            segmenter=environ.get("ROREM_SEGMENTER", "").strip() or None,
            data=Path(environ.get("ROREM_DATA_DIR") or cls.data).expanduser(),
            feedback_dataset=_repository(environ, "ROREM_FEEDBACK_DATASET"),
            feedback_public=_switch(environ, "ROREM_FEEDBACK_PUBLIC"),
            publish_minutes=_number(environ, "ROREM_PUBLISH_MINUTES", cls.publish_minutes, least=0.01),
            publish_rows=int(_number(environ, "ROREM_PUBLISH_ROWS", cls.publish_rows)),
            review_minutes=_number(environ, "ROREM_REVIEW_MINUTES", cls.review_minutes, least=0.0),
            reviewed=_switch(environ, "ROREM_REVIEW"),
            rater_key=environ.get("ROREM_RATER_KEY", "").strip() or None,
            ratings_per_minute=int(_number(environ, "ROREM_RATINGS_PER_MINUTE", cls.ratings_per_minute)),
            annotate=environ.get("ROREM_ANNOTATE", "").strip() or None,
            discriminator=environ.get("ROREM_DISCRIMINATOR", "").strip() or None,
            discriminator_minutes=_number(
                environ, "ROREM_DISCRIMINATOR_MINUTES", cls.discriminator_minutes, least=0.01
            ),
            best_of_seconds=_number(environ, "ROREM_BEST_OF_SECONDS", cls.best_of_seconds),
            cases=_folder(environ, "ROREM_CASES", cls.cases),
            leaderboard_minutes=_number(environ, "ROREM_LEADERBOARD_MINUTES", cls.leaderboard_minutes, least=0.0),
            zero_gpu=_switch(environ, "SPACES_ZERO_GPU"),
            on_space=bool(environ.get("SPACE_ID")),
        )


def _names(environ: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in environ.get(variable, "").split(",") if name.strip())


def _folder(environ: Mapping[str, str], variable: str, default: Path | None) -> Path | None:
    name = environ.get(variable, "").strip()
    if name == "none":
        return None
    return Path(name).expanduser() if name else default


def _switch(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() in {"1", "true", "t", "yes"}


def _repository(environ: Mapping[str, str], variable: str) -> str | None:
    name = environ.get(variable, "").strip()
    if name and name.count("/") != 1:
        raise ConfigError(f"{variable} is {name!r}.", hint="Write it as owner/name.")
    return name or None


def _pairs(environ: Mapping[str, str], variable: str) -> dict[str, str]:
    pairs = dict(name.partition("=")[::2] for name in _names(environ, variable))
    if not all(name and repository.count("/") == 1 for name, repository in pairs.items()):
        raise ConfigError(
            f"{variable} is {environ[variable]!r}.", hint="Write name=owner/repository, with commas between."
        )
    return pairs


def _number(environ: Mapping[str, str], name: str, default: float, least: float = 1.0) -> float:
    text = environ.get(name, "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not least <= value < _FAR_TOO_LARGE:  # also false for nan
        raise ConfigError(f"{name} is {text!r}.", hint=f"Give it a number of at least {least:g}, or leave it unset.")
    return value
