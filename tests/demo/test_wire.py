"""What each example sends, byte for byte, from a real server."""

import json

import pytest

from tests.demo.server import DemoServer
from tests.live.client import Stream

ITEMS = (
    b'data: {"name":"Plumbus","description":"A multi-purpose household device."}\n\n'
    b'data: {"name":"Portal Gun","description":"A portal opening device."}\n\n'
    b'data: {"name":"Meeseeks Box","description":"A box that summons a Meeseeks."}\n\n'
)

EVENTS = (
    b": stream of item updates\n\n"
    b'event: item_update\ndata: {"name":"Plumbus","price":32.99}\nid: 1\nretry: 5000\n\n'
    b'event: item_update\ndata: {"name":"Portal Gun","price":999.99}\nid: 2\nretry: 5000\n\n'
    b'event: item_update\ndata: {"name":"Meeseeks Box","price":49.99}\nid: 3\nretry: 5000\n\n'
)

LOGS = (
    b"data: 2025-01-01 INFO Application started\n\n"
    b"data: 2025-01-01 DEBUG Connected to database\n\n"
    b"data: 2025-01-01 WARN High memory usage detected\n\n"
)

RESUMABLE = (
    b'data: {"name":"Plumbus","price":32.99}\nid: 0\n\n'
    b'data: {"name":"Portal Gun","price":999.99}\nid: 1\n\n'
    b'data: {"name":"Meeseeks Box","price":49.99}\nid: 2\n\n'
)

AFFORDABLE = (
    b'data: {"id":1,"name":"Enamel mug","price":"12.50"}\n\n'
    b'data: {"id":2,"name":"Field notebook","price":"9.00"}\n\n'
    b'data: {"id":3,"name":"Brass ruler","price":"18.00"}\n\n'
    b'data: {"id":5,"name":"Pocket torch","price":"24.90"}\n\n'
    b'data: {"id":8,"name":"Canvas bag","price":"29.00"}\n\n'
)

ROWS = (
    b'data: {"name":"Enamel mug","description":"Holds coffee, survives camping.","price":"12.50"}\nid: 1\n\n'
    b'data: {"name":"Field notebook","description":"Dotted paper, lies flat.","price":"9.00"}\nid: 2\n\n'
    b'data: {"name":"Brass ruler","description":"Fifteen centimetres, and it knows.","price":"18.00"}\nid: 3\n\n'
    b'data: {"name":"Wool blanket","description":"Undyed, from one valley.","price":"89.00"}\nid: 4\n\n'
    b'data: {"name":"Pocket torch","description":"One battery, forty hours.","price":"24.90"}\nid: 5\n\n'
    b'data: {"name":"Bread knife","description":"Serrated, for crusts worth the name.","price":"46.00"}\nid: 6\n\n'
    b'data: {"name":"Tin kettle","description":"Whistles a minor third.","price":"38.50"}\nid: 7\n\n'
    b'data: {"name":"Canvas bag","description":"Carries a week of groceries.","price":"29.00"}\nid: 8\n\n'
    b'data: {"name":"Desk lamp","description":"Warm light, heavy foot.","price":"74.00"}\nid: 9\n\n'
    b'data: {"name":"Chess set","description":"Beech and walnut, weighted.","price":"120.00"}\nid: 10\n\n'
    b'data: {"name":"Rain jacket","description":"Seams taped by hand.","price":"149.00"}\nid: 11\n\n'
    b'data: {"name":"Oak stool","description":"Three legs, never wobbles.","price":"95.00"}\nid: 12\n\n'
)

FINITE = {
    "/items/stream": ITEMS,
    "/items/stream-no-async": ITEMS,
    "/items/stream-no-annotation": ITEMS,
    "/items/stream-no-async-no-annotation": ITEMS,
    "/events/items/stream": EVENTS,
    "/logs/stream": LOGS,
    "/resume/items/stream": RESUMABLE,
    "/sync-orm/products/stream": AFFORDABLE,
    "/async-orm/products/stream": ROWS,
}

#: Sent first where the first event is late, as it may be on a busy machine: the one thing here that depends on speed.
OPENING = b":\n\n"


def wire(stream: Stream) -> bytes:
    """The whole body."""
    return stream.rest().removeprefix(OPENING)


@pytest.mark.parametrize("path", FINITE)
def test_a_stream_sends_exactly_this_and_ends(demo: DemoServer, path: str) -> None:
    with Stream(demo.url + path) as stream:
        assert stream.status == 200
        assert wire(stream) == FINITE[path]


