"""MariaDB as the system has it (`apt-get install mariadb-server`), on a free port with a data folder of its own.

There is no wheel of it. Where it is not installed its tests are skipped; with CI_REQUIRE_MARIADB=1 they fail.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import free_port
from tests.live.waiting import until

# Nothing here has to survive a crash, and waiting for a disk makes tests slow.
OPTIONS = ["--skip-networking=0", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-log-file-size=8M"]


def find(program: str) -> str | None:
    """Where it is; a server's programs are not on every user's PATH."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))


class MariaDB:
    """A running server with one superuser, `root`, and no password, and a database `log`. `stop()` it at the end.

    Attributes:
        command: that starts it on its data folder, without OPTIONS.
        user: for Popen, whom it runs as.
    """

    def __init__(self) -> None:
        server, install = find("mariadbd"), find("mariadb-install-db")
        if server is None or install is None:
            reason = "MariaDB is not installed: apt-get install mariadb-server"
            assert os.environ.get("CI_REQUIRE_MARIADB") != "1", reason
            pytest.skip(reason)
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="sse-mariadb-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.user: dict[str, object] = {}
        if os.geteuid() == 0:
            self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.folder, "nobody", "nogroup")
        data = self.folder / "data"
        done = subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self.user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stdout
        self.command = [
            *(server, "--no-defaults", f"--datadir={data}", f"--port={self.port}", "--bind-address=127.0.0.1"),
            *(f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}"),
        ]
        self._log = (self.folder / "log").open("w+b")
        self._process = subprocess.Popen(
            [*self.command, *OPTIONS],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.user,  # type: ignore[call-overload]
        )
        self.pid = int(self._process.pid)
        try:
            until(self._ready, 30, "MariaDB accepts connections")
        except BaseException as exc:
            self._log.seek(0)
            exc.add_note(self._log.read().decode(errors="replace"))
            self.stop()
            raise

    def _ready(self) -> bool:
        import pymysql

        assert self._process.poll() is None, "MariaDB ended at once"
        try:
            self.query("CREATE DATABASE IF NOT EXISTS log CHARACTER SET utf8mb4")
        except (
            pymysql.OperationalError
        ):  # not pymysql.err's, which is another one since Django has imported MySQLdb.converters
            return False
        return True

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows, on a connection of its own. Raises pymysql.OperationalError if there is no server."""
        import pymysql

        limits = {"connect_timeout": 10, "read_timeout": 10}
        with (
            pymysql.connect(host="127.0.0.1", port=self.port, user="root", autocommit=True, **limits) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql)
            return list(cursor.fetchall())

    def end(self) -> None:
        """Stop it in order, to be started on the same data by `command`; `stop()` it all the same."""
        self._process.terminate()
        self._process.wait(30)

    def stop(self) -> None:
        """Kill it (nothing to keep) and remove its files."""
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
