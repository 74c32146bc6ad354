"""DatabaseBackend on PostgreSQL: told by LISTEN, and polling; what a server does that dies, hangs or says nothing."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.db import Error, connections, transaction
from django.db.models import F

from sse_django.backends.database import DatabaseBackend
from sse_django.exceptions import Gone, PublishError
from sse_django.models import LogHead
from sse_django.testing.contract import PATIENCE, in_threads, page_events, publish, texts, within
from tests.backends.database_contract import DatabaseContract
from tests.engines.databases import database, empty
from tests.engines.hanging import hanging
from tests.live.postgres import Postgres
from tests.live.waiting import until


class TestPostgreSQL(DatabaseContract):
    @pytest.fixture
    def alias(self, postgresql_alias: str) -> str:
        return postgresql_alias

    def test_the_notification_is_no_part_of_the_transaction_and_sent_once(self) -> None:
        backend = self.new()
        seen: list[str] = []

        def spy(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if "NOTIFY" in sql:
                assert not connections[self.alias].in_atomic_block
                seen.append(sql)
            return execute(sql, params, many, context)

        with connections[self.alias].execute_wrapper(spy):
            with transaction.atomic(using=self.alias):
                publish(backend, *"abc")
                with transaction.atomic(using=self.alias):
                    publish(backend, "d")
                assert seen == []
            assert len(seen) == (1 if backend.settings["listen"] else 0)

    def test_listening_goes_on_after_its_connection_was_lost(self, postgresql: Postgres) -> None:
        backend = self.new()
        head = backend.head()
        backend.wait(head, 0.01)
        postgresql.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        other = self.new()
        in_threads(other, lambda: publish(other, "a"))
        assert within(lambda: backend.wait(head, 0.5) is None and backend.read(head, None, 1)[0])

    def test_a_lost_connection_is_an_error_and_close_makes_it_good(self, postgresql: Postgres) -> None:
        backend = self.new()
        start = backend.head()
        publish(backend, "a")
        mine = backend_pid(self.alias)
        postgresql.query(f"SELECT pg_terminate_backend({mine})")
        until(lambda: not pids(postgresql, mine), PATIENCE, "it has ended")
        with pytest.raises(Error):
            backend.read(start, None, 1)
        backend.close()
        assert texts(page_events(backend, start)) == ["a"]

    def test_a_server_that_hangs_is_an_error_in_time(self, postgresql: Postgres) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        mine = backend_pid(self.alias)
        begun = time.monotonic()
        with hanging(mine), pytest.raises(Error):
            backend.read(start, None, 1)
        assert time.monotonic() - begun < PATIENCE / 3
        backend.close()
        assert backend.read(start, None, 1) == ([], start)

    def test_a_publish_to_a_server_that_hangs_is_an_error_in_time(self, postgresql: Postgres) -> None:
        backend = self.new(timeout=1.0)
        publish(backend, "a")
        mine = backend_pid(self.alias)
        begun = time.monotonic()
        with hanging(mine):
            with pytest.raises(PublishError):
                publish(backend, "perhaps")
            assert time.monotonic() - begun < PATIENCE / 3
            publish(backend, "b")  # on another connection

    def test_a_server_that_hangs_after_it_took_an_event_holds_nobody_up(self, postgresql: Postgres) -> None:
        backend = self.new(timeout=1.0)
        start = backend.head()
        mine = backend_pid(self.alias)
        begun = time.monotonic()
        with ExitStack() as stack:

            def hang(execute: Any, sql: str, *args: Any) -> Any:
                if "NOTIFY" in sql:
                    stack.enter_context(hanging(mine))
                return execute(sql, *args)

            with connections[self.alias].execute_wrapper(hang):
                publish(backend, "a")
            assert time.monotonic() - begun < PATIENCE / 3
            assert texts(page_events(backend, start)) == ["a"]


class TestPostgreSQLPolling(TestPostgreSQL):
    # Two processes more would say nothing new.
    test_processes_that_publish_at_once_make_one_order = None  # type: ignore[assignment]

    def make_backend(self, **options: Any) -> DatabaseBackend:
        return super().make_backend(listen=False, **options)


def isolate(alias: str, level: str) -> None:
    """Have connections of this isolation, and an empty log."""
    from psycopg import IsolationLevel

    connections[alias].close()
    options = connections[alias].settings_dict["OPTIONS"]
    if level.islower():  # the server's default, of which Django doesn't know
        options["options"] = "-c default_transaction_isolation=" + level.replace(" ", r"\ ")
    else:
        options["isolation_level"] = IsolationLevel[level]
    empty(alias)


@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE", "repeatable read"])
def test_a_trim_that_met_another_at_the_head_goes_on_whatever_the_usual_isolation_is(
    postgresql: Postgres, strict: str, postgresql_alias: str, level: str
) -> None:
    """A transaction of that isolation would fail where the row that it waited for has changed."""
    isolate(strict, level)
    backend = DatabaseBackend("default", {"using": strict, "max_events": 3})
    start = backend.head()
    publish(backend, *"abcdefgh")
    backend.head()
    dropped: list[int] = []

    def trim() -> None:
        dropped.append(backend.trim())
        backend.close()

    thread = threading.Thread(target=trim)
    with transaction.atomic(using=postgresql_alias):
        LogHead.objects.using(postgresql_alias).update(seq=F("seq"))
        thread.start()
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%floor%'"
        until(lambda: postgresql.query(waiting), PATIENCE, "the trim waits for the row")
    thread.join(PATIENCE)
    assert dropped == [5]
    with pytest.raises(Gone, match="trimmed"):
        backend.read(start, None, 10)
    backend.close()


@pytest.mark.parametrize("level", ["REPEATABLE_READ", "SERIALIZABLE"])
def test_places_are_given_whatever_the_usual_isolation_is(postgresql: Postgres, strict: str, level: str) -> None:
    """A snapshot from before the lock would number events that have a number."""
    isolate(strict, level)
    backend = DatabaseBackend("default", {"using": strict})
    start = backend.head()
    for text in "abc":
        publish(backend, text)
        assert backend.head() != start
    assert texts(page_events(backend, start)) == list("abc")
    backend.close()


@pytest.fixture
def strict(postgresql: Postgres, postgresql_alias: str) -> Iterator[str]:
    with database("contract_strict", {**connections[postgresql_alias].settings_dict, "OPTIONS": {}}) as alias:
        yield alias


def backend_pid(alias: str) -> int:
    """The server's process that serves this thread's connection."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def pids(postgresql: Postgres, pid: int) -> list[list[str]]:
    return postgresql.query(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}")
