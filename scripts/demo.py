"""`make demo`: a migrated, seeded demo site on one server, and its address. Ctrl-C ends it.

Only the standard library is imported here; the server replaces this process, so that signals reach it alone.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


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


def main() -> None:
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        sys.exit(f"PORT={value!r} is no port: give a number between 1 and 65535, as in: make demo PORT=8001")
    port = int(value)
    if taken(port):
        sys.exit(f"Port {port} is in use. Choose another, as in: make demo PORT={port % 65535 + 1}")
    manage("migrate", "--verbosity", "0")
    manage("seed")
    print(f"\n  http://{HOST}:{port}/\n\nCtrl-C ends it.", flush=True)
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
