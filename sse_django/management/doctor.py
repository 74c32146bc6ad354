"""Does a deployment really stream? One stream is read as a browser reads it, and each thing that could be wrong is looked at.

What is held back on the way can only be told from outside: whether the first bytes come at once, and whether pings, which are
a few bytes each, come at all. Where the stream reads a channel, events of our own are timed from `publish` to arrival.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sse_django.management.wire import Block, Held, Wire

#: Seconds that a byte may take through a chain of proxies before somebody is holding it back.
SLOW = 2.0
#: Events of our own, and the seconds between them.
PROBES = 3
PROBE_PAUSE = 0.5
#: The event's name; no view's stream has it by itself.
PROBE = "sse-doctor"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, what was seen, and where it isn't well, what to do."""

    level: Literal["ok", "warn", "fail", "skip"]
    what: str
    hint: str = ""


def examine(
    url: str, headers: Mapping[str, str], timeout: float, publish: Callable[[str], None] | None = None
) -> Iterator[Finding]:
    """Look at a stream.

    Args:
        headers: of the request, besides those of a browser.
        timeout: seconds for each thing that is waited for; above the ping interval, or pings aren't seen.
        publish: sends an event with this data into a channel that the stream reads.

    Raises:
        Unreachable: if nobody is there.
    """
    try:
        yield from _examine(url, headers, timeout, publish)
    except Held:
        hint = "A server, a proxy or a compressor waits for more of the body than there is. See docs/howto/proxies.md."
        yield Finding("fail", f"no headers within {timeout:g} s", hint)


def _examine(
    url: str, headers: Mapping[str, str], timeout: float, publish: Callable[[str], None] | None
) -> Iterator[Finding]:
    browser = {"Accept": "text/event-stream", "Accept-Encoding": "gzip, deflate", "Cache-Control": "no-cache"}
    with Wire(url, {**browser, **headers}, timeout) as wire:
        answer = _answer(wire)
        yield answer
        if answer.level == "fail":
            return
        yield from _headers(wire)
        seen: list[Block] = []
        yield from _first_byte(wire, seen, timeout)
        if wire.first_byte is None:
            return
        if publish is not None:
            yield from _probes(wire, seen, timeout, publish)
        yield _ping(wire, seen, timeout)
    yield from _resume(url, {**browser, **headers}, seen, timeout)


def _answer(wire: Wire) -> Finding:
    took = wire.answered - wire.asked
    kind = wire.headers.get("content-type", "none")
    if wire.status in (301, 302, 303, 307, 308):
        where = wire.headers.get("location", "")
        return Finding(
            "fail", f"{wire.status}, to {where}", "Give the URL itself; for a login, --header 'Cookie: sessionid=…'."
        )
    if wire.status in (401, 403):
        return Finding("fail", f"{wire.status}: it may not be read", "Say who asks: --header 'Cookie: sessionid=…'.")
    if wire.status != 200:
        return Finding("fail", f"{wire.status}, which is final to EventSource", "Is this the URL of a stream?")
    if kind.partition(";")[0].strip() != "text/event-stream":
        return Finding("fail", f"Content-Type is {kind}, which EventSource refuses", "Is this the URL of a stream?")
    if took > SLOW:
        hint = "A server or proxy waits for more of the body. See docs/howto/proxies.md."
        return Finding("warn", f"200 text/event-stream, after {took:.1f} s", hint)
    return Finding("ok", f"200 text/event-stream, after {took:.2f} s")


def _headers(wire: Wire) -> Iterator[Finding]:
    cache = wire.headers.get("cache-control", "")
    if "no-cache" not in cache and "no-store" not in cache:
        hint = "Something takes it off, or sets another. A cache may keep the stream until it ends."
        yield Finding("warn", f"Cache-Control is {cache or 'missing'}", hint)
    elif "no-transform" not in cache:
        yield Finding("warn", f"Cache-Control is {cache}", "Without no-transform a proxy may compress the stream.")
    if "content-length" in wire.headers:
        yield Finding("fail", "there is a Content-Length", "Something has read the whole stream before it sent it on.")
    encoding = wire.headers.get("content-encoding", "identity")
    if encoding != "identity":
        hint = "Fine where each event is flushed, which is what comes next; compress=True does that, proxies rarely do."
        yield Finding("warn", f"the stream is compressed: {encoding}", hint)


