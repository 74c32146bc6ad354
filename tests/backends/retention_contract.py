"""Retention never stalls publishers: what a trim holds, and for how long, on each kind of database.

No clock says so. A trim is stopped after each of its statements, and meanwhile somebody else publishes and commits.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import Error, connections, transaction
from django.test import override_settings
from django.utils import timezone

from sse_django.backends import BaseBackend, Message
from sse_django.backends.database import DatabaseBackend
from sse_django.exceptions import PublishError
from sse_django.models import LogEvent
from sse_django.testing.contract import PATIENCE, BackendContract, publish

#: Seconds after which a publisher is taken to wait for the trim, which waits for this; a busy machine is slow, too.
HELD_UP = 3 * PATIENCE
#: The most events that one transaction of a trim drops, as the docs say.
BATCH = 500
#: Events that are to go: several batches.
OLD = 3 * BATCH - 10


class RetentionContract(BackendContract):
    """More promises, of a log in a database."""

    alias: str
    #: After which statements of a trim a publisher has to wait.
    held: frozenset[str] = frozenset()

    @contextmanager
    def _beside(self, publisher: BaseBackend) -> Iterator[tuple[dict[str, set[bool]], list[int]]]:
        """Publish after each statement of this thread; whether that went well, by the statement, and how many each deleted."""
        went: dict[str, set[bool]] = {}
        deleted: list[int] = []

        def step(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            verb = sql.split(maxsplit=1)[0]
            if verb == "DELETE":
                deleted.append(context["cursor"].rowcount)
            went.setdefault(verb, set()).add(self._publishes(publisher))
            return result

        with connections[self.alias].execute_wrapper(step):
            yield went, deleted

    def _publishes(self, publisher: BaseBackend) -> bool:
        """Whether another thread can publish now, in a transaction and alone, though this one has got no further."""
        done = threading.Event()

        def run() -> None:
            try:
                if connections[self.alias].vendor == "sqlite":  # it says at once that it would have to wait
                    with connections[self.alias].cursor() as cursor:
                        cursor.execute("PRAGMA busy_timeout = 0")
                with transaction.atomic(using=self.alias):
                    publish(publisher, "x", "y")
                publish(publisher, "z")
                done.set()
            except (Error, PublishError):
                pass
            finally:
                publisher.close()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(HELD_UP)
        self._threads.append(thread)
        return done.is_set()

    @pytest.fixture(autouse=True)
    def _threads_end(self) -> Iterator[None]:
        self._threads: list[threading.Thread] = []
        yield
        for thread in self._threads:
            thread.join(HELD_UP)
            assert not thread.is_alive()

    def _old(self) -> DatabaseBackend:
        """A log in which OLD events are to go, and none that is published from now on."""
        backend = self.new(max_events=None, max_age=3600, timeout=20 * PATIENCE)
        assert isinstance(backend, DatabaseBackend)
        backend.publish([Message(("orders",), str(index)) for index in range(OLD)])
        backend.head()
        LogEvent.objects.using(self.alias).update(created=timezone.now() - timedelta(days=1))
        return backend

    def test_publishers_commit_while_a_trim_is_stopped_in_its_midst(self) -> None:
        trimming, publishing = self._old(), self.new()
        with self._beside(publishing) as (went, deleted):
            assert trimming.trim() == BATCH
        assert deleted == [BATCH]
        assert {verb for verb, outcomes in went.items() if False in outcomes} == self.held
        assert {"SELECT", "UPDATE", "DELETE"} <= set(went)

    def test_pruning_all_of_it_is_many_short_transactions(self) -> None:
        trimming, publishing = self._old(), self.new()
        backends = {
            "default": {"BACKEND": f"{DatabaseBackend.__module__}.DatabaseBackend", "OPTIONS": trimming.settings}
        }
        with override_settings(SSE_DJANGO={"BACKENDS": backends}), self._beside(publishing) as (went, deleted):
            call_command("sse_prune", all=True, stdout=io.StringIO())
        assert (max(deleted), sum(deleted)) == (BATCH, OLD)
        assert {verb for verb, outcomes in went.items() if False in outcomes} == self.held

    def test_no_trim_is_part_of_a_publishers_transaction(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A publisher drops old events at times, after its commit, and no more than a batch."""
        monkeypatch.setattr("sse_django.backends.database.backend.TRIM_EVERY", 2)
        backend, deleted = self._old(), []

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            result = execute(sql, params, many, context)
            if sql.startswith("DELETE"):
                deleted.append(context["cursor"].rowcount)
            return result

        with connections[self.alias].execute_wrapper(count):
            for _ in range(4):
                before = list(deleted)
                with transaction.atomic(using=self.alias):
                    publish(backend, *"abcdefgh")
                    with transaction.atomic(using=self.alias):
                        publish(backend, "i")
                    assert deleted == before
        assert deleted == [BATCH] * 2
