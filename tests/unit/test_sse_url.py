"""`{% sse_url %}`: what it takes, what it refuses, and that its output is safe in an attribute."""

from __future__ import annotations

from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.template import Context, Engine, RequestContext, engines
from django.test import RequestFactory, override_settings
from django.urls import include, path

from sse_django.backends import get_backend
from sse_django.tokens import unsign
from tests.unit.test_tokens import BACKENDS, Broken, granted

urlpatterns = [path("events/", include("sse_django.urls"))]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("_memory")]


@pytest.fixture
def _memory() -> Any:
    with override_settings(SSE_DJANGO={"BACKENDS": BACKENDS}):
        yield


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user
    return request


ADA = User(pk=7, username="ada")


def render(source: str, user: Any = ADA, **variables: Any) -> str:
    template = engines["django"].from_string("{% load sse %}" + source)
    return template.render(variables, request=request_of(user))


def test_it_signs_the_channels_the_user_the_head_and_twelve_hours() -> None:
    grant = granted(render('{% sse_url "orders" %}'))
    assert (grant.channels, grant.user, grant.backend) == (("orders",), "7", "default")
    assert grant.cursor == get_backend().head()
    assert not grant.expired


def test_an_anonymous_visitor_gets_a_url_for_nobody_in_particular() -> None:
    assert granted(render('{% sse_url "orders" %}', AnonymousUser())).user is None


@pytest.mark.parametrize(
    ("arguments", "channels"),
    [
        ('"orders" "stock"', ("orders", "stock")),
        ("one", ("user:7",)),
        ("many", ("a", "b")),
        ('many "orders" one', ("a", "b", "orders", "user:7")),
        ('"user:"|add:pk', ("user:7",)),
        ('"orders" "orders"', ("orders",)),
    ],
)
def test_several_channels_variables_lists_and_filters(arguments: str, channels: tuple[str, ...]) -> None:
    url = render(f"{{% sse_url {arguments} %}}", one="user:7", many=["a", "b"], pk="7")
    assert granted(url).channels == channels


def test_backend_and_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sse_django.tokens.time.time", lambda: 1000.0)
    grant = granted(render('{% sse_url "orders" backend="other" lifetime=60 %}'))
    assert (grant.backend, grant.cursor, grant.expires) == ("other", get_backend("other").head(), 1060)
    assert granted(render('{% sse_url "orders" lifetime=day %}', day=timedelta(days=1))).expires == 87_400


def test_as_a_variable() -> None:
    out = render('{% sse_url "orders" as url %}[{{ url }}]')
    assert granted(out[1:-1]).channels == ("orders",)


@pytest.mark.parametrize("autoescape", ["on", "off"])
@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_the_output_is_one_attribute_whatever_the_channel_is_called(autoescape: str, quote: str) -> None:
    class Attributes(HTMLParser):
        seen: list[tuple[str, list[tuple[str, str | None]]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.seen.append((tag, attrs))

    name = "\"'><script>alert(1)</script>&amp;`=ж"
    source = f"{{% autoescape {autoescape} %}}<p data-url={quote}{{% sse_url name %}}{quote}>{{% endautoescape %}}"
    parser = Attributes()
    parser.seen = []
    out = render(source, name=name)
    parser.feed(out)
    [(tag, [(attribute, value)])] = parser.seen
    assert (tag, attribute) == ("p", "data-url")
    assert value is not None
    assert granted(value).channels == (name,)
    assert value in out  # nothing had to be escaped, so it is as safe in a script's string or a header


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("", "1 to 100 channels"),
        ("missing", "a channel is 1 to 200 characters"),
        ('"user:"|add:number', "a channel is 1 to 200 characters"),  # what the filter makes of a number is ''
        ("number", "a channel is a string"),
        ('"_sse:kick"', "sse_django's own"),
        ('"a b"', "without spaces"),
        ('"orders" lifetime="60"', "lifetime must be seconds"),
        ('"orders" backend="third"', "has no 'third'"),
    ],
)
def test_mistakes_are_said_when_the_page_is_rendered(arguments: str, error: str) -> None:
    with pytest.raises((ValueError, TypeError, ImproperlyConfigured), match=error):
        render(f"{{% sse_url {arguments} %}}", number=7)


def test_a_template_without_a_request_signs_for_nobody_at_all() -> None:
    template = engines["django"].from_string('{% load sse %}{% sse_url "orders" %}')
    with pytest.raises(ImproperlyConfigured, match="without a request"):
        template.render({"user": ADA})


def test_the_request_is_found_without_its_context_processor() -> None:
    engine = Engine(libraries={"sse": "sse_django.templatetags.sse"})
    template = engine.from_string('{% load sse %}{% sse_url "orders" %}')
    assert granted(template.render(RequestContext(request_of(ADA)))).user == "7"
    assert granted(template.render(Context({"request": request_of(ADA)}))).user == "7"


def test_a_page_is_rendered_though_the_engine_is_down() -> None:
    with override_settings(SSE_DJANGO={"BACKENDS": {"default": {"BACKEND": f"{Broken.__module__}.Broken"}}}):
        assert granted(render('{% sse_url "orders" %}')).cursor is None


async def test_an_async_view_may_render_it() -> None:
    assert granted(render('{% sse_url "orders" %}')).cursor == get_backend().head()


def test_the_endpoint_may_live_anywhere() -> None:
    import types

    urlconf = types.ModuleType("urlconf_of_a_test")
    urlconf.urlpatterns = [path("it's/here&there/", include("sse_django.urls"))]  # type: ignore[attr-defined]
    with override_settings(ROOT_URLCONF=urlconf):
        url = render('{% sse_url "orders" %}')
    assert url.startswith("/it&#x27;s/here&amp;there/")
    assert unsign(url.split("/")[-2]).channels == ("orders",)
