"""The engines that a run can be made against: each starts on a free port of 127.0.0.1, with a data folder of its own."""

from __future__ import annotations

from pathlib import Path

from faults.engines.base import Engine

ENGINES = ("sqlite", "postgres", "mariadb", "valkey", "nats")


def make(name: str, folder: Path, *, lossy: bool) -> Engine:
    """An engine by its name, not started."""
    from faults.engines.mariadb import MariaDBEngine
    from faults.engines.nats import NatsEngine
    from faults.engines.postgres import PostgresEngine
    from faults.engines.sqlite import SqliteEngine
    from faults.engines.valkey import ValkeyEngine

    engines: dict[str, type[Engine]] = {
        "sqlite": SqliteEngine,
        "postgres": PostgresEngine,
        "mariadb": MariaDBEngine,
        "valkey": ValkeyEngine,
        "nats": NatsEngine,
    }
    return engines[name](folder, lossy=lossy)
