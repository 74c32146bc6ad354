"""Settings of the demo: SQLite, DEBUG, no secrets worth keeping. Environment variables change it:

DEMO_DATABASE  the SQLite file; `demo.sqlite3` beside manage.py by default
DEMO_ENGINE    `sqlite`, or the address of a PostgreSQL or Valkey; by default what `make demo ENGINE=` has started
DEMO_PACE      seconds between two items of a stream, so that people see them arrive; 0.3 by default
"""

import os
from pathlib import Path

from demo_project import engine

BASE_DIR = Path(__file__).resolve().parent.parent

DEMO_PACE = float(os.environ.get("DEMO_PACE", "0.3"))

DEBUG = True
# The bakery signs anybody in by a click. Only a demo does that.
DEMO_SIGN_IN = True
SECRET_KEY = "the demo is on 127.0.0.1 and keeps nothing secret"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "sse_django",
    "demo_project.catalog",
    "demo_project.shop",
    "demo_project.tasks",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "demo_project.urls"
ASGI_APPLICATION = "demo_project.asgi.application"
WSGI_APPLICATION = "demo_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASE_FILE = Path(os.environ.get("DEMO_DATABASE", BASE_DIR / "demo.sqlite3"))
DEMO_ENGINE = engine.address(DATABASE_FILE)
DATABASES = {
    "default": engine.database_of(DEMO_ENGINE)
    or {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(DATABASE_FILE),
        "OPTIONS": {
            # Readers and the one writer don't wait for each other,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            # and a transaction that will write says so at its start, where waiting still helps.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,  # seconds
        },
    }
}
SSE_DJANGO = engine.channels_of(DEMO_ENGINE)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
