"""Views of every shape over a socket: the bytes of what they yield, bodies that do not fit, errors before and after an event.

The views are those of tests/project/shapes.py.
"""

import json
import re
from typing import Any

import pytest

from tests.live.client import Stream
from tests.live.conftest import StartServer
from tests.live.servers import Server
from tests.live.waiting import until

KINDS = pytest.mark.parametrize("kind", ["uvicorn", "gunicorn-gthread"])
MIDDLEWARE = pytest.mark.parametrize(
    "middleware",
    [(), ("tests.project.middleware.SyncOnlyMiddleware",)],
    ids=["async-middleware", "sync-only-middleware"],
)

PLUM = b'data: {"kind":"cake","name":"plum","slices":8}\n\n'
APPLE = b'data: {"kind":"cake","name":"apple","slices":8}\n\n'
ASSAM = b'data: {"name":"Assam","category":{"name":"Tea"}}\n\n'
STREAM_ERROR = b'event: stream-error\ndata: {"detail":"internal error"}\n\n'
NOT_LOADED = "Product.category isn't loaded and the event loop can't query: add select_related('category')"
SECRET = "the words of the exception"

CSRF = {"Cookie": f"csrftoken={'a' * 32}", "X-CSRFToken": "a" * 32}


def wire(server: Server, path: str) -> bytes:
    """The whole of a stream, which has to be one and to end cleanly."""
    with Stream(f"{server.url}/shapes/{path}/") as stream:
        body = stream.rest()
        assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8"), body
        return body


def refusal(server: Server, path: str) -> tuple[int, bytes]:
    """Status and body of what has to be no stream."""
    with Stream(f"{server.url}/shapes/{path}/") as response:
        assert not response.headers["content-type"].startswith("text/event-stream")
        return response.status, response.rest()


def post(server: Server, path: str, body: bytes) -> tuple[int, bytes]:
    headers = {**CSRF, "Content-Type": "application/json"}
    with Stream(f"{server.url}/shapes/{path}/", method="POST", headers=headers, body=body) as stream:
        return stream.status, stream.rest()


# What annotations say.


@KINDS
def test_items_of_a_union_are_written_by_their_own_type(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind)
    assert wire(server, "union") == (
        b'event: cake\ndata: {"kind":"cake","name":"plum","slices":8}\n\n'
        b'event: tea\ndata: {"kind":"tea","minutes":3}\n\n'
        b"data: null\n\n"
        b'data: {"kind":"tea","minutes":4}\n\n'
    )
    assert wire(server, "sync-union") == (b'data: {"name":"plum","count":1}\n\ndata: {"n":1}\n\ndata: 2\n\n')


@KINDS
def test_annotated_items_are_held_to_what_is_annotated(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind)
    assert wire(server, "annotated") == (PLUM + b'data: {"kind":"cake","name":"apple","slices":12}\n\n' + STREAM_ERROR)
    assert wire(server, "discriminated") == (b'data: {"kind":"tea","minutes":3}\n\n' + PLUM + STREAM_ERROR)


@KINDS
def test_generics_hold_the_data_to_their_parameter(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind)
    assert wire(server, "wrapped") == (
        b'event: baked\ndata: {"kind":"cake","name":"plum","slices":8}\nid: 1\nretry: 500\n\n'
        b': as a dict\ndata: {"kind":"cake","name":"apple","slices":8}\n\n'
        b": no data\n\n" + STREAM_ERROR
    )
    assert wire(server, "generic") == (
        b'data: {"number":1,"items":[{"kind":"cake","name":"plum","slices":8}]}\n\n'
        b'data: {"number":2,"items":[{"kind":"cake","name":"apple","slices":8}]}\n\n'
    )


@KINDS
@pytest.mark.parametrize("path", ["quoted", "local"])
def test_annotations_that_are_strings_are_resolved(path: str, kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), path) == b'data: {"n":1,"more":"by default"}\n\n'


@KINDS
@pytest.mark.parametrize(
    "path", ["sync-list", "async-list", "sync-function", "async-function", "async-items-of-sync-function"]
)
def test_a_function_that_returns_its_items_streams_them(path: str, kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), path) == PLUM + APPLE


@KINDS
def test_a_response_that_a_view_returns_passes_through(kind: str, shared_server: StartServer) -> None:
    with Stream(f"{shared_server(kind).url}/shapes/async-function/?closed") as response:
        assert (response.status, response.rest()) == (503, b"closed")


# Bodies.


@KINDS
def test_a_posted_body_reaches_the_view_as_a_dataclass_or_a_model(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind)
    order = b'data: {"name":"plum","count":2}\n\n'
    assert post(server, "post-dataclass", b'{"name": "plum", "count": 2}') == (200, order * 2)
    assert post(server, "post-model", b'{"name": "plum"}') == (200, PLUM)


@KINDS
@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        (
            "post-dataclass",
            b'{"count": "many"}',
            [
                {"type": "missing", "loc": ["name"], "msg": "Field required"},
                {
                    "type": "int_parsing",
                    "loc": ["count"],
                    "msg": "Input should be a valid integer, unable to parse string as an integer",
                },
            ],
        ),
        (
            "post-model",
            b'{"name": "plum", "slices": 0}',
            [
                {
                    "type": "greater_than_equal",
                    "loc": ["slices"],
                    "msg": "Input should be greater than or equal to 1",
                }
            ],
        ),
    ],
    ids=["dataclass", "model"],
)
def test_a_body_that_does_not_fit_is_422_and_says_where(
    path: str, body: bytes, detail: list[dict[str, Any]], kind: str, shared_server: StartServer
) -> None:
    status, answer = post(shared_server(kind), path, body)
    assert (status, json.loads(answer)) == (422, {"detail": detail})


