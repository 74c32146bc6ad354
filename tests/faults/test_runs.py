"""Short runs of `python -m faults`: each engine keeps its promises, and the controls show that the harness can see."""

import asyncio

import pytest

from faults.engines import ENGINES
from faults.plan import Plan
from faults.run import Report, run

pytestmark = pytest.mark.live

#: Seconds for a run and all around it.
LIMIT = 120


def report(plan: Plan) -> Report:
    async def limited() -> Report:
        async with asyncio.timeout(LIMIT):
            return await run(plan)

    return asyncio.run(limited())


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_missed_or_twice_or_out_of_order(engine: str) -> None:
    """Through kills of the engine, of a server and of a publisher, and an engine that hangs."""
    found = report(Plan(engine, seconds=6, seed=1))
    assert found.verdict.ok, f"{found}\n{found.printed}"


@pytest.mark.parametrize("engine", ["postgres", "valkey"])
def test_what_an_engine_loses_is_no_silent_gap(engine: str) -> None:
    """Confirmed events go with a kill -9 and their numbers come again: clients that were beyond are told."""
    found = report(Plan(engine, seconds=6, seed=1, lossy=True))
    assert found.verdict.ok, f"{found}\n{found.printed}"
    assert found.verdict.lost
    assert found.verdict.resets


@pytest.mark.parametrize(("engine", "naive"), [("sqlite", "clients"), ("postgres", "reader")])
def test_the_control_fails(engine: str, naive: str) -> None:
    """Clients that forget their place, and a reader that takes the order of ids for the order of commits."""
    found = report(Plan(engine, seconds=3, seed=1, naive=naive))
    assert found.verdict.missed, str(found)
