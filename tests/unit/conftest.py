"""A view under test is served by the real handlers at `/`, with a URLconf of its own."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.urls import path


@pytest.fixture
def serve() -> Iterator[Callable[..., None]]:
    """`serve(view)` puts it at `/`; `serve(view, "<int:pk>/")` at a pattern, with `kwargs` of the URLconf's own."""
    overrides: list[Any] = []

    def put(view: Callable[..., Any], pattern: str = "", kwargs: dict[str, Any] | None = None) -> None:
        urlconf = types.ModuleType("urlconf_of_a_test")
        urlconf.urlpatterns = [path(pattern, view, kwargs)]  # type: ignore[attr-defined]
        override = override_settings(ROOT_URLCONF=urlconf)
        override.enable()
        overrides.append(override)

    yield put
    for override in reversed(overrides):
        override.disable()
