"""Signals for metrics and audit. Receivers are called synchronously and must be quick.

`stream_opened(sender=EventSourceResponse, request)`: a stream begins.
`stream_closed(sender=EventSourceResponse, request, outcome, duration, events)`: it has ended. `outcome` is one of `finished`,
`disconnected`, `error`, `shutdown`, `lifetime`, `recheck`, `kicked`, `slow`; `duration` is in seconds; `events` counts
what was handed to the server.
"""

from __future__ import annotations

from django.dispatch import Signal

stream_opened = Signal()
stream_closed = Signal()