@pytest.mark.parametrize("path", FINITE)
def test_a_stream_has_the_headers_that_let_it_through(demo: DemoServer, path: str) -> None:
    with Stream(demo.url + path) as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-cache, no-transform"
        assert stream.headers["x-accel-buffering"] == "no"
        assert "content-length" not in stream.headers


@pytest.mark.parametrize(
    ("path", "last", "left"),
    [
        ("/resume/items/stream", "0", RESUMABLE.partition(b"id: 0\n\n")[2]),
        ("/resume/items/stream", "1", RESUMABLE.partition(b"id: 1\n\n")[2]),
        ("/resume/items/stream", "-7", RESUMABLE),
        ("/async-orm/products/stream", "11", ROWS.partition(b"id: 11\n\n")[2]),
    ],
)
def test_a_resumed_stream_goes_on_after_the_last_id(demo: DemoServer, path: str, last: str, left: bytes) -> None:
    with Stream(demo.url + path, headers={"Last-Event-ID": last}) as stream:
        assert wire(stream) == left
    with Stream(f"{demo.url}{path}?last_event_id={last}") as stream:
        assert wire(stream) == left


@pytest.mark.parametrize(("path", "last"), [("/resume/items/stream", "2"), ("/async-orm/products/stream", "12")])
def test_a_resumed_stream_with_nothing_left_is_204(demo: DemoServer, path: str, last: str) -> None:
    with Stream(demo.url + path, headers={"Last-Event-ID": last}) as stream:
        assert stream.status == 204


def test_a_last_event_id_that_is_no_number_is_400(demo: DemoServer) -> None:
    with Stream(f"{demo.url}/resume/items/stream", headers={"Last-Event-ID": "yesterday"}) as stream:
        assert stream.status == 400


def test_the_ticker_goes_on_after_the_last_product(demo: DemoServer) -> None:
    with Stream(f"{demo.url}/prices/stream") as stream:
        raw = [stream.event().raw for _ in range(14)]
    assert raw[:3] == [
        b'event: quote\ndata: {"name":"Enamel mug","price":"12.12"}',
        b'event: quote\ndata: {"name":"Field notebook","price":"8.82"}',
        b'event: quote\ndata: {"name":"Brass ruler","price":"17.82"}',
    ]
    # The thirteenth is the first product again, at another price.
    assert raw[12:] == [
        b'event: quote\ndata: {"name":"Enamel mug","price":"12.75"}',
        b'event: quote\ndata: {"name":"Field notebook","price":"9.27"}',
    ]


def test_an_event_is_sent_while_the_view_still_waits_for_the_next(halting_demo: DemoServer) -> None:
    for path in ("/items/stream", "/items/stream-no-async"):
        with Stream(halting_demo.url + path) as stream:
            assert stream.event().raw + b"\n\n" == ITEMS[: ITEMS.index(b"\n\n") + 2]


# The chat


def post(demo: DemoServer, body: object, content_type: str = "application/json", csrf: str = "") -> Stream:
    headers = {"Content-Type": content_type}
    if csrf:
        headers.update({"Cookie": f"csrftoken={csrf}", "X-CSRFToken": csrf})
    return Stream(f"{demo.url}/chat/stream", method="POST", headers=headers, body=json.dumps(body).encode())


TOKEN = "c" * 32


def test_a_posted_prompt_streams_back_word_by_word(demo: DemoServer) -> None:
    with post(demo, {"text": "Привіт, «world»"}, csrf=TOKEN) as stream:
        assert stream.status == 200
        assert (
            wire(stream)
            == (
                'event: token\ndata: "Привіт,"\n\nevent: token\ndata: "«world»"\n\nevent: done\ndata: [DONE]\n\n'
            ).encode()
        )


def test_a_prompt_that_does_not_fit_is_422_and_says_why(demo: DemoServer) -> None:
    with post(demo, {"words": 1}, csrf=TOKEN) as stream:
        assert stream.status == 422
        assert json.loads(stream.rest()) == {
            "detail": [{"type": "missing", "loc": ["text"], "msg": "Field required"}],
        }


def test_another_content_type_is_415(demo: DemoServer) -> None:
    with post(demo, {"text": "hello"}, content_type="text/plain", csrf=TOKEN) as stream:
        assert stream.status == 415


def test_a_post_without_the_csrf_token_is_403(demo: DemoServer) -> None:
    with post(demo, {"text": "hello"}) as stream:
        assert stream.status == 403


def test_the_chat_takes_no_get(demo: DemoServer) -> None:
    with Stream(f"{demo.url}/chat/stream") as stream:
        assert stream.status == 405
