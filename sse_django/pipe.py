"""A bounded pipe of chunks between one writer and one reader, who may be tasks or threads. Knows no Django.

The writer is never more than `limit` ahead of what the reader has *finished* with, so a slow socket holds back the
generator; what is ready together is taken together. There is no lock: each counter has one owner, and a side that wants to
sleep first leaves a wake-up, then looks again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Chunk = TypeVar("Chunk")

#: Bytes that a writer may be ahead; also where a joined chunk ends. More would hold the first event back, less costs syscalls.
LIMIT = 16 * 1024


class Pipe(Generic[Chunk]):
    """One writer, one reader.

    The writer calls `put`, `full`, `end`; the reader `take_one` or `take_all`, `done_with`; anyone calls `close`. Both sides
    sleep by themselves: they set `wake_writer` or `wake_reader`, look again, and wait for the call, which comes at most once
    and from any thread.

    Attributes:
        ended: the writer is through; `error` is what ended it, if not the end of its items.
        closed: why the reader's side wants no more (`disconnected`, `shutdown`, …), or None.
        puts: how many chunks were ever put.
    """

    __slots__ = (
        "_chunks",
        "_finished",
        "_limit",
        "_measure",
        "_written",
        "closed",
        "ended",
        "error",
        "puts",
        "wake_reader",
        "wake_writer",
    )

    def __init__(self, *, limit: int = LIMIT, measure: Callable[[Chunk], int] = len) -> None:  # type: ignore[assignment]
        self._chunks: deque[Chunk] = deque()
        self._limit = limit
        self._measure = measure
        self._written = 0  # changed by the writer only
        self._finished = 0  # changed by the reader only
        self.puts = 0
        self.ended = False
        self.error: BaseException | None = None
        self.closed: str | None = None
        self.wake_reader: Callable[[], object] | None = None
        self.wake_writer: Callable[[], object] | None = None

    # -- the writer

    def put(self, chunk: Chunk) -> bool:
        """Add a chunk; whether the writer has to wait now, as `full` says."""
        self._written = written = self._written + self._measure(chunk)
        self.puts += 1
        self._chunks.append(chunk)
        wake = self.wake_reader
        if wake is not None:
            self.wake_reader = None
            wake()
        finished = self._finished
        return written - finished >= self._limit or not finished

    @property
    def written(self) -> int:
        """How much was ever put; a writer that waits leaves it unchanged."""
        return self._written

    @property
    def full(self) -> bool:
        """Whether the writer has to wait. The first chunk fills the pipe by itself, so that it leaves at once."""
        ahead = self._written - self._finished
        return ahead >= self._limit or (ahead > 0 and not self._finished)

    def end(self, error: BaseException | None = None) -> None:
        self.error = error
        self.ended = True
        self._wake_reader()

    # -- the reader

    def take_one(self) -> Chunk | None:
        return self._chunks.popleft() if self._chunks else None

    def take_all(self) -> list[Chunk]:
        """What is there, up to the limit (one large chunk may go over it)."""
        taken: list[Chunk] = []
        size = 0
        while self._chunks and size < self._limit:
            chunk = self._chunks.popleft()
            taken.append(chunk)
            size += self._measure(chunk)
        return taken

    def done_with(self, size: int) -> bool:
        """The reader has handed this much on and may be sent as much again; whether that wakes a waiting writer."""
        self._finished += size
        return self._wake_writer()

    @property
    def readable(self) -> bool:
        """Whether a reader need not wait."""
        return bool(self._chunks) or self.ended or self.closed is not None

    # -- anyone

    def close(self, reason: str) -> None:
        """Ask the writer to stop and the reader to finish; the first reason stays."""
        if self.closed is None:
            self.closed = reason
        self._wake_writer()
        self._wake_reader()

    def _wake_reader(self) -> None:
        wake, self.wake_reader = self.wake_reader, None
        if wake is not None:
            wake()

    def _wake_writer(self) -> bool:
        wake, self.wake_writer = self.wake_writer, None
        if wake is None:
            return False
        wake()
        return True
