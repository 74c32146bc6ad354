"""What is done with a fenced block, by its language. A language that isn't here is no language for our pages.

python      executed in its module (project.py); tests in a file named tests or test_… run too
pycon       a doctest in the page's scratch module; `...` stands for anything
console     `$ curl …` with its output (curl.py)
shell       each command exists and takes these arguments; servers are really started by test_servers.py
ts          compiled, if there is a TypeScript compiler
html        rendered if it is a template; its URLs lead to views; `docs: shows …` is looked for in Chromium by test_browser.py
text        `docs: wire`: well-formed events, byte for byte as format_sse_event writes them
nginx, caddy   checked and run by test_proxies.py
ini, toml, json   parsed
"""

import configparser
import doctest
import importlib.metadata
import inspect
import json
import re
import shlex
import shutil
import sys
import tempfile
import tomllib
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import get_commands, load_command_class
from django.template import engines
from django.test import RequestFactory
from django.urls import resolve

from sse_django.events import format_sse_event
from sse_django.openapi import typescript_types
from sse_django.testing import EventParser
from tests.docs import curl
from tests.docs.blocks import ROOT, Block
from tests.docs.project import Project
from tests.openapi.tsc import compile_types

SERVERS = ("uvicorn", "granian", "hypercorn", "daphne", "gunicorn")


class Page:
    """A page being run: its project, and pytest's request for the fixtures of the tests that it shows."""

    def __init__(self, project: Project, request: pytest.FixtureRequest | None) -> None:
        self.project = project
        self.request = request

    def run(self, block: Block) -> None:
        """Run one block.

        Raises:
            AssertionError: if it has no runner, or is not what the page says.
        """
        assert block.language in RUNNERS, f"{block} has no runner; there are {', '.join(sorted(RUNNERS))}"
        RUNNERS[block.language](self, block)


def run_python(page: Page, block: Block) -> None:
    module = page.project.module(block.file)
    before = set(vars(module))
    page.project.execute(block)
    if block.file and Path(block.file).name.startswith("test"):
        new = [vars(module)[name] for name in vars(module) if name not in before]
        ran = [_run_test(page, thing) for thing in new]
        assert any(ran), f"{block} is a file of tests and has none"


def _run_test(page: Page, thing: Any) -> bool:
    """Run a test function or TestCase; False if it is something else."""
    if inspect.isclass(thing) and issubclass(thing, unittest.TestCase) and thing.__module__ == "shop.tests":
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromTestCase(thing).run(result)
        assert result.testsRun, thing
        assert result.wasSuccessful(), [*result.errors, *result.failures][0][1]
        return True
    if inspect.isfunction(thing) and thing.__name__.startswith("test_"):
        assert page.request is not None
        arguments = {name: page.request.getfixturevalue(name) for name in inspect.signature(thing).parameters}
        if inspect.iscoroutinefunction(thing):
            async_to_sync(thing)(**arguments)
        else:
            thing(**arguments)
        return True
    return False


def run_pycon(page: Page, block: Block) -> None:
    globs = page.project.module(None).__dict__
    test = doctest.DocTestParser().get_doctest(block.text + "\n", globs, block.page, block.page, block.line - 1)
    assert test.examples, f"{block} has no >>>"
    printed: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    results = runner.run(test, out=printed.append, clear_globs=False)
    globs.update(test.globs)
    assert results.failed == 0, "".join(printed)


def run_console(page: Page, block: Block) -> None:
    curl.run(block)


def run_shell(page: Page, block: Block) -> None:
    for command in commands(block):
        words = shlex.split(command)
        name = words[0]
        if words[:2] == ["pip", "install"]:
            for requirement in words[2:]:
                _installable(requirement)
        elif name == "make":
            for target in [word for word in words[1:] if "=" not in word]:
                assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
        elif words[:2] == ["python", "manage.py"]:
            _management_command(words[2:])
        elif name in SERVERS or name == "pytest":
            assert (Path(sys.executable).parent / name).exists(), f"{block}: {name} is not installed"
        else:
            raise AssertionError(f"{block}: {name!r} is no command that run_shell knows")


