"""Many deletions at once: what is known of the rows beforehand, and their events, which leave by a few INSERTs.

Everything that feeds tell meanwhile goes the same way, so that the order stays: a receiver may save what is being deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sse_django.backends import Message
from sse_django.pubsub import send_all

#: Events that are kept back at most.
MOST = 500


class Together:
    """One such operation on a database alias.

    Attributes:
        known: the channels of rows that are locked, by their feed's label and their primary key.
    """

    def __init__(self, using: str) -> None:
        self.using = using
        self.known: dict[tuple[str, Any], frozenset[str]] = {}
        self._messages: dict[str, list[Message]] = {}

    def send(self, messages: Sequence[Message], alias: str) -> None:
        """To a backend that joins the transaction, soon."""
        waiting = self._messages.setdefault(alias, [])
        waiting.extend(messages)
        if len(waiting) >= MOST:
            self.flush()

    def flush(self) -> None:
        """Now."""
        for alias, messages in self._messages.items():
            if messages:
                send_all(messages, alias)
        self._messages.clear()


_open: ContextVar[Together | None] = ContextVar("sse_django.feeds.together", default=None)


def here(using: str) -> Together | None:
    """The operation on this database that is under way."""
    together = _open.get()
    return together if together is not None and together.using == using else None


@contextmanager
def together(using: str) -> Iterator[Together]:
    """Within a transaction on `using`. What fails in it is rolled back, and tells nobody."""
    outer = here(using)
    if outer is not None:
        yield outer
        return
    made = Together(using)
    token = _open.set(made)
    try:
        yield made
        made.flush()
    finally:
        _open.reset(token)
