"""Django's place for template tags."""
