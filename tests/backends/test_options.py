"""What a backend says of OPTIONS that are wrong, and of drivers that are missing."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import OperationalError, connections, transaction
from django.test import override_settings

from sse_django import publish
from sse_django.backends import Message
from sse_django.backends.database import DatabaseBackend
from sse_django.backends.memory import MemoryBackend
from sse_django.exceptions import PublishError


@pytest.mark.parametrize(("package", "extra"), [("redis", "redis"), ("nats", "nats")])
def test_a_missing_driver_names_the_extra(package: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = f"sse_django.backends.{package}"
    for name in [*sys.modules]:
        if name == package or name.startswith((f"{package}.", ours)):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImproperlyConfigured, match=rf'pip install "sse-django\[{extra}\]"'):
        importlib.import_module(ours)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_events": 0}, "max_events"),
        ({"max_events": 1.5}, "whole number"),
        ({"max_events": True}, "max_events"),
        ({"max_age": -1}, "max_age"),
        ({"max_age": "1 day"}, "above 0, or None, got '1 day'"),
        ({"max_size": 1}, "no option 'max_size'"),
    ],
)
def test_retention_is_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        MemoryBackend("default", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"using": "elsewhere"}, r"'elsewhere'; DATABASES has 'default'"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"timeout": None}, "timeout"),
    ],
)
def test_options_of_the_database_backend_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        DatabaseBackend("default", options)


def test_a_database_that_cannot_carry_the_log_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connections["default"]
    monkeypatch.setattr(connection, "vendor", "oracle")
    monkeypatch.setattr(connection, "display_name", "Oracle")
    with pytest.raises(ImproperlyConfigured, match="Oracle can't carry the log"):
        DatabaseBackend("default", {})


@pytest.mark.django_db
async def test_publish_to_a_database_in_async_code_says_what_to_await() -> None:
    backends = {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend"}}
    with override_settings(SSE_DJANGO={"BACKENDS": backends}):
        with pytest.raises(SynchronousOnlyOperation, match=r"'default'.*use await apublish\(…\)") as caught:
            publish("orders", 1)
        assert isinstance(caught.value.__cause__, SynchronousOnlyOperation)


@pytest.mark.usefixtures("_unblocked")
def test_a_log_without_tables_says_that_they_are_to_be_made(tmp_path: Path) -> None:
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "new.sqlite3")}
    connections.settings["new"] = connections.configure_settings({"default": {}, "new": settings})["new"]
    backend = DatabaseBackend("default", {"using": "new"})
    try:
        with pytest.raises(PublishError, match=r"no such table.*run manage\.py migrate"):
            backend.publish([Message(("orders",), "1")])
        with pytest.raises(OperationalError, match=r"no such table.*run manage\.py migrate"):
            backend.head()
        with pytest.raises(OperationalError, match="no such table") as caught, transaction.atomic("new"):
            backend.publish([Message(("orders",), "1")])
        assert "run manage.py migrate" in caught.value.__notes__[0]
    finally:
        connections["new"].close()
        del connections["new"]
        del connections.settings["new"]


@pytest.mark.parametrize(
    "use",
    [
        "from sse_django.backends import get_backend; get_backend()",
        "import sse_django.admin.live",
        "import sse_django.models",
    ],
)
def test_a_log_in_the_database_whose_app_is_not_installed_says_what_to_add(use: str) -> None:
    apps = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
    program = (
        "import django; from django.conf import settings\n"
        f"settings.configure(INSTALLED_APPS={apps}, DATABASES={{'default': {{'ENGINE': 'django.db.backends.sqlite3'}}}})\n"
        f"django.setup(); {use}\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr.splitlines()[-1].startswith(
        "django.core.exceptions.ImproperlyConfigured: the log in the database"
    )
    assert "add 'sse_django' to INSTALLED_APPS and run manage.py migrate" in run.stderr.splitlines()[-1]
