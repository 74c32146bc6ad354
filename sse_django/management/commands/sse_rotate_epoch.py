"""`manage.py sse_rotate_epoch`: after a backup was restored, so that no cursor from before it means anything any more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from sse_django.management.logcommand import LogCommand


class Command(LogCommand):
    """Begin a new epoch."""

    help = (
        "Make every cursor handed out so far invalid: readers get stream-reset (epoch) and load what they show anew. "
        "Do it when the log's engine was restored from a backup."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Don't ask.")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        backend = self.open(options["backend"])
        if not options["yes"]:
            self.confirm(backend.alias)
        backend.rotate_epoch()
        self.stdout.write(f"The log of {backend.alias!r} has a new epoch; its head is {backend.head()}.")

    def confirm(self, alias: str) -> None:
        """Ask.

        Raises:
            CommandError: if the answer is no, or there is nobody to ask.
        """
        self.stdout.write(
            f"Every cursor of {alias!r} handed out so far becomes invalid. All its readers, those connected and those "
            "that come back, get a stream-reset and load what they show anew, at about the same time."
        )
        try:
            answer = input("Rotate the epoch? [y/N] ")
        except EOFError:
            raise CommandError("nobody is there to answer; say --yes to rotate without asking") from None
        if answer.strip().lower() not in {"y", "yes"}:
            raise CommandError("not rotated")
