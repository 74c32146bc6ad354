"""What a test publishes, captured whether or not its transaction ever commits; and hubs that run in a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sse_django.backends import Message
from sse_django.channels import public
from sse_django.hubs import live_hubs
from sse_django.outbox import captures


@dataclass(frozen=True)
class PublishedEvent:
    """An event that `publish` was called with. `text` is its data as it goes into the log."""

    channels: tuple[str, ...]
    event: str | None
    text: str | None
    key: str | None
    backend: str

    def json(self) -> Any:
        """The data, decoded."""
        return None if self.text is None else json.loads(self.text)


class CapturedEvents:
    """The events so far, oldest first; indexed, counted and iterated like a list."""

    def __init__(self, captured: list[tuple[Message, str]]) -> None:
        self._captured = captured

    def _events(self) -> list[PublishedEvent]:
        # What the package tells itself (kicks, changes for live admins) is nobody's publish.
        return [
            PublishedEvent(channels, m.event, m.data, m.key, backend)
            for m, backend in self._captured
            if (channels := public(m.channels))
        ]

    def __len__(self) -> int:
        return len(self._events())

    def __iter__(self) -> Iterator[PublishedEvent]:
        return iter(self._events())

    def __getitem__(self, index: int) -> PublishedEvent:
        return self._events()[index]

    def __repr__(self) -> str:
        return repr(self._events())

    def of(self, channel: str, event: str | None = None) -> list[PublishedEvent]:
        """Those in a channel; with an event's name, those of this name."""
        return [e for e in self if channel in e.channels and (event is None or e.event == event)]


@contextmanager
def capture_events() -> Iterator[CapturedEvents]:
    """See what is published in the block: `with capture_events() as events: …; assert events[0].json() == {"n": 1}`."""
    captured: list[tuple[Message, str]] = []
    captures.append(captured)
    try:
        yield CapturedEvents(captured)
    finally:
        captures[:] = [c for c in captures if c is not captured]


@contextmanager
def live_backend() -> Iterator[None]:
    """Let subscriptions receive in the block.

    In tests nothing reads the log by itself: its threads would hold connections to a test database that is to be dropped. With
    the database backend the test must really commit (TransactionTestCase, `django_db(transaction=True)`).
    """
    with live_hubs():
        yield
