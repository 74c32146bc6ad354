"""Test a built wheel as a stranger's project meets it: a new environment, a new folder, a server.

    python scripts/check_wheel.py dist/sse_django-*.whl

The wheel must hold every file of the package that git tracks (templates, static files and migrations are what gets
lost), pass `manage.py check`, migrate and stream: the first event arrives while the view still waits.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROJECT = '''\
"""A whole Django project in one file."""

import asyncio
import os
import sys

from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "wheel.sqlite3"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "sse_django"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for this check",
    USE_TZ=True,
)

import django

django.setup()

from django.core.asgi import get_asgi_application
from django.urls import path

from sse_django import event_stream


@event_stream
async def ticks(request):
    yield {"n": 1}
    await asyncio.sleep(3600)


urlpatterns = [path("ticks/", ticks)]
application = get_asgi_application()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
'''


def packaged(wheel: Path) -> None:
    """Every tracked file of the package is in the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "sse_django"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    wanted = {name for name in tracked.split("\0") if name}
    with zipfile.ZipFile(wheel) as archive:
        missing = sorted(wanted - set(archive.namelist()))
    if missing or "sse_django/py.typed" not in wanted:
        sys.exit(f"{wheel.name} lacks {missing or 'sse_django/py.typed'}")
    print(f"{wheel.name}: all {len(wanted)} files are in it")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_event(port: int, server: subprocess.Popen[bytes]) -> bytes:
    """Read until the first event is whole. The view then sleeps for an hour, so a buffered stream hangs here."""
    deadline = time.monotonic() + 30
    while True:
        if server.poll() is not None:
            sys.exit("the server of the wheel's project ended at once")
        with contextlib.suppress(ConnectionRefusedError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        if time.monotonic() > deadline:
            sys.exit("the server of the wheel's project never listened")
        time.sleep(0.05)
    with connection:
        connection.sendall(f"GET /ticks/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        received = b""
        while b'data: {"n":1}\n\n' not in received:
            chunk = connection.recv(65536)
            if not chunk:
                sys.exit(f"the stream ended before its first event: {received!r}")
            received += chunk
    return received


def main() -> None:
    wheel = Path(sys.argv[1]).resolve()
    packaged(wheel)
    with tempfile.TemporaryDirectory(prefix="sse-wheel-") as folder:
        python = Path(folder) / "venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", Path(folder) / "venv"], check=True)
        wanted = f"sse-django[demo] @ {wheel.as_uri()}"
        pip = [python, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", wanted], check=True)
        project = Path(folder) / "project"
        project.mkdir()
        (project / "tiny.py").write_text(PROJECT)
        # Not the checkout's package: nothing of the caller's environment may lead there.
        env = {"PATH": os.environ["PATH"], "HOME": folder}
        where = subprocess.run(
            [python, "-c", "import sse_django; print(sse_django.__file__)"],
            cwd=project, env=env, check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip
        if not where.startswith(folder):
            sys.exit(f"imported sse_django from {where}, not from the wheel")
        for command in (["check", "--fail-level", "ERROR"], ["migrate", "--verbosity", "0"]):
            subprocess.run([python, "tiny.py", *command], cwd=project, env=env, check=True)
        port = free_port()
        uvicorn = [python, "-m", "uvicorn", "--lifespan", "off", "--log-level", "warning"]
        server = subprocess.Popen([*uvicorn, "--port", str(port), "tiny:application"], cwd=project, env=env)
        try:
            received = first_event(port, server)
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=5)
        finally:
            if server.poll() is None:
                server.kill()
                server.wait()
    print(f"the wheel streams: its first event came after {len(received)} bytes")


if __name__ == "__main__":
    main()
