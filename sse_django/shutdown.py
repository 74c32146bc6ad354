"""How open streams learn that their process is going: signals, workers watched, a flag, a last push. Knows no Django.

No server tells an application in time that it drains: lifespan comes after the drain, which waits for the streams. So at the
first stream of a process, in the main thread, SIGTERM and SIGINT are chained: the flag goes up, streams are closed from a
thread (a handler must not take locks), and the handler that was there is called. Where requests run outside the main
thread, or reloads and quick exits come without a signal that we see (gunicorn's gthread and asgi workers), the worker object
is watched for `alive`, and where no signal arrives at all (hypercorn's workers) the server's own `raise_shutdown` task is.
Anything else ends at interpreter exit.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import inspect
import multiprocessing
import os
import queue
import signal
import threading
import time
from types import FrameType
from typing import Any, Protocol

#: Seconds between looks at a worker's `alive`.
WATCH_INTERVAL = 0.2
#: Seconds for which the handlers of signals are taken to be those that were last seen.
LOOK_INTERVAL = 0.5
#: Seconds that streams have to end politely before the sockets of readers that don't read are shut down.
POLITE = 0.5
#: Seconds that interpreter exit waits for generators in threads of our own to finish their `finally`.
EXIT_GRACE = 1.5


class Closable(Protocol):
    """What `Streams` holds."""

    def close(self, reason: str) -> None:
        """Begin to end, from any thread."""

    def cut(self) -> None:
        """Shut the socket of a reader that doesn't read, also when the stream itself has ended."""

    @property
    def owned(self) -> bool:
        """Whether it runs on a thread of ours, so that interpreter exit can wait for it."""


class _State:
    def __init__(self) -> None:
        self.draining = False
        self.last_signal: int | None = None  # one to be sent again when the streams have ended
        self.installed = False
        self.look_again = 0.0  # when handlers are looked at again: a server may set its own after our first stream
        self.loop_watched = False
        self.streams: dict[int, Closable] = {}  # by id; plain dict operations are atomic, so a signal can't tear them
        self.worker: Any = None  # gunicorn's, if that is where we are
        # Has the thread look at what is here. Its put() is safe in a signal handler.
        self.news: queue.SimpleQueue[None] = queue.SimpleQueue()


_state = _State()


def draining() -> bool:
    """Whether this process is about to end: new streams are refused, with a `retry:`."""
    return _state.draining


def open_streams() -> int:
    """How many streams this process holds."""
    return len(_state.streams)


def streams() -> list[Closable]:
    """The streams this process holds."""
    return list(_state.streams.values())


def register(stream: Closable) -> None:
    """Have a stream closed when the process goes. Call it where the stream starts: this is also where signals are chained."""
    state = _state
    state.streams[id(stream)] = stream
    notice()


def notice() -> None:
    """See to it that this process's end is noticed. Signals can be chained in the main thread only: call it there too."""
    _install(_state)


def unregister(stream: Closable) -> None:
    """The stream has ended."""
    _state.streams.pop(id(stream), None)


def begin() -> None:
    """Raise the flag and close every stream, from any thread or a signal handler."""
    state = _state
    if not state.draining:
        state.draining = True
        state.news.put(None)


def _forked() -> None:
    global _state
    _state = _State()  # the parent's streams, threads and handlers' threads are not ours


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _install(state: _State) -> None:
    now = time.monotonic()
    if now >= state.look_again and threading.current_thread() is threading.main_thread():
        state.look_again = now + LOOK_INTERVAL
        _chain(signal.SIGTERM)
        if _one_signal_only():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        else:
            _chain(signal.SIGINT)
        if not state.loop_watched:
            with contextlib.suppress(RuntimeError):
                _watch_tasks(asyncio.get_running_loop(), state)
                state.loop_watched = True
    if not state.installed:
        state.installed = True
        if state.worker is None:
            state.worker = _worker_of(signal.getsignal(signal.SIGTERM))
        threading.Thread(target=_close_when_begun, args=(state,), name="sse-shutdown", daemon=True).start()
        atexit.register(_at_exit)
        with contextlib.suppress(AttributeError, RuntimeError):
            # Interpreter exit waits for threads of pools before it comes to atexit, and an async view under WSGI may be waiting
            # in one for its first event.
            threading._register_atexit(begin)  # type: ignore[attr-defined]


