"""Tests of demo_project: what its streams send, and what its pages do in a browser."""
