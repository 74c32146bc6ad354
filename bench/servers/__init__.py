"""One file a server under test; each has an ASGI `app` that answers the paths of the workloads with `?n=` events."""
