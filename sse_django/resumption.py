"""Where a client left off: `Last-Event-ID` (HTML, section 9.2.4), or `?last_event_id=` where a header can't be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from django.core.exceptions import BadRequest
from django.http import HttpRequest

T = TypeVar("T")
D = TypeVar("D")


@overload
def last_event_id(request: HttpRequest) -> str | None: ...
@overload
def last_event_id(request: HttpRequest, type: Callable[[str], T]) -> T | None: ...
@overload
def last_event_id(request: HttpRequest, type: Callable[[str], T], default: D) -> T | D: ...
@overload
def last_event_id(request: HttpRequest, *, default: D) -> str | D: ...
def last_event_id(request: HttpRequest, type: Callable[[str], Any] = str, default: Any = None) -> Any:
    """The id of the last event that the client has, converted by `type`; `default` if it has none.

    The header wins over the query parameter, which is for an EventSource's first connection. Ids are UTF-8.

    Raises:
        BadRequest: (a 400) if the value doesn't convert.
    """
    value = raw_last_event_id(request)
    if value is None:
        return default
    if any(
        character in value for character in "\r\n\0"
    ):  # no id can have them, and none of ours may be echoed with them
        raise BadRequest(f"Last-Event-ID {value!r} is no event id")
    try:
        return type(value)
    except (ValueError, TypeError, ArithmeticError) as error:
        name = getattr(type, "__name__", str(type))
        raise BadRequest(f"Last-Event-ID {value!r} is no {name}") from error


def raw_last_event_id(request: HttpRequest) -> str | None:
    """The id as text, or None; an empty one is none."""
    header = request.META.get("HTTP_LAST_EVENT_ID")
    if header:
        return _utf8(header)
    query = request.GET
    return (
        query["last_event_id"] or None if "last_event_id" in query else None
    )  # get() would raise, and catch, for each


def _utf8(header: str) -> str:
    # WSGI and ASGI hand header bytes over as latin-1; browsers send the id's UTF-8.
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
