"""What a refresh behind the page's back must not do: take the messages that are meant for the next page a person opens."""

from __future__ import annotations

from typing import Any

from django.contrib.messages.storage.base import BaseStorage, Message
from django.http import HttpRequest

#: The header by which our script says that nobody is going to look at this page as such.
HEADER = "X-SSE-Refresh"


def is_refresh(request: HttpRequest) -> bool:
    """Whether our script asks for a page in order to take what is new from it."""
    return HEADER in request.headers


class _NoMessages(BaseStorage):
    """There are none, and those that are added go nowhere."""

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Message], bool]:
        return [], True

    def _store(self, messages: Any, response: Any, *args: Any, **kwargs: Any) -> list[Message]:
        return []


def leave_messages(request: HttpRequest) -> None:
    """Keep the user's messages for a page that he sees."""
    if hasattr(request, "_messages"):
        request._messages = _NoMessages(request)
