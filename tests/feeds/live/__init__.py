"""A site for live tests of feeds: one feed, a process that moves its rows about."""
