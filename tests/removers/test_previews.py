"""Previews cost a twentieth of a run at most, and one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rorem_demo.removers.previews import SHARE, Previews


def run(steps: int, step: float, preview: float) -> tuple[int, float, float]:
    """Previews shown, seconds they took, seconds of all, where steps and previews take so long."""
    now = 0.0
    previews, shown = Previews(lambda: now), 0
    for _ in range(steps):
        now += step
        if previews.affordable:
            shown += 1
            with previews.paid():
                now += preview
    return shown, shown * preview, now


@given(steps=st.integers(1, 60), step=st.floats(0.001, 30), preview=st.floats(0.0001, 2))
def test_they_take_their_share_and_one_preview_at_most(steps: int, step: float, preview: float) -> None:
    shown, spent, total = run(steps, step, preview)
    assert shown >= 1, "something is shown"
    assert spent <= SHARE * total + preview + 1e-9


def test_slow_steps_are_all_shown() -> None:
    assert run(20, step=1.7, preview=0.02)[0] == 20


def test_quick_steps_show_few() -> None:
    assert run(4, step=0.025, preview=0.012)[0] == 1
