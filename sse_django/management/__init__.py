"""The commands `sse_publish`, `sse_listen`, `sse_prune` and `sse_rotate_epoch`."""
