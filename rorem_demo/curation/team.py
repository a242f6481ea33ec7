"""Team: the processes that share a round, as Accelerate knows them; on one machine or several with a common disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from rorem_demo.errors import ConfigError, RoremError

T = TypeVar("T")

_PATIENCE = timedelta(days=30)
"""A process may wait so long for the slowest; Accelerate's own 10 minutes are for steps of training."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """One process alone; see `team` for several."""

    index: int = 0
    """Of this process."""
    count: int = 1

    @property
    def leads(self) -> bool:
        """This process does what is done once."""
        return self.index == 0

    def once(self, do: Callable[[], T]) -> T:
        """What `do` returns or raises on purpose in the process that leads, in all of them."""
        return do()

    def wait(self) -> None:
        """Until all are here."""

    def leave(self) -> None:
        """The others are not needed any more."""


@dataclass(frozen=True, kw_only=True)
class _Launched(Team):
    """Processes that `accelerate launch`, torchrun or the like started."""

    state: Any

    def once(self, do: Callable[[], T]) -> T:
        from accelerate.utils import broadcast_object_list  # noqa: PLC0415  # with torch

        said: list[Any] = [None]
        if self.leads:
            try:
                said = [do()]
            except RoremError as error:
                said = [error]
        found = broadcast_object_list(said)[0]
        if isinstance(found, RoremError):
            raise found
        return found  # type: ignore[no-any-return]  # it was pickled

    def wait(self) -> None:
        self.state.wait_for_everyone()

    def leave(self) -> None:
        self.state.destroy_process_group()


def team() -> Team:
    """The processes this one was started with.

    Raises:
        ConfigError: a launcher started more than Accelerate finds, which would all do the same.
    """
    import torch  # noqa: PLC0415  # only for work that imports it anyway
    from accelerate import PartialState  # noqa: PLC0415
    from accelerate.utils import parse_flag_from_env  # noqa: PLC0415

    # Without a GPU Accelerate looks for other processes only if it is told to use the CPU.
    cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available()
    state = PartialState(cpu=cpu, timeout=_PATIENCE)
    started = int(os.environ.get("WORLD_SIZE") or 1)
    if started > state.num_processes:
        raise ConfigError(
            f"{started} processes were started and Accelerate finds {state.num_processes}.",
            hint="Start them with `accelerate launch --multi_gpu`, or with torchrun.",
        )
    if state.num_processes < 2:
        return Team()
    return _Launched(index=state.process_index, count=state.num_processes, state=state)
