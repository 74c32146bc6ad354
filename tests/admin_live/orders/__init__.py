"""An app with everything that a changelist can have. It has no migrations: `--run-syncdb` makes its tables."""
