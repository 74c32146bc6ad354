"""Faults on purpose: engines, servers and publishers are killed, and clients look whether anything is missed or comes twice.

`python -m faults --engine sqlite|postgres|mariadb|valkey|nats` from a checkout with the test tools (`make test` installs
them; MariaDB has to be on the machine); a short run of it is part of the tests.
"""