def _chain(signum: signal.Signals) -> None:
    previous = signal.getsignal(signum)
    if isinstance(previous, _Chained) or previous in (signal.SIG_IGN, None):
        return
    with contextlib.suppress(ValueError):  # not the main interpreter
        signal.signal(signum, _Chained(previous))


class _Chained:
    """A signal handler that begins the shutdown and then does what the one before it did."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        state = _state
        first = not state.draining
        hasty = not callable(self.previous) or str(getattr(self.previous, "__module__", "")).startswith("twisted.")
        if first and hasty and state.streams:
            # The default action ends the process here and now, and Twisted (daphne) drops every connection: they get the
            # signal again when the streams have ended. A second one from outside is not kept back.
            state.last_signal = signum
            begin()
            return
        begin()
        if _one_signal_only():
            signal.signal(signum, signal.SIG_IGN)
        if callable(self.previous):
            self.previous(signum, frame)
        else:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)


def _one_signal_only() -> bool:
    """Whether this is a granian worker, which a second signal blocks for good while it holds the interpreter.

    (Its handler sends into a channel with room for one.) Ctrl-C reaches it twice: from the terminal as SIGINT, and as SIGTERM
    from its main process, which is the one that counts.
    """
    return multiprocessing.current_process().name == "granian-worker"


def _worker_of(handler: object) -> Any:
    """The gunicorn worker behind its signal handler, if that is what it is."""
    if isinstance(handler, _Chained):
        handler = handler.previous
    worker = getattr(handler, "__self__", None)
    return worker if isinstance(getattr(worker, "alive", None), bool) else None


def _watch_tasks(loop: asyncio.AbstractEventLoop, state: _State) -> None:
    for task in asyncio.all_tasks(loop):
        coroutine = task.get_coro()
        match getattr(coroutine, "__name__", ""):
            case "raise_shutdown":  # hypercorn's
                task.add_done_callback(_task_ended)
            case "_serve":
                worker = inspect.getcoroutinelocals(coroutine).get("self")  # type: ignore[arg-type]
                # asyncio keeps this worker's handlers to itself. (uvicorn's worker lives on after a reload: not that one.)
                if type(worker).__module__ == "gunicorn.workers.gasgi":
                    state.worker = worker
                    state.news.put(None)


def _task_ended(task: asyncio.Task[Any]) -> None:
    begin()


def _close_when_begun(state: _State) -> None:
    while not state.draining:
        try:
            state.news.get(timeout=WATCH_INTERVAL if state.worker is not None else None)
        except queue.Empty:
            if not state.worker.alive:
                state.draining = True
    seen = dict(state.streams)
    _close_all(state)
    deadline = time.monotonic() + POLITE
    while state.streams and time.monotonic() < deadline:
        time.sleep(0.02)
    if state.last_signal is not None:
        os.kill(os.getpid(), state.last_signal)
    # From here on as long as the process lives: a stream may be in the middle of its start, a send may block late, and a
    # server waits for the last bytes of a stream that has ended.
    while True:
        seen.update(state.streams)
        for stream in seen.values():
            stream.cut()
        _close_all(state)
        time.sleep(WATCH_INTERVAL)


def _close_all(state: _State) -> None:
    for stream in list(state.streams.values()):
        stream.close("shutdown")


def _at_exit() -> None:
    state = _state
    if not state.streams:
        return
    begin()
    deadline = time.monotonic() + EXIT_GRACE
    while time.monotonic() < deadline and any(stream.owned for stream in list(state.streams.values())):
        time.sleep(0.01)
