"""One file a server: an ASGI `app` that streams what its `publish(channel, events)` is told to, called in a thread."""

import os

#: Seconds of silence before a ping; fewer are for tests.
PING = float(os.environ.get("BENCH_PING", "15"))
