"""Errors: what a person is told."""

import pickle

import pytest

from rorem_demo.errors import ConfigError, InputError, RoremError, StorageError, UnavailableError


def test_sentence_is_what_is_wrong_and_the_way_out() -> None:
    assert InputError("The mask is empty.", hint="Mark something.").sentence == "The mask is empty. Mark something."


def test_sentence_without_hint_has_no_trailing_space() -> None:
    assert InputError("The mask is empty.").sentence == "The mask is empty."


@pytest.mark.parametrize("kind", [InputError, UnavailableError, StorageError, ConfigError])
def test_every_error_is_a_rorem_error(kind: type[RoremError]) -> None:
    error = kind("No.", hint="Try again.")
    assert isinstance(error, RoremError)
    assert str(error) == "No."


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(InputError("No.", hint="Try again.")))
    assert type(error) is InputError
    assert error.sentence == "No. Try again."
