"""A shared list of tasks, twice: a feed that htmx's and Datastar's own clients follow, with no script of ours."""
