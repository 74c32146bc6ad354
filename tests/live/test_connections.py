"""Streams that wait hold no database connection, and async ones no thread: 200 of them fit where 5 did.

What they had open is taken from them only when nothing depends on it: see test_pauses.py for transactions and cursors.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.live.client import Stream, fetch
from tests.live.conftest import StartServer
from tests.live.postgres import Postgres
from tests.live.servers import ASGI_KINDS, Server
from tests.live.waiting import stays, until

STREAMS = 200
KEEPERS = 8
CONNECTIONS = 2
THREADS = 10
SETTLED = 5.0
"""Seconds in which the counts have to come down: a stream is looked at after it has waited for one."""


@contextmanager
def open_streams(server: Server, path: str, count: int, **query: Any) -> Iterator[list[Stream]]:
    """Open streams that have each made a query and sent its result."""
    arguments = "".join(f"&{key}={value}" for key, value in query.items())
    with ExitStack() as stack:
        streams = [
            stack.enter_context(Stream(f"{server.url}/{path}/?name={path}-{n}{arguments}", timeout=30))
            for n in range(count)
        ]
        for stream in streams:
            assert stream.event().json() == {"products": 3}
        yield streams


@pytest.mark.parametrize("kind", ASGI_KINDS)
def test_idle_async_streams_hold_neither_connections_nor_threads(
    kind: str, shared_server: StartServer, postgres: Postgres
) -> None:
    server = shared_server(kind, database="postgres")
    worker = server.facts()["pid"]

    def few() -> bool:
        return postgres.connections(server.name) <= CONNECTIONS and server.threads(worker) <= THREADS

    with open_streams(server, "db-idle", STREAMS) as streams:
        until(few, SETTLED, "the counts came down")
        stays(few, 1.5, "few connections and threads")
        for stream in streams:
            assert stream.block().raw == b": ping"
    # Everybody leaves at the same moment, and each end may want the database and a thread again.
    for n in range(STREAMS):
        server.traced(f"db-idle-{n}", "finally", timeout=5)
    until(few, SETTLED, "the counts came down after a mass disconnect")


def test_idle_async_streams_under_wsgi_hold_nothing_but_the_servers_own_threads(
    shared_server: StartServer, postgres: Postgres
) -> None:
    server = shared_server("gunicorn-gthread", database="postgres")

    def few() -> bool:
        return postgres.connections(server.name) <= CONNECTIONS and len(server.facts()["names"]) <= THREADS

    with open_streams(server, "db-idle", STREAMS) as streams:
        until(few, SETTLED, "the counts came down")
        stays(few, 1.5, "few connections and threads")
        for stream in streams:
            assert stream.block().raw == b": ping"


def test_persistent_connections_are_given_back_too(shared_server: StartServer, postgres: Postgres) -> None:
    server = shared_server("uvicorn", database="postgres", settings={"DATABASE_DEFAULT": {"CONN_MAX_AGE": 600}})
    with open_streams(server, "db-idle", 50):
        until(lambda: postgres.connections(server.name) <= CONNECTIONS, SETTLED, "the connections were closed")
    until(lambda: postgres.connections(server.name) <= CONNECTIONS, SETTLED, "none stayed after the clients left")


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
def test_sleeping_sync_generators_hold_no_connection(kind: str, shared_server: StartServer, postgres: Postgres) -> None:
    server = shared_server(kind, database="postgres")
    with open_streams(server, "sync-db-sleeper", STREAMS, sleep=6) as streams:
        until(lambda: postgres.connections(server.name) <= CONNECTIONS, SETTLED, "the connections were closed")
        for stream in streams:
            assert stream.event().json() == {"products": 3}, "the generator's next query has a connection again"


def test_sync_generators_that_yield_now_and_then_hold_no_connection(
    shared_server: StartServer, postgres: Postgres
) -> None:
    server = shared_server("uvicorn", database="postgres")
    with open_streams(server, "sync-db-waiter", 50):
        until(lambda: postgres.connections(server.name) <= CONNECTIONS, SETTLED, "the connections were closed")
        stays(lambda: postgres.connections(server.name) <= CONNECTIONS, 1, "few connections")


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
@pytest.mark.parametrize(("keeper", "giver"), [("db-keeper", "db-idle"), ("sync-db-keeper", "sync-db-waiter")])
def test_with_release_connections_off_a_waiting_stream_keeps_its_connection_and_others_do_not(
    keeper: str, giver: str, kind: str, shared_server: StartServer, postgres: Postgres
) -> None:
    server = shared_server(kind, database="postgres")

    def kept() -> bool:
        return KEEPERS <= postgres.connections(server.name) <= KEEPERS + CONNECTIONS

    with open_streams(server, keeper, KEEPERS), open_streams(server, giver, 3 * KEEPERS):
        until(kept, SETTLED, "the others gave theirs back")
        stays(kept, 2, "they were kept for longer than a release takes")
    until(lambda: postgres.connections(server.name) <= CONNECTIONS, SETTLED, "those who kept one have left")


@pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
@pytest.mark.parametrize("path", ["db-idle", "sync-db-waiter"])
def test_a_small_pool_serves_many_streams(kind: str, path: str, shared_server: StartServer, postgres: Postgres) -> None:
    """Streams 5 to 200 used to fail with a pool of 4."""
    pool = {"OPTIONS": {"pool": {"min_size": 1, "max_size": 4, "timeout": 8}}}
    server = shared_server(kind, database="postgres", settings={"DATABASE_DEFAULT": pool})
    with open_streams(server, path, 13):  # each waits for a place: three rounds of releases
        assert postgres.connections(server.name) <= 4
        assert fetch(f"{server.url}/db-ping/") == b"3"
