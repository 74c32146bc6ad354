"""The ways in which a server is told to stop, and what each kind of server promises of them; readers that hold streams up."""

import signal
from collections.abc import Callable
from contextlib import ExitStack

from tests.live.client import never_read
from tests.live.servers import PLAIN_KINDS, Server
from tests.live.waiting import stands_still, until

STOPS: dict[str, Callable[[Server], None]] = {
    # Docker, `kill`: the main process alone is told, and tells its workers.
    "SIGTERM": lambda server: server.send_signal(signal.SIGTERM),
    # systemd: every process of the unit is told at the same time.
    "SIGTERM-to-all": lambda server: server.send_signal_to_all(signal.SIGTERM),
    # A terminal.
    "Ctrl-C": lambda server: server.send_signal_to_all(signal.SIGINT),
    # Process managers that say it so: the main process alone again.
    "SIGINT": lambda server: server.send_signal(signal.SIGINT),
}

# A threaded gunicorn worker that gets a SIGINT of the terminal's and the main process's SIGQUIT, the second in the midst of
# the first one's handler, can hang in it, with a stream as without one (python/cpython#121649). So its main process alone is
# told.
CASES = [(kind, stop) for kind in PLAIN_KINDS for stop in STOPS if (kind, stop) != ("gunicorn-gthread", "Ctrl-C")]

STUCK = ["greedy", "sync-greedy"]


def interrupt(kind: str) -> str:
    """A person's way to stop it."""
    return "Ctrl-C" if (kind, "Ctrl-C") in CASES else "SIGINT"


def promised(kind: str, stop: str) -> bool:
    """Whether `finally` is: runserver stops by SIGTERM as any script does, with no chance for anybody's."""
    return kind != "runserver" or stop in ("Ctrl-C", "SIGINT")


def ends_cleanly(kind: str, stop: str) -> bool:
    """Whether responses do. gunicorn's asgi worker takes SIGINT for a quick exit, which breaks connections off.

    Its streams have what is left of the second between two of its looks at whether it is to end: no time at all, perhaps.
    """
    return promised(kind, stop) and not (kind == "gunicorn-asgi" and stop in ("Ctrl-C", "SIGINT"))


def runs_finally(kind: str, stop: str, path: str) -> bool:
    """Whether a stream's `finally` is sure to run: a quick exit doesn't wait for that of a sync generator's thread."""
    return promised(kind, stop) and (ends_cleanly(kind, stop) or not path.startswith("sync-"))


def polite(kind: str) -> str:
    """A stop with which a kind of server promises `finally`."""
    return "SIGTERM" if promised(kind, "SIGTERM") else "Ctrl-C"


def open_stuck(server: Server, stack: ExitStack) -> None:
    """Streams that are held back by readers that don't read."""
    for path in STUCK:
        stack.enter_context(never_read(f"{server.url}/{path}/?name={path}&size=1000"))
        until(lambda path=path: stands_still(server, path), 10, f"{path} is held back")
