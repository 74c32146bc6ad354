"""A process that is dead between its commit and the wake-up: `python -m tests.engines.dying JSON`, with where and how in JSON.

It publishes "alive" and waits for a line. Then it publishes "last words" and kills itself by SIGKILL right after the commit:
`how` is "transaction" (in the first hook on commit) or "alone" (when the INSERT, in autocommit, has returned).
"""

import json
import os
import signal
import sys
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_after_insert(execute: Any, sql: str, *args: Any) -> Any:
    result = execute(sql, *args)
    if sql.startswith("INSERT"):
        die()
    return result


def main(task: dict[str, Any]) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from django.conf import settings

    settings.DATABASES = {"default": task["database"]}
    settings.SSE_DJANGO = {"BACKENDS": {"default": {"BACKEND": "sse_django.backends.database.DatabaseBackend"}}}
    if task["database"]["ENGINE"] == "django.db.backends.mysql":
        from tests.engines import mysqldriver

        mysqldriver.choose()
    import django

    django.setup()
    from django.db import connection, transaction

    from sse_django import publish

    publish("orders", "alive")
    sys.stdin.readline()
    if task["how"] == "alone":
        with connection.execute_wrapper(die_after_insert):
            publish("orders", "last words")
    else:
        with transaction.atomic():
            transaction.on_commit(die)  # before the hook of `publish`
            publish("orders", "last words")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
