"""The model's card: README.md of its repository, of which the Hub reads the head and people the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from rorem_demo.discriminator.figures import Part
from rorem_demo.discriminator.markdown import baselines, goals, number, probe_table, rates, signed, table
from rorem_demo.discriminator.report import Lineage, Report
from rorem_demo.feedback.card import PAPER

LIBRARY = "rorem-demo"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_METRICS = {"accuracy": "accuracy", "auroc": "roc_auc", "auprc": "average_precision", "brier": "brier_score"}
"""Names of the Hub's metrics, by ours."""


def card(report: Report) -> str:
    """README.md of a model."""
    lineage, evaluation = report.lineage, report.evaluation
    return _BODY.format(
        head=_head(report),
        title=lineage.version or lineage.network,
        paper=PAPER,
        simulated=_simulated(lineage),
        goals=goals(evaluation),
        rates=rates(evaluation.test),
        held_out=rates(evaluation.held_out),
        baselines=baselines(evaluation),
        probes=probe_table(report.probes),
        weak="".join(f"- {each}\n" for each in weak_spots(report)),
        lineage=_lineage(lineage),
    )


def weak_spots(report: Report) -> Iterator[str]:
    """What it is not good at, as far as its own figures show, and what no figure here could show."""
    evaluation = report.evaluation
    for goal in evaluation.goals:
        if not goal.met:
            yield (
                f"{goal.name}: {number(goal.found)}, short of {goal.wanted:.2f}."
                if goal.found is not None
                else (f"{goal.name}: not measured.")
            )
    yield from _unfair(evaluation.test)
    yield from _unfair(evaluation.held_out)
    sizes = [(each.scores.auroc, each.name) for each in evaluation.strata if each.scores.auroc is not None]
    if len(sizes) > 1:
        yield f"It ranks results worst where the mask is {min(sizes)[1]} of the photo: AUROC {min(sizes)[0]:.3f}."
    moved = [(each.absolute, each) for each in report.probes if each.absolute is not None]
    if moved:
        most = max(moved, key=lambda each: each[0])[1]
        what = "the result alone" if most.of == "result" else "source and result"
        yield f"{most.change} of {what} moves its score most: {signed(most.mean, 3)} on average."
    else:
        yield "Whether light, contrast, JPEG or blur alone move its score was not measured."
    if report.lineage.simulated:
        yield "How well it agrees with people is not known: the labels it learned from are a program's."
    yield "Methods unlike those it has seen: their results may be judged too hard or too kindly."
    yield "It says nothing of whether a photo should have been changed, or of anything outside the mask."


def _unfair(part: Part) -> Iterator[str]:
    if part.gaps:
        worst = next(each for each in part.methods if each.method == part.gaps.method)
        way = "kind" if worst.gap > 0 else "hard"
        if worst.gap:
            yield f"Of {part.name} it is too {way} on `{worst.method}`: {signed(worst.gap)} points."


def _head(report: Report) -> str:
    """YAML between lines of dashes; results as the Hub's model-index has them."""
    lineage = report.lineage
    results = list(_results(report))
    data = ModelCardData(
        model_name=lineage.version or lineage.network,
        library_name=LIBRARY,
        license=lineage.licence,
        pipeline_tag="image-classification",
        base_model=lineage.based_on or None,
        datasets=[lineage.dataset] if _REPOSITORY.fullmatch(lineage.dataset) else None,
        metrics=sorted({each.metric_type for each in results}) or None,
        tags=[
            "object-removal",
            "inpainting",
            "image-quality-assessment",
            "human-feedback" if not lineage.simulated else "simulated-feedback",
            f"arxiv:{PAPER.rpartition('/')[2]}",
        ],
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---"


def _results(report: Report) -> Iterator[EvalResult]:
    lineage = report.lineage
    for part in (report.evaluation.test, report.evaluation.held_out):
        for name, metric in _METRICS.items():
            value = getattr(part.scores, name)
            if value is not None:
                given: dict[str, Any] = {"dataset_revision": lineage.revision} if lineage.revision else {}
                yield EvalResult(
                    task_type="image-classification",
                    dataset_type=lineage.dataset,
                    dataset_name=lineage.dataset,
                    dataset_split=part.name,
                    metric_type=metric,
                    metric_value=round(value, 4),
                    **given,
                )


def _simulated(lineage: Lineage) -> str:
    if not lineage.simulated:
        return ""
    count, all_of = lineage.origins["simulated"], sum(lineage.origins.values())
    share = "All" if count == all_of else f"{count} of {all_of}"
    return (
        f"\n**{share} rows it learned from are simulated**: pictures whose truth is known, labelled by a program by "
        "how close a result comes to it, with a rater's noise. No person judged them.\n"
    )


def _lineage(lineage: Lineage) -> str:
    def counts(found: dict[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in found.items()) or "none"

    rows = {
        "network": lineage.network,
        "version": lineage.version or "not saved yet",
        "dataset": lineage.dataset,
        "revision": lineage.revision or "none: a folder",
        "filter of doubtful answers": f"version {lineage.filter}",
        "split, by a hash of the photo": lineage.split,
        "rows by split": counts(lineage.rows),
        "rows learned from, by who labelled them": counts(lineage.origins),
        "rows not used": counts(lineage.skipped),
        "methods held out of training": ", ".join(lineage.held_out) or "none",
        "weights that training began with": lineage.based_on or "none",
        "code": lineage.code,
        "seed": lineage.seed,
        "command": f"`{lineage.command}`" if lineage.command else "not recorded",
    }
    return table(("what", "which"), rows.items())


_BODY = """\
{head}

# {title}

Says how likely it is that an object was removed cleanly from a photo, from the photo, the mask, and the result: the
third stage of [RORem]({paper}). It scores results in a Space and sorts candidates for training data.
{simulated}
## How good it is

On photos it never learned from. All figures are in `report.json`, with plots in `report.md`.

{goals}
{rates}
### Methods held out of training

{held_out}
### Beside what takes no network

{baselines}
### What moves its score though nothing was removed

{probes}
## What it is not good at

{weak}
## Where it comes from

{lineage}
## Using it

```sh
python -m rorem_demo discriminator score --model FOLDER --source PHOTO --mask MASK --result RESULT
```

The score is a calibrated probability, 0 to 1. The weights are safetensors; nothing in this folder is run.
"""
