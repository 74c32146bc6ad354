"""Settings of the live tests of dashboards: those of the live tests, with an admin and a strict content security policy."""

import django

from tests.project.settings import *  # noqa: F403
from tests.project.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

ROOT_URLCONF = "tests.admin_dashboard.sample.urls"
INSTALLED_APPS = ["django.contrib.admin", *INSTALLED_APPS, "tests.admin_dashboard.sample"]
MIDDLEWARE = [*MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
POLICY = {"default-src": ["'self'"]}
if django.VERSION >= (6, 0):
    MIDDLEWARE.insert(0, "django.middleware.csp.ContentSecurityPolicyMiddleware")
    SECURE_CSP = POLICY
else:
    MIDDLEWARE.insert(0, "tests.admin_dashboard.sample.policy.strict")
TEMPLATES = [
    {
        **TEMPLATES[0],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
TIME_ZONE = "Asia/Tokyo"
