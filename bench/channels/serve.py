"""A server under test, in a process of its own: `python -m bench.channels.serve raw_queue`.

It prints its port and then answers lines on its standard input, in a thread: `cpu` with the seconds of processor time it has
used, `memory` with its KiB and threads, and the lines of `publishing`. It ends with its input.
"""

from __future__ import annotations

import importlib
import os
import resource
import socket
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import uvicorn

from bench.channels.publishing import obey
from bench.cores import pin


def main() -> None:
    pin(int(os.environ.get("BENCH_CORE", "0")))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    module = importlib.import_module(f"bench.channels.servers.{sys.argv[1]}")
    # A raw application that waits for its queue doesn't hear that its client has left, and would be waited for.
    config = uvicorn.Config(
        module.app, access_log=False, log_level="critical", lifespan="off", backlog=4096, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    threading.Thread(target=answer, args=(server, module), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


def answer(server: uvicorn.Server, module: ModuleType) -> None:
    for line in sys.stdin:
        command, *words = line.split()
        if command == "cpu":
            print(time.process_time(), flush=True)
        elif command == "memory":
            print(*memory(), flush=True)
        else:
            print(obey(command, [float(word) for word in words], module.publish), flush=True)
    server.should_exit = True


def memory(process: str | int = "self") -> tuple[int, int]:
    """KiB in use, and threads. Where there is no /proc the first is the most that there ever was, in KiB or bytes."""
    files = Path(f"/proc/{process}")
    if not (files / "smaps_rollup").exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, threading.active_count()
    used = next(line for line in (files / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    return int(used.split()[1]), len(list((files / "task").iterdir()))


if __name__ == "__main__":
    main()
