"""`manage.py sse_doctor URL`: whether a deployment really streams, seen from where it is run."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sse_django.exceptions import PublishError
from sse_django.management.doctor import PROBE, examine
from sse_django.management.logcommand import seconds
from sse_django.management.wire import Unreachable
from sse_django.pubsub import publish


class Command(BaseCommand):
    """Examine a stream."""

    help = (
        "Read a stream as a browser does and say what is wrong with its way here: headers, first byte, buffering, pings, "
        "resumption. Exits with 0 if it streams, 1 if it doesn't, 2 if nobody answers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", type=http_url, help="The stream's URL, as browsers see it.")
        parser.add_argument(
            "--channel",
            metavar="NAME",
            help=(
                f"A channel that the stream reads: a few events named {PROBE!r} are published there and timed. "
                "They are real ones: everybody who reads the channel gets them."
            ),
        )
        parser.add_argument(
            "--header",
            action="append",
            type=header,
            default=[],
            metavar="'NAME: VALUE'",
            help="A header of the request, such as a session's cookie. May be given several times.",
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=20.0,
            metavar="SECONDS",
            help="How long to wait for each thing; 20, which is longer than the usual ping interval.",
        )
        parser.add_argument("--backend", default="default", metavar="ALIAS", help="Whose log --channel is in.")

    def handle(self, *args: Any, **options: Any) -> None:
        channel = options["channel"]

        def send(data: str) -> None:
            publish(channel, data, event=PROBE, backend=options["backend"])

        failed = 0
        try:
            for finding in examine(
                options["url"], dict(options["header"]), options["timeout"], send if channel is not None else None
            ):
                style = {"ok": self.style.SUCCESS, "warn": self.style.WARNING, "fail": self.style.ERROR}
                self.stdout.write(style.get(finding.level, str)(f"{finding.level:4}  {finding.what}"))
                if finding.hint:
                    self.stdout.write(f"      {finding.hint}")
                self.stdout.flush()
                failed += finding.level == "fail"
        except Unreachable as error:
            raise CommandError(f"{options['url']}: {error}", returncode=2) from error
        except (PublishError, TypeError, ValueError) as error:
            raise CommandError(f"--channel {channel}: {error}", returncode=2) from error
        if failed:
            raise CommandError("it doesn't stream as it should", returncode=1)


def http_url(text: str) -> str:
    """An absolute URL, for argparse."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ArgumentTypeError(f"expected a URL like https://shop.example/orders/live/, got {text!r}")
    return text


def header(text: str) -> tuple[str, str]:
    """A header's name and value, for argparse."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or "\n" in text or "\r" in text:
        raise ArgumentTypeError(f"expected a header like 'Cookie: sessionid=abc', got {text!r}")
    return name.strip(), value.strip()