def commands(block: Block) -> list[str]:
    """The commands of a shell block: continued lines joined, comments dropped."""
    lines = block.text.replace("\\\n", " ").split("\n")
    return [line for raw in lines if (line := re.sub(r"(^|\s)#.*", "", raw).strip())]


def _installable(requirement: str) -> None:
    match = re.fullmatch(r"([\w-]+)(?:\[([\w,-]+)\])?", requirement)
    assert match, requirement
    if match[1] == "sse-django":
        declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert declared["name"] == match[1]
        for extra in filter(None, (match[2] or "").split(",")):
            assert extra in declared["optional-dependencies"], requirement
    else:
        importlib.metadata.distribution(match[1])


def _management_command(words: list[str]) -> None:
    assert words[0] in get_commands(), f"there is no manage.py {words[0]}"
    app = get_commands()[words[0]]
    command = load_command_class(app, words[0]) if isinstance(app, str) else app
    command.create_parser("manage.py", words[0]).parse_args(words[1:])


def run_html(page: Page, block: Block) -> None:
    text = block.text
    if "{%" in text:
        text = engines["django"].from_string(text).render(request=RequestFactory().get("/"))
    urls = urls_in(text)
    assert urls, f"{block} asks for no URL"
    for url in urls:
        resolve(url.partition("?")[0])


def urls_in(text: str) -> list[str]:
    """What a script, an attribute of htmx or an <event-stream> asks the server for."""
    asking = r"""(?:(?:EventSource|fetch|connect)\(|sse-connect=|<event-stream src=)["'`](/[^"'`]*)"""
    return re.findall(asking, text)


def run_text(page: Page, block: Block) -> None:
    assert block.directive == "wire", f"{block}: text needs `docs: wire`, or another language"
    wanted = block.text.strip("\n").encode() + b"\n\n"
    written = b""
    seen = ""
    for one in EventParser().feed(wanted):
        written += format_sse_event(
            data_str=one.data if one.dispatched else None,
            event=one.event if one.event != "message" else None,
            id=one.id if one.id != seen else None,
            retry=one.retry,
            comment="\n".join(one.comments) if one.comments else None,
        )
        seen = one.id
    assert written == wanted, f"{block}:\n{written.decode()}"


def run_config_elsewhere(page: Page, block: Block) -> None:
    """test_proxies.py takes every nginx and caddy block of all pages; here only that it could be one."""
    assert block.text.count("{") == block.text.count("}") > 0, f"{block}: the braces don't match"


def run_ini(page: Page, block: Block) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(block.text)
    for section in parser.values():
        if command := section.get("ExecStart"):
            name = Path(shlex.split(command)[0]).name
            assert name in SERVERS, command
            assert shutil.which(name, path=str(Path(sys.executable).parent)), command


def run_toml(page: Page, block: Block) -> None:
    tomllib.loads(block.text)


def run_ts(page: Page, block: Block) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "block.ts"
        (Path(folder) / "streams.d.ts").write_text(typescript_types(), encoding="utf-8")  # of the page's own project
        # A URL of a static file is an absolute path to the compiler.
        file.write_text(block.text.replace('"/static/', f'"{ROOT}/sse_django/static/'))
        try:
            complaints = compile_types(file)
        except pytest.skip.Exception:
            return  # the rest of the page is worth running
    assert not complaints, f"{block}: {complaints}"


def run_json(page: Page, block: Block) -> None:
    json.loads(block.text)


RUNNERS: dict[str, Callable[[Page, Block], None]] = {
    "python": run_python,
    "pycon": run_pycon,
    "console": run_console,
    "shell": run_shell,
    "html": run_html,
    "text": run_text,
    "nginx": run_config_elsewhere,
    "caddy": run_config_elsewhere,
    "ini": run_ini,
    "toml": run_toml,
    "json": run_json,
    "ts": run_ts,
}
