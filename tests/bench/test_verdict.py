"""What bench/streams.py makes of its figures."""

from typing import Any

import pytest

from bench.streams import show_bars
from bench.workloads import BARS


def results(workload: str, *, met: bool) -> Any:
    """One round of a workload in which each bar's case is far beyond what is asked, or far from it."""
    figures: dict[Any, Any] = {}
    for bar in BARS:
        if bar.workload == workload:
            for key in ("power", "rate", "cpu", "latency"):
                high = met == (bar.at_least is not None)
                figures.setdefault(bar.case, {})[key] = [1000.0 if high else 0.001]
                figures.setdefault(bar.peer, {})[key] = [1.0]
    return {workload: figures}


@pytest.mark.parametrize("met", [True, False])
@pytest.mark.parametrize("scale", [0.1, 1.0])
@pytest.mark.parametrize("workload", ["short", "idle", "many"])
def test_a_workload_of_many_connections_is_judged_at_its_full_size_alone(
    workload: str, scale: float, met: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = workload != "many" or scale >= 1

    assert show_bars(results(workload, met=met), scale) is (met or not judged)
    printed = capsys.readouterr().out
    assert ("MISSED" in printed, "no verdict: it needs --scale 1" in printed) == (judged and not met, not judged)
