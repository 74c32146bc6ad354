"""The log as the hub sees it: what it asks of a backend, and how what it gets becomes bytes. Knows no Django."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Protocol

from sse_django.events import KEEPALIVE_COMMENT, format_sse_event
from sse_django.exceptions import Gone
from sse_django.ring import Block, Chunk


class Message(Protocol):
    """The fields of an event in the log."""

    @property
    def channels(self) -> tuple[str, ...]: ...
    @property
    def data(self) -> str | None: ...
    @property
    def event(self) -> str | None: ...
    @property
    def retry(self) -> int | None: ...
    @property
    def comment(self) -> str | None: ...


class Stored(Protocol):
    """An event in the log."""

    @property
    def cursor(self) -> str: ...
    @property
    def message(self) -> Message: ...


class Log(Protocol):
    """What the hub needs of a backend; `backends.base.BaseBackend` says what each does."""

    def head(self) -> str: ...
    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[Any, str]: ...
    def wait(self, after: str, timeout: float) -> None: ...
    def interrupt(self) -> None: ...
    def trim(self) -> int: ...
    def close(self) -> None: ...


def encode(stored: Stored) -> bytes:
    """The bytes of an event, the cursor as its id."""
    message = stored.message
    return format_sse_event(
        data_str=message.data, event=message.event, id=stored.cursor, retry=message.retry, comment=message.comment
    )


def cursor_block(cursor: str) -> Block:
    """An id alone: a browser remembers it and fires nothing."""
    return Block(0, cursor, (), format_sse_event(id=cursor), None, None)


@lru_cache(maxsize=16)  # silent readers of one log have all been looked through to the same event
def ping_chunk(cursor: str | None) -> Chunk:
    """A ping, with the cursor up to which the log was looked through."""
    wire = KEEPALIVE_COMMENT if cursor is None else b": ping\n" + format_sse_event(id=cursor)
    return Chunk([Block(0, cursor or "", (), wire, None, None)])


def reset_chunk(gone: Gone, number: int) -> Chunk:
    """What a reader is told when the log can't answer from its cursor."""
    data = json.dumps({"reason": gone.reason}, separators=(",", ":"))
    wire = format_sse_event(event="stream-reset", data_str=data, id=gone.head)
    return Chunk([Block(number, gone.head, (), wire, "stream-reset", data)])
