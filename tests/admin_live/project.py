"""Settings of the live servers. The environment says which:

SSE_TEST_DATABASE  `sqlite:///FILE` or `postgres://USER@HOST:PORT/NAME`
SSE_TEST_REDIS     the address of a Valkey, whose log it is then
SSE_TEST_POOL      "1": requests share connections to PostgreSQL (Django's `pool`)
"""

import os
from urllib.parse import urlsplit

from django import VERSION

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.admin_live.urls"
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "tests.admin_live.orders"] + ["tests.admin_live.orders"]
LANGUAGES = [("en", "English"), ("de", "German"), ("he", "Hebrew")]
# As strict as the admin itself bears: no inline script, no inline style, nothing from elsewhere.
POLICY = {"default-src": ["'self'"], "img-src": ["'self'", "data:"]}
if VERSION >= (6, 0):
    SECURE_CSP = POLICY
    MIDDLEWARE = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *MIDDLEWARE]
else:
    MIDDLEWARE = ["tests.admin_live.policy.content_security_policy", *MIDDLEWARE]
MIDDLEWARE.insert(
    MIDDLEWARE.index("django.middleware.common.CommonMiddleware"), "django.middleware.locale.LocaleMiddleware"
)


def database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": parts.path,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
            },
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
        "OPTIONS": {"pool": os.environ.get("SSE_TEST_POOL") == "1"},
    }


DATABASES = {"default": database(os.environ["SSE_TEST_DATABASE"])}
if url := os.environ.get("SSE_TEST_REDIS"):
    SSE_DJANGO = {
        "BACKENDS": {"default": {"BACKEND": "sse_django.backends.redis.RedisBackend", "OPTIONS": {"url": url}}}
    }
