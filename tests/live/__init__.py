"""Tests over real sockets, against real servers, databases and browsers."""
