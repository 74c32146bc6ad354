"""Every command that a page gives for a server starts one that streams, and that stops with a stream open."""

import os
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, all_blocks
from tests.docs.runners import SERVERS, commands
from tests.live.client import Stream
from tests.live.servers import free_port
from tests.live.waiting import until

BIN = Path(sys.executable).parent
START, STOP = 20.0, 5.0

MYSITE = {
    "manage.py": """
        import os, sys
        from django.core.management import execute_from_command_line
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        execute_from_command_line(sys.argv)
    """,
    "mysite/__init__.py": "",
    "mysite/settings.py": """
        SECRET_KEY = "only for tests"
        ALLOWED_HOSTS = ["127.0.0.1"]
        INSTALLED_APPS = ["sse_django"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}  # as every project has one
        ROOT_URLCONF = "mysite.urls"
        ASGI_APPLICATION = "mysite.asgi.application"
        WSGI_APPLICATION = "mysite.wsgi.application"
        USE_TZ = True
    """,
    "mysite/asgi.py": """
        import os
        from django.core.asgi import get_asgi_application
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        application = get_asgi_application()
    """,
    "mysite/wsgi.py": """
        import os
        from django.core.wsgi import get_wsgi_application
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        application = get_wsgi_application()
    """,
}


@pytest.fixture(scope="module")
def mysite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the README's views in it."""
    folder = tmp_path_factory.mktemp("mysite")
    readme = [block for block in all_blocks("python") if block.page == "README.md"]
    views = {
        name: "\n\n".join(block.text for block in readme if block.file == name)  # a file may go on in a second block
        for name in ("mysite/views.py", "mysite/urls.py")
    }
    for name, text in {**MYSITE, **views}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return folder


def server_commands() -> list[str]:
    """Every server that a page starts, and manage.py runserver; each once."""
    found = [command for block in all_blocks("shell") for command in commands(block)]
    return sorted({c for c in found if shlex.split(c)[0] in SERVERS or c.startswith("python manage.py runserver")})


def test_every_documented_server_streams_and_stops(mysite: Path) -> None:
    with ThreadPoolExecutor(16) as pool:  # together, since each mostly waits
        problems = list(filter(None, pool.map(lambda command: problem_of(command, mysite), server_commands())))

    assert not problems, "\n".join(problems)


def problem_of(command: str, folder: Path) -> str | None:
    """What is wrong with a server's command, if anything."""
    assert "8000" in command, f"{command}: a page's server listens on port 8000"
    port = free_port()
    words = shlex.split(command.replace("8000", str(port)).replace("0.0.0.0", "127.0.0.1"))
    words[0] = str(BIN / words[0])
    log = folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "mysite.settings",
                "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        stream = until(lambda: connected(process, port), START, "it answers")
        with stream:
            stream.event()
            os.kill(process.pid, signal.SIGTERM)
            started = time.monotonic()
            process.wait(STOP)
            clean = (
                stream.wait_for_end(STOP) or "runserver" in command
            )  # which a bare SIGTERM ends as it ends any script
            return None if clean else f"{command}: the stream broke off"
    except Exception as error:
        late = f" after {time.monotonic() - started:.1f} s" if "started" in locals() else ""
        return f"{command}: {error!r}{late}\n{log.read_text()}"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def connected(process: "subprocess.Popen[bytes]", port: int) -> Stream | None:
    """The stream of the README's view, once somebody listens."""
    if process.poll() is not None:
        raise RuntimeError(f"it ended with {process.returncode}")
    try:
        return Stream(f"http://127.0.0.1:{port}/clock/")
    except ConnectionRefusedError:
        return None
