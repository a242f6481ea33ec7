"""Train a network on the feedback dataset: `python -m rorem_demo.discriminator.train --dataset ... --output ...`.

Runs as it is on a CPU or one GPU, and under `accelerate launch` on several. `main` is the recipe, from top to bottom.

OUTPUT/
    config.json, model.safetensors   the model of the best epoch, calibrated
    checkpoints/                     see `checkpoints`
    windows/                         what the network sees of each row; may be removed
    logs/                            for TensorBoard
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm

from rorem_demo import __version__
from rorem_demo.discriminator.asking import report_of
from rorem_demo.discriminator.card import card
from rorem_demo.discriminator.checkpoints import Progress
from rorem_demo.discriminator.examples import Examples, read_examples
from rorem_demo.discriminator.hub import ModelRepository
from rorem_demo.discriminator.network import CONFIG, NETWORKS, ModelConfig, Network, load_model, save_model
from rorem_demo.discriminator.prepared import Prepared, prepare
from rorem_demo.discriminator.publish import CARD, Outcome, held_out, publish
from rorem_demo.discriminator.recipe import Recipe, add_arguments, recipe_of
from rorem_demo.discriminator.report import write_report
from rorem_demo.discriminator.run import Run
from rorem_demo.discriminator.splits import Split
from rorem_demo.discriminator.triples import Triple
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import ConfigError, InputError, RoremError
from rorem_demo.feedback import disk
from rorem_demo.runtime.weights import Weights
from rorem_demo.statistics import fitted_logistic


def main(recipe: Recipe, weights: Weights | None = None) -> ModelConfig:
    """Train, calibrate and save a model; returns what its config.json says.

    Args:
        recipe: what is asked for.
        weights: where the weights are that training starts from, for networks that have such.

    Raises:
        RoremError: nothing can be learned from the dataset, or the output folder is not to be written.
    """
    recipe = recipe.completed(NETWORKS[recipe.network])
    _check_output(recipe)
    accelerator = _accelerator(recipe)
    set_seed(recipe.seed)  # of the weights a network begins with

    examples = read_examples(recipe.dataset, recipe.revision or None, aggregation=recipe.aggregation)
    examples.check_trainable()
    network = NETWORKS.load(recipe.network, weights or Weights())
    train, validation = (_seen(accelerator, recipe, network, examples, part) for part in ("train", "validation"))
    if train is None:
        raise InputError("No photo falls into the split to learn from.", hint="Collect answers on more photos.")
    run = Run(accelerator, recipe, network, train, validation)

    progress = run.resumed() if recipe.resume else Progress(asked=run.asked)
    with _bar(accelerator, "learning", recipe.epochs * run.steps, progress.step) as bar:
        while len(progress.history) < recipe.epochs:
            for batch in run.batches(progress):
                progress = progress.after_step(run.stepped(batch, progress.step))
                bar.update()
                if progress.step % recipe.checkpoint_steps == 0 and progress.step % run.steps:
                    run.save(progress)
            progress = run.after_epoch(progress)
            run.save(progress)
            bar.write(_line(progress), file=sys.stderr)

    run.take_best()
    judged = run.judged()
    config = ModelConfig(
        network=recipe.network,
        views=NETWORKS[recipe.network].views,
        calibration=fitted_logistic(judged.logits, judged.labels).to_json(),
        lineage=_lineage(recipe, examples, train, validation, progress),
    )
    if accelerator.is_main_process:
        config = save_model(recipe.output, network, config)
        if recipe.push_to:
            sys.stderr.write(f"{pushed(recipe, examples, weights).why}\n")
    accelerator.end_training()
    return config


def pushed(recipe: Recipe, examples: Examples, weights: Weights | None) -> Outcome:
    """Write the model's report and card, and publish it if it beats the published one on rows neither has seen."""
    report = report_of(load_model(recipe.output, weights=weights), examples)
    write_report(recipe.output, report)
    disk.write_whole(recipe.output / CARD, card(report).encode())
    unseen = examples.part("test", recipe.hold_out)
    return publish(recipe.output, ModelRepository(recipe.push_to), held_out(unseen), weights=weights)


def _accelerator(recipe: Recipe) -> Accelerator:
    """Set up so that the same recipe gives the same weights on the same machine."""
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = False, True
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(),  # unasked, it finds no other processes on CPUs
        mixed_precision="bf16" if recipe.precision == "bf16" else "no",
        log_with="tensorboard" if find_spec("tensorboard") else None,
        project_dir=recipe.output,
    )
    accelerator.init_trackers("logs")
    return accelerator


def _check_output(recipe: Recipe) -> None:
    """Refuse to write over an earlier run."""
    there = [name for name in ("checkpoints", CONFIG) if (recipe.output / name).exists()]
    if there and not recipe.resume:
        raise ConfigError(f"{recipe.output} holds a run already.", hint="Go on with it by --resume, or name another.")


def _seen(
    accelerator: Accelerator, recipe: Recipe, network: Network, examples: Examples, split: Split
) -> Prepared | None:
    """What the network sees of a split, made by all processes together; None if the split is empty."""
    part = examples.part(split, recipe.hold_out)
    spec = NETWORKS[recipe.network]
    version, window = f"{spec.key}-{spec.views}", partial(_arrays, network)
    share = part[accelerator.process_index :: accelerator.num_processes]
    if len(share):
        with _bar(accelerator, f"preparing {split}", len(share)) as bar:
            prepare(share, recipe.windows, window, version, lambda done, of: bar.update(done - bar.n))  # noqa: ARG005
    accelerator.wait_for_everyone()
    return prepare(part, recipe.windows, window, version) if len(part) else None


def _arrays(network: Network, triple: Triple) -> Arrays:
    return network.arrays(triple.source, triple.mask, triple.result)


def _lineage(
    recipe: Recipe, examples: Examples, train: Prepared, validation: Prepared | None, progress: Progress
) -> dict[str, Any]:
    """Where a model comes from and how it did while it was trained; JSON."""
    asked = {name: value for name, value in recipe.decisive().items() if name not in {"dataset", "revision"}}
    origins = Counter(example.origin for example in train.examples)
    return examples.lineage() | {
        "code": __version__,
        "origins": dict(sorted(origins.items())),
        "recipe": asked,
        "rows": {"train": len(train), "validation": len(validation or ())},
        "broken": sum(part.counts.get("broken-pictures", 0) for part in (train, validation) if part),
        "epoch": progress.best + 1,
        "history": [dict(measures) for measures in progress.history],
    }


def _bar(accelerator: Accelerator, what: str, total: int, done: int = 0) -> Any:
    """Shows steps done and the time that is left, in one process."""
    return tqdm(total=total, initial=done, desc=what, disable=not accelerator.is_main_process, dynamic_ncols=True)


def _line(progress: Progress) -> str:
    """An epoch in words."""
    number = len(progress.history)
    told = (f"{name} {value:.4f}" for name, value in progress.history[-1].items() if value is not None)
    return f"epoch {number}: {', '.join(told)}{', best so far' if progress.best == number - 1 else ''}"


def command(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = ArgumentParser(prog="python -m rorem_demo.discriminator.train", description=__doc__.split("\n")[0])
    add_arguments(parser)
    try:
        config = main(recipe_of(parser.parse_args(arguments)))
    except RoremError as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 2
    if config.version:  # the one process that saved it
        sys.stdout.write(f"{config.version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(command())
