"""The lists that bench/channels/growth.py takes, and what it does where a peer is not there."""

import argparse
from pathlib import Path

import pytest

from bench.channels import nchan
from bench.channels.arguments import SERVERS, numbers, servers_here, some_of
from bench.channels.growth import Columns, show
from bench.channels.load import Load, Sweep

SWEEP = Sweep(clients=(1000, 100, 5000), channels=(1, 10), processes=(1, 2))


def test_one_number_is_varied_at_a_time_and_the_first_of_each_list_is_where_the_others_stay() -> None:
    assert SWEEP.along("clients") == [Load(100, 1, 1), Load(1000, 1, 1), Load(5000, 1, 1)]
    assert SWEEP.along("channels") == [Load(1000, 1, 1), Load(1000, 10, 1)]
    assert SWEEP.along("processes") == [Load(1000, 1, 1), Load(1000, 1, 2)]


def test_what_several_tables_show_is_measured_once() -> None:
    assert len(SWEEP.loads()) == 5
    assert SWEEP.alone().loads() == [Load(100), Load(1000), Load(5000), Load(1000, 10)]
    assert SWEEP.only("processes").loads() == [Load(1000), Load(1000, processes=2)]


def test_every_client_reads_and_every_channel_has_a_reader() -> None:
    assert Load(4, 2).path == "/stream?channel=c{i%2}"
    assert (Load(4, 2).busy, Load(4, 2).readers) == (2, 2)
    assert Load(2, 4).path == "/stream?channel=c{i+0}&channel=c{i+2}"
    assert (Load(2, 4).busy, Load(2, 4).readers) == (2, 1)


def test_a_table_is_shown_for_each_list_with_what_was_measured_at_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    columns: Columns = {
        "alone": dict.fromkeys(SWEEP.alone().loads(), "a"),
        "all": dict.fromkeys(SWEEP.loads(), "b"),
    }

    show("costs", SWEEP, columns)

    by_clients, by_channels, by_processes = capsys.readouterr().out.strip().split("\n\nBy ")
    assert by_clients.startswith("By clients (1 channel, 1 process): costs\n\n| clients | alone | all |\n")
    assert by_clients.endswith("| 100 | a | b |\n| 1,000 | a | b |\n| 5,000 | a | b |")
    assert by_channels.endswith("| 1 | a | b |\n| 10 | a | b |")
    assert by_processes.startswith("processes (1,000 clients, 1 channel): costs\n\n| processes | all |\n")


def test_lists_are_numbers_from_one_on_and_known_names() -> None:
    assert numbers("1000,100") == (1000, 100)
    for wrong in ("0", "1,x", ""):
        with pytest.raises(ValueError, match=r"expected|invalid"):
            numbers(wrong)
    with pytest.raises(argparse.ArgumentTypeError, match=r"apache: choose from ours, direct, raw_queue"):
        some_of(SERVERS)("ours,apache")


def test_nchan_is_left_out_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nchan, "nginx", lambda: "/usr/sbin/nginx")
    monkeypatch.setattr(nchan, "MODULE", Path("/nowhere/nchan.so"))

    assert "nchan" not in servers_here()
    assert "nchan is left out: there is no /nowhere/nchan.so: apt install libnginx-mod-nchan" in capsys.readouterr().err
