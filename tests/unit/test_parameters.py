"""A view's parameters that neither the URL nor a JSON body fills: what is said of them, and who else may fill them."""

import functools
import inspect
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import RequestFactory
from pydantic import BaseModel, RootModel

from sse_django import EventStreamView, event_stream
from sse_django.testing import AsyncStreamClient

Serve = Callable[..., None]


class Prompt(BaseModel):
    text: str


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (dict, "prompt: dict"),
        (dict[str, int], "prompt: dict[str, int]"),
        (list[Prompt], "prompt: list[tests.unit.test_parameters.Prompt]"),
        (str, "prompt: str"),
        ("dict[str, Any]", "prompt: dict[str, Any]"),
        (inspect.Parameter.empty, "prompt"),
    ],
)
@pytest.mark.parametrize("kind", ["async generator", "async", "generator", "sync", "class"])
async def test_a_parameter_that_is_no_body_and_that_nothing_fills_is_explained(
    kind: str, annotation: Any, shown: str, serve: Serve, async_sse_client: AsyncStreamClient
) -> None:
    async def async_generator(request, prompt):  # type: ignore[no-untyped-def]
        yield prompt

    async def coroutine(request, prompt):  # type: ignore[no-untyped-def]
        return [prompt]

    def generator(request, prompt):  # type: ignore[no-untyped-def]
        yield prompt

    def function(request, prompt):  # type: ignore[no-untyped-def]
        return [prompt]

    async def stream(self, request, prompt):  # type: ignore[no-untyped-def]
        yield prompt

    view: Any = {
        "async generator": async_generator,
        "async": coroutine,
        "generator": generator,
        "sync": function,
        "class": stream,
    }[kind]
    if annotation is not inspect.Parameter.empty:
        view.__annotations__["prompt"] = annotation
    serve(event_stream(view) if kind != "class" else type("Chat", (EventStreamView,), {"stream": stream}).as_view())
    expected = (
        f"{view.__qualname__}: nothing fills {shown}. The JSON body goes into the parameter that is annotated with a"
    )
    with pytest.raises(ImproperlyConfigured, match=re.escape(expected)):
        async with async_sse_client.stream("/", json={"text": "a"}):
            pass


async def test_all_that_nothing_fills_is_named(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @event_stream
    async def view(request: HttpRequest, pk: int, prompt: dict[str, int], *, times: int) -> AsyncIterator[Any]:
        yield [pk, prompt, times]

    serve(view, "<int:pk>/")
    with pytest.raises(ImproperlyConfigured, match=r"nothing fills prompt: dict\[str, int\]\. "):
        async with async_sse_client.stream("/5/", json={}):
            pass
    with pytest.raises(ImproperlyConfigured, match=r"nothing fills pk: int and prompt: dict\[str, int\]\. "):
        await view(RequestFactory().get("/"))
    with pytest.raises(ImproperlyConfigured, match=r"nothing fills times: int\. "):
        await view(RequestFactory().get("/"), 5, {})


async def test_any_object_is_a_body_as_a_root_model(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    @event_stream
    async def view(request: HttpRequest, prompt: RootModel[dict[str, Any]]) -> AsyncIterator[Any]:
        yield prompt.root

    serve(view)
    async with async_sse_client.stream("/", json={"text": ["a", 1]}) as stream:
        assert (await stream.next()).json() == {"text": ["a", 1]}


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (dict[str, int] | None, "prompt: dict[str, int] | None"),
        (Mapping[str, Any], "prompt: collections.abc.Mapping[str, typing.Any]"),
        ("list[Prompt]", "prompt: list[Prompt]"),
    ],
)
@pytest.mark.parametrize("kind", ["async generator", "sync"])
async def test_json_that_an_optional_dict_or_list_could_have_meant_is_told_of_once(
    kind: str,
    annotation: Any,
    shown: str,
    serve: Serve,
    async_sse_client: AsyncStreamClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def async_generator(request, prompt=None):  # type: ignore[no-untyped-def]
        yield prompt

    def function(request, prompt=None):  # type: ignore[no-untyped-def]
        return [prompt]

    view: Any = async_generator if kind == "async generator" else function
    view.__annotations__["prompt"] = annotation
    serve(event_stream(view), "chat/")
    for _ in range(2):
        async with async_sse_client.stream("/chat/", json={"a": 1}) as stream:
            assert (await stream.next()).json() is None
    [told] = [record.getMessage() for record in caplog.records if record.name == "sse_django"]
    assert told.startswith(
        f"{view.__qualname__}: the JSON body of POST /chat/ fills no parameter, and {shown} stays at its default. "
    )
    assert "RootModel[dict[str, Any]] takes any object" in told


async def test_an_optional_dict_is_filled_by_the_url_or_stays_at_its_default_without_a_word(
    serve: Serve, async_sse_client: AsyncStreamClient, caplog: pytest.LogCaptureFixture
) -> None:
    @event_stream
    async def view(request: HttpRequest, context: dict[str, Any] | None = None, word: str = "") -> AsyncIterator[Any]:
        yield [context, word]

    async def answer(**options: Any) -> Any:
        async with async_sse_client.stream("/", **options) as stream:
            return (await stream.next()).json()

    serve(view)
    assert await answer() == [None, ""]
    assert await answer(method="POST", data={"context": "1"}) == [None, ""]
    serve(view, kwargs={"context": {"a": 1}})
    assert await answer(json={"b": 2}) == [{"a": 1}, ""]
    assert not caplog.records


async def test_a_decorator_below_may_fill_a_parameter(serve: Serve, async_sse_client: AsyncStreamClient) -> None:
    def with_prompt(view: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(view)
        def filled(request: HttpRequest) -> Any:
            return view(request, prompt={"text": "a"})

        return filled

    @event_stream
    @with_prompt
    async def view(request: HttpRequest, prompt: dict[str, Any]) -> AsyncIterator[Any]:
        yield prompt

    serve(view)
    async with async_sse_client.stream("/") as stream:
        assert (await stream.next()).json() == {"text": "a"}


def test_another_typeerror_of_a_view_is_its_own() -> None:
    def other(prompt: str) -> None: ...

    @event_stream
    def view(request: HttpRequest, prompt: str = "") -> list[Any]:
        return [other()]  # type: ignore[call-arg,func-returns-value]

    with pytest.raises(TypeError, match="other\\(\\) missing 1 required positional argument: 'prompt'"):
        view(RequestFactory().get("/"))
