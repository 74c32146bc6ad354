"""One file an example, as it would stand in a project; the only thing added is `slowly()`, the demo's pace."""
