"""What a test has published, for `sse_django.testing.capture_events`. Costs a look at an empty list otherwise."""

from __future__ import annotations

from sse_django.backends import Message

#: Lists that are being filled.
captures: list[list[tuple[Message, str]]] = []


def record(message: Message, backend: str) -> None:
    """An event has been published (and its transaction may still be rolled back)."""
    for capture in captures:
        capture.append((message, backend))
