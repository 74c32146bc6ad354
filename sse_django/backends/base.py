"""What a backend is: one durable log of events, with cursors that only it understands.

A backend never imports the hub. Its methods are sync and may block: the hub calls them from threads of its own, `publish` is
called from views, tasks and shells. Every call to an engine has a timeout. A third party's backend passes
`sse_django.testing.contract` to show that it keeps the promises written here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way into the log.

    `data` is text: JSON, or whatever `raw_data` was; None where the event has none. `key` makes a repeat within retention no
    second event. `event`, `retry` and `comment` are the fields of the wire format.
    """

    channels: tuple[str, ...]
    data: str | None
    event: str | None = None
    key: str | None = None
    retry: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the log. `cursor` names it, and is what a reader goes on after."""

    cursor: str
    message: Message


class BaseBackend:
    """One log.

    Args:
        alias: its name in SSE_DJANGO["BACKENDS"].
        options: OPTIONS from there.

    Raises:
        ImproperlyConfigured: if an option is unknown or wrong, or a driver is missing (the message names the extra).
    """

    #: Whether `publish` joins the database transaction that is open; where it doesn't, it is called on commit.
    transactional: ClassVar[bool] = False
    #: The largest event that the engine takes, in bytes of its data; None for no limit of its own.
    max_bytes: int | None = 1024 * 1024
    #: Names and defaults of OPTIONS.
    options: ClassVar[Mapping[str, Any]] = {"max_events": 100_000, "max_age": 24 * 3600.0}

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        self.alias = alias
        unknown = set(options) - set(self.options)
        if unknown:
            raise ImproperlyConfigured(
                f"{type(self).__name__} ({alias!r}) has no option {', '.join(map(repr, sorted(unknown)))}; "
                f"it knows {', '.join(sorted(self.options))}"
            )
        self.settings: dict[str, Any] = {**self.options, **options}

    def check_size(self, message: Message) -> None:
        """Refuse what the engine would.

        Raises:
            ValueError: if the event is larger than `max_bytes`.
        """
        size = 0 if message.data is None else len(message.data.encode())
        if self.max_bytes is not None and size > self.max_bytes:
            raise ValueError(
                f"an event of {size} bytes is over the {self.max_bytes} that {type(self).__name__} takes: "
                "publish what it is about (an id, a URL) and let readers fetch the rest"
            )

    def publish(self, messages: Sequence[Message]) -> None:
        """Append events, in this order; on return they are acknowledged. One whose `key` is in the log already is left out.

        Raises:
            PublishError: if the engine did not acknowledge them.
        """
        raise NotImplementedError

    def head(self) -> str:
        """The cursor of the newest event; of the log's beginning if there has never been one."""
        raise NotImplementedError

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        """Events after a cursor, oldest first, at most `limit` of them, in any of `channels` (None: in all).

        Returns:
            The events, and the cursor up to which the log was looked through: at least the last event's, and further where
            what follows is in other channels. Reading on from it misses nothing and repeats nothing. Fewer than `limit`
            events mean that the log was looked through to its head as it was at the call.

        Raises:
            Gone: if the log can't say what came after the cursor: `trimmed`, `epoch` or `ahead` (also where another event
                stands at the cursor's place now).
        """
        raise NotImplementedError

    def wait(self, after: str, timeout: float) -> None:
        """Return when there may be something after the cursor, or after `timeout` seconds. A hint: too early is allowed."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Have `wait` return in other threads, where that is possible: the hub stops."""

    def trim(self) -> int:
        """Drop what retention allows to be dropped, a bounded amount per call, without stalling publishers; how many went."""
        raise NotImplementedError

    def rotate_epoch(self) -> None:
        """Make every cursor handed out so far invalid (`epoch`): after a backup was restored, say."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what this thread holds of the engine; the next call opens it anew."""
