"""The Django project that the live servers run."""
