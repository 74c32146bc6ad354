"""The Django app."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "demo_project.tasks"