def _first_byte(wire: Wire, seen: list[Block], timeout: float) -> Iterator[Finding]:
    for block in wire.blocks(time.monotonic() + timeout):
        seen.append(block)
        break
    if wire.first_byte is None:
        if wire.ended:
            yield Finding("ok", "the stream ended with nothing to send")
            return
        hint = "sse_django sends something at once: a server, proxy or compression holds it back. See docs/howto/proxies.md."
        yield Finding("fail", f"headers came, and no byte of the body within {timeout:g} s", hint)
        return
    took = wire.first_byte - wire.asked
    if not seen:
        hint = "The bytes that came are less than one event: something cuts the stream into blocks of its own size."
        yield Finding("fail", f"no whole event within {timeout:g} s", hint)
    elif took > SLOW:
        yield Finding("warn", f"the first byte came after {took:.1f} s", "Something waits for more before it sends.")
    else:
        yield Finding("ok", f"the first byte came after {took:.2f} s")


def _probes(wire: Wire, seen: list[Block], timeout: float, publish: Callable[[str], None]) -> Iterator[Finding]:
    sent: dict[str, float] = {}
    delays: dict[str, float] = {}
    for number in range(PROBES):
        name = f"{time.time_ns()}-{number}"
        sent[name] = time.monotonic()
        publish(name)
        for block in wire.blocks(time.monotonic() + PROBE_PAUSE):
            _note(block, seen, sent, delays)
    deadline = time.monotonic() + timeout
    while len(delays) < PROBES and time.monotonic() < deadline and not wire.ended:
        for block in wire.blocks(deadline):
            _note(block, seen, sent, delays)
            if len(delays) == PROBES:
                break
    if not delays:
        hint = "Does the stream read this channel? Do its process and this one have the same log? See `manage.py sse_listen`."
        yield Finding("fail", f"none of {PROBES} published events came within {timeout:g} s", hint)
        return
    worst = max(delays.values())
    if len(delays) < PROBES:
        yield Finding("fail", f"{len(delays)} of {PROBES} published events came", "Something holds the rest back.")
    elif worst > SLOW:
        yield Finding(
            "fail", f"a published event took {worst:.1f} s", "Something holds events back, or the log is slow."
        )
    else:
        yield Finding("ok", f"{PROBES} published events came, the slowest after {worst:.2f} s")


def _note(block: Block, seen: list[Block], sent: Mapping[str, float], delays: dict[str, float]) -> None:
    seen.append(block)
    name = (block.data or "").strip('"')
    if block.event == PROBE and name in sent:
        delays[name] = block.at - sent[name]


def _ping(wire: Wire, seen: list[Block], timeout: float) -> Finding:
    started = time.monotonic()
    if any("ping" in block.comments for block in seen):
        return Finding("ok", "pings come")
    busy = 0
    for block in wire.blocks(started + timeout):
        seen.append(block)
        if "ping" in block.comments:
            return Finding("ok", f"a ping came after {block.at - started:.1f} s")
        busy += 1
    if wire.ended:
        if [block for block in seen if block.data is None and block.id is None and not block.comments] == seen:
            hint = "This is how sse_django says not now: MAX_STREAMS or MAX_STREAMS_PER_USER, or a server that is stopping."
            return Finding("fail", "the stream was refused: it ended with a time to come back, and nothing else", hint)
        return Finding("skip", "the stream ended before there was a ping")
    if busy:
        return Finding("skip", f"{busy} events, and so no silence for a ping")
    hint = "PING_INTERVAL is longer or off, or something holds small writes back. Proxies cut silent lines, most after 60 s."
    return Finding("warn", f"{timeout:g} s of silence without a ping", hint)


def _resume(url: str, headers: Mapping[str, str], seen: list[Block], timeout: float) -> Iterator[Finding]:
    ids = [block.id for block in seen if block.id]
    if not ids:
        yield Finding("skip", "no ids, so nothing to resume from")
        return
    with Wire(url, {**headers, "Last-Event-ID": ids[-1]}, timeout) as wire:
        if wire.status == 204:
            yield Finding("ok", "resumed: nothing comes after the last id, so 204")
            return
        if wire.status != 200:
            yield Finding("fail", f"resuming is answered {wire.status}", "EventSource gives up for good.")
            return
        again = next(iter(wire.blocks(time.monotonic() + min(timeout, SLOW))), None)
    first = next((block.id for block in seen if block.id and block.data is not None), None)
    if again is not None and again.data is not None and again.id is not None and again.id == first:
        hint = "The view takes no notice of last_event_id(request), or something drops the header Last-Event-ID."
        yield Finding("warn", "a resumed stream began anew", hint)
    elif again is not None and again.event == "stream-reset":
        yield Finding("warn", "resuming was answered by stream-reset", "Does the log keep events for long enough?")
    else:
        yield Finding("ok", "resumed after the last id")
