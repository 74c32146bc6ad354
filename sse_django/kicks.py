"""`kick`: end streams in every process, by user, by channel, or when a session logs out.

A kick is an event in a channel of our own; each process's hub carries it out on its streams. It is no ban: the browser comes
back at once, and the view decides. Processes whose hub doesn't run (nobody there reads a channel) are not reached.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from asgiref.sync import sync_to_async

from sse_django import hubs, shutdown
from sse_django.channels import RESERVED_PREFIX, check_channel
from sse_django.conf import get_settings
from sse_django.eventstream import EventStream
from sse_django.log import Stored
from sse_django.messages import make_message
from sse_django.pubsub import after_commit, send

logger = logging.getLogger("sse_django")

CHANNEL = f"{RESERVED_PREFIX}kick"


def kick(*, user: Any = None, channel: str | None = None, backend: str = "default") -> None:
    """End the streams of a user, of a channel, or of a user in a channel: both must match where both are given.

    Args:
        user: a user, or a primary key.
        channel: a channel name.
        backend: the alias whose log carries the kick.

    Raises:
        TypeError: if neither is given.
        ValueError: if the user has no primary key (any more): nobody is meant, and everybody would be.
        PublishError: if the engine does not take it.
    """
    if user is None and channel is None:
        raise TypeError("kick() wants a user, a channel, or both")
    pk = getattr(user, "pk", user)
    if user is not None and pk is None:
        raise ValueError(
            f"kick() wants a user with a primary key, got {user!r}: one that is to be deleted is kicked by the key it had"
        )
    wanted = {"user": None if pk is None else str(pk), "channel": None if channel is None else check_channel(channel)}
    _send(wanted, backend)


async def akick(*, user: Any = None, channel: str | None = None, backend: str = "default") -> None:
    """See kick()."""
    await sync_to_async(kick)(user=user, channel=channel, backend=backend)


def kick_session(digest: str) -> None:
    """End the streams of a session that logs out, after the open transaction: logging out must not fail with an engine.

    It is told by every log: which of them other processes read, nobody knows here.
    """

    wanted: dict[str, str | None] = {"session": digest}

    def tell() -> None:
        for alias in get_settings().BACKENDS:
            try:
                _tell(wanted, alias)
            except Exception:
                logger.exception(
                    "a logout could not be told to the readers of %r: the session's streams there go on", alias
                )
        _end_matching(wanted)

    after_commit(tell)


def _send(wanted: dict[str, str | None], backend: str) -> None:
    _tell(wanted, backend)
    after_commit(lambda: _end_matching(wanted))  # here at once, also where no hub runs


def _tell(wanted: dict[str, str | None], backend: str) -> None:
    send(make_message([CHANNEL], wanted, event="kick", key=None, reserved=True), backend)


def _end_matching(wanted: dict[str, str | None]) -> None:
    for stream in shutdown.streams():
        if isinstance(stream, EventStream) and stream.matches(**wanted):
            stream.close("kicked")


def _receive(stored: Stored) -> None:
    if CHANNEL in stored.message.channels and stored.message.data is not None:
        _end_matching(json.loads(stored.message.data))


hubs.on_event.append(_receive)
