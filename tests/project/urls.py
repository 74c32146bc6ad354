"""Every view of tests/project/views.py, under its own name, and those of the modules that have their own patterns."""

from django.conf import settings
from django.urls import include, path

from tests.project import channel, shapes, views

urlpatterns = [
    path("ping/", views.ping),
    path("sync-ping/", views.sync_ping),
    path("db-ping/", views.db_ping),
    path("forget/", views.forget),
    path("page/", views.page),
    path("progress/", views.progress_of),
    path("threads/", views.threads),
    path("handed-out/", views.handed_out),
    path("idle/", views.idle),
    path("silent/", views.silent),
    path("busy/", views.busy),
    path("greedy/", views.greedy),
    path("trickle/", views.trickle),
    path("more/", views.more),
    path("sync-idle/", views.sync_idle),
    path("sync-greedy/", views.sync_greedy),
    path("sync-sleeper/", views.sync_sleeper),
    path("quiet/", views.quiet),
    path("sync-quiet/", views.sync_quiet),
    path("lingering/", views.lingering),
    path("late/", views.late),
    path("db-idle/", views.db_idle),
    path("db-keeper/", views.db_keeper),
    path("db-bursts/", views.db_bursts),
    path("sync-db-sleeper/", views.sync_db_sleeper),
    path("sync-db-waiter/", views.sync_db_waiter),
    path("sync-db-keeper/", views.sync_db_keeper),
    path("rows/", views.rows),
    path("sync-rows/", views.sync_rows),
    path("atomic/", views.atomic),
    path("async-atomic/", views.async_atomic),
    path("session/", views.session),
    path("session-by-hand/", views.session_by_hand),
    path("user/", views.user),
    path("language/", views.language),
    path("sync-language/", views.sync_language),
    path("write/", views.write),
    path("sync-write/", views.sync_write),
    *channel.urlpatterns,
    *shapes.urlpatterns,
]

if "debug_toolbar" in settings.INSTALLED_APPS:
    urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))
