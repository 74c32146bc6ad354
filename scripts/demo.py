"""`make demo`: a migrated, seeded demo site on one server, and its address. Ctrl-C ends it.

Only the standard library is imported here; the server replaces this process, so that signals reach it alone. With ENGINE=valkey
or ENGINE=postgres, `engine.py` runs beside it. It sees the demo's end by a pipe that nobody else holds.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
ENGINES = ("sqlite", "valkey", "postgres")


def taken(port: int) -> bool:
    """Tell whether somebody listens on the port already."""
    with socket.socket() as probe:
        # As the server itself does, or a port whose last connection is in TIME_WAIT looks taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def manage(*args: str) -> None:
    """Run a management command; its own message is the error message."""
    done = subprocess.run([sys.executable, "manage.py", *args], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def start_engine(name: str, database: Path) -> None:
    """Start an engine that ends with this process, and with the server that this process becomes."""
    folder, file = database.with_suffix("").with_name(f"{database.stem}-{name}"), database.with_suffix(".engine")
    if name == "sqlite":
        file.unlink(missing_ok=True)  # of a demo that is no more, or not this one
        return
    waits, held = os.pipe()
    keeper = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("engine.py"), name, folder, file],
        stdin=waits,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the server; the engine follows it
    )
    os.close(waits)
    os.set_inheritable(held, True)
    assert keeper.stdout is not None
    address = keeper.stdout.readline().strip()
    if not address:
        sys.exit(keeper.wait() or 1)  # it has said why
    os.environ["DEMO_ENGINE"] = address


def main() -> None:
    engine = os.environ.get("ENGINE") or "sqlite"
    if engine not in ENGINES:
        sys.exit(f"ENGINE={engine!r} is no engine of the demo: choose one of {', '.join(ENGINES)}.")
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"PORT={value!r} is no port: give a number between 1 and 65535, as in: make demo PORT=8001")
    port = int(value)
    if taken(port):
        sys.exit(f"Port {port} is in use. Choose another, as in: make demo PORT={port % 65535 + 1}")
    start_engine(engine, Path(os.environ.get("DEMO_DATABASE") or ROOT / "demo.sqlite3"))
    manage("migrate", "--verbosity", "0")
    manage("seed")
    on = "" if engine == "sqlite" else f"Its channels are on {engine}, which ends with it. "
    print(f"\n  http://{HOST}:{port}/\n\n{on}Ctrl-C ends it.", flush=True)
    os.chdir(ROOT)
    # fmt: off
    server = [
        sys.executable, "-m", "uvicorn", "demo_project.asgi:application",
        "--host", HOST, "--port", str(port), "--lifespan", "off", "--log-level", "warning",
    ]
    # fmt: on
    os.execv(sys.executable, server)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
