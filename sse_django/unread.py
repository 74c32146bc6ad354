"""Streams that were started early and that nobody reads yet, by request; when the request ends first, so do they.

A client may leave while middleware has the response in hand. Django cancels the request then, and what was to become of the
response is left to the garbage collector: the cancelled frames hold it in a cycle. `request_finished` is sent at once.
"""

from __future__ import annotations

from typing import Any, Protocol

from asgiref.sync import SyncToAsync
from django.core.signals import request_finished


class Abandoned(Protocol):
    """A stream."""

    def abandon(self) -> None:
        """Nobody will read it."""


#: By the request's thread-sensitive context, which all that happens in a request shares under ASGI.
_unread: dict[Any, Abandoned] = {}


def started(stream: Abandoned) -> Any:
    """This request's stream waits for its reader. The answer is for `begun`."""
    request = SyncToAsync.thread_sensitive_context.get(None)
    if request is not None:
        _unread[request] = stream
    return request


def begun(request: Any) -> None:
    """It is read, or has ended."""
    if request is not None:
        _unread.pop(request, None)


def _finished(**kwargs: object) -> None:
    request = SyncToAsync.thread_sensitive_context.get(None)
    stream = _unread.pop(request, None) if request is not None else None
    if stream is not None:
        stream.abandon()


request_finished.connect(_finished, dispatch_uid="sse_django.unread")
