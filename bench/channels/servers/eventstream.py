"""django-eventstream, in one process, without its storage."""

from __future__ import annotations

import django
from django.conf import settings

# fmt: off
settings.configure(
    DEBUG=False, SECRET_KEY="a benchmark has no secrets", ALLOWED_HOSTS=["*"], MIDDLEWARE=[], USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_eventstream"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", LOGGING_CONFIG=None, ROOT_URLCONF=__name__,
)
# fmt: on
django.setup()

import django_eventstream  # noqa: E402 - needs the settings above
from django.core.asgi import get_asgi_application  # noqa: E402
from django.urls import include, path  # noqa: E402

from bench.servers.tick import tick_now  # noqa: E402

app = get_asgi_application()


def publish(channel: str, events: int) -> None:
    for _ in range(events):
        django_eventstream.send_event(channel, "tick", tick_now().model_dump(mode="json"))


urlpatterns = [path("stream", include(django_eventstream.urls))]  # the channel is in the query
