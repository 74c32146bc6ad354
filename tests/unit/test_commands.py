"""The commands on a log: what they print and where, how they end, and two processes with a database between them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from sse_django import ServerSentEvent, publish
from sse_django.backends import Message, get_backend
from sse_django.backends import memory as memory_module
from sse_django.backends.memory import MemoryBackend
from sse_django.exceptions import Gone, PublishError
from sse_django.hubs import live_hubs

MEMORY = "sse_django.backends.memory.MemoryBackend"


class Down(MemoryBackend):
    """An engine that is not there."""

    def publish(self, messages: Sequence[Message]) -> None:
        raise PublishError("nobody listens on port 1")


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """The backends default (of 10 events), other and down."""
    backends = {
        "default": {"BACKEND": MEMORY, "OPTIONS": {"max_events": 10}},
        "other": {"BACKEND": MEMORY},
        "down": {"BACKEND": f"{__name__}.Down"},
    }
    with override_settings(SSE_DJANGO={"BACKENDS": backends}), live_hubs():
        yield


def stored(backend: str = "default") -> list[Message]:
    """What is in a log."""
    log = get_backend(backend)
    epoch = log.head().partition("-")[0]
    return [event.message for event in log.read(f"{epoch}-0-", None, 1000)[0]]


def run(*args: str, stderr: io.StringIO | None = None) -> tuple[str, str]:
    """A command's two outputs."""
    if args[0] == "sse_listen" and "--timeout" not in args:
        args = (*args, "--timeout", "30")  # a limit: a test that gets there fails
    out, err = io.StringIO(), stderr if stderr is not None else io.StringIO()
    call_command(*args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


# -- sse_publish


def test_publish_sends_json_with_name_and_key_once() -> None:
    for _ in range(2):
        out, _ = run("sse_publish", "orders,user:5", '{"n": 1}', "--event", "created", "--key", "k1")
    assert out == "Published to orders, user:5.\n"
    assert stored() == [Message(("orders", "user:5"), '{"n":1}', event="created", key="k1")]


def test_publish_raw_sends_what_is_no_json_as_it_is() -> None:
    run("sse_publish", "chat", "[DONE]", "--raw")
    run("sse_publish", "chat", "", "--raw")
    assert [message.data for message in stored()] == ["[DONE]", ""]


def test_publish_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{\n  "naïve": [1, 2.5, null]\n}\n'))
    run("sse_publish", "orders", "-")
    assert [message.data for message in stored()] == ['{"naïve":[1,2.5,null]}']


def test_publish_uses_another_backend_and_is_quiet_on_request() -> None:
    out, _ = run("sse_publish", "orders", "1", "--backend", "other", "--verbosity", "0")
    assert out == ""
    assert stored() == []
    assert [message.data for message in stored("other")] == ["1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{n: 1}", r"DATA is no JSON \(Expecting .* got '\{n: 1\}'\. Quote it for the shell, .*--raw"),
        ("hello", "got 'hello'"),
        ("", "got ''"),
        ("NaN", "NaN is not in JSON"),
        ("[-Infinity]", "-Infinity is not in JSON"),
        ("1e400", "1e400 is too large"),
        ("[" * 100_000, r"got '\[{60}…'"),
        ("x" * 100_000, "got 'x{60}…'"),
    ],
    ids=["bare key", "word", "empty", "NaN", "infinity", "overflow", "deep", "long"],
)
def test_publish_says_what_is_no_json_and_what_to_do(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("sse_publish", "orders", text)
    assert stored() == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a b", "1"], "not published: a channel is 1 to 200 characters"),
        (["a,,b", "1"], "got ''"),
        (["a", "1", "--event", "x\ny"], "must be a single line"),
        (["a", "1", "--key", ""], "a key is 1 to 200 characters"),
        (["a", '"' + "x" * 1_048_576 + '"'], "over the 1048576 that MemoryBackend takes"),
        (["a", "1", "--backend", "nope"], "--backend nope: .*has no 'nope'; it has 'default', 'other', 'down'"),
        (["a", "1", "--backend", "down"], "not published: nobody listens on port 1"),
    ],
    ids=["channel", "comma", "event", "key", "size", "alias", "engine"],
)
def test_publish_that_is_refused_fails(args: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("sse_publish", *args)


def test_a_log_of_one_process_is_warned_of() -> None:
    for args in (["sse_publish", "orders", "1"], ["sse_listen", "orders", "--timeout", "0.01"]):
        _, err = run(*args)
        assert "'default' is a MemoryBackend, a log of this process only" in err


# -- sse_listen


def publish_three() -> tuple[str, list[str]]:
    """A named event, an unnamed one in another channel, a raw one. The cursor before them and theirs."""
    before = get_backend().head()
    publish("orders", {"n": 1}, event="created")
    publish(["orders", "all"], "zwei ☃")
    publish("all", ServerSentEvent(raw_data="a\nb\x1b[2J"))
    return before, [event.cursor for event in get_backend().read(before, None, 10)[0]]


def test_listen_prints_a_line_for_each_event_and_says_where_to_go_on() -> None:
    before, (first, second, third) = publish_three()

    out, err = run("sse_listen", "orders", "all", "--after", before, "--count", "3")

    assert out == (
        f'{first}  created  {{"n":1}}\n'
        f'{second}  message  "zwei ☃"\n'
        f"{third}  message  a\\nb\\x1b[2J\n"  # nothing that a terminal would obey
    )
    assert f"listening to orders, all after {before}; Ctrl-C ends\n" in err
    assert err.endswith(f"go on with: --after {third}\n")


def test_listen_goes_on_after_the_cursor_that_it_printed() -> None:
    before, (first, second, _) = publish_three()
    out, err = run("sse_listen", "orders", "--after", before, "--count", "1")
    assert out.startswith(first)

    out, _ = run("sse_listen", "orders", *err.rpartition("go on with: ")[2].split(), "--count", "1")

    assert out == f'{second}  message  "zwei ☃"\n'


def test_listen_as_wire_prints_the_bytes_that_a_browser_gets() -> None:
    before, (first, second, third) = publish_three()
    out, _ = run("sse_listen", "orders,all", "--after", before, "--count", "3", "--format", "wire")
    assert out == (
        f"id: {before}\n\n"
        f'event: created\ndata: {{"n":1}}\nid: {first}\n\n'
        f'data: "zwei ☃"\nid: {second}\n\n'
        f"data: a\ndata: b\x1b[2J\nid: {third}\n\n"
    )


def test_listen_as_json_prints_an_object_a_line() -> None:
    before, (first, second, third) = publish_three()
    out, _ = run("sse_listen", "orders,all", "--after", before, "--count", "3", "--format", "json")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": first, "event": "created", "data": {"n": 1}},
        {"id": second, "event": None, "data": "zwei ☃"},
        {"id": third, "event": None, "data": "a\nb\x1b[2J"},
    ]


