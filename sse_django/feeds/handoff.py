"""A snapshot and the place in the log from which its changes follow, taken together.

On the database that carries the log it is exact: one repeatable-read transaction sees the rows, the head, and the events that
are committed but not in their place yet. Those will come after the head although the rows show them already, so they are left
out; their tags travel in the snapshot's id, for a reader that comes back before it has got past them. Inside a transaction that
is open already, and on other engines, what the rows show may come once more: never is anything missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, transaction

from sse_django.backends import BaseBackend

T = TypeVar("T")

#: Between a cursor and the tags to leave out.
SEPARATOR = "~"
#: Tags in an id: it is a header.
MAX_TAGS = 64


@dataclass(frozen=True)
class Place:
    """Where to go on in the log.

    Attributes:
        cursor: the cursor to go on after.
        skip: tags of events after it that are known already.
    """

    cursor: str
    skip: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if not self.skip or len(self.skip) > MAX_TAGS:
            return self.cursor
        return SEPARATOR.join([self.cursor, *sorted(self.skip)])

    @classmethod
    def parse(cls, text: str) -> Place:
        """From an id of ours."""
        cursor, *tags = text.split(SEPARATOR)
        return cls(cursor, frozenset(tags))

    def knows(self, cursor: str) -> bool:
        """Whether the event with this cursor is one to leave out."""
        return bool(self.skip) and cursor.rpartition("-")[2] in self.skip


class NoPlace(Exception):
    """The log's engine does not answer."""


@dataclass(frozen=True)
class Taken(Generic[T]):
    """What was read, and where its changes begin."""

    read: T
    place: Place


def hand_off(backend: BaseBackend, using: str, read: Callable[[], T]) -> Taken[T]:
    """Call `read`, which queries the database `using`, so that it fits a place in the log.

    Raises:
        NoPlace: if the engine does not answer. Where that is the database, its own errors.
    """
    unnumbered = getattr(backend, "unnumbered", None)
    if unnumbered is None or getattr(backend, "using", None) != using:
        try:
            cursor = backend.head()
        except Exception as error:
            raise NoPlace(f"{type(error).__name__}: {error}") from error
        return Taken(read(), Place(cursor))
    if not connections[using].in_atomic_block:
        backend.head()  # gives their places to most events that have none, which it can't do in a transaction of ours
    with _snapshot(using):
        skip = unnumbered()
        cursor = backend.head()
        return Taken(read(), Place(cursor, skip))


@contextmanager
def _snapshot(using: str) -> Iterator[None]:
    """A transaction in which all SELECTs see the same state, where one can be begun."""
    connection: Any = connections[using]
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "sqlite":
        with _deferred(connection), transaction.atomic(using=using):
            yield
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


@contextmanager
def _deferred(connection: Any) -> Iterator[None]:
    # This thread's own connection: with BEGIN IMMEDIATE those who only read would wait for those who write.
    mode = getattr(connection, "transaction_mode", None)
    connection.transaction_mode = "DEFERRED"
    try:
        yield
    finally:
        connection.transaction_mode = mode
