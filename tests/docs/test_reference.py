"""docs/reference.md and the code say the same: names, signatures, defaults, settings, checks, signals."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.dispatch import Signal

import sse_django
import sse_django.admin
import sse_django.backends
import sse_django.events
import sse_django.exceptions
import sse_django.feeds
import sse_django.keepalive
import sse_django.openapi
import sse_django.signals
import sse_django.testing
import sse_django.testing.contract
import sse_django.tokens
from sse_django.admin import LiveModelAdmin
from sse_django.conf import Settings
from sse_django.respond import StreamOptions
from sse_django.templatetags import sse
from sse_django.testing import plugin
from tests.docs.blocks import ROOT

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
CODE = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "sse_django").rglob("*.py"))}


def section(heading: str) -> str:
    """The text under a heading, up to the next one that isn't below it."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", REFERENCE, re.MULTILINE)
    assert found, f"docs/reference.md has no heading {heading!r}"
    rest = REFERENCE[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(heading: str) -> dict[str, list[str]]:
    """The first table of a section: the code in its first column, and its other columns."""
    rows = {}
    for line in section(heading).split("\n"):
        if line.startswith("|"):
            first, *others = (cell.strip() for cell in line.strip("|").split("|"))
            for name in re.findall(r"`([^`]+)`", first):
                rows[name] = others
        elif rows:
            break
    return rows


def public() -> Iterator[tuple[str, str]]:
    """Every public name, with the module where people find it."""
    for module in (
        sse_django,
        sse_django.admin,
        sse_django.feeds,
        sse_django.backends,
        sse_django.events,
        sse_django.openapi,
        sse_django.testing,
    ):
        yield from ((module.__name__, name) for name in module.__all__)
    yield from (("sse_django.tokens", name) for name in ("signed_url", "asigned_url"))
    yield from (("sse_django.testing", name) for name in vars(sse_django.testing.contract) if name.endswith("Contract"))
    yield "sse_django.keepalive", "with_keepalive"
    for name, value in vars(sse_django.exceptions).items():
        if isinstance(value, type) and value.__module__ == "sse_django.exceptions":
            yield "sse_django.exceptions", name


@pytest.mark.parametrize(("module", "name"), list(public()), ids=lambda part: str(part))
def test_public_name_is_documented_with_its_module(module: str, name: str) -> None:
    assert re.search(rf"`{name}\b", section(f"`{module}`")), f"{module}.{name} isn't in docs/reference.md"


SIGNATURES: list[Callable[..., Any]] = [
    sse_django.event_stream,
    sse_django.EventSourceResponse,
    sse_django.ServerSentEvent,
    sse_django.last_event_id,
    sse_django.model_schema,
    sse_django.publish,
    sse_django.apublish,
    sse_django.subscribe,
    sse_django.kick,
    sse_django.feeds.suppress_feeds,
    sse_django.akick,
    sse_django.admin.register_dashboard,
    sse_django.tokens.signed_url,
    sse_django.tokens.asigned_url,
    sse_django.backends.get_backend,
    sse_django.events.format_sse_event,
    sse_django.keepalive.with_keepalive,
    sse_django.openapi.openapi_document,
    sse_django.openapi.typescript_types,
]


def test_every_public_function_and_its_signature_is_compared() -> None:
    functions = {name for module, name in public() if module in ("sse_django", "sse_django.events")}

    assert functions - {one.__name__ for one in SIGNATURES} == {"EventStreamView", "KEEPALIVE_COMMENT"}


@pytest.mark.parametrize("documented", SIGNATURES, ids=lambda one: one.__name__)
def test_signature_is_the_codes_own(documented: Callable[..., Any]) -> None:
    name = documented.__name__
    line = re.search(rf"^`{name}(\(.*\))`$", REFERENCE, re.MULTILINE)
    assert line, f"docs/reference.md has no line `{name}(…)`"

    shown = list(_parameters(line[1].replace("…", "...")))

    assert [(p, kind) for p, kind, _ in shown] == [
        (p.name, p.kind) for p in inspect.signature(documented).parameters.values()
    ]
    for parameter, _, default in shown:
        actual = inspect.signature(documented).parameters[parameter].default
        if default == "...":
            assert type(actual) is object, f"{parameter} has the plain default {actual!r}"
        else:
            assert default == (
                getattr(actual, "__name__", repr(actual)) if actual is not inspect.Parameter.empty else None
            )


def _parameters(signature: str) -> Iterator[tuple[str, Any, str | None]]:
    """Names, kinds and defaults of a signature's text."""
    function = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(map(ast.unparse, arguments.defaults))
    for argument, default in zip(positional, defaults, strict=True):
        only = argument in arguments.posonlyargs
        yield (
            argument.arg,
            inspect.Parameter.POSITIONAL_ONLY if only else inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default,
        )
    if arguments.vararg:
        yield arguments.vararg.arg, inspect.Parameter.VAR_POSITIONAL, None
    for argument, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield argument.arg, inspect.Parameter.KEYWORD_ONLY, None if value is None else ast.unparse(value)


def test_every_option_of_event_stream_has_a_row_with_its_default() -> None:
    rows = table("`event_stream`")

    assert list(rows) == [field.name for field in fields(StreamOptions)]
    for field in fields(StreamOptions):
        if type(field.default) is not object:  # those stand for "as elsewhere"
            assert rows[field.name][0] == f"`{field.default!r}`", field.name


def test_every_option_is_an_attribute_of_the_view() -> None:
    for field in fields(StreamOptions):
        assert getattr(sse_django.EventStreamView, field.name) == field.default, field.name


def test_every_option_is_an_attribute_of_a_feed() -> None:
    for field in fields(StreamOptions):
        if field.name not in ("item", "events"):
            assert getattr(sse_django.feeds.ModelFeed, field.name) == field.default, field.name


def test_every_attribute_of_a_live_admin_has_a_row_with_its_default() -> None:
    rows = table("`LiveModelAdmin`")
    attributes = {name: value for name, value in vars(LiveModelAdmin).items() if name.startswith("live_")}

    assert set(rows) == set(attributes) - {"live_fingerprint"}
    for name, row in rows.items():
        assert row[0] == f"`{attributes[name]!r}`", name


def test_every_field_of_an_event_has_a_row() -> None:
    assert list(table("`ServerSentEvent`")) == list(sse_django.ServerSentEvent.model_fields)


def test_every_setting_has_a_row_with_its_default() -> None:
    rows = table("Settings")

    assert set(rows) == {field.name for field in fields(Settings)}
    for name, value in vars(Settings()).items():
        if not isinstance(value, dict):
            assert rows[name][0] == f"`{value!r}`", name


def test_every_system_check_has_a_row_with_a_hint() -> None:
    ids = set(re.findall(r"\"(sse_django\.[EW]\d{3})\"", "".join(CODE.values())))

    assert set(table("System checks")) == ids
    assert all(hint for _, hint in table("System checks").values())


def test_every_logger_is_documented() -> None:
    loggers = set(re.findall(r"getLogger\(\"([\w.]+)\"\)", "".join(CODE.values())))

    assert loggers == set(re.findall(r"`(sse_django[\w.]*)`", section("Logging")))


def test_every_signal_that_is_sent_is_documented() -> None:
    sent = set(re.findall(r"\b(\w+)\.a?send(?:_robust)?\(", "".join(CODE.values())))

    for name in sent - {"self", "sending"}:  # the latter is a coroutine, which has a send() too
        assert f"`{name}`" in REFERENCE, f"the signal {name} is sent and isn't in docs/reference.md"


def test_every_signal_has_a_row() -> None:
    signals = {name for name, value in vars(sse_django.signals).items() if isinstance(value, Signal)}

    assert set(table("`sse_django.signals`")) == signals


def test_every_template_tag_has_a_row() -> None:
    assert set(table("Template tags")) == set(sse.register.tags)
    assert not sse.register.filters


def test_every_command_has_a_row_with_its_arguments() -> None:
    rows = table("Commands")

    assert set(rows) == {name for name, app in get_commands().items() if app == "sse_django"}
    for name, (listed, _) in rows.items():
        documented = {words.split()[0] for words in re.findall(r"`([^`]+)`", listed)}
        arguments = _arguments(load_command_class("sse_django", name))
        assert documented | (arguments & {"--backend"}) == arguments, name


def _arguments(command: BaseCommand) -> set[str]:
    """The arguments of a command that not every command has."""
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "any")._actions}
    parser = command.create_parser("manage.py", "this")
    return {
        action.option_strings[0] if action.option_strings else action.dest
        for action in parser._actions
        if action.dest not in common
    }


def test_every_fixture_is_documented() -> None:
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", inspect.getsource(plugin))

    assert fixtures
    for name in fixtures:
        assert f"`{name}`" in section("`sse_django.testing`"), name


def test_every_option_of_a_widget_has_a_row() -> None:
    documented = set(re.findall(r"^\| (`.*?`) \|", section("Widgets"), re.MULTILINE))
    names = {name for cell in documented for name in re.findall(r"`(\w+)`", cell)}
    widgets = [one for one in vars(sse_django.admin).values() if isinstance(one, type)]
    widgets = [one for one in widgets if issubclass(one, sse_django.admin.Widget)]
    parameters = {name for widget in widgets for base in widget.__mro__[:-1] for name in _options(base)}

    assert names == parameters


def _options(widget: type) -> set[str]:
    return {
        name
        for name, parameter in inspect.signature(widget).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
