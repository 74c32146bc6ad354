"""Reading the event stream format as a browser does (HTML, sections 9.2.5 and 9.2.6)."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ReceivedEvent:
    """One block of a stream: an event, or only comments, an id or a retry (`dispatched` is then False).

    `id` is what a browser would send back now, `retry` is in milliseconds and None where the block has none.
    """

    data: str = ""
    event: str = "message"
    id: str = ""
    retry: int | None = None
    comments: tuple[str, ...] = ()
    dispatched: bool = True

    def json(self) -> Any:
        """The data, decoded.

        Raises:
            ValueError: if it isn't JSON.
        """
        try:
            return json.loads(self.data)
        except ValueError as error:
            raise ValueError(f"the data of {self!r} is not JSON: {error}") from error


@dataclass
class _Block:
    data: list[str] = field(default_factory=list)
    event: str = ""
    retry: int | None = None
    comments: list[str] = field(default_factory=list)
    empty: bool = True


class EventParser:
    """Feed it bytes as they come, cut anywhere; it yields a block at each blank line."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._block = _Block()
        self.last_event_id = ""

    def feed(self, chunk: bytes) -> Iterator[ReceivedEvent]:
        """The blocks that this chunk completes."""
        self._text += self._decoder.decode(chunk)
        while (line := self._next_line()) is not None:
            if line:
                self._take(line)
            elif not self._block.empty:
                yield self._finish()

    def _next_line(self) -> str | None:
        text = self._text
        ends = [i for i in (text.find("\n"), text.find("\r")) if i >= 0]
        if not ends:
            return None
        end = min(ends)
        after = end + 1
        if text[end] == "\r":
            if after == len(text):  # a LF may follow in the next chunk
                return None
            after += text[after] == "\n"
        self._text = text[after:]
        return text[:end]

    def _take(self, line: str) -> None:
        block = self._block
        block.empty = False
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            block.comments.append(value)
        elif name == "data":
            block.data.append(value)
        elif name == "event":
            block.event = value
        elif name == "id" and "\0" not in value:
            self.last_event_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            block.retry = int(value)

    def _finish(self) -> ReceivedEvent:
        block, self._block = self._block, _Block()
        return ReceivedEvent(
            data="\n".join(block.data),
            event=block.event or "message",
            id=self.last_event_id,
            retry=block.retry,
            comments=tuple(block.comments),
            dispatched=bool(block.data),
        )