class Reacting(io.StringIO):
    """Standard error that does something when the command says so."""

    def __init__(self, to: str, react: Callable[[], None]) -> None:
        super().__init__()
        self.to = to
        self.react = react

    def write(self, text: str) -> int:
        if text.startswith(self.to):
            self.react()
        return super().write(text)


def test_listen_without_a_cursor_starts_from_now() -> None:
    publish("orders", "before")
    out, _ = run(
        "sse_listen", "orders", "--count", "1", stderr=Reacting("listening to", lambda: publish("orders", "after"))
    )
    assert out.endswith('  message  "after"\n')
    assert "before" not in out


@pytest.mark.parametrize("form", ["text", "wire", "json"])
def test_listen_shows_a_reset_which_is_no_event(form: str) -> None:
    before = get_backend().head()
    get_backend().rotate_epoch()
    head = get_backend().head()

    # What is published before the reset may be part of what it skips.
    stderr = Reacting("the log can't say what came before this stream-reset", lambda: publish("orders", 1))
    out, _ = run("sse_listen", "orders", "--after", before, "--count", "1", "--format", form, stderr=stderr)

    last = get_backend().head()
    assert (
        out
        == {
            "text": f'{head}  stream-reset  {{"reason":"epoch"}}\n{last}  message  1\n',
            "wire": (
                f'id: {before}\n\nevent: stream-reset\ndata: {{"reason":"epoch"}}\nid: {head}\n\ndata: 1\nid: {last}\n\n'
            ),
            "json": (
                f'{{"id":"{head}","event":"stream-reset","data":{{"reason":"epoch"}}}}\n'
                f'{{"id":"{last}","event":null,"data":1}}\n'
            ),
        }[form]
    )
    assert stderr.getvalue().endswith(f"go on with: --after {last}\n")


