"""The TypeScript of a project's streams, compiled by the real compiler: what fits compiles, what doesn't does not."""

from collections.abc import AsyncIterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from django.urls import path
from pydantic import BaseModel, Field

from sse_django import ServerSentEvent, event_stream, subscribe
from sse_django.openapi import typescript_types
from tests.openapi.describe import urlconf
from tests.openapi.tsc import compile_types

STATIC = Path(__file__).parents[2] / "sse_django" / "static" / "sse_django"


class Line(BaseModel):
    sku: str = Field(description="What was ordered. It's in the /* catalogue */.")
    amount: int = 1


class Created(BaseModel):
    """An order came in."""

    id: int
    total: Decimal
    at: datetime
    lines: list[Line]
    parent: "Created | None" = None
    state: Literal["new", "paid"] = "new"
    labels: dict[str, list[str]] = {}
    place: tuple[float, float] | None = None
    extra: Any = None
    odd_name: int = Field(alias="odd-name")


class Deleted(BaseModel):
    id: int


class Search(BaseModel):
    words: str
    limit: int = 10


class Token(ServerSentEvent[str]):
    event: Literal["token"] = "token"


class Done(ServerSentEvent[Any]):
    event: Literal["done"] = "done"
    raw_data: str


@event_stream(events={"created": Created, "deleted": Deleted})
async def orders(request: Any, shop: str) -> Any:
    """The orders of a shop."""
    return subscribe(shop, request.GET.get("since"))


@event_stream
async def search(request: Any, query: Search) -> AsyncIterable[Token | Done]:
    yield Token(data="a")


@event_stream
async def ticks(request: Any) -> AsyncIterable[int]:
    yield 1


@event_stream
async def anything(request: Any) -> Any:
    yield 1


URLS = urlconf(
    path("<slug:shop>/orders/", orders, name="orders"),
    path("search/", search, name="1-search"),
    path("ticks/", ticks, name="ticks"),
    path("any/", anything, name="anything"),
)

HEAD = """
import { connect } from "%s";
import type {
  Created, OrdersEvents, OrdersEvent, Streams, TicksEvents, AnythingEvents, _1SearchBody, _1SearchEvents,
} from "./streams";

"""

# What a front end does with the types.
RIGHT = """
const stream = connect<OrdersEvents>("/a/orders/", {
  on: {
    created(data) {
      const total: string = data.total;
      const sku: string | undefined = data.lines[0]?.sku;
      const again: Created | null = data.parent;
      const place: [number, number] | null = data.place;
      const odd: number = data["odd-name"];
      console.log(total, sku, again, place, odd, data.labels["a"]?.[0], data.state === "new");
    },
    deleted(data, event) { console.log(data.id, event.id.length, event.raw); },
  },
  onReset(reason) { console.log(reason); },
  onError(detail) { console.log(detail); },
});
async function all() {
  for await (const event of stream) console.log(told(event));
}
stream.close();

function told(event: OrdersEvent): string {
  switch (event.name) {
    case "created": return event.data.total;
    case "deleted": return String(event.data.id);
    case "stream-reset": return event.data.reason;
    case "stream-error": return event.data.detail;
  }
}

connect<TicksEvents>("/ticks/", { on: { message(n) { console.log(n.toFixed(1)); } } });
connect<AnythingEvents>("/any/", { on: { whatever(data) { console.log(data); } } });
const body: _1SearchBody = { words: "a" };
connect<_1SearchEvents>("/search/", {
  method: "POST", body, on: { token(word) { console.log(word.length); }, done(text) { console.log(text.length); } },
});

const source = new EventSource("/ticks/");
source.addEventListener("message", (event) => {
  const n: Streams["ticks"]["events"]["message"] = JSON.parse(event.data);
  console.log(n);
});
const where: Streams["orders"]["parameters"] = { shop: "a" };
const method: Streams["1_search"]["method"] = "POST";
console.log(where, method, all);
"""

WRONG = {
    "no such event": 'connect<OrdersEvents>("/", { on: { craeted(data) { console.log(data); } } });',
    "no such field": 'connect<OrdersEvents>("/", { on: { created(data) { console.log(data.totl); } } });',
    "a number is no text": 'connect<OrdersEvents>("/", { on: { deleted(data) { const id: string = data.id; } } });',
    "null is not ruled out": 'connect<OrdersEvents>("/", { on: { created(data) { console.log(data.parent.id); } } });',
    "unknown is not a number": 'connect<AnythingEvents>("/", { on: { a(data) { console.log(data + 1); } } });',
    "data of another event": 'function f(e: OrdersEvent) { if (e.name === "deleted") console.log(e.data.total); }',
    "no such state": 'function f(e: Created) { return e.state === "lost"; }',
    "body without its words": "const body: _1SearchBody = { limit: 3 };",
    "no such stream": 'const path: Streams["order"]["path"] = "";',
    "a stream without a body": 'const body: Streams["ticks"]["body"] = {};',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("types")
    (made / "streams.d.ts").write_text(typescript_types(URLS), encoding="utf-8")
    return made


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / f"{name.replace(' ', '_')}.ts"
    file.write_text(HEAD % (STATIC / "sse.js").as_posix() + text, encoding="utf-8")
    return file


def test_definitions_compile_by_themselves(folder: Path) -> None:
    assert compile_types(folder / "streams.d.ts") == ""


def test_what_a_front_end_does_with_them_compiles(folder: Path) -> None:
    assert compile_types(write(folder, "right", RIGHT)) == ""


def test_every_wrong_use_is_an_error_in_its_own_line(folder: Path) -> None:
    files = {name: write(folder, name, text) for name, text in WRONG.items()}
    errors = compile_types(*files.values()).splitlines()

    for name, file in files.items():
        assert [line for line in errors if line.startswith(f"{file.name}(") or f"/{file.name}(" in line], (name, errors)


def test_union_names_each_event_of_a_stream() -> None:
    text = typescript_types(URLS)

    assert "export type OrdersEvent = EventOf<OrdersEvents & OwnEvents>;" in text
    assert (
        "/**\n * GET /{shop}/orders/\n *\n * The orders of a shop\n */\nexport type OrdersEvents = {\n"
        "  created: Created;\n  deleted: Deleted;\n"
    ) in text


def test_fields_with_defaults_are_always_there_in_what_is_sent_and_may_be_left_out_of_a_body() -> None:
    text = typescript_types(URLS)

    assert "  amount: number;" in text
    assert "export interface Search {\n  words: string;\n  limit?: number;\n}" in text


def test_comments_cannot_be_ended_by_what_they_say() -> None:
    assert "It's in the /* catalogue *\u200b/." in typescript_types(URLS)


def test_two_runs_write_the_same() -> None:
    assert typescript_types(URLS) == typescript_types(URLS)
