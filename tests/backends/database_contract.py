"""The contract, and more, for DatabaseBackend on each kind of database."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import Error, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sse_django.backends import Message
from sse_django.backends.cursor import parse_cursor
from sse_django.backends.database import DatabaseBackend
from sse_django.exceptions import Gone, PublishError
from sse_django.models import LogEvent, LogHead
from sse_django.testing.contract import PATIENCE, TransactionalContract, in_threads, page_events, publish, texts, within
from tests.backends.processes import AcrossProcesses
from tests.backends.retention_contract import RetentionContract
from tests.engines import databases


class DatabaseContract(RetentionContract, TransactionalContract, AcrossProcesses):
    """Subclasses give the fixture `alias`: the database with the log's tables."""

    @pytest.fixture(autouse=True)
    def _empty_log(self, alias: str) -> None:
        self.alias = alias
        self.databases = (alias,)
        databases.empty(alias)

    def make_backend(self, **options: Any) -> DatabaseBackend:
        return DatabaseBackend("default", {"using": self.alias, **options})

    def save(self, backend: Any) -> Any:
        return databases.save(self.alias)

    def restore(self, backend: Any, saved: Any) -> None:
        databases.restore(self.alias, saved)

    def test_a_publish_in_a_transaction_is_one_insert(self) -> None:
        backend = self.new()
        backend.head()
        with transaction.atomic(using=self.alias), CaptureQueriesContext(connections[self.alias]) as queries:
            publish(backend, "a")
            publish(backend, "b", key="1")
        statements = [query["sql"].split()[0] for query in queries]
        assert statements == ["INSERT", "INSERT"]

    def test_a_publish_outside_a_transaction_is_one_insert(self) -> None:
        backend = self.new()
        backend.head()
        with CaptureQueriesContext(connections[self.alias]) as queries:
            publish(backend, "a")
        statements = [query["sql"].split()[0] for query in queries]
        assert statements in (["INSERT"], ["INSERT", "NOTIFY"])

    def test_one_that_dies_between_commit_and_wake_up_has_published(self, monkeypatch: pytest.MonkeyPatch) -> None:
        backend, dying = self.new(), self.new()
        head = backend.head()
        monkeypatch.setattr(dying._bell, "ring", lambda: None)
        monkeypatch.setattr(dying, "_tell", lambda connection: None)

        def wait() -> None:
            assert within(lambda: backend.wait(head, 0.5) is None and backend.read(head, None, 1)[0])

        in_threads(backend, wait, lambda: publish(dying, "a"))
        assert texts(backend.read(head, None, 10)[0]) == ["a"]

    def test_a_place_beyond_all_numbers_is_ahead(self) -> None:
        backend = self.new()
        publish(backend, "a")
        cursor = parse_cursor(backend.head(), "")
        with pytest.raises(Gone, match="ahead"):
            backend.read(f"{cursor.epoch}-{'9' * 19}-{cursor.tag}", None, 10)

    def test_emptied_tables_are_another_log(self) -> None:
        """As after the flush of a TransactionTestCase."""
        backend = self.new()
        publish(backend, "a")
        cursor = backend.head()
        databases.empty(self.alias)
        publish(backend, "b")
        head = backend.head()
        with pytest.raises(Gone, match="epoch"):
            backend.read(cursor, None, 10)
        publish(backend, "c")
        assert texts(backend.read(head, None, 10)[0]) == ["c"]

    def test_a_failing_publish_says_so_and_leaves_errors_in_a_transaction_as_they_are(self) -> None:
        backend = self.new()
        head = backend.head()
        table = connections[self.alias].ops.quote_name(LogEvent._meta.db_table)
        hidden = connections[self.alias].ops.quote_name("hidden")

        def rename(old: str, new: str) -> None:
            with connections[self.alias].cursor() as cursor:
                cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

        rename(table, hidden)
        try:
            with pytest.raises(PublishError):
                publish(backend, "never")
            with pytest.raises(Error), transaction.atomic(using=self.alias):
                publish(backend, "never")
            with pytest.raises(Error):
                backend.read(head, None, 1)
        finally:
            rename(hidden, table)
        publish(backend, "a")
        assert texts(page_events(backend, head)) == ["a"]

    def test_what_a_snapshot_sees_is_told_from_what_comes_after_it(self) -> None:
        """A feed's hand-off: head and rows in one transaction; events that had no number then are left out later."""
        backend = self.new()
        publish(backend, "a")
        backend.head()
        publish(backend, "b")
        with transaction.atomic(using=self.alias):
            head, tags = backend.head(), backend.unnumbered()  # type: ignore[attr-defined]
        publish(backend, "c")
        after = [e for e in page_events(backend, head) if parse_cursor(e.cursor, "").tag not in tags]
        assert texts(after) == ["c"]

    def test_a_head_is_behind_all_that_was_published_before_there_were_readers(self) -> None:
        backend = self.new()
        backend.publish([Message(("orders",), str(index)) for index in range(2500)])
        head = backend.head()
        assert backend.read(head, None, 10) == ([], head)

    def test_a_head_taken_in_a_transaction_is_behind_what_nobody_has_read(self) -> None:
        """A page under ATOMIC_REQUESTS, after a night without visitors."""
        backend = self.new()
        backend.head()
        publish(backend, "a")
        LogEvent.objects.using(self.alias).update(created=timezone.now() - timedelta(seconds=60))
        with transaction.atomic(using=self.alias):
            head = backend.head()
        assert backend.read(head, None, 10) == ([], head)

    def test_a_log_that_nobody_reads_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sse_django.backends.database.backend.TRIM_EVERY", 5)
        backend = self.new(max_events=10)
        for _ in range(10):
            backend.publish([Message(("orders",), "x")] * 10)
        assert LogEvent.objects.using(self.alias).count() == 10

    def test_a_large_batch_is_all_or_nothing(self) -> None:
        backend = self.new()
        start = backend.head()
        backend.publish([Message(("orders",), str(index)) for index in range(1234)])
        assert texts(page_events(backend, start)) == [str(index) for index in range(1234)]
        assert LogHead.objects.using(self.alias).count() == 1

    def test_many_readers_number_each_event_once(self) -> None:
        """Eight instances, as in eight processes, publish and read at the same time: all see one order."""
        if not self.overlapping:
            pytest.skip("SQLite's order is its ids")
        instances = [self.new() for _ in range(6)]
        start = instances[0].head()
        orders: list[list[str]] = []
        barrier = threading.Barrier(6)

        def run(backend: Any, name: int) -> None:
            cursor, seen = start, []
            barrier.wait(PATIENCE)
            for index in range(15):
                with transaction.atomic(using=self.alias):
                    publish(backend, f"{name}:{index}")
                events, cursor = backend.read(cursor, None, 50)
                seen += texts(events)
            barrier.wait(PATIENCE)

            def rest() -> bool:
                nonlocal cursor
                events, cursor = backend.read(cursor, None, 50)
                seen.extend(texts(events))
                return len(seen) >= 90

            assert within(rest)
            orders.append(seen)
            backend.close()

        in_threads(instances[0], *(lambda b=b, n=n: run(b, n) for n, b in enumerate(instances)))  # type: ignore[misc]
        assert all(order == orders[0] for order in orders)
        assert len(set(orders[0])) == 90
