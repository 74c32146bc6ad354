"""The event stream format (HTML, 9.2.6), held against the browser's own EventSource."""

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Watched
from tests.browser.raw import RawServer
from tests.live.waiting import until

OpenPage = Callable[[str], Page]

STREAMS = {
    "line ends": b"data: lf\n\ndata: cr\r\rdata: crlf\r\n\r\ndata: mixed\r\ndata: more\n\r",
    "byte order mark": b"\xef\xbb\xbfdata: one\n\n\xef\xbb\xbfdata: not a field\n\ndata: two\n\n",
    "spaces": b"data:none\n\ndata: one\n\ndata:  two\n\ndata : unknown\n\n data: unknown\n\n",
    "no colon": b"data\n\nevent\ndata\n\nevent: named\ndata\n\n",
    "several lines": b"data: a\ndata:\ndata: b\n\ndata:\ndata:\n\n",
    "names": b"event: named\ndata: 1\n\ndata: 2\n\nevent: named\n\ndata: 3\n\nevent: other\nevent: named\ndata: 4\n\n",
    "ids": b"id: 1\ndata: a\n\ndata: b\n\nid: 2\n\ndata: c\n\nid\ndata: d\n\nid: 3\0\ndata: e\n\nid: \xc3\xa9\ndata: f\n\n",
    "comments": b": ping\n\n:\n\n: data: x\ndata: y\n: in between\ndata: z\n\n",
    "unknown fields": b"foo: 1\ndata: x\nDATA: y\nretry: x1\nretry:\n\n",
    "unfinished": b"data: whole\n\nid: 9\ndata: cut off",
    "characters": 'data: é€😀\u2028\u0085\x0b\x0c\nevent: named\n\ndata: {"é": "😀"}\n\n'.encode(),
    "broken utf-8": b"data: \xff\xc3(\n\ndata: \xf0\x9f\x98\n\n",
    "long": b"data: " + b"x" * 300_000 + b"\n\ndata: after\n\n",
}


@pytest.fixture
def raw() -> Any:
    with RawServer() as server:
        yield server


def heard(page: Page, path: str, native: bool) -> list[list[str]]:
    """What a client hears of a stream, to its end: [name, text, id]."""
    run = """([path, native]) => new Promise(async (resolve) => {
      const heard = []
      if (native) {
        const source = new EventSource(path)
        for (const name of ["message", "named", "other"]) {
          source.addEventListener(name, (event) => heard.push([event.type, event.data, event.lastEventId]))
        }
        source.onerror = () => { source.close(); resolve(heard) }
      } else {
        const { connect } = await import("/sse.js")
        const stream = connect(path, {
          on: { "*": (data, { name, raw, id }) => heard.push([name, raw, id]) },
          onState: (state) => { if (state === "reconnecting") { stream.close(); resolve(heard) } },
        })
      }
    })"""
    result: list[list[str]] = page.evaluate(run, [path, native])
    return result


def pieces(stream: bytes, seed: int) -> list[bytes]:
    """A stream cut at random; often into single bytes, which is where characters and line ends break."""
    if len(stream) > 10_000:
        step = 16_384 + seed
        return [stream[at : at + step] for at in range(0, len(stream), step)]
    chance = random.Random(seed)
    cuts = sorted({0, len(stream), *(at for at in range(len(stream)) if chance.random() < (1.0, 0.2, 0.0)[seed])})
    return [stream[a:b] for a, b in itertools.pairwise(cuts)]


@pytest.mark.parametrize("name", STREAMS)
def test_it_hears_what_eventsource_hears_however_the_bytes_are_cut(
    open_page: OpenPage, raw: RawServer, name: str
) -> None:
    page = open_page(raw.url)
    raw.streams["/native"] = [STREAMS[name]]
    expected = heard(page, "/native", native=True)
    assert expected
    for seed in range(3):
        raw.streams[f"/{seed}"] = pieces(STREAMS[name], seed)
        assert heard(page, f"/{seed}", native=False) == expected


def test_every_way_to_cut_in_three_gives_the_same_blocks(open_page: OpenPage, raw: RawServer) -> None:
    stream = (
        "\ufeffid: 1\r\nevent: é\r\ndata: 😀\r\n\r\n: c\r\rretry: 5\nretry: 5x\n\ndata\ndata: x\n\nid: 2\n\n".encode()
    )
    page = open_page(raw.url)
    different = page.evaluate(
        """async (bytes) => {
          const { EventParser } = await import("/sse.js")
          const parsed = (...cuts) => {
            const heard = []
            const parser = new EventParser({ block: (block) => heard.push(block), retry: (ms) => heard.push(ms) })
            let from = 0
            for (const cut of [...cuts, bytes.length]) parser.feed(new Uint8Array(bytes.slice(from, (from = cut))))
            return JSON.stringify(heard)
          }
          const whole = parsed()
          const different = []
          for (let a = 0; a <= bytes.length; a++) {
            for (let b = a; b <= bytes.length; b++) if (parsed(a, b) !== whole) different.push([a, b])
          }
          return [JSON.parse(whole), different]
        }""",
        list(stream),
    )
    assert different == [
        [
            {"id": "1", "marked": True, "name": "é", "raw": "😀"},
            5,
            {"id": "1", "marked": False, "name": "message", "raw": "\nx"},
            {"id": "2", "marked": True, "name": None, "raw": ""},
        ],
        [],
    ]


def test_the_last_id_is_sent_back_in_utf_8(open_page: OpenPage, raw: RawServer) -> None:
    raw.streams["/ids"] = ["retry: 1\nid: naïve-😀\n\n".encode()]
    page = open_page(raw.url)
    page.evaluate("window.module = '/sse.js'")
    stream = Watched(page, "/ids")
    until(lambda: stream.state == "closed", 20, "the 204 of its return")
    assert stream.last_event_id == "naïve-😀"
    first, second = (headers for _, headers in raw.requests)
    assert "last-event-id" not in first
    assert second["last-event-id"].encode("latin-1").decode() == "naïve-😀"
    assert second["accept"] == "text/event-stream"


def test_an_event_of_a_megabyte_in_small_pieces_takes_no_longer_than_it_should(
    open_page: OpenPage, raw: RawServer
) -> None:
    page = open_page(raw.url)
    milliseconds = page.evaluate(
        """async () => {
          const { EventParser } = await import("/sse.js")
          const bytes = new TextEncoder().encode("data: " + "x".repeat(1 << 20) + "\\n\\n")
          let length = 0
          const parser = new EventParser({ block: ({ raw }) => (length = raw.length) })
          const start = performance.now()
          for (let at = 0; at < bytes.length; at += 1024) parser.feed(bytes.subarray(at, at + 1024))
          return length === 1 << 20 ? performance.now() - start : json("not whole")
        }"""
    )
    assert milliseconds < 2000, json.dumps(milliseconds)
