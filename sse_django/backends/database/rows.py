"""Messages as rows: what stands in the columns."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sse_django.backends.base import Message
from sse_django.backends.cursor import new_tag

#: Rows and characters in one INSERT: engines limit parameters (SQLite) and the size of a statement (MySQL).
MAX_ROWS, MAX_SIZE = 100, 1024 * 1024


def make_row(message: Message, now: Any) -> list[Any]:
    """The values of `statements.INSERTED`; `now` as the driver takes it."""
    return [
        new_tag(),
        f" {' '.join(message.channels)} ",
        message.event,
        message.data,
        # A digest: keys of any length, and no collation that takes A for a.
        None if message.key is None else hashlib.sha256(message.key.encode()).hexdigest(),
        message.retry,
        message.comment,
        now,
    ]


def make_message(row: Sequence[Any]) -> Message:
    """From the values of `statements.SCANNED`."""
    _, channels, event, data, retry, comment = row
    return Message(tuple(channels.split()), data, event=event, retry=retry, comment=comment)


def patterns(channels: Collection[str]) -> list[str]:
    """For `statements.LIKE`, one a channel."""
    escaped = (name.replace("!", "!!").replace("%", "!%").replace("_", "!_") for name in channels)
    return [f"% {name} %" for name in escaped]


def batches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """In order, each of a size that one statement takes; one with a key is alone."""
    start = size = 0
    for index, message in enumerate(messages):
        length = len(message.data or "")
        keyed = message.key is not None or messages[start].key is not None
        if index > start and (keyed or index - start == MAX_ROWS or size + length > MAX_SIZE):
            yield messages[start:index]
            start, size = index, 0
        size += length
    if start < len(messages):
        yield messages[start:]
