"""A process that publishes and reads, forks, and goes on: `python -m tests.backends.forking`, settings in BENCH_CONFIG.

Parent and children each publish, and each reads everything from the beginning. It exits with 0 if all of them have read all
of it, once.
"""

from __future__ import annotations

import os
import threading
import time

from bench.channels.servers import ours  # noqa: F401 -- configures Django

from django.db import connections  # isort: skip - needs the settings

from sse_django import publish, subscribe  # isort: skip
from sse_django.backends import get_backend  # isort: skip

CHILDREN = 3
EVENTS = 20
LIMIT = 30.0


def wanted() -> set[str]:
    """What is published in all."""
    return {"before"} | {f"{who} {n}" for who in ("parent", *map(str, range(CHILDREN))) for n in range(EVENTS)}


def publish_all(who: str) -> None:
    for n in range(EVENTS):
        publish("forks", f"{who} {n}")
        time.sleep(0.01)


def read_all(start: str, order: list[str]) -> None:
    subscription = subscribe("forks", after=start)
    threading.Timer(LIMIT, subscription.close).start()
    for event in subscription:
        if event.event == "stream-reset":
            order.append("a reset")
            return
        if event.raw_data or event.data is not None:
            order.append(str(event.data))
        if len(order) == len(wanted()):
            return


def follow(start: str, who: str) -> list[str]:
    """Publish and read at once."""
    order: list[str] = []
    reader = threading.Thread(target=read_all, args=(start, order), daemon=True)
    reader.start()
    publish_all(who)
    reader.join(LIMIT)
    return order


def say(who: str, read: list[str]) -> None:
    """For whoever looks for what went wrong."""
    os.write(1, f"{who}: {len(read)} of {len(wanted())}\n".encode())


def main() -> int:
    start = get_backend().head()
    first: list[str] = []
    early = threading.Thread(target=read_all, args=(start, first), daemon=True)
    early.start()  # the hub runs, and its connections are open, when the process forks
    publish("forks", "before")
    while not first:
        time.sleep(0.01)
    connections.close_all()  # this thread's: Django's own are not to be shared, and who forks knows that
    children = []
    for n in range(CHILDREN):
        pid = os.fork()
        if pid == 0:
            order = follow(start, str(n))
            say(f"child {n}", order)
            os._exit(0 if set(order) == wanted() and len(order) == len(wanted()) else 1)
        children.append(pid)
    publish_all("parent")
    early.join(LIMIT)
    say("parent", first)
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    return int(bool(any(ended) or set(first) != wanted() or len(first) != len(wanted())))


if __name__ == "__main__":
    os._exit(main())
