"""A process that publishes, as a task of Celery does: `python -m bench.channels.publisher`, settings in BENCH_CONFIG.

It says "ready" and answers the lines of `publishing`.
"""

from __future__ import annotations

import sys

from bench.channels.publishing import obey
from bench.channels.servers.ours import publish  # configures Django
from bench.cores import pin


def main() -> None:
    pin(1)
    print("ready", flush=True)
    for line in sys.stdin:
        command, *numbers = line.split()
        print(obey(command, [float(number) for number in numbers], publish), flush=True)


if __name__ == "__main__":
    main()
