"""A reader that waits for the ring is given nothing by the history thread meanwhile."""

import threading
import time
from collections.abc import Callable, Collection

from sse_django.backends.base import Message, StoredEvent
from sse_django.hub import Hub
from sse_django.ring import Ring


class Behind:
    """A log whose ring stands at 1 while newcomers are told that the head is 2; a page for one takes its time."""

    def __init__(self) -> None:
        self.newest = 1
        self.go = threading.Event()

    def head(self) -> str:
        if threading.current_thread().name.startswith("sse-hub"):
            return "1"
        self.newest = 2
        threading.Timer(0.3, self._go_on).start()
        return "2"

    def _go_on(self) -> None:
        self.newest = 3
        self.go.set()

    def read(self, after: str, channels: Collection[str] | None, limit: int) -> tuple[list[StoredEvent], str]:
        if channels is not None:  # a page of history: the ring goes on while it is fetched
            self._go_on()
            time.sleep(0.3)
        elif not self.go.is_set():
            return [], after
        events = [StoredEvent(str(n), Message(("orders",), str(n))) for n in range(int(after) + 1, self.newest + 1)]
        return events, str(max(int(after), self.newest))

    def wait(self, after: str, timeout: float) -> None:
        self.go.wait(0.01)

    def interrupt(self) -> None: ...
    def trim(self) -> int:
        return 0

    def close(self) -> None: ...


def test_a_newcomer_whose_head_the_ring_has_not_reached_gets_nothing_twice() -> None:
    """It was among the late ones and was given a page in the same batch: from both it got the same events."""
    hub = Hub(Behind(), "behind")
    hub.start()
    while hub.ring is None:
        time.sleep(0.01)
    reader = hub.open(("orders",), None)
    wires: list[bytes] = []
    deadline = time.monotonic() + 30
    end = deadline  # a moment after all is there: that is when something would come twice
    while time.monotonic() < end:
        chunk = reader.take(lambda: None)
        if chunk is None:
            time.sleep(0.01)
        else:
            wires += [block.wire for block in chunk.blocks]
        if len(wires) >= 2 and end == deadline:
            end = time.monotonic() + 0.6
    hub.stop()
    assert wires == [b"id: 2\n\n", b"data: 3\nid: 3\n\n"]


class Interrupted:
    """The hub's lock, with something that another thread does as soon as it is free."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._meanwhile: Callable[[], None] | None = meanwhile

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self._lock.release()
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()


def test_an_event_that_comes_while_a_sleeper_is_put_into_the_ring_costs_it_none_before() -> None:
    """It was in the ring and asleep, though there was something for it: who sleeps was taken for one who has seen all."""
    hub = Hub(Behind(), "behind")
    hub.ring = Ring("1")
    reader = hub.open(("orders",), "2")  # the ring isn't there yet: it waits for the history thread
    woken: list[str] = []
    assert reader.take(lambda: woken.append("once")) is None

    def comes(number: int) -> None:
        hub._append([StoredEvent(str(number), Message(("orders",), str(number)))])

    comes(2)
    comes(3)
    hub.lock = Interrupted(lambda: comes(4))  # type: ignore[assignment]
    hub._history._page(reader, "2")
    assert woken == ["once"]
    chunk = reader.take(lambda: None)
    assert chunk is not None
    assert [block.data for block in chunk.blocks] == ["3", "4"]
