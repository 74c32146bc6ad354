"""`manage.py sse_prune`: drop what retention no longer keeps. Processes that read do it too; where none does, cron may."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from sse_django.management.logcommand import LogCommand


class Command(LogCommand):
    """Trim a log."""

    help = "Drop the events that max_events and max_age no longer keep; print how many went."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="Go on, batch by batch, until nothing more may go.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        backend = self.open(options["backend"])
        dropped = batch = backend.trim()
        while options["all"] and batch:
            batch = backend.trim()
            dropped += batch
        self.stdout.write(f"{dropped} event{'' if dropped == 1 else 's'} dropped.")