# Items of every kind.


@KINDS
def test_items_of_every_kind_are_written_as_what_they_are(kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), "untyped") == (
        b'data: {"kind":"cake","name":"plum","slices":8}\n\n'
        b'data: {"name":"plum","count":1}\n\n'
        b'data: {"price":"4.50","at":"2030-01-02T03:04:05Z"}\n\n'
        b"data: [1,null,true,null]\n\n"
        b'data: "two\\nlines"\n\n'
        b'data: "Monday"\n\n'
        b"data: null\n\n"
        b"event: raw\ndata: two\ndata: lines\n\n"
    )


@KINDS
def test_an_instance_without_a_schema_is_its_fields_but_for_secret_ones(kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), "instance") == (
        b'data: {"id":7,"name":"Plumbus","price":"0.00","status":"draft","sku":"00000000-0000-0000-0000-000000000007",'
        b'"attributes":{},"created":"2030-01-02T00:00:00Z","category_id":3}\n\n'
        b'data: {"id":8,"name":"Ann","email":"ann@example.org"}\n\n'
    )


@KINDS
def test_an_instance_with_a_schema_is_what_the_schema_names(kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind)
    assert wire(server, "instance-by-schema") == b'data: {"name":"Tea"}\n\n'
    assert wire(server, "instance-by-fields") == (
        b'data: {"pk":1,"name":"Assam","price":"4.50","category_id":1}\n\n'
        b'data: {"pk":2,"name":"Ceylon","price":"3.90","category_id":1}\n\n'
    )


@KINDS
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_generated_column_that_is_null_is_sent_as_null(database: str, kind: str, shared_server: StartServer) -> None:
    server = shared_server(kind, database=database)
    assert wire(server, "generated") == (
        b'data: {"id":1,"grams":null,"postage":null}\n\ndata: {"id":2,"grams":30,"postage":60}\n\n'
    )
    assert wire(server, "sync-generated-by-fields") == (
        b'data: {"pk":1,"postage":null}\n\ndata: {"pk":2,"postage":60}\n\n'
    )


@KINDS
def test_a_relation_is_sent_if_select_related_loaded_it(kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), "related/joined-joined") == ASSAM * 2


@KINDS
def test_a_sync_generator_loads_a_relation_by_itself(kind: str, shared_server: StartServer) -> None:
    assert wire(shared_server(kind), "sync-related") == ASSAM


@KINDS
def test_a_relation_not_loaded_is_a_500_before_the_first_event_and_stream_error_after_it(
    kind: str, shared_server: StartServer
) -> None:
    server = shared_server(kind)
    logged = len(server.log())
    status, body = refusal(server, "related/bare")
    assert status == 500
    assert b"select_related" not in body
    until(lambda: NOT_LOADED in server.log()[logged:], 5, "the log says what to do")
    logged = len(server.log())
    assert wire(server, "related/joined-bare") == ASSAM + STREAM_ERROR
    until(lambda: NOT_LOADED in server.log()[logged:], 5, "the log says what to do")


# Errors.


@KINDS
@pytest.mark.parametrize("path", ["failing", "sync-failing"])
@pytest.mark.parametrize("status", [404, 403, 500])
def test_an_error_before_the_first_event_is_its_own_status(
    status: int, path: str, kind: str, shared_server: StartServer
) -> None:
    answered, body = refusal(shared_server(kind), f"{path}/{status}/0")
    assert answered == status
    assert SECRET.encode() not in body


@KINDS
@pytest.mark.parametrize("path", ["failing", "sync-failing"])
@pytest.mark.parametrize("status", [404, 403, 500])
def test_an_error_after_the_first_event_is_stream_error_and_its_words_are_for_the_log(
    status: int, path: str, kind: str, shared_server: StartServer
) -> None:
    server = shared_server(kind)
    logged = len(server.log())
    assert wire(server, f"{path}/{status}/2") == b'data: {"n":0}\n\ndata: {"n":1}\n\n' + STREAM_ERROR
    until(lambda: SECRET in server.log()[logged:], 5, "the log has the exception")


# What belongs to a task.


@KINDS
@MIDDLEWARE
def test_a_generator_sees_its_own_timeout_and_context_with_pings_in_between(
    middleware: tuple[str, ...], kind: str, shared_server: StartServer
) -> None:
    url = shared_server(kind, middleware=middleware).url
    expected = (
        rb'data: {"step":"first"}\n\n'
        rb"(: ping\n\n){2,}"
        rb'data: {"timeout":true,"step":"first"}\n\n'
        rb"(: ping\n\n)*"
        rb'data: {"step":"second"}\n\n'
        rb"(: ping\n\n){2,}"
        rb'data: {"timeout":true,"step":"second"}\n\n'
    )
    # At the same time, since what they mostly do is wait.
    with Stream(f"{url}/shapes/asyncio-timeout/") as by_asyncio, Stream(f"{url}/shapes/anyio-scope/") as by_anyio:
        for stream in (by_asyncio, by_anyio):
            body = stream.rest()
            assert re.fullmatch(expected, body), body


@KINDS
@MIDDLEWARE
def test_a_context_variable_outlives_the_step_of_a_sync_generator(
    middleware: tuple[str, ...], kind: str, shared_server: StartServer
) -> None:
    body = wire(shared_server(kind, middleware=middleware), "sync-context")
    assert body == b'data: {"step":"first"}\n\ndata: {"step":"first"}\n\n'
