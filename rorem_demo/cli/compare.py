"""`compare`: ready cases, photos with masks and what methods made of them."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rorem_demo.cli.output import json_line, one_line
from rorem_demo.comparison.building import Outcome, build
from rorem_demo.comparison.building_methods import Method, running
from rorem_demo.comparison.building_names import id_of
from rorem_demo.comparison.cases import Case, read_cases
from rorem_demo.comparison.folders import FolderCase, read_folder
from rorem_demo.comparison.imported import imported
from rorem_demo.discriminator.score import in_words
from rorem_demo.errors import ConfigError, InputError, UnavailableError
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.base import LIMITS, Removal, RemovalOptions, RemoverSpec
from rorem_demo.removers.erase import finish
from rorem_demo.services import Services

_NAMED = 5
"""Cases told by their names where a folder has no picture of them."""


def add_parser(commands: Any, common: ArgumentParser) -> None:
    """Add `compare` to the commands."""
    parser: ArgumentParser = commands.add_parser(
        "compare",
        parents=[common],
        help="make ready cases: photos with what methods made of them",
        description="Make a set of ready cases for the Compare and Arena tabs (ROREM_CASES names it): photos with "
        "masks, and a result of each method. What is there already is not made again, so a run that was stopped goes "
        "on, and methods are added to a set later.",
    )
    parser.add_argument(
        "--cases",
        metavar="DIR",
        type=Path,
        help="photos with masks: RORem's meta.json, whose GT is the photo without the object; images/, masks/ and "
        "perhaps truth/; or img/ and gt/; default: the cases that are in the output already",
    )
    parser.add_argument(
        "--methods",
        metavar="KEY,KEY",
        help="see the command `methods`; default: all that can run here, or none if results are imported",
    )
    parser.add_argument(
        "--import",
        dest="imports",
        metavar="NAME=DIR",
        action="append",
        default=[],
        help="results from elsewhere, pictures named as the cases, and perhaps method.json with title, licence, "
        "revision, options, seconds and device; may be given several times",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the set")
    for name, (low, high) in LIMITS.items():
        text = f"of all removals, as in `remove`: {low} to {high}; default: the method's"
        parser.add_argument(f"--{name}", metavar="N" if isinstance(low, int) else "X", type=type(low), help=text)
    parser.set_defaults(run=run)


def run(arguments: Namespace, services: Services) -> int:
    """Make what is missing, and tell of every result; 2 if something failed."""
    cases = _cases(arguments)
    methods, failed = _methods(arguments, services)
    for sentence in filter(None, (_unmatched(method, cases) for method in methods)):
        print(f"rorem_demo: {sentence}", file=sys.stderr)
    outcomes = build(cases, methods, arguments.output, services.discriminator.likely, services.settings.max_pixels)
    for outcome in tqdm(outcomes, total=len(cases) * len(methods), unit="result", file=sys.stderr):
        failed += outcome.error is not None
        _show(outcome, as_json=arguments.json, debug=arguments.debug)
    found = read_cases(arguments.output)
    count = sum(len(case.results) for case in found.cases.values())
    told = f"{len(found.cases)} cases with {count} results in {arguments.output}, {failed} failed."
    tqdm.write(told, file=sys.stderr)
    return 2 if failed else 0


def _cases(arguments: Namespace) -> Sequence[FolderCase | Case]:
    given, output = arguments.cases, arguments.output
    cases: Sequence[FolderCase | Case]
    if given is None or (output.exists() and given.exists() and given.samefile(output)):
        cases = list(read_cases(output).cases.values())
    else:
        cases = list(read_folder(given))
    if not cases:
        raise InputError(f"There are no cases in {given or output}.", hint="Name a folder of photos with --cases.")
    return cases


def _methods(arguments: Namespace, services: Services) -> tuple[list[Method], int]:
    """What makes results, and how many of those that were asked for cannot."""
    options = RemovalOptions(**{name: getattr(arguments, name) for name in LIMITS})
    imports = [_import(text, services) for text in arguments.imports]
    specs = _specs(arguments.methods, services, default=not imports)
    keys = [*(spec.key for spec in specs), *(method.key for method in imports)]
    if len(set(keys)) < len(keys):
        raise ConfigError("A method is named twice.", hint="Import results of it under another name.")
    lacking = {spec.title: services.missing(spec) for spec in specs}
    for title, needs in lacking.items():
        if needs:
            print(f"rorem_demo: {title} cannot run here: it needs {' and '.join(needs)}.", file=sys.stderr)

    def remove(key: str, image: Image, mask: Mask, options: RemovalOptions) -> Removal:
        return finish(services.remove(key, image, mask, options))

    able = [spec for spec in specs if not lacking[spec.title]]
    methods = [running(spec, services.weights, services.machine, options, remove) for spec in able]
    if not methods and not imports:
        raise UnavailableError("None of these methods can run here.", hint="The command `doctor` says what is missing.")
    return [*methods, *imports], len(specs) - len(able)


def _specs(keys: str | None, services: Services, *, default: bool) -> list[RemoverSpec]:
    """Rows by their keys, each once; by default those that can run here."""
    if keys is None:
        return [spec for spec in services.removers if default and not services.missing(spec)]
    return [services.removers[key] for key in dict.fromkeys(key.strip() for key in keys.split(",")) if key]


def _import(text: str, services: Services) -> Method:
    name, _, folder = text.partition("=")
    if not name or not folder:
        raise ConfigError(f"--import is {text!r}.", hint="Write it as NAME=DIR.")
    return imported(name, Path(folder).expanduser(), services.removers)


def _ids(cases: Sequence[FolderCase | Case]) -> list[str]:
    return [case.id if isinstance(case, Case) else id_of(case.name) for case in cases]


def _unmatched(method: Method, cases: Sequence[FolderCase | Case]) -> str:
    """A sentence about cases and pictures of an import that do not belong together; "" if all do."""
    if method.cases is None:
        return ""
    ids = set(_ids(cases))
    missing, strange = sorted(ids - method.cases), sorted(method.cases - ids)
    told = [f"no picture of {_listed(missing)}"] if missing else []
    told += [f"pictures of no case here: {_listed(strange)}"] if strange else []
    return f"{method.key}: {'; '.join(told)}." if told else ""


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _show(outcome: Outcome, *, as_json: bool, debug: bool) -> None:
    """A line of what became of a result."""
    if outcome.error is not None:
        if debug:
            raise outcome.error
        sentence, _ = one_line(outcome.error)
        if as_json:
            tqdm.write(json_line({"case": outcome.case, "method": outcome.method, "error": sentence}), file=sys.stdout)
        name = " by ".join(filter(None, [outcome.case, outcome.method]))
        tqdm.write(f"rorem_demo: {name}: {sentence}", file=sys.stderr)
    elif outcome.result is not None:
        line = json_line(_told(outcome)) if as_json else _in_words(outcome)
        tqdm.write(line, file=sys.stdout)


def _told(outcome: Outcome) -> dict[str, Any]:
    told = asdict(outcome.result) if outcome.result else {}
    return {"case": outcome.case, **told, "options": json.loads(told["options"]), "kept": outcome.kept}


def _in_words(outcome: Outcome) -> str:
    result = outcome.result
    if result is None:
        return ""
    told = [] if result.seconds is None else [f"{result.seconds:.2f} s"]
    told += [] if result.score is None else [in_words(result.score)]
    told += ["was there"] if outcome.kept else []
    return f"{outcome.case}: {', '.join([result.method, *told])}"
