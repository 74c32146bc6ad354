"""A site with one dashboard of eight widgets on SQLite, which counts its queries: those of sources, and those of people.

BENCH_DATABASE is the file. `/counts/` says what there was so far.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

if not settings.configured:
    settings.configure(
        DEBUG=False,
        SECRET_KEY="a benchmark has no secrets",
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=[
            *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"),
            *("django.contrib.sessions", "django.contrib.messages", "sse_django"),
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.environ["BENCH_DATABASE"],
                "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL;"},
            }
        },
        USE_TZ=True,
        LOGGING_CONFIG=None,
        ROOT_URLCONF=__name__,
    )
    django.setup()

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.backends.signals import connection_created
from django.db.models import Count
from django.dispatch import receiver

from sse_django.admin import Bar, Dashboard, Number, Progress, Table, TimeSeries, register_dashboard
from sse_django.admin.dashboard.section import dashboards

COUNTS: Counter[str] = Counter()


def count(execute: Any, *args: Any) -> Any:
    source = threading.current_thread().name == "sse-dashboard"
    COUNTS["source queries" if source else "other queries"] += 1
    return execute(*args)


@receiver(connection_created)
def watch(connection: Any, **kwargs: Any) -> None:
    if count not in connection.execute_wrappers:
        connection.execute_wrappers.append(count)


@register_dashboard
class Office(Dashboard):
    users = Number(User.objects, interval=1)
    staff = Number(User.objects.filter(is_staff=True), interval=1)
    active = Number(lambda: User.objects.filter(is_active=True).count(), interval=1)
    load = TimeSeries(lambda: {"now": os.getloadavg()[0], "users": User.objects.count()}, interval=1)
    kinds = Bar(User.objects.order_by().values("is_superuser").annotate(n=Count("id")), interval=1)
    newest = Table(User.objects.order_by("-id"), fields=["username", "last_login"], limit=10, interval=1)
    share = Progress(lambda: (User.objects.filter(is_staff=True).count(), User.objects.count()), interval=1)
    clock = Number(time.time, digits=0, interval=1)


def counts(request: HttpRequest) -> JsonResponse:
    with open(f"/proc/{os.getpid()}/statm") as statm:  # noqa: PTH123
        pages = int(statm.read().split()[1])
    return JsonResponse(
        {
            **COUNTS,
            "cpu": time.process_time(),
            "resident": pages * os.sysconf("SC_PAGE_SIZE"),
            "watched": max(dashboards(admin.site)["office"].board.watched.values(), default=0),
        }
    )


urlpatterns = [path("counts/", counts), path("admin/", admin.site.urls)]
sys.modules.setdefault("bench.servers.dashboards", sys.modules[__name__])
app = get_asgi_application()
