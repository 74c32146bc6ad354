"""From what is published to what stands in the log: what a view can yield, `publish` can send."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sse_django.backends import Message
from sse_django.channels import check_channels
from sse_django.events import ServerSentEvent, format_sse_event, replace_surrogates
from sse_django.payloads import dump_json

#: Characters of a key.
MAX_KEY = 200
#: Events that tell a reader of its own stream.
RESERVED_EVENTS = ("stream-reset", "stream-error")
#: Characters of an event name.
MAX_EVENT = 200


def make_message(
    channels: str | Iterable[str], item: Any, *, event: str | None, key: str | None, reserved: bool = False
) -> Message:
    """One event for one log.

    Raises:
        TypeError: if a channel or the key is no string, or the item has no JSON form.
        ValueError: if a channel name, the event name or the key may not be, or a ServerSentEvent brings an `id`.
    """
    names = check_channels([channels] if isinstance(channels, str) else channels, reserved=reserved)
    retry = comment = None
    if isinstance(item, ServerSentEvent):
        if item.id is not None:
            raise ValueError(f"the log gives the ids: publish without one (got id={item.id!r})")
        event = event if event is not None else item.event
        retry, comment = item.retry, item.comment
        data = (
            item.raw_data if item.raw_data is not None else None if item.data is None else dump_json(item.data).decode()
        )
    else:
        data = dump_json(item).decode()
    format_sse_event(event=event)  # refuses line ends
    if event in RESERVED_EVENTS:
        raise ValueError(f"readers rely on {event!r} coming from sse_django alone: publish under another name")
    if event is not None and not 0 < len(event) <= MAX_EVENT:
        raise ValueError(f"an event name is 1 to {MAX_EVENT} characters, got {len(event)}")
    if key is not None and not isinstance(key, str):
        raise TypeError(f"a key is a string, got {key!r}")
    if key is not None and (not 0 < len(key) <= MAX_KEY or "\0" in key):
        raise ValueError(f"a key is 1 to {MAX_KEY} characters without NUL, got {key!r}")
    return Message(names, _clean(data), event=_clean(event), key=_clean(key), retry=retry, comment=_clean(comment))


def _clean(text: str | None) -> str | None:
    # Engines store UTF-8, which has no lone surrogates; NUL, which PostgreSQL's text has not, is none in JSON.
    if text is None:
        return None
    return replace_surrogates(text).replace("\0", "\ufffd") if not text.isascii() or "\0" in text else text
