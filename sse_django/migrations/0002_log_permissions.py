from django.db import migrations


class Migration(migrations.Migration):
    """Nobody adds, changes or deletes an event in the admin, so there are no permissions to. Those made before stay, unused."""

    dependencies = [("sse_django", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="logevent", options={"default_permissions": ("view",), "verbose_name": "event"}
        ),
        migrations.AlterModelOptions(
            name="loghead", options={"default_permissions": ("view",), "verbose_name": "state of the log"}
        ),
    ]
