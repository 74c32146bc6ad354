"""`manage.py make_orders`: customers, until Ctrl-C or for a while, in a process of their own."""

import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from demo_project.shop.models import Product
from demo_project.shop.street import serve


class Command(BaseCommand):
    help = "Let customers order and bakers bake in the demo's bakery, until Ctrl-C. Watch it at /shop/."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=float, help="end after so many")
        parser.add_argument(
            "--pace", type=float, default=1.0, help="seconds between two things, on average; 1 by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["pace"] < 0:
            raise CommandError(f"--pace is seconds, 0 or more, got {options['pace']:g}")
        if not Product.objects.exists():
            raise CommandError("there is nothing to sell: manage.py seed fills the shelves")
        try:
            happened = serve(
                seconds=options["seconds"], pace=options["pace"], say=self.stdout.write, stop=threading.Event()
            )
        except KeyboardInterrupt:
            self.stdout.write("\nThe doors are closed.")
        else:
            self.stdout.write(f"{happened} things have happened.")
