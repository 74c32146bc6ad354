"""Where a client left off."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest
from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.test import RequestFactory

from sse_django import last_event_id


def request(header: str | None = None, query: str = "") -> HttpRequest:
    extra = {} if header is None else {"HTTP_LAST_EVENT_ID": header}
    return RequestFactory().get("/" + query, **extra)


def test_none_without_header_and_parameter() -> None:
    assert last_event_id(request()) is None
    assert last_event_id(request(), int, -1) == -1
    assert last_event_id(request(), default="x") == "x"


def test_the_header_wins_over_the_parameter() -> None:
    assert last_event_id(request("7", "?last_event_id=3"), int) == 7
    assert last_event_id(request(None, "?last_event_id=3"), int) == 3


def test_an_empty_id_is_none() -> None:
    assert last_event_id(request("", "?last_event_id="), int, 0) == 0


def test_the_header_is_utf8_behind_latin1() -> None:
    assert last_event_id(request("ї-1".encode().decode("latin-1"))) == "ї-1"
    assert last_event_id(request("\xff")) == "\xff"


@pytest.mark.parametrize(("kind", "text"), [(int, "x"), (uuid.UUID, "x"), (Decimal, "x")])
def test_what_does_not_convert_is_a_bad_request(kind: type, text: str) -> None:
    with pytest.raises(BadRequest, match=f"'x' is no {kind.__name__}"):
        last_event_id(request(text), kind)
