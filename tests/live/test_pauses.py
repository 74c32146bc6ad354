"""A pause longer than a release takes breaks nothing: no transaction, no open cursor, no pool, on either database.

The streams of all cases run at the same time, since what they mostly do is wait.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.live.client import Stream, fetch
from tests.live.servers import Server

PAUSE = 2.0
"""Seconds between two uses of the database. A stream is parted from its connection after about one."""

POOL = {"DATABASE_DEFAULT": {"OPTIONS": {"pool": {"min_size": 1, "max_size": 8, "timeout": 8}}}}
DATABASES: dict[str, tuple[str, dict[str, object]]] = {
    "sqlite": ("sqlite", {}),
    "postgres": ("postgres", {}),
    "pool": ("postgres", POOL),
}
PATHS = ["rows", "sync-rows", "db-bursts", "atomic", "async-atomic"]
CASES = [(kind, database, path) for kind in ("uvicorn", "gunicorn-gthread") for database in DATABASES for path in PATHS]
# One writer at a time: these two would wait for each other there, as they should.
CASES = [case for case in CASES if case[1:] != ("sqlite", "async-atomic")]

Running = dict[tuple[str, str, str], tuple[Server, Stream]]


@pytest.fixture(scope="module")
def running(database_url: Callable[[str], str]) -> Iterator[Running]:
    """A stream for each case, all begun."""
    with ExitStack() as stack:
        servers = {
            (kind, name): stack.enter_context(Server(kind, database=database_url(database), settings=settings))
            for kind in ("uvicorn", "gunicorn-gthread")
            for name, (database, settings) in DATABASES.items()
        }
        yield {
            (kind, database, path): (
                server := servers[kind, database],
                stack.enter_context(Stream(f"{server.url}/{path}/?name={path}&pause={PAUSE}")),
            )
            for kind, database, path in CASES
        }
        for server in servers.values():
            assert fetch(f"{server.url}/db-ping/") == b"3", "a rolled-back row stayed"


@pytest.mark.parametrize(("kind", "database", "path"), CASES)
def test_a_pause_breaks_nothing(kind: str, database: str, path: str, running: Running) -> None:
    server, stream = running[kind, database, path]
    events = [event.json() for event in stream.events(timeout=PAUSE * 4)]
    expected = {
        "rows": [{"pk": 1, "name": "Assam"}, {"pk": 2, "name": "Ceylon"}, {"pk": 3, "name": "Sencha"}],
        "db-bursts": [{"n": n, "products": [1, 2, 3]} for n in range(3)],
        "atomic": [{"seen": 1}, {"seen": 1}],
    }[path.removeprefix("sync-").removeprefix("async-")]
    assert events == expected
    lasted = server.traced(path, "finally", timeout=1)["at"] - server.traced(path, "started", timeout=0)["at"]
    assert lasted >= PAUSE, "there was no pause to survive"
