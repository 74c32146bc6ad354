"""The two tables of one log on one database: rows in, rows out, places given, the oldest dropped.

Every method works on the calling thread's own connection, and under the limit of time that `engine` sets. `insert` in the
caller's own transaction is without: there the connection is not ours to cut.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import DatabaseError, Error, OperationalError, ProgrammingError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from sse_django.backends.base import Message, StoredEvent
from sse_django.backends.cursor import new_epoch
from sse_django.backends.database import rows
from sse_django.backends.database.statements import NUMBER_BATCH, Statements
from sse_django.backends.database.watchdog import watchdog
from sse_django.backends.extent import Extent
from sse_django.backends.retention import Retention
from sse_django.models import LogEvent, LogHead

logger = logging.getLogger("sse_django")

#: So that a statement sees what was committed before it, and updates lock no gaps that publishers insert into.
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
#: Seconds that a thread waits for places to be given on another connection.
ASIDE_TIMEOUT = 1.0
#: Seconds that a locked table of an in-memory database is waited for.
LOCKED_TIMEOUT = 5.0
#: Events dropped by one call of `trim`.
TRIM_BATCH = 500


class Look(NamedTuple):
    extent: Extent
    there: str | None  # the tag at the place asked for
    waiting: bool  # there are events without a place


class _State(threading.local):
    busy = False
    #: Sets the limit of time back: this thread has got on.
    again: Callable[[], None] = staticmethod(lambda: None)


class Table:
    """The log on the database `using`; what is done in `engine()` takes at most `timeout` seconds."""

    def __init__(self, using: str, timeout: float) -> None:
        self.using = using
        self._timeout = timeout
        self._made: Statements | None = None
        #: In `busy`, whether this thread left the giving of places to another one, which was at it.
        self.state = _State()

    @property
    def statements(self) -> Statements:
        """The SQL for this database. Made at first use: what it can is asked of the server."""
        if self._made is None:
            self._made = Statements(connections[self.using])
        return self._made

    @contextmanager
    def engine(self) -> Iterator[Any]:
        """This thread's connection, its statements under the limit of time."""
        connection = connections[self.using]
        if connection.connection is None:
            self._connect(connection)
        try:
            with watchdog.limit(connection, self._timeout) as self.state.again, patient(connection):
                yield connection
        except (OperationalError, ProgrammingError) as error:
            raise explained(error) from error

    def _connect(self, connection: Any) -> None:
        settings = connection.settings_dict
        options = settings.get("OPTIONS", {})
        if connection.vendor == "sqlite" or "pool" in options or "service" in options:
            connection.ensure_connection()
            return
        timeout = max(2, round(self._timeout))
        more = {} if "connect_timeout" in options else {"connect_timeout": timeout}
        # PyMySQL's is over once somebody accepts, which the kernel does for a server that hangs. So it has another for what
        # follows, and for that only: the connection may be the site's, whose statements take as long as they do.
        greeting = _is_pymysql(connection) and not {"read_timeout", "write_timeout"} & set(options)
        if greeting:
            more |= {"read_timeout": timeout, "write_timeout": timeout}
        # This connection's own copy, for the moment: the drivers would wait for a dead host for minutes.
        connection.settings_dict = {**settings, "OPTIONS": {**options, **more}}
        try:
            connection.ensure_connection()
        finally:
            connection.settings_dict = settings
        if greeting:
            connection.connection._read_timeout = connection.connection._write_timeout = None

    def insert(self, connection: Any, messages: Sequence[Message]) -> None:
        """Events without a place, in this order, in the transaction that is open."""
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with patient(connection), connection.cursor() as cursor:
            for number, batch in enumerate(rows.batches(messages)):
                if number:
                    self.state.again()
                sql = self.statements.insert(len(batch), keyed=batch[0].key is not None)
                cursor.execute(sql, [value for message in batch for value in rows.make_row(message, now)])

    def look(self, connection: Any, place: int) -> Look:
        """How far the log reaches, and what stands at a place."""
        with connection.cursor() as cursor:
            cursor.execute(self.statements.look, [place])
            row = cursor.fetchone()
        if row is None:
            self._name_the_log()
            return self.look(connection, place)
        epoch, floor, floor_tag, seq, tag, there, waiting = row
        if seq is None or seq < floor:  # SQLite, trimmed empty
            seq, tag = floor, floor_tag
        return Look(Extent(epoch, floor, floor_tag, seq, tag), there, bool(waiting))

    def _name_the_log(self) -> None:
        """Make the one row: after the migration it is missing only where tables were emptied."""
        place = self.statements.place
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

    def settled(self, connection: Any, place: int) -> Look:
        """A look with places given to all that has been committed.

        Not inside a transaction: the lock, held to its end, would hold everybody up.
        """
        look = self.look(connection, place)
        if connection.in_atomic_block:
            return look
        number = self._number_at_once if connection.vendor == "postgresql" else self._number
        while look.waiting:  # in batches: after hours without readers there may be many
            head = number(connection, look.extent.seq)
            self.state.busy = head is None
            if head is None:
                return self.look(connection, place)
            waiting = head[0] - look.extent.seq >= NUMBER_BATCH
            look = look._replace(extent=replace(look.extent, seq=head[0], tag=head[1]), waiting=waiting)
            self.state.again()
        return look

    def settle_aside(self) -> None:
        """The same on a connection of its own, for a thread that is inside a transaction."""

        def settle() -> None:
            try:
                with self.engine() as connection:
                    self.settled(connection, -1)
            except Error:
                logger.debug("giving places failed; a reader will", exc_info=True)
            finally:
                BaseDatabaseWrapper.close(connections[self.using])  # in memory, too: the thread ends here

        thread = threading.Thread(target=settle, name="sse-settle", daemon=True)
        thread.start()
        thread.join(ASIDE_TIMEOUT)

    def waits_since(self) -> float:
        """Seconds that the oldest event which this transaction sees without a place has been there; 0.0 if there is none."""
        created = (
            LogEvent.objects.using(self.using).filter(seq=None).order_by("id").values_list("created", flat=True).first()
        )
        return 0.0 if created is None else (timezone.now() - created).total_seconds()

    def _number_at_once(self, connection: Any, seen: int) -> tuple[int, str] | None:
        sql = self.statements.number_at_once()
        # One statement is a transaction, whose isolation is right mostly.
        with connection.cursor() if _is_read_committed(connection) else self._transaction(connection) as cursor:
            cursor.execute(sql, [seen])
            return cursor.fetchone()  # type: ignore[no-any-return]

    @contextmanager
    def _transaction(self, connection: Any) -> Iterator[Any]:
        """A cursor in a transaction of READ COMMITTED; inside another one, in that as it is."""
        # Where OPTIONS say nothing Django takes PostgreSQL for READ COMMITTED, but the role's default may be another.
        strict = not connection.in_atomic_block and (
            connection.vendor == "postgresql" or (connection.vendor == "mysql" and not _is_read_committed(connection))
        )
        with connection.cursor() as cursor:
            if strict and connection.vendor == "mysql":
                cursor.execute(READ_COMMITTED)  # of the next transaction
            with transaction.atomic(using=self.using):
                if strict and connection.vendor == "postgresql":
                    cursor.execute(READ_COMMITTED)
                yield cursor

    def _number(self, connection: Any, seen: int) -> tuple[int, str] | None:
        """Give places; the head after it, or None if somebody else is at it or has been since `seen`."""
        statements = self.statements
        with self._transaction(connection) as cursor:
            cursor.execute(statements.lock)
            row = cursor.fetchone()
            if row is None or row[0] != seen:
                return None
            cursor.execute(statements.unnumbered)
            fresh = cursor.fetchall()
            if not fresh:
                return None
            cursor.execute(*statements.number([id_ for id_, _ in fresh], seen))
            head = (seen + len(fresh), fresh[-1][1])
            cursor.execute(statements.move_head, head)
            return head

    def scan(
        self, connection: Any, extent: Extent, place: int, channels: Collection[str] | None, limit: int
    ) -> tuple[list[StoredEvent], str]:
        """Events after a place, up to the head of `extent`, and the cursor up to which that looked through."""
        wanted = None if channels is None else set(channels)
        likes = [] if wanted is None else rows.patterns(wanted)
        sql = self.statements.scan(len(likes))
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

    def trim(self, connection: Any, retention: Retention) -> int:
        """Drop a batch of the oldest, with the floor raised in the same transaction; how many went."""
        extent = self.settled(connection, -1).extent
        place = self.statements.place
        oldest = (
            LogEvent.objects.using(self.using)
            .filter(**{f"{place}__gt": extent.floor, f"{place}__lte": extent.seq})
            .order_by(place)
            .values_list(place, "tag", "created")
        )
        now = timezone.now()
        going: list[tuple[int, str]] = []
        for size in (1, TRIM_BATCH):  # mostly one row says that there is nothing to do
            going = []
            for seq, tag, created in oldest[:size]:
                if not retention.over(extent.seq - seq + 1, (now - created).total_seconds()):
                    break
                going.append((seq, tag))
            if not going:
                return 0
        last, tag = going[-1]
        with self._transaction(connection) as cursor:
            # A write comes first: on SQLite a transaction that begins with a read fails where another has written since.
            cursor.execute(self.statements.raise_floor, [last, tag, extent.epoch, last])
            if cursor.rowcount != 1:
                return 0  # somebody else has
            cursor.execute(self.statements.drop, [last])
        return len(going)

    def unnumbered(self, connection: Any) -> frozenset[str]:
        """Tags of the committed events that have no place yet."""
        if not self.statements.numbered:
            return frozenset()
        with connection.cursor() as cursor:
            cursor.execute(self.statements.all_unnumbered)
            return frozenset(tag for (tag,) in cursor.fetchall())

    def rename(self, connection: Any) -> None:
        """Give the log another epoch."""
        self.look(connection, -1)  # so that there is a row
        LogHead.objects.using(self.using).filter(id=1).update(epoch=new_epoch())


def _is_read_committed(connection: Any) -> bool:
    level = getattr(connection, "isolation_level", None)
    if connection.vendor == "mysql":
        return level == "read committed"
    return level is None or getattr(level, "name", "") == "READ_COMMITTED"


def _is_pymysql(connection: Any) -> bool:
    return bool(connection.vendor == "mysql" and connection.Database.__name__ == "pymysql")


def patient(connection: Any) -> AbstractContextManager[Any]:
    """In a test's in-memory database, which its threads share, whoever finds the table locked waits, as for a file.

    There SQLite's own timeout does not count.
    """
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        return connection.execute_wrapper(_until_unlocked)  # type: ignore[no-any-return]
    return nullcontext()


def _until_unlocked(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    deadline = time.monotonic() + LOCKED_TIMEOUT
    while True:
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            if "table is locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


def explained(error: DatabaseError) -> DatabaseError:
    """The same error, or one that says what to do: the commonest one is that nobody has made the tables."""
    text = str(error)
    missing = LogEvent._meta.db_table in text or LogHead._meta.db_table in text
    if not missing or not any(words in text for words in ("no such table", "does not exist", "doesn't exist")):
        return error
    return type(error)(f"{text.strip()} (the log has no tables yet: run manage.py migrate)")
