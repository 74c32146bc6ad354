"""`DatabaseBackend`: publishing joins the caller's transaction, and events get their order after the commit.

`publish` is one INSERT. Whoever reads first numbers what has been committed, one at a time (SKIP LOCKED). A read takes the
events and then, in a later statement, looks whether epoch and floor still are what they were.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, Error, InterfaceError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.bell import Bell
from sse_django.backends.cursor import parse_cursor
from sse_django.backends.database import rows
from sse_django.backends.database.listener import NOTIFY, Listener
from sse_django.backends.database.table import TRIM_BATCH, Look, Table, explained
from sse_django.backends.retention import Retention, seconds
from sse_django.exceptions import Gone, PublishError

logger = logging.getLogger("sse_django")

VENDORS = ("postgresql", "mysql", "sqlite")
#: The largest place there can be, in a column of 64 bits.
LAST_PLACE = 2**63 - 1
#: Seconds after which a reader looks again when another one is giving places just now.
BUSY_PAUSE = 0.003
#: Seconds after which an event has its place, if there is any reader.
STALE = 1.0
#: Publishes of a process after which it trims: where nobody reads, nobody else does. Less than a trim drops.
TRIM_EVERY = TRIM_BATCH // 2
#: Seconds until listening is tried again where it failed.
LISTEN_RETRY = 10.0
#: The part of an interval between two looks that chance may take away.
JITTER = 0.1
#: Times that a publish outside a transaction is tried where MySQL chose it as the victim of a deadlock.
DEADLOCK_TRIES = 5
MYSQL_DEADLOCK = 1213


class _ThreadState(threading.local):
    listener: Listener | None = None
    listen_after = 0.0


class DatabaseBackend(BaseBackend):
    """The log in one of DATABASES. OPTIONS:

    - `using`: its alias; "default".
    - `poll_interval`: seconds, at most, between two looks for what other processes have published, where nothing tells; 0.1: 50
      processes then take 5 % of a core, and an event comes 50 ms late on the average.
    - `listen`: on PostgreSQL with psycopg 3, be told (one more connection a process) and poll behind it; True.
    - `timeout`: seconds for a statement of a reader, and for a publish outside a transaction; 10.
    - `max_events`, `max_age` (seconds): what is kept.

    Two backends on one database are one log with two names.
    """

    transactional: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {
        **BaseBackend.options,
        "using": "default",
        "poll_interval": 0.1,
        "listen": True,
        "timeout": 10.0,
    }

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        super().__init__(alias, options)
        self.using = str(self.settings["using"])
        if self.using not in connections.settings:
            raise ImproperlyConfigured(
                f"DatabaseBackend ({alias!r}): OPTIONS['using'] is {self.using!r}; "
                f"DATABASES has {', '.join(map(repr, connections.settings))}"
            )
        connection = connections[self.using]
        if connection.vendor not in VENDORS:
            raise ImproperlyConfigured(
                f"DatabaseBackend ({alias!r}): {connection.display_name} can't carry the log; "
                "use PostgreSQL, MySQL, MariaDB, SQLite, or another backend"
            )
        self._retention = Retention.of(self)
        self._poll_interval = seconds(self, "poll_interval")
        self._notify = connection.vendor == "postgresql" and bool(self.settings["listen"])
        self._bell = Bell()
        self._table = Table(self.using, seconds(self, "timeout"))
        self._state = _ThreadState()
        self._published = 0

    # -- publish

    def publish(self, messages: Sequence[Message]) -> None:
        """Insert, in the open transaction of `using` if there is one, and wake readers once that has committed.

        Raises:
            PublishError: outside a transaction, if the database did not take them.
            django.db.Error: inside one, as any other statement would.
        """
        for message in messages:
            self.check_size(message)
        connection = connections[self.using]
        if connection.in_atomic_block:
            try:
                with transaction.mark_for_rollback_on_error(using=self.using):
                    self._table.insert(connection, messages)
            except DatabaseError as error:  # the caller's transaction, and so its error as it is
                if (told := explained(error)) is not error:
                    error.add_note(str(told))
                raise
            self._wake_on_commit(connection)
            return
        try:
            with self._table.engine():
                self._insert_alone(connection, messages)
                committed = connection.get_autocommit()
                if committed:
                    self._bell.ring()
                    self._tell(connection)
        except Error as error:
            connection.close_if_unusable_or_obsolete()
            raise PublishError(f"the database {self.using!r} did not take the event: {error}") from error
        if committed:  # else it is a transaction by hand, which has no hook: it will be found by polling
            self._trim_at_times()

    def _insert_alone(self, connection: Any, messages: Sequence[Message]) -> None:
        for attempt in range(1, DEADLOCK_TRIES + 1):
            try:
                if len(list(rows.batches(messages))) > 1:
                    with transaction.atomic(using=self.using):
                        return self._table.insert(connection, messages)
                return self._table.insert(connection, messages)
            except DatabaseError as error:
                # Two that insert the same key at once; the whole statement was rolled back.
                if attempt == DEADLOCK_TRIES or error.args[:1] != (MYSQL_DEADLOCK,):
                    raise
                self._table.state.again()
        return None

    def _wake_on_commit(self, connection: Any) -> None:
        # Once a transaction, however much it publishes. What a savepoint rolls back is gone from this list.
        if not any(hook == self._wake for _, hook, *_ in reversed(connection.run_on_commit)):
            transaction.on_commit(self._wake, using=self.using, robust=True)

    def _wake(self) -> None:
        """After a commit of the caller's."""
        self._bell.ring()
        if self._notify:
            try:
                with self._table.engine() as connection:
                    self._tell(connection)
            except Error:
                logger.debug("no connection for NOTIFY; the event will be found by polling", exc_info=True)
        self._trim_at_times()

    def _tell(self, connection: Any) -> None:
        if self._notify:
            try:
                with connection.cursor() as cursor:
                    # Its own transaction: inside the caller's it would take a lock at the commit.
                    cursor.execute(NOTIFY)
            except Error:
                logger.debug("NOTIFY failed; the event will be found by polling", exc_info=True)

    def _trim_at_times(self) -> None:
        self._published += 1
        if self._published % TRIM_EVERY == 0 and not connections[self.using].in_atomic_block:
            try:
                self.trim()
            except Error:
                logger.debug("trimming failed; there will be another", exc_info=True)

    # -- read

    def head(self) -> str:
        with self._table.engine() as connection:
            look = self._table.settled(connection, -1)
            if look.waiting and connection.in_atomic_block and self._table.waits_since() > STALE:
                # Nobody reads, so nobody has given places: a page that begins here would be sent all that once more.
                self._table.settle_aside()
                look = self._table.look(connection, -1)
            return look.extent.head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        place = _place(after)
        with self._table.engine() as connection:
            look = self._table.settled(connection, place)
            _check(look, after)
            if place == look.extent.seq:
                return [], after
            found = self._table.scan(connection, look.extent, place, channels, limit)
            # In a later statement: what has been trimmed meanwhile may be missing from the events.
            _check(self._table.look(connection, place), after)
            return found

    def wait(self, after: str, timeout: float) -> None:
        """Polls, and is woken by publishers of this process and, on PostgreSQL, of others."""
        end = time.monotonic() + timeout
        place, told = _place(after), True
        while True:
            seen, listener = self._bell.rings, self._listen()
            with self._table.engine() as connection:
                look = self._table.look(connection, place)
            left = end - time.monotonic()
            if look.waiting or look.extent.head != after or left <= 0:
                if listener is not None and not told and left > 0:
                    listener.missed()
                if look.waiting and self._table.state.busy:
                    self._table.state.busy = False
                    self._bell.sleep(seen, BUSY_PAUSE)
                return
            told = self._sleep(listener, seen, left)

    def unnumbered(self) -> frozenset[str]:
        """Tags (the last part of a cursor) of the events that this transaction sees and that will come after `head()`.

        For a snapshot: take this, `head()` and the rows in one repeatable-read transaction. What the rows show already is what
        lies up to the head, and these.
        """
        with self._table.engine() as connection:
            return self._table.unnumbered(connection)

    # -- upkeep

    def trim(self) -> int:
        with self._table.engine() as connection:
            return self._table.trim(connection, self._retention)

    def rotate_epoch(self) -> None:
        with self._table.engine() as connection:
            self._table.rename(connection)

    def close(self) -> None:
        self._stop_listening()
        self._state.listen_after = 0.0
        connection = connections[self.using]
        if connection.in_atomic_block:
            return
        if connection.allow_thread_sharing or threading.current_thread() is threading.main_thread():
            connection.close()
        else:
            # SQLite's own leaves a test's in-memory database open, which lives on in the test's thread, to be found by the
            # garbage collector: a ResourceWarning in whatever test runs then.
            BaseDatabaseWrapper.close(connection)

    # -- inside

    def _sleep(self, listener: Listener | None, seen: int, left: float) -> bool:
        """Until the next poll; whether something has told of an event."""
        if listener is None:
            # A little sooner than it may be: processes that began together don't ask together for long.
            self._bell.sleep(seen, min(left, self._poll_interval * random.uniform(1 - JITTER, 1)))
            return True
        try:
            return listener.sleep(seen, min(left, listener.interval(self._poll_interval)))
        except Exception:
            logger.debug("listening ended; polling goes on", exc_info=True)
            self._stop_listening()
            return True

    def _listen(self) -> Listener | None:
        state = self._state
        if state.listener is None and self._notify and time.monotonic() >= state.listen_after:
            state.listen_after = time.monotonic() + LISTEN_RETRY
            try:
                if _is_psycopg3():
                    state.listener = Listener(self.using, self._bell)
            except Error:
                logger.debug("listening failed; polling goes on", exc_info=True)
        return state.listener

    def _stop_listening(self) -> None:
        listener, self._state.listener = self._state.listener, None
        if listener is not None:
            try:
                listener.close()
            except (Error, InterfaceError):
                pass


def _is_psycopg3() -> bool:
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return bool(is_psycopg3)


def _place(after: str) -> int:
    try:
        return min(parse_cursor(after, "").seq, LAST_PLACE)
    except Gone:
        return -1  # of another kind of log: `_check` says so, and knows the head


def _check(look: Look, after: str) -> None:
    cursor = look.extent.place(after)
    if look.extent.floor < cursor.seq < look.extent.seq:
        look.extent.match(cursor, look.there)
