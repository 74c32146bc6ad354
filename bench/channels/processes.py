"""The processes of a measurement, from the outside: each answers lines, and ends with the block that holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

#: A C module of nginx: no file in `servers`, but answers the same lines.
NCHAN = "nchan"
ROOT = Path(__file__).resolve().parent.parent.parent


class Program:
    """`python -m MODULE ...`, which says one line when it is ready: `first`."""

    def __init__(self, module: str, *arguments: object, env: Mapping[str, str] | None = None) -> None:
        self._command = [sys.executable, "-m", module, *map(str, arguments)]
        self._env = {**os.environ, **(env or {})}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.first = self._line()
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # which is how it knows
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tell(self, *words: object) -> None:
        """Say a line, and leave the answer for `hear`."""
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")

    def hear(self) -> str:
        return self._line()

    def ask(self, *words: object) -> str:
        self.tell(*words)
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip() or sys.exit(f"{' '.join(self._command)} has ended")


class Server(Program):
    """A server of `bench.channels.servers` or nchan, on a core of its own."""

    def __init__(self, name: str, settings: Mapping[str, Any] | None = None, core: int = 0) -> None:
        env = {"BENCH_CONFIG": json.dumps(settings or {}), "BENCH_CORE": str(core)}
        if name == NCHAN:
            super().__init__("bench.channels.nchan")
        else:
            super().__init__("bench.channels.serve", name, env=env)

    @property
    def port(self) -> int:
        return int(self.first)

    def cpu(self) -> float:
        """Seconds of processor time, used so far."""
        return float(self.ask("cpu"))

    def memory(self) -> tuple[int, int]:
        """KiB and threads."""
        used, threads = self.ask("memory").split()
        return int(used), int(threads)


class Clients(Program):
    """Connections to one server or several; the path may hold a connection's number."""

    def __init__(self, ports: list[int], connections: int, path: str) -> None:
        super().__init__("bench.channels.client", ",".join(map(str, ports)), connections, path)
