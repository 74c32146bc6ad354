"""`DatabaseBackend`: publishing joins the caller's transaction, and events get their order after the commit.

`publish` is one INSERT. Whoever reads first numbers what has been committed, one at a time (SKIP LOCKED). A read takes the
events and then, in a later statement, looks whether epoch and floor still are what they were.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, Error, InterfaceError, connections, transaction
from django.utils import timezone

from sse_django.backends.base import BaseBackend, Message, StoredEvent
from sse_django.backends.cursor import Cursor, new_epoch, parse_cursor
from sse_django.backends.database import rows
from sse_django.backends.database.bell import Bell
from sse_django.backends.database.listener import NOTIFY, Listener
from sse_django.backends.database.statements import Statements
from sse_django.backends.database.watchdog import watchdog
from sse_django.backends.extent import Extent
from sse_django.backends.retention import Retention, seconds
from sse_django.exceptions import Gone, PublishError
from sse_django.models import LogEvent, LogHead

logger = logging.getLogger("sse_django")

VENDORS = ("postgresql", "mysql", "sqlite")
#: Events dropped by one call of `trim`.
TRIM_BATCH = 500
#: Seconds after which a reader looks again when another one is giving places just now.
BUSY_PAUSE = 0.003
#: Seconds until listening is tried again where it failed.
LISTEN_RETRY = 10.0
#: Times that a publish outside a transaction is tried where MySQL chose it as the victim of a deadlock.
DEADLOCK_TRIES = 5
MYSQL_DEADLOCK = 1213


class _Look(NamedTuple):
    extent: Extent
    there: str | None  # the tag at the place asked for
    waiting: bool  # there are events without a place


class _ThreadState(threading.local):
    listener: Listener | None = None
    listen_after = 0.0
    busy = False


class DatabaseBackend(BaseBackend):
    """The log in one of DATABASES. OPTIONS:

    - `using`: its alias; "default".
    - `poll_interval`: seconds between two looks for what other processes have published, where nothing tells; 0.1: 50
      processes then take 5 % of a core, and an event comes 50 ms late on the average.
    - `listen`: on PostgreSQL with psycopg 3, be told (one more connection a process) and poll behind it; True.
    - `timeout`: seconds for a statement of a reader; 10.
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
        self._timeout = seconds(self, "timeout")
        self._notify = connection.vendor == "postgresql" and bool(self.settings["listen"])
        self._bell = Bell()
        self._state = _ThreadState()
        self._made: Statements | None = None

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
            with transaction.mark_for_rollback_on_error(using=self.using):
                self._insert(connection, messages)
        else:
            try:
                self._insert_alone(connection, messages)
            except Error as error:
                connection.close_if_unusable_or_obsolete()
                raise PublishError(f"the database {self.using!r} did not take the event: {error}") from error
        self._wake_on_commit(connection)

    def _insert_alone(self, connection: Any, messages: Sequence[Message]) -> None:
        for attempt in range(1, DEADLOCK_TRIES + 1):
            try:
                if len(list(rows.batches(messages))) > 1:
                    with transaction.atomic(using=self.using):
                        return self._insert(connection, messages)
                return self._insert(connection, messages)
            except DatabaseError as error:
                # Two that insert the same key at once; the whole statement was rolled back.
                if attempt == DEADLOCK_TRIES or error.args[:1] != (MYSQL_DEADLOCK,):
                    raise
        return None

    def _insert(self, connection: Any, messages: Sequence[Message]) -> None:
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            for batch in rows.batches(messages):
                sql = self._statements.insert(len(batch), keyed=batch[0].key is not None)
                cursor.execute(sql, [value for message in batch for value in rows.make_row(message, now)])

    def _wake_on_commit(self, connection: Any) -> None:
        if not connection.in_atomic_block and not connection.get_autocommit():
            return  # a transaction by hand, which has no hook: it will be found by polling
        # Once a transaction, however much it publishes. What a savepoint rolls back is gone from this list.
        if not any(hook == self._wake for _, hook, *_ in reversed(connection.run_on_commit)):
            transaction.on_commit(self._wake, using=self.using, robust=True)

    def _wake(self) -> None:
        self._bell.ring()
        if self._notify:
            try:
                with connections[self.using].cursor() as cursor:
                    cursor.execute(
                        NOTIFY
                    )  # its own transaction: inside the caller's it would take a lock at the commit
            except Error:
                logger.debug("NOTIFY failed; the event will be found by polling", exc_info=True)

    # -- read

    def head(self) -> str:
        with self._engine() as connection:
            return self._settled(connection, -1).extent.head

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        with self._engine() as connection:
            place = self._place(after)
            look = self._settled(connection, place)
            self._check(look, after)
            if place == look.extent.seq:
                return [], after
            events, looked = self._scan(connection, look.extent, place, channels, limit)
            # In a later statement: what has been trimmed meanwhile may be missing from the events.
            self._check(self._look(connection, place), after)
            return events, looked

    def wait(self, after: str, timeout: float) -> None:
        """Polls, and is woken by publishers of this process and, on PostgreSQL, of others."""
        end = time.monotonic() + timeout
        place, told = self._place(after), True
        while True:
            seen = self._bell.rings
            with self._engine() as connection:
                look = self._look(connection, place)
            listener = self._listen()
            if look.waiting or look.extent.head != after:
                if not told and listener is not None:
                    listener.missed()
                if self._state.busy and look.extent.head == after:
                    self._state.busy = False
                    self._bell.sleep(seen, BUSY_PAUSE)
                return
            left = end - time.monotonic()
            if left <= 0:
                return
            if listener is None:
                self._bell.sleep(seen, min(left, self._poll_interval))
                continue
            try:
                told = listener.sleep(seen, min(left, listener.interval(self._poll_interval)))
            except Exception:
                logger.debug("listening ended; polling goes on", exc_info=True)
                self._stop_listening()

    def unnumbered(self) -> frozenset[str]:
        """Tags of the events that this transaction sees and that have no place yet: they will come after `head()`.

        For a snapshot of rows: read it, `head()` and the rows in one repeatable-read transaction. What the rows show already is
        what lies up to the head, and these.
        """
        if not self._statements.numbered:
            return frozenset()
        with self._engine() as connection, connection.cursor() as cursor:
            cursor.execute(self._statements.all_unnumbered)
            return frozenset(tag for (tag,) in cursor.fetchall())

    # -- upkeep

    def trim(self) -> int:
        """One batch of the oldest, with the floor raised in the same transaction."""
        with self._engine() as connection:
            extent = self._look(connection, -1).extent
            place = self._statements.place
            oldest = (
                LogEvent.objects.using(self.using)
                .filter(**{f"{place}__gt": extent.floor, f"{place}__lte": extent.seq})
                .order_by(place)
                .values_list(place, "tag", "created")
            )
            # One row says whether there is anything to do.
            now, last, tag, dropped = timezone.now(), 0, "", 0
            for size in (1, TRIM_BATCH):
                dropped = 0
                for seq, its_tag, created in oldest[:size]:
                    if not self._retention.over(extent.seq - seq + 1, (now - created).total_seconds()):
                        break
                    last, tag, dropped = seq, its_tag, dropped + 1
                if not dropped:
                    return 0
            with transaction.atomic(using=self.using), connection.cursor() as cursor:
                # A write comes first: on SQLite a transaction that begins with a read fails where another has written since.
                cursor.execute(self._statements.raise_floor, [last, tag, extent.epoch, last])
                if cursor.rowcount != 1:
                    return 0  # somebody else has
                cursor.execute(self._statements.drop, [last])
            return dropped

    def rotate_epoch(self) -> None:
        with self._engine() as connection:
            self._look(connection, -1)  # so that there is a row
            LogHead.objects.using(self.using).filter(id=1).update(epoch=new_epoch())

    def close(self) -> None:
        self._stop_listening()
        self._state.listen_after = 0.0
        connection = connections[self.using]
        if not connection.in_atomic_block:
            connection.close()

    # -- inside

    @property
    def _statements(self) -> Statements:
        if self._made is None:
            self._made = Statements(connections[self.using])
        return self._made

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """This thread's connection, its statements under the limit of time."""
        connection = connections[self.using]
        if connection.connection is None:
            self._connect(connection)
        with watchdog.limit(connection, self._timeout):
            yield connection

    def _connect(self, connection: Any) -> None:
        settings = connection.settings_dict
        options = settings.get("OPTIONS", {})
        if connection.vendor == "sqlite" or "connect_timeout" in options or "pool" in options or "service" in options:
            connection.ensure_connection()
            return
        # This connection's own copy, for the moment: the drivers would wait for a dead host for minutes.
        timeout = max(2, round(self._timeout))
        connection.settings_dict = {**settings, "OPTIONS": {**options, "connect_timeout": timeout}}
        try:
            connection.ensure_connection()
        finally:
            connection.settings_dict = settings

    def _place(self, after: str) -> int:
        try:
            return parse_cursor(after, "").seq
        except Gone:
            return -1  # of another kind of log: the extent says so, and knows the head

    def _check(self, look: _Look, after: str) -> Cursor:
        cursor = look.extent.place(after)
        if look.extent.floor < cursor.seq < look.extent.seq:
            look.extent.match(cursor, look.there)
        return cursor

    def _look(self, connection: Any, place: int) -> _Look:
        with connection.cursor() as cursor:
            cursor.execute(self._statements.look, [place])
            row = cursor.fetchone()
        if row is None:
            self._name_the_log()
            return self._look(connection, place)
        epoch, floor, floor_tag, seq, tag, there, waiting = row
        if seq is None or seq < floor:  # SQLite, trimmed empty
            seq, tag = floor, floor_tag
        return _Look(Extent(epoch, floor, floor_tag, seq, tag), there, bool(waiting))

    def _name_the_log(self) -> None:
        """Make the one row: after the migration it is missing only where tables were emptied."""
        place = self._statements.place
        last = (
            LogEvent.objects.using(self.using)
            .filter(**{f"{place}__isnull": False})
            .order_by(f"-{place}")
            .values_list(place, "tag")
            .first()
        )
        seq, tag = last or (0, "")
        head = LogHead(id=1, epoch=new_epoch(), seq=seq, tag=tag)
        LogHead.objects.using(self.using).bulk_create([head], ignore_conflicts=True)

    def _settled(self, connection: Any, place: int) -> _Look:
        """A look, with places given to what has been committed. Not inside a transaction: its lock would hold everybody up."""
        look = self._look(connection, place)
        if look.waiting and not connection.in_atomic_block:
            self._state.busy = not self._number(connection)
            look = self._look(connection, place)
        return look

    def _number(self, connection: Any) -> bool:
        """Give places to committed events; False if somebody else is doing it."""
        statements = self._statements
        level = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"  # a snapshot of before the lock would not do
        usual = _is_read_committed(connection)
        if not usual and connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute(level)
        with transaction.atomic(using=self.using), connection.cursor() as cursor:
            if not usual and connection.vendor == "postgresql":
                cursor.execute(level)
            cursor.execute(statements.lock)
            row = cursor.fetchone()
            if row is None:
                return False
            cursor.execute(statements.unnumbered)
            fresh = cursor.fetchall()
            if fresh:
                cursor.execute(*statements.number([id_ for id_, _ in fresh], row[0]))
                cursor.execute(statements.move_head, [row[0] + len(fresh), fresh[-1][1]])
        return True

    def _scan(
        self, connection: Any, extent: Extent, place: int, channels: Collection[str] | None, limit: int
    ) -> tuple[list[StoredEvent], str]:
        wanted = None if channels is None else set(channels)
        likes = [] if wanted is None else rows.patterns(wanted)
        sql = self._statements.scan(len(likes))
        events: list[StoredEvent] = []
        while True:
            with connection.cursor() as cursor:
                cursor.execute(sql, [place, extent.seq, *likes, limit])
                found = cursor.fetchall()
            for seq, *values in found:
                message = rows.make_message(values)
                if wanted is None or not wanted.isdisjoint(message.channels):
                    events.append(StoredEvent(extent.cursor(seq, values[0]), message))
                    if len(events) == limit:
                        return events, events[-1].cursor
            if len(found) < limit:
                return events, extent.head
            place = found[-1][0]

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


def _is_read_committed(connection: Any) -> bool:
    level = getattr(connection, "isolation_level", None)
    if connection.vendor == "mysql":
        return level == "read committed"
    return level is None or getattr(level, "name", "") == "READ_COMMITTED"
