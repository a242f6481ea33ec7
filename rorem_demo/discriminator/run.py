"""Run: the parts of a training run, on whatever processes and devices Accelerate found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import cos, isfinite, pi
from typing import Any, TypeAlias

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from rorem_demo.discriminator import checkpoints
from rorem_demo.discriminator.batches import Order, Samples, balanced
from rorem_demo.discriminator.checkpoints import Progress, State
from rorem_demo.discriminator.network import Network, restore
from rorem_demo.discriminator.prepared import Prepared
from rorem_demo.discriminator.recipe import Recipe
from rorem_demo.errors import UnavailableError
from rorem_demo.statistics import Floats, auroc

Batch: TypeAlias = dict[str, Tensor]

_LONGEST_GRADIENT = 1.0
_LEAST_RATE = 0.01
"""Learning rate at the end, as a share of the highest."""


@dataclass(frozen=True)
class Judged:
    """What a network says of rows that have a yes or no."""

    logits: Floats
    labels: Floats

    def measures(self) -> dict[str, float | None]:
        """AUROC, and binary cross entropy in nats; None where they are not defined."""
        if not len(self.logits):
            return {"auroc": None, "cross_entropy": None}
        losses = np.logaddexp(0, self.logits) - self.labels * self.logits
        return {"auroc": auroc(self.logits, self.labels), "cross_entropy": float(losses.mean())}


class Run:
    """A network, its rows and its optimizer.

    Args:
        accelerator: knows the processes and devices.
        recipe: complete: with the network's defaults filled in.
        network: before training.
        train: rows to learn from.
        validation: rows that choose the epoch; None if there are none.

    Raises:
        InputError: all rows to learn from say the same.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        recipe: Recipe,
        network: Network,
        train: Prepared,
        validation: Prepared | None,
    ) -> None:
        self.recipe, self.accelerator, self.network = recipe, accelerator, network
        self.asked = recipe.decisive() | {
            "rows": train.examples.digest(),
            "processes": accelerator.num_processes,
        }
        self._order = Order(len(train), recipe.seed)
        self._each = max(1, recipe.batch // accelerator.num_processes)
        self._model, self._optimizer = accelerator.prepare(network.as_module(), _optimizer(network, recipe))
        self._train = self._loader(train, self._order)
        self._validation = validation and self._loader(validation)
        self._best: dict[str, Tensor] = {}
        self.steps: int = len(self._train)
        """Of an epoch, each with a batch in every process."""

    def resumed(self) -> Progress:
        """Where the newest checkpoint stood, with everything as it was; the beginning if there is none.

        Raises:
            InputError: it is damaged, or of a run that was asked for something else.
        """
        state = checkpoints.newest(self._folder)
        self.accelerator.wait_for_everyone()
        if state is None:
            return Progress(asked=self.asked)
        checkpoints.check_same(state.progress, self.asked)
        restore(self.network, state.weights, str(self._folder))
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({**state.optimizer, "param_groups": groups})
        self._best = dict(state.best)
        return state.progress

    def save(self, progress: Progress) -> None:
        """Write a checkpoint, by one process."""
        if self.accelerator.is_main_process:
            state = State(progress, self.network.trained(), self._optimizer.state_dict(), self._best)
            checkpoints.write(self._folder, state, self.recipe.keep)
        self.accelerator.wait_for_everyone()

    def batches(self, progress: Progress) -> Iterator[Batch]:
        """What is left of the epoch."""
        self._model.train()
        self._order.epoch = len(progress.history)
        done = progress.step - self._order.epoch * self.steps
        yield from self.accelerator.skip_first_batches(self._train, done) if done else self._train

    def stepped(self, batch: Batch, step: int) -> float:
        """Learn from a batch; returns the loss.

        Raises:
            UnavailableError: it is no number any more.
        """
        torch.manual_seed(_seed(self.recipe.seed, step, self.accelerator.process_index))
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate(step)
        labels, weights = batch.pop("label"), batch.pop("weight")
        smooth = labels + self.recipe.smoothing * (1 - 2 * labels)
        losses = functional.binary_cross_entropy_with_logits(self._model(batch).float(), smooth, reduction="none")
        loss = (losses * weights).sum() / self._each  # of a batch cut short, too, which then weighs less
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self._model.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
        self._optimizer.zero_grad()
        value = float(loss.detach())
        if not isfinite(value):
            raise UnavailableError("The loss is no number any more.", hint="Lower the learning rate, or use fp32.")
        return value

    def rate(self, step: int) -> float:
        """Learning rate of a step: rises evenly, then falls as a cosine."""
        done, warm = step / (self.recipe.epochs * self.steps), self.recipe.warmup
        if done < warm:
            return self.recipe.learning_rate * (step + 1) / (warm * self.recipe.epochs * self.steps + 1)
        fall = (1 + cos(pi * (done - warm) / (1 - warm))) / 2
        return self.recipe.learning_rate * (_LEAST_RATE + (1 - _LEAST_RATE) * fall)

    def judged(self) -> Judged:
        """What the network says of the validation rows now; rows whose answers are a tie are left out."""
        self._model.eval()
        logits, labels = [np.empty(0)], [np.empty(0)]
        with torch.inference_mode():
            for batch in self._validation or ():
                told = batch.pop("label"), self._model(batch).float()
                label, logit = self.accelerator.gather_for_metrics(told)
                logits.append(logit.double().cpu().numpy())
                labels.append(label.double().cpu().numpy())
        said, label = np.concatenate(logits), np.concatenate(labels)
        return Judged(said[label != 0.5], (label[label != 0.5] > 0.5).astype(np.float64))

    def after_epoch(self, progress: Progress) -> Progress:
        """One epoch further, its measures told and written down, the weights kept if none were better."""
        found = {"loss": progress.loss / self.steps, **self.judged().measures()}
        self.accelerator.log({name: value for name, value in found.items() if value is not None}, step=progress.step)
        best = progress.best < 0 or _quality(found) >= _quality(progress.history[progress.best])
        if best:
            self._best = {name: tensor.detach().cpu().clone() for name, tensor in self.network.trained().items()}
        return progress.after_epoch(found, best=best)

    def take_best(self) -> None:
        """The weights of the best epoch."""
        restore(self.network, self._best, str(self._folder))

    @property
    def _folder(self) -> Any:
        return self.recipe.output / "checkpoints"

    def _loader(self, rows: Prepared, order: Order | None = None) -> Any:
        """Batches in that order, yes and no balanced; or one after the other, as they are."""
        labels, weights = rows.examples.labels, rows.examples.weights
        samples = Samples(rows, labels, balanced(labels, weights) if order is not None else weights)
        workers = self.recipe.workers
        loader = DataLoader(samples, self._each, sampler=order, num_workers=workers, persistent_workers=False)
        return self.accelerator.prepare_data_loader(loader)


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; offsets and scales of single channels do not decay."""
    learned = [parameter for parameter in network.as_module().parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learned if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=recipe.learning_rate)


def _quality(measures: Mapping[str, float | None]) -> tuple[float, float]:
    """Larger is better; where the validation rows cannot tell, all epochs are alike and the last is taken."""
    found = measures["auroc"]
    return (0.0, 0.0) if found is None else (found, -(measures["cross_entropy"] or 0.0))


def _seed(*places: int) -> int:
    return int(np.random.SeedSequence(places).generate_state(1, np.uint64)[0] >> 1)
