"""Streams against their peers: `python -m bench.streams` prints medians, ratios, and whether each bar is met.

Every server runs under the same uvicorn. All are up at once and are measured in turn (A B C D A B C D ...), because
machines drift: a ratio is the median of the ratios within each round, and says more than any figure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Self

from bench.workloads import BARS, NAMES, WORKLOADS, Case, Workload

ROOT = Path(__file__).resolve().parent.parent
#: Seconds after which a client is given up.
TIMEOUT = 120

#: Of one workload: each case's results, a round each, by measure.
Results = dict[Case, dict[str, list[float]]]


class Server:
    """A server under test, up for as long as the `with` block."""

    def __init__(self, module: str) -> None:
        self._module = f"bench.servers.{module}"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.serve", self._module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.port = int(self._answer())
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # which is how it knows
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu(self) -> float:
        """Seconds of processor time, used so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline() or sys.exit(f"{self._module} has ended; what it said is above")


def measure(server: Server, case: Case, workload: Workload, scale: float = 1.0) -> dict[str, float]:
    """One run of one case: seconds of processor time a unit and units in a second of it, and what the clock says."""
    *fixed, size = workload.sizes
    sizes = (*fixed, max(1, round(size * case.share * scale)))
    command = [sys.executable, "-m", "bench.load", workload.kind, case.path, *map(str, (server.port, *sizes))]
    before = server.cpu()
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT)
    cpu = server.cpu() - before
    seen = json.loads(run.stdout)
    expected = sizes[0] * sizes[1] if workload.kind == "streams" else sizes[-1]
    if seen["events"] != expected:
        sys.exit(f"{case}: {seen['events']} events of {expected} arrived")
    result = {"cpu": cpu / expected, "power": expected / cpu}
    if workload.kind == "latency":
        result["latency"] = seen["latency"]
    else:
        result["rate"] = expected / seen["seconds"]
    return result


def rounds(workloads: Sequence[str], repeats: int, scale: float) -> dict[str, Results]:
    """Every case of every workload in each round, against servers that are new in each round."""
    results: dict[str, Results] = {name: defaultdict(lambda: defaultdict(list)) for name in workloads}
    for number in range(repeats):
        print(f"round {number + 1} of {repeats}", file=sys.stderr, flush=True)
        with ExitStack() as stack:
            servers = {name: stack.enter_context(Server(name)) for name in NAMES}
            for name in workloads:
                workload = WORKLOADS[name]
                for case in workload.cases:
                    measure(servers[case.server], case, workload, 0.05)  # imports and caches
                for turn in range(workload.passes):
                    for case in workload.cases[:: 1 if turn % 2 == 0 else -1]:
                        for key, value in measure(servers[case.server], case, workload, scale).items():
                            results[name][case][key].append(value)
    return results


def ratio(case: dict[str, list[float]], peer: dict[str, list[float]], key: str) -> float:
    return statistics.median(a / b for a, b in zip(case[key], peer[key], strict=True))


def show(name: str, results: Results) -> None:
    workload = WORKLOADS[name]
    key, head = ("latency", "µs to the client") if workload.kind == "latency" else ("rate", f"{workload.unit}s/s")
    print(f"\n{name}: {workload.title}")
    print(f"  {'':22}{'µs CPU/' + workload.unit:>18}{head:>18}{'CPU ratio':>12}{'ratio':>8}   (to the first line)")
    ours = results[workload.cases[0]]
    for case in workload.cases:
        result = results[case]
        cpu, value = statistics.median(result["cpu"]) * 1e6, statistics.median(result[key])
        shown = f"{value * 1e6:,.0f}" if key == "latency" else f"{value:,.0f}"
        print(f"  {case!s:22}{cpu:18.2f}{shown:>18}", end="")
        print(f"{ratio(result, ours, 'cpu'):12.2f}{ratio(result, ours, key):8.2f}")


def show_bars(results: dict[str, Results], scale: float) -> bool:
    """Print what the bars ask for and what came out; whether none is missed."""
    met = True
    print(f"\n{'bars':58}{'wanted':>8}{'measured':>10}{'by the clock':>14}")
    for bar in BARS:
        if bar.workload not in results:
            continue
        of = results[bar.workload]
        reached = ratio(of[bar.case], of[bar.peer], bar.measure)
        if WORKLOADS[bar.workload].needs_full_size and scale < 1:
            verdict = "no verdict: it needs --scale 1, since below connection setup dominates"
        else:
            verdict = "met" if bar.met(reached) else "MISSED"
            met = met and bar.met(reached)
        text = f"{bar.workload}: {bar.measure}, {bar.case} against {bar.peer}"
        clock = f"{ratio(of[bar.case], of[bar.peer], 'rate'):.2f}" if bar.measure == "power" else ""
        print(f"{text:58}{bar.wanted:>8}{reached:10.2f}{clock:>14}   {verdict}")
    return met


def show_versions() -> None:
    names = ("django", "pydantic", "fastapi", "uvicorn", "uvloop", "httptools")
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in names))
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "not installed"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__.partition("\n")[0])
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(WORKLOADS)}; all of them by default")
    parser.add_argument("--repeats", type=int, default=5, help="rounds, 5 by default")
    parser.add_argument("--scale", type=float, default=1.0, help="0.1 for a tenth of the events and connections")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a bar is missed")
    parser.add_argument("--json", type=Path, help="write every figure of every round to this file")
    options = parser.parse_args()
    if unknown := set(options.workloads) - set(WORKLOADS):
        parser.error(f"no such workload: {', '.join(unknown)}")
    if _version("fastapi") == "not installed":
        parser.error("the peers are not installed: pip install -e '.[bench]'")
    show_versions()
    results = rounds(options.workloads or list(WORKLOADS), options.repeats, options.scale)
    for name, of in results.items():
        show(name, of)
    met = show_bars(results, options.scale)
    if options.json:
        options.json.write_text(json.dumps({n: {str(c): r for c, r in of.items()} for n, of in results.items()}))
    sys.exit(0 if met or not options.strict else 1)


if __name__ == "__main__":
    main()
