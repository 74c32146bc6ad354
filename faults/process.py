"""Processes that are killed, frozen and started again, by their ids."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent


def children(pid: int) -> list[int]:
    """The ids of the processes that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # The name in parentheses may hold anything; state and parent follow it.
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(entry.name))
    return found


def send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Process:
    """A command that may be started many times; what it prints goes on in one file.

    Args:
        options: for Popen.
    """

    def __init__(self, command: Sequence[object], log: Path, env: Mapping[str, str], **options: Any) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._env = dict(env)
        self._options = {"cwd": ROOT, **options}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log: IO[bytes]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # no Ctrl-C but ours
                **self._options,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _all(self) -> list[int]:
        """It and its children. It is frozen first, so that it starts no more."""
        if not self.running:
            return []
        assert self._process is not None
        send(self._process.pid, signal.SIGSTOP)
        return [self._process.pid, *children(self._process.pid)]

    def kill(self) -> None:
        """kill -9, with its children. Safe to call at any time."""
        family = self._all()
        for pid in reversed(family):
            send(pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
        deadline = time.monotonic() + 5
        while any(alive(pid) for pid in family) and time.monotonic() < deadline:
            time.sleep(0.01)

    def freeze(self) -> None:
        for pid in self._all():
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in reversed(self._all()):
            send(pid, signal.SIGCONT)

    def end(self, timeout: float) -> None:
        """SIGTERM and `timeout` seconds; then as `kill`."""
        if self.running:
            assert self._process is not None
            send(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def printed(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
