"""Settings of the live servers: the environment of each server says what is special about it.

SSE_TEST_DATABASE    `sqlite:///FILE` or `postgres://USER@HOST:PORT/NAME`
SSE_TEST_MIDDLEWARE  dotted names, comma-separated, put before the usual ones
SSE_TEST_SETTINGS    a JSON object laid over everything here; its INSTALLED_APPS are added to ours, and its
                     DATABASE_DEFAULT is merged into DATABASES["default"]
SSE_TEST_TRACE       the file in which the views write what became of them (tests/project/trace.py)
"""

import contextlib
import json
import os
from urllib.parse import urlsplit

# An empty module in a folder of each server's own: changing it is what makes a server reload. It is imported as early as
# this, since hypercorn watches what its main process has imported, which loads the application and no URLs.
with contextlib.suppress(ImportError):
    import reload_me  # noqa: F401

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEBUG = False
USE_TZ = True
USE_I18N = True
LANGUAGES = [("en", "English"), ("de", "German")]
STATIC_URL = "static/"
ROOT_URLCONF = "tests.project.urls"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "sse_django",
    "tests.app",
]

MIDDLEWARE = [
    *filter(None, os.environ.get("SSE_TEST_MIDDLEWARE", "").split(",")),
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


def database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path}
    if parts.scheme == "postgres":
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username,
            "HOST": parts.hostname,
            "PORT": parts.port,
            # So that pg_stat_activity tells this server's connections from another's.
            "OPTIONS": {"application_name": os.environ.get("SSE_TEST_NAME", "")},
        }
    raise ValueError(f"SSE_TEST_DATABASE={url!r}: expected sqlite:///FILE or postgres://USER@HOST:PORT/NAME")


DATABASES = {"default": database(os.environ["SSE_TEST_DATABASE"])}

for name, value in json.loads(os.environ.get("SSE_TEST_SETTINGS", "{}")).items():
    if name == "DATABASE_DEFAULT":
        DATABASES["default"]["OPTIONS"] = {
            **DATABASES["default"].get("OPTIONS", {}),  # type: ignore[dict-item]
            **value.pop("OPTIONS", {}),
        }
        DATABASES["default"].update(value)
    elif name == "INSTALLED_APPS":
        INSTALLED_APPS += value
    else:
        globals()[name] = value
