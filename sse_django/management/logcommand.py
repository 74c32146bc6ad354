"""What the commands on a log share: `--backend`, and a word of warning where a log is this process's own."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sse_django.backends import BaseBackend, get_backend
from sse_django.backends.memory import MemoryBackend


class LogCommand(BaseCommand):
    """A command with `--backend`."""

    # What a deployment should know it is told by runserver and check, not by each publish. What can't work raises here anyway.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--backend",
            default="default",
            metavar="ALIAS",
            help='An alias of SSE_DJANGO["BACKENDS"]; "default" unless told otherwise.',
        )

    def open(self, alias: str) -> BaseBackend:
        """The backend of this alias.

        Raises:
            CommandError: if there is none, or it can't be made.
        """
        try:
            backend = get_backend(alias)
        except ImproperlyConfigured as error:
            raise CommandError(f"--backend {alias}: {error}") from error
        if isinstance(backend, MemoryBackend):
            self.note(
                f"{alias!r} is a MemoryBackend, a log of this process only: what happens here reaches no other process, "
                "and what happens there is not seen here."
            )
        return backend

    def note(self, text: str) -> None:
        """Say something beside the output: on standard error, at once, and not in the colour of errors."""
        self.stderr.write(text, style_func=str)
        self.stderr.flush()


def channel_names(text: str) -> list[str]:
    """One or several channels, joined by commas (which no name can contain)."""
    return text.split(",")


def seconds(text: str) -> float:
    """A number of seconds above 0, for argparse."""
    return _above_zero(text, float, "a number of seconds above 0")


def count(text: str) -> int:
    """A whole number of 1 or more, for argparse."""
    return int(_above_zero(text, int, "a whole number of 1 or more"))


def _above_zero(text: str, kind: Any, wanted: str) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:  # NaN is neither
        raise ArgumentTypeError(f"expected {wanted}, got {text!r}")
    return float(value)
