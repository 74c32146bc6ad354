"""`manage.py sse_schema`: what it prints, writes, and finds out of date."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.urls import path

from sse_django import event_stream
from sse_django.openapi import openapi_document, typescript_types
from sse_django.openapi.text import as_yaml


@event_stream(item=int)
def ticks(request: Any) -> Any:
    """Ticks: "one" a second, 100 % of them."""
    yield 1


urlpatterns = [path("ticks/", ticks)]
pytestmark = pytest.mark.urls(__name__)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("sse_schema", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_document_is_printed_as_json() -> None:
    assert json.loads(run()) == openapi_document()
    assert json.loads(run("--title", "Shop", "--api-version", "3", "--server", "/api")) == openapi_document(
        title="Shop", version="3", server="/api"
    )


def test_yaml_is_the_same_document() -> None:
    assert yaml.safe_load(run("--format", "yaml")) == openapi_document()


def test_typescript_is_printed() -> None:
    assert run("--typescript") == run("--format", "typescript") == typescript_types()


@pytest.mark.parametrize("name", ["api.json", "api.yaml", "api.yml", "streams.d.ts", "api"])
def test_files_name_says_what_is_written(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    run("--output", str(file))
    kind = {".yaml": "yaml", ".yml": "yaml", ".ts": "typescript"}.get(file.suffix, "json")

    assert file.read_text(encoding="utf-8") == run("--format", kind)


def test_a_file_whose_name_says_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Name it \.json, \.yaml or \.ts, or say --format"):
        run("--output", str(tmp_path / "api.txt"))
    run("--output", str(tmp_path / "api.txt"), "--format", "yaml")


def test_check_is_silent_about_a_file_that_is_up_to_date(tmp_path: Path) -> None:
    for name in ("api.json", "api.yaml", "streams.d.ts"):
        run("--output", str(tmp_path / name))
        assert run("--check", "--output", str(tmp_path / name)) == ""


def test_check_fails_with_the_difference_and_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    run("--output", str(file))
    before = file.read_text(encoding="utf-8").replace("/ticks/", "/tocks/")
    file.write_text(before, encoding="utf-8")

    with pytest.raises(CommandError) as caught:
        run("--check", "--output", str(file))

    assert caught.value.returncode == 1
    message = str(caught.value)
    assert f"{file} is out of date" in message
    assert '-    "/tocks/": {' in message
    assert '+    "/ticks/": {' in message
    assert "without --check" in message
    assert file.read_text(encoding="utf-8") == before


def test_long_difference_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "api.json"
    file.write_text("\n".join(map(str, range(500))), encoding="utf-8")

    with pytest.raises(CommandError) as caught:
        run("--check", "--output", str(file))
    assert len(str(caught.value).splitlines()) < 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check"], "name it with --output"),
        (["--check", "--output", "/nowhere/api.json"], "can't be read: No such file.*without --check"),
        (["--output", "/nowhere/api.json"], "can't be written: No such file"),
        (["--urlconf", "tests.openapi.test_command_lost"], "No module named"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_another_urlconf_can_be_described() -> None:
    assert "/ticks/" in json.loads(run("--urlconf", __name__))["paths"]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        "",
        "a\nb: c # d",
        "\x7f\x85\u2028\ufeff\U0001f600",
        {"yes": 1, "null": None, "1": True, "a b": 1.5, "-": [], "/a/{b}/": {}, "": ""},
        [[1, [2, {"a": [{"b": []}]}]], {"c": {"d": ["e"]}}],
    ],
    ids=str,
)
def test_yaml_reads_back_as_what_was_written(value: Any) -> None:
    assert yaml.safe_load(as_yaml(value)) == value
