"""For an ASGI server: `uvicorn demo_project.asgi:application`. Under DEBUG it serves the static files too."""

import os

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from sse_django.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")

application = get_asgi_application()
if settings.DEBUG:
    # runserver does this by itself; another server has to be told.
    application = ASGIStaticFilesHandler(application)