def test_listen_ends_at_the_timeout_and_fails_only_if_events_were_to_be_counted() -> None:
    head = get_backend().head()
    out, err = run("sse_listen", "orders", "--after", head, "--timeout", "0.1")
    assert out == ""
    assert err.endswith(f"go on with: --after {head}\n")
    with pytest.raises(CommandError, match=r"0 of 2 events came before the end \(timeout\)"):
        run("sse_listen", "orders", "--timeout", "0.05", "--count", "2")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a b"], "a channel is 1 to 200 characters"),
        (["_sse:kick"], "sse_django's own"),
        (["a", "--backend", "nope"], "has no 'nope'"),
        (["a", "--count", "0"], "expected a whole number of 1 or more, got '0'"),
        (["a", "--timeout", "nan"], "expected a number of seconds above 0, got 'nan'"),
        (["a", "--timeout", "inf"], "got 'inf'"),
    ],
)
def test_listen_refuses_what_can_not_be(args: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("sse_listen", *args)


# -- sse_prune, sse_rotate_epoch


def test_prune_drops_one_batch_or_all_that_retention_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(31):
        publish("orders", n)
    monkeypatch.setattr(memory_module, "TRIM_BATCH", 8)
    assert run("sse_prune")[0] == "8 events dropped.\n"
    assert run("sse_prune", "--all")[0] == "13 events dropped.\n"
    assert run("sse_prune", "--all")[0] == "0 events dropped.\n"
    assert [message.data for message in stored_after_floor()] == [str(n) for n in range(21, 31)]
    publish("orders", 31)
    assert run("sse_prune", "--all", "--backend", "other")[0] == "0 events dropped.\n"
    assert run("sse_prune", "--all")[0] == "1 event dropped.\n"


def stored_after_floor() -> list[Message]:
    backend = get_backend()
    assert isinstance(backend, MemoryBackend)
    return [entry.message for entry in backend._entries.values()]


def answer(text: str) -> Any:
    def ask(question: str) -> str:
        assert question == "Rotate the epoch? [y/N] "
        return text

    return ask


def test_rotate_epoch_makes_cursors_invalid_once_it_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = get_backend().head()
    for text in ("", "n", "yet"):
        monkeypatch.setattr("builtins.input", answer(text))
        with pytest.raises(CommandError, match="not rotated"):
            run("sse_rotate_epoch")
    assert get_backend().head() == before

    monkeypatch.setattr("builtins.input", answer("Y"))
    out, _ = run("sse_rotate_epoch")

    assert "Every cursor of 'default' handed out so far becomes invalid." in out
    assert out.endswith(f"The log of 'default' has a new epoch; its head is {get_backend().head()}.\n")
    with pytest.raises(Gone) as gone:
        get_backend().read(before, None, 1)
    assert gone.value.reason == "epoch"


def test_rotate_epoch_with_nobody_to_ask_needs_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    other = get_backend("other").head()
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match="say --yes"):
        run("sse_rotate_epoch", "--backend", "other")
    assert get_backend("other").head() == other

    run("sse_rotate_epoch", "--backend", "other", "--yes")

    assert get_backend("other").head() != other


# -- processes


class Site:
    """Commands in processes of their own, with a SQLite file between them."""

    def __init__(self, path: Path) -> None:
        options = {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        }
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SSE_TEST_DATABASE": f"sqlite:///{path}",
            "SSE_TEST_SETTINGS": json.dumps({"DATABASE_DEFAULT": {"OPTIONS": options}}),
        }

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "django", *args],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *args: str) -> str:
        process = self.start(*args)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        return out


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "db.sqlite3")
    site.run("migrate", "sse_django", "--verbosity", "0")
    return site


@pytest.fixture
def listener(site: Site) -> Iterator[subprocess.Popen[str]]:
    """`sse_listen orders` that listens already."""
    process = site.start("sse_listen", "orders")
    limit = threading.Timer(60, process.kill)  # a read below then finds the end
    limit.start()
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening to orders after ")
    yield process
    limit.cancel()
    process.kill()
    process.communicate()


def test_listen_prints_another_process_s_event_at_once_and_ends_well_by_ctrl_c(
    site: Site, listener: subprocess.Popen[str]
) -> None:
    assert listener.stdout is not None
    assert site.run("sse_publish", "orders", '{"n": 1}', "--event", "created") == "Published to orders.\n"
    line = listener.stdout.readline()
    cursor = line.split()[0]
    assert line == f'{cursor}  created  {{"n":1}}\n'

    listener.send_signal(signal.SIGINT)
    out, err = listener.communicate(timeout=30)

    assert (listener.returncode, out, err) == (0, "", f"go on with: --after {cursor}\n")
    site.run("sse_publish", "orders", "2")
    process = site.start("sse_listen", "orders", "--after", cursor, "--count", "1", "--timeout", "30")
    assert process.communicate(timeout=60)[0].endswith("  message  2\n")
    assert process.returncode == 0


def test_listen_ends_quietly_when_nobody_reads_on(site: Site, listener: subprocess.Popen[str]) -> None:
    assert listener.stdout is not None
    assert listener.stderr is not None
    listener.stdout.close()
    site.run("sse_publish", "orders", "1")
    assert listener.stderr.read().startswith("go on with: --after ")
    assert listener.wait(30) == 0
