"""For uvicorn, granian, hypercorn, daphne and gunicorn's ASGI worker."""

import os

from django.core.asgi import get_asgi_application

import sse_django.asgi

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.project.settings")

application = get_asgi_application()
direct = sse_django.asgi.get_asgi_application()
