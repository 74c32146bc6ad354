"""System checks of feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ALL: Sequence[Any] = ()
