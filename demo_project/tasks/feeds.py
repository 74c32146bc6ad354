"""The same rows as HTML, once for htmx's SSE extension and once for Datastar."""

from demo_project.tasks.models import Task
from sse_django.feeds import ModelFeed


class HtmxTaskFeed(ModelFeed):
    model = Task
    fields = ["id", "title", "done"]
    template_name = "tasks/htmx_task.html"


class DatastarTaskFeed(ModelFeed):
    model = Task
    fields = ["id", "title", "done"]
    template_name = "tasks/datastar_task.html"
    datastar = "#tasks"
