"""docs/discriminator.md: what it tells people to type, held against what is parsed."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

import pytest

from rorem_demo.cli import _parser
from rorem_demo.discriminator.publish import FILES, SLACK
from rorem_demo.discriminator.recipe import add_arguments, recipe_of
from rorem_demo.discriminator.score import NOT_SURE
from rorem_demo.settings import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "discriminator.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
TRAIN, PROGRAM = "rorem_demo.discriminator.train", "rorem_demo"


def trains() -> ArgumentParser:
    parser = ArgumentParser()
    add_arguments(parser)
    return parser


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_is_understood(line: str) -> None:
    words = shlex.split(line)
    if words[-1] == "app.py":
        Settings.from_environment(dict([words[0].split("=")]))
        return
    module, arguments = words[words.index("-m") + 1], words[words.index("-m") + 2 :]
    if module == TRAIN:
        assert recipe_of(trains().parse_args(arguments)).dataset == "owner/answers"
    else:
        assert module == PROGRAM
        assert _parser().parse_args(arguments).run


def test_the_file_is_a_recipe(tmp_path: Path) -> None:
    (found,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "recipe.toml").write_text(found)
    recipe = recipe_of(trains().parse_args(["--config", str(tmp_path / "recipe.toml")]))
    assert (recipe.dataset, recipe.hold_out) == ("owner/answers", ("lama", "mat"))


def test_what_it_says_of_the_gate_is_what_is_done() -> None:
    assert f"at most {SLACK} above" in PAGE
    assert '"not sure" from {} to {}.'.format(*NOT_SURE) in PAGE
    assert all(f"`{name}`" in PAGE for name in FILES if name != "README.md")
