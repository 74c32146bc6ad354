"""`python -m faults --engine postgres --seconds 60`: ends with 0 if nothing was missed, twice, or out of order."""
# ruff: noqa: T201

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from faults.engines import ENGINES
from faults.plan import Plan
from faults.run import Report, run


async def _run(plan: Plan) -> Report:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(plan)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--seconds", type=float, default=60, help="of faults; all in all it takes some more")
    parser.add_argument("--seed", type=int, default=0, help="of everything random here; the timing is the machine's")
    parser.add_argument(
        "--naive",
        nargs="?",
        const="clients",
        choices=["clients", "reader"],
        help="the control, which has to fail: clients without Last-Event-ID, or a reader of `id > last`",
    )
    parser.add_argument("--lossy", action="store_true", help="the engine confirms what its kill -9 loses")
    parser.add_argument("--verbose", action="store_true", help="show what the processes printed")
    options = parser.parse_args()
    plan = Plan(options.engine, options.seconds, options.seed, options.naive, lossy=options.lossy)
    print(plan, flush=True)
    report = asyncio.run(_run(plan))
    if options.verbose:
        print(report.printed)
    print(report)
    print("PASSED" if report.verdict.ok else "FAILED")
    return 0 if report.verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())
