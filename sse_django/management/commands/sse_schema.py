"""`manage.py sse_schema`: every stream of the project as an OpenAPI document or as TypeScript, printed, written or compared.

The output depends on the code alone, so that it can be committed, and CI can say with `--check` when it is out of date.
"""

from __future__ import annotations

import difflib
import importlib
import itertools
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser, no_translations

from sse_django.openapi import openapi_document, typescript_types
from sse_django.openapi.text import as_json, as_yaml

#: By the end of a file's name.
_FORMATS = {".json": "json", ".yaml": "yaml", ".yml": "yaml", ".ts": "typescript"}
#: Lines of a difference that are worth reading in a log.
_SHOWN = 40


class Command(BaseCommand):
    """Describe the streams."""

    help = "Print an OpenAPI 3.2 document of every stream in the URLconf, or TypeScript definitions; or check a file of either."

    # Describing streams needs no database, and a check in CI should not fail for the lack of one.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format",
            choices=["json", "yaml", "typescript"],
            help="What to write; by default what the name of --output ends in, else json.",
        )
        parser.add_argument("--typescript", action="store_true", help="The same as --format typescript.")
        parser.add_argument("--output", metavar="FILE", help="The file to write, or with --check to compare with.")
        parser.add_argument("--check", action="store_true", help="Write nothing; fail if --output is out of date.")
        parser.add_argument("--urlconf", metavar="MODULE", help="A URLconf other than ROOT_URLCONF.")
        parser.add_argument("--title", default="Event streams", help="The document's title.")
        parser.add_argument(
            "--api-version", default="1", metavar="VERSION", help="The version of the API it describes."
        )
        parser.add_argument("--server", metavar="URL", help="The URL under which the paths are, if it isn't the root.")

    @no_translations  # whose language it is run in should make no difference
    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"] and not options["output"]:
            raise CommandError("--check compares with a file: name it with --output")
        try:
            if options["urlconf"]:
                importlib.import_module(options["urlconf"])
            text = self.text(options)
        except (ImportError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        path = Path(options["output"])
        if options["check"]:
            self.compare(path, text)
            return
        try:
            path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}") from error
        if options["verbosity"]:
            self.stderr.write(f"written: {path}", style_func=str)

    def text(self, options: dict[str, Any]) -> str:
        """The document in the format that is asked for."""
        by_name = _FORMATS.get(Path(options["output"]).suffix) if options["output"] else None
        if (
            options["output"]
            and Path(options["output"]).suffix
            and by_name is None
            and not (options["typescript"] or options["format"])
        ):
            raise CommandError(
                f"what is to be written to {options['output']}? Name it .json, .yaml or .ts, or say --format"
            )
        kind = "typescript" if options["typescript"] else options["format"] or by_name or "json"
        if kind == "typescript":
            return typescript_types(options["urlconf"])
        document = openapi_document(
            options["urlconf"], title=options["title"], version=options["api_version"], server=options["server"]
        )
        return as_yaml(document) if kind == "yaml" else as_json(document)

    def compare(self, path: Path, text: str) -> None:
        """Say whether a file has this text.

        Raises:
            CommandError: if it hasn't, with the difference and what to do.
        """
        try:
            there = path.read_text(encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}. Write it without --check") from error
        if there == text:
            return
        difference = difflib.unified_diff(
            there.splitlines(), text.splitlines(), f"{path}", "the code's streams", lineterm="", n=2
        )
        shown = list(itertools.islice(difference, _SHOWN + 1))
        if len(shown) > _SHOWN:
            shown[_SHOWN:] = ["…"]
        raise CommandError(
            "\n".join(
                [f"{path} is out of date:", *shown, "The same command without --check writes it anew; commit the file."]
            )
        )
