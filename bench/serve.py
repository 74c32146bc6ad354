"""A server under test, in a process of its own: `python -m bench.serve bench.servers.ours`.

It prints its port, answers every line on its standard input with the CPU seconds it has used (all threads, user and system),
and stops at the end of the input, so it never outlives who started it.
"""

from __future__ import annotations

import importlib
import socket
import sys
import threading
import time

import uvicorn

from bench.cores import pin


def main() -> None:
    pin(0)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    app = importlib.import_module(sys.argv[1]).app
    # With "uvicorn[standard]" the loop is uvloop and the parser httptools.
    config = uvicorn.Config(app, access_log=False, log_level="critical", lifespan="off", backlog=2048)
    server = uvicorn.Server(config)
    threading.Thread(target=answer, args=(server,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


def answer(server: uvicorn.Server) -> None:
    for _ in sys.stdin:
        print(time.process_time(), flush=True)
    server.should_exit = True


if __name__ == "__main__":
    main()
