"""What has to be done."""

from django.db import models


class Task(models.Model):
    title = models.CharField(max_length=80)
    done = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title
