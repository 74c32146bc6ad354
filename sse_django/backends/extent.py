"""The validity rule, once for all engines: what a log can still say about a cursor.

A cursor is good iff its epoch is the log's, floor <= seq <= head, and the event there is still the one it names. The tag of the
last trimmed event is kept with the floor, so that a cursor exactly there (nothing after it has gone) can be checked too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sse_django.backends.cursor import Cursor, parse_cursor
from sse_django.exceptions import Gone


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a log reaches: after `floor`, up to and with `head`."""

    epoch: str
    floor: int
    floor_tag: str
    seq: int
    tag: str

    @property
    def head(self) -> str:
        """The cursor of the newest event."""
        return self.cursor(self.seq, self.tag)

    def cursor(self, seq: int, tag: str) -> str:
        """The cursor of an event of this log."""
        return str(Cursor(self.epoch, seq, tag))

    def place(self, text: str) -> Cursor:
        """A reader's cursor, if the log still reaches there.

        Raises:
            Gone: by its epoch or number, or by its tag where that is known here, at the floor and the head.
        """
        cursor = parse_cursor(text, self.head)
        if cursor.epoch != self.epoch:
            raise Gone("epoch", self.head)
        if cursor.seq < self.floor:
            raise Gone("trimmed", self.head)
        if cursor.seq > self.seq:
            raise Gone("ahead", self.head)
        if cursor.seq == self.floor:
            self.match(cursor, self.floor_tag)
        elif cursor.seq == self.seq:
            self.match(cursor, self.tag)
        return cursor

    def match(self, cursor: Cursor, tag: str | None) -> None:
        """Compare a cursor with the tag of the event that stands at its place (None: no event does).

        Raises:
            Gone: (`ahead`) if it names another event.
        """
        if cursor.tag != tag:
            raise Gone("ahead", self.head)
