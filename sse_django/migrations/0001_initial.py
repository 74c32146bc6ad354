from typing import Any

from django.db import migrations, models

from sse_django.backends.cursor import new_epoch


def name_the_log(apps: Any, schema_editor: Any) -> None:
    """The row is made at its first use where it is missing; made here, that use takes no lock."""
    head = apps.get_model("sse_django", "LogHead")
    head.objects.using(schema_editor.connection.alias).get_or_create(id=1, defaults={"epoch": new_epoch()})


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LogEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(null=True, unique=True)),
                ("tag", models.CharField(max_length=16)),
                ("channels", models.TextField()),
                ("event", models.TextField(null=True)),
                ("data", models.TextField(null=True)),
                ("key", models.CharField(max_length=64, null=True, unique=True)),
                ("retry", models.BigIntegerField(null=True)),
                ("comment", models.TextField(null=True)),
                ("created", models.DateTimeField()),
            ],
            options={"verbose_name": "event"},
        ),
        migrations.CreateModel(
            name="LogHead",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("epoch", models.CharField(max_length=32)),
                ("seq", models.BigIntegerField(default=0)),
                ("tag", models.CharField(default="", max_length=16)),
                ("floor", models.BigIntegerField(default=0)),
                ("floor_tag", models.CharField(default="", max_length=16)),
            ],
            options={"verbose_name": "state of the log"},
        ),
        migrations.RunPython(name_the_log, migrations.RunPython.noop, elidable=False),
    ]
