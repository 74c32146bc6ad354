"""For uvicorn, granian, hypercorn, daphne and gunicorn's ASGI worker."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.project.settings")

application = get_asgi_application()
