"""The wire format, byte by byte, and what an event refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from sse_django import EventSourceResponse, ServerSentEvent, event_stream
from sse_django.events import KEEPALIVE_COMMENT, format_sse_event


class Item(BaseModel):
    name: str
    price: float = 1.0


def test_fields_come_in_the_order_comment_event_data_id_retry() -> None:
    assert (
        format_sse_event(data_str="d", event="e", id="1", retry=5, comment="c")
        == b": c\nevent: e\ndata: d\nid: 1\nretry: 5\n\n"
    )


def test_nothing_set_is_a_blank_line() -> None:
    assert format_sse_event() == b"\n"


def test_keepalive_is_the_ping_comment() -> None:
    assert KEEPALIVE_COMMENT == b": ping\n\n"


def test_data_is_split_at_cr_lf_and_crlf_only() -> None:
    assert format_sse_event(data_str="a\nb\rc\r\nd") == b"data: a\ndata: b\ndata: c\ndata: d\n\n"
    other = "a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg"
    assert format_sse_event(data_str=other) == f"data: {other}\n\n".encode()


def test_empty_lines_and_a_trailing_line_end_are_kept() -> None:
    assert format_sse_event(data_str="a\n\n") == b"data: a\ndata: \ndata: \n\n"
    assert format_sse_event(data_str="") == b"data: \n\n"


def test_a_comment_of_several_lines_stays_a_comment() -> None:
    assert format_sse_event(comment="a\rdata: b") == b": a\n: data: b\n\n"


def test_an_event_without_data_gets_an_empty_data_line_so_that_browsers_fire_it() -> None:
    assert format_sse_event(event="done") == b"event: done\ndata: \n\n"


def test_a_lone_surrogate_becomes_the_replacement_character_and_a_pair_is_joined() -> None:
    assert format_sse_event(data_str="a\ud800b") == "data: a\ufffdb\n\n".encode()
    assert format_sse_event(data_str="\ud83d\ude00") == "data: \U0001f600\n\n".encode()


@pytest.mark.parametrize("field", ["event", "id"])
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\r\nb", "\n"])
def test_line_ends_in_event_and_id_are_refused_everywhere(field: str, text: str) -> None:
    message = f"SSE '{field}' must be a single line"
    with pytest.raises(ValueError, match=message):
        format_sse_event(**{field: text})
    with pytest.raises(ValueError, match=message):
        ServerSentEvent(**{field: text})
    event = ServerSentEvent(**{field: "fine"})
    with pytest.raises(ValueError, match=message):
        setattr(event, field, text)
    with pytest.raises(ValueError, match=message):
        event.model_copy(update={field: text})
    assert getattr(event, field) == "fine"


def test_nul_in_an_id_is_refused() -> None:
    for make in (lambda: format_sse_event(id="a\0"), lambda: ServerSentEvent(id="a\0")):
        with pytest.raises(ValueError, match="null"):
            make()


@pytest.mark.parametrize("retry", [-1, 1.5, "soon", True, False])
def test_retry_is_a_whole_number_of_milliseconds_on_every_way_in(retry: Any) -> None:
    event = ServerSentEvent(retry=5)
    for make in (
        lambda: format_sse_event(retry=retry),
        lambda: ServerSentEvent(retry=retry),
        lambda: ServerSentEvent[Item](retry=retry),
        lambda: setattr(event, "retry", retry),
        lambda: event.model_copy(update={"retry": retry}),
        lambda: event_stream(retry=retry),
        lambda: EventSourceResponse([], retry=retry),
    ):
        with pytest.raises(ValueError, match="retry"):
            make()
    assert event.retry == 5


def test_data_and_raw_data_exclude_each_other_on_every_way_in() -> None:
    with pytest.raises(ValueError, match="Cannot set both"):
        ServerSentEvent(data=1, raw_data="1")
    event = ServerSentEvent(data=1)
    with pytest.raises(ValueError, match="Cannot set both"):
        event.raw_data = "1"
    assert event.raw_data is None
    with pytest.raises(ValueError, match="Cannot set both"):
        event.model_copy(update={"raw_data": "1"})
    assert event.model_copy(update={"data": None, "raw_data": "1"}).raw_data == "1"


def test_a_typed_event_validates_its_data() -> None:
    assert ServerSentEvent[Item](data={"name": "a"}).data == Item(name="a")
    with pytest.raises(ValidationError, match="name"):
        ServerSentEvent[Item](data={"price": 1})
    event = ServerSentEvent[Item](data=Item(name="a"))
    with pytest.raises(ValidationError):
        event.data = {"no": "name"}  # type: ignore[assignment]


def test_a_typed_event_takes_any_object_with_the_attributes() -> None:
    assert ServerSentEvent[Item](data=SimpleNamespace(name="row", price=2)).data == Item(name="row", price=2.0)
    with pytest.raises(ValidationError):
        ServerSentEvent[Item](data=SimpleNamespace(price=2))
