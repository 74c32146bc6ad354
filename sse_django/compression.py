"""Gzip for a stream: every chunk can be read when it arrives, and the end is a proper one. Knows no Django."""

from __future__ import annotations

import zlib


class GzipStream:
    """One stream's compressor; its dictionary spans the chunks, so that events which resemble each other cost little."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)

    def __call__(self, chunk: bytes) -> bytes:
        """The compressed chunk, flushed."""
        return self._compressor.compress(chunk) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """What ends the gzip member."""
        return self._compressor.flush(zlib.Z_FINISH)
