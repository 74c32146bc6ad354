"""A site that shows every way to stream, one page each. `make demo` starts it."""
