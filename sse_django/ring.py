"""The newest events of one log in memory, encoded once for all readers. Knows no Django.

Events are numbered as they come in; a reader is a number in here, not a queue. Each channel has the list of its events, so that
what a reader gets is found without looking at the others', and readers at the same place share one joined chunk. Not
thread-safe: the hub's lock guards it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from sse_django.pipe import LIMIT

_number = attrgetter("number")


@dataclass(slots=True)
class Block:
    """One event, as it goes over the wire. `fields` are its event name and data, for those who read instead of relaying."""

    number: int
    cursor: str
    channels: tuple[str, ...]
    wire: bytes
    event: str | None
    data: str | None


class Chunk:
    """Blocks that leave together. `number` and `cursor` are the last one's: where a reader is that has been given them.

    `message` is what a server's `send` is called with, made once for all: it is not to be changed.
    """

    __slots__ = ("blocks", "count", "cursor", "message", "number", "wire")

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.count = len(blocks)
        last = blocks[-1]
        self.number, self.cursor = last.number, last.cursor
        self.wire = blocks[0].wire if len(blocks) == 1 else b"".join([block.wire for block in blocks])
        self.message = {"type": "http.response.body", "body": self.wire, "more_body": True}


class _ChannelLog:
    """The events of one channel that are in the ring."""

    __slots__ = ("blocks", "chunks", "start")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.start = 0  # blocks before it have left the ring; cut off now and then
        self.chunks: dict[int, Chunk] = {}  # by the number that a reader is at

    def drop_first(self) -> bool:
        """The oldest block leaves the ring; whether none is left."""
        self.start += 1
        if self.start * 2 > len(self.blocks):
            del self.blocks[: self.start]
            self.start = 0
        return not self.blocks


class Ring:
    """Bounded by events and by bytes.

    `newest` is the number of the last event, `floor` the number up to which events have left: a reader at `floor` or later can
    be served from here. `answer` is what the last one that asked was given, who was at `asked_at` and reads `asked_for`:
    nearly all who are woken by an event would be told the same, and need not ask.
    """

    answer: Chunk

    def __init__(
        self, cursor: str, number: int = 0, *, max_events: int = 10_000, max_bytes: int = 16 * 1024 * 1024
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._blocks: deque[Block] = deque()
        self._bytes = 0
        self._channels: dict[str, _ChannelLog] = {}
        self._merged: dict[tuple[tuple[str, ...], int], Chunk] = {}
        self._by_cursor: dict[str, int] = {cursor: number}
        self._floor_cursor = cursor
        self.newest = self.floor = number
        self.newest_cursor = cursor
        self.asked_at = -1  # nobody's number: there is no answer yet, or none any more
        self.asked_for: tuple[str, ...] = ()

    def append(self, cursor: str, channels: tuple[str, ...], wire: bytes, event: str | None, data: str | None) -> Block:
        """Add the next event."""
        self.newest += 1
        self.asked_at = -1
        block = Block(self.newest, cursor, channels, wire, event, data)
        self._blocks.append(block)
        self._bytes += len(wire)
        self._by_cursor[cursor] = block.number
        self.newest_cursor = cursor
        for channel in channels:
            log = self._channels.get(channel)
            if log is None:
                log = self._channels[channel] = _ChannelLog()
            log.blocks.append(block)
            if log.chunks:
                log.chunks = {}
        if self._merged:
            self._merged = {}
        while len(self._blocks) > self._max_events or (self._bytes > self._max_bytes and len(self._blocks) > 1):
            self._drop_oldest()
        return block

    def _drop_oldest(self) -> None:
        block = self._blocks.popleft()
        self._bytes -= len(block.wire)
        self._by_cursor.pop(self._floor_cursor, None)
        self._floor_cursor = block.cursor  # stays known: nothing after it has left
        self.floor = block.number
        for channel in block.channels:
            if self._channels[channel].drop_first():
                del self._channels[channel]

    def find(self, cursor: str) -> int | None:
        """The number of the event that a cursor names, if everything after it is still here."""
        return self._by_cursor.get(cursor)

    def take(self, channels: tuple[str, ...], after: int) -> Chunk | None:
        """What came in these channels after a number, up to the size of a chunk; None if nothing did."""
        chunk = self._find(channels, after)
        if chunk is not None:
            self.asked_at, self.asked_for, self.answer = after, channels, chunk
        return chunk

    def _find(self, channels: tuple[str, ...], after: int) -> Chunk | None:
        if len(channels) == 1:
            log = self._channels.get(channels[0])
            if log is None or log.blocks[-1].number <= after:
                return None
            chunk = log.chunks.get(after)
            if chunk is None:
                chunk = log.chunks[after] = Chunk(_up_to_limit(self._after(log, after)))
            return chunk
        chunk = self._merged.get((channels, after))
        if chunk is None:
            logs = [log for name in channels if (log := self._channels.get(name)) is not None]
            found = {block.number: block for log in logs for block in self._after(log, after)}
            if not found:
                return None
            chunk = self._merged[channels, after] = Chunk(_up_to_limit([found[number] for number in sorted(found)]))
        return chunk

    @staticmethod
    def _after(log: _ChannelLog, number: int) -> Sequence[Block]:
        return log.blocks[bisect_right(log.blocks, number, lo=log.start, key=_number) :]


def _up_to_limit(blocks: Sequence[Block]) -> list[Block]:
    size = 0
    for index, block in enumerate(blocks):
        if size and size + len(block.wire) > LIMIT:
            return list(blocks[:index])
        size += len(block.wire)
    return list(blocks)
