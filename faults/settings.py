"""Settings of the servers and publishers; FAULTS_CONFIG, a JSON object, has what the engine needs."""

import json
import os

SECRET_KEY = "only for faults"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "faults.project"
INSTALLED_APPS = ["sse_django"]
MIDDLEWARE: list[str] = []
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"timed": {"format": "%(asctime)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "timed"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

globals().update(json.loads(os.environ["FAULTS_CONFIG"]))

if any(database["ENGINE"] == "django.db.backends.mysql" for database in globals()["DATABASES"].values()):
    import pymysql

    pymysql.install_as_MySQLdb()
