"""One file a server: an ASGI `app` that streams what its `publish(channel, events)` is told to, called in a thread."""
