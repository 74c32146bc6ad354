"""One run: an engine, servers, publishers and clients are started, chaos reigns, all is killed, and a verdict is given."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from faults.chaos import Chaos, Fault
from faults.client import Client, Record
from faults.engines import Engine, make
from faults.ledger import COMMITTED, Event, Fate, read
from faults.plan import Plan
from faults.process import ROOT, Process
from faults.verdict import Verdict, judge, lacking, wanted
from tests.live.servers import free_port
from tests.live.waiting import until

#: Seconds that a publisher has to end by itself: more than its longest wait for an engine.
LAST_WORDS = 15.0
#: Seconds for all to be under way.
START = 60.0
#: Seconds within which clients start, while publishers publish.
ARRIVAL = 2.0


#: An event's data, however it is wrapped in what an engine keeps.
DATA = re.compile(r"p\W+(\d+)\W+n\W+(\d+)")


@dataclass(slots=True)
class Report:
    """What came of a run; `printed` is what the processes said."""

    plan: Plan
    verdict: Verdict
    faults: Sequence[Fault]
    connections: int
    silence: float
    settled: float
    printed: str

    def __str__(self) -> str:
        kinds = Counter(" ".join(fault.what.split()[:2]) for fault in self.faults)
        done = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items()))
        clients = f"{self.plan.clients}, {self.connections} connections; longest silence {self.silence:.1f} s"
        settled = f"{self.settled:.1f} s after the last publish"
        return f"faults    {done}\nclients   {clients}; all had all, or were given up, {settled}\n{self.verdict}"


class Site:
    """The processes of a run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.engine: Engine = make(plan.engine, folder, lossy=plan.lossy)
        self.ports = [free_port() for _ in range(plan.servers)]
        self.servers: list[Process] = []
        self.publishers: list[Process] = []

    def start(self) -> None:
        """Engine and servers; publishers are made, and started by whoever wants them."""
        self.engine.start()
        env = self.engine.env
        migrate = [sys.executable, "-m", "django", "migrate", "--verbosity=0"]
        done = subprocess.run(migrate, cwd=ROOT, env=env, capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stderr
        self.engine.keep()
        for index, port in enumerate(self.ports):
            command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", port, "--lifespan", "off"]
            # Every other one with our own application, in which streams call `send` themselves.
            application = "direct" if index % 2 else "application"
            command += ["--log-level", "warning", "--no-access-log", f"faults.project:{application}"]
            self.servers.append(Process(command, self.folder / f"server{index}.log", env))
        for index in range(self.plan.publishers):
            command = [sys.executable, "-m", "faults.publisher", index, self.ledger(index), self.plan.seed]
            self.publishers.append(Process(command, self.folder / f"publisher{index}.log", env))
        for server in self.servers:
            server.start()
        for index in range(len(self.servers)):
            self.ready(index)

    def ready(self, index: int) -> None:
        """Wait until a server answers."""
        until(lambda: self._answers(index), 30, f"server {index} answers")

    def _answers(self, index: int) -> bool:
        assert self.servers[index].running, self.servers[index].printed()
        with closing(HTTPConnection("127.0.0.1", self.ports[index], timeout=5)) as connection:
            try:
                connection.request("GET", "/up/")
                return connection.getresponse().read() == b"up"
            except (OSError, HTTPException):
                return False

    def ledger(self, publisher: int) -> Path:
        return self.folder / f"ledger{publisher}"

    def fates(self) -> dict[Event, Fate]:
        return dict(pair for index in range(self.plan.publishers) for pair in read(self.ledger(index), index))

    def published(self) -> bool:
        """Whether every publisher has begun."""
        return {event.p for event in self.fates()} == set(range(self.plan.publishers))

    def lost(self, fates: dict[Event, Fate]) -> set[Event]:
        """Events that were confirmed, and that the engine doesn't have."""
        found = (DATA.search(text) for text in self.engine.contents())
        there = {Event(int(match[1]), int(match[2])) for match in found if match is not None}
        return {event for event, fate in fates.items() if fate.status == COMMITTED} - there

    def end_publishers(self) -> None:
        for publisher in self.publishers:
            publisher.end(LAST_WORDS)

    def stop(self) -> None:
        """Kill all that is left."""
        for process in [*self.publishers, *self.servers]:
            process.kill()
        self.engine.stop()

    def printed(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name} ---\n{log.read_text(errors='replace')}" for log in logs)


@contextlib.asynccontextmanager
async def _site(plan: Plan) -> AsyncIterator[Site]:
    folder = Path(tempfile.mkdtemp(prefix="sse-faults-", dir="/tmp"))
    site = Site(plan, folder)
    starting = asyncio.create_task(asyncio.to_thread(site.start))
    try:
        await asyncio.shield(starting)
        yield site
    finally:
        await asyncio.wait([starting])  # a thread can't be stopped; its waits have limits
        site.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def run(plan: Plan) -> Report:
    """Do it. Cancelled, it kills its processes too."""
    async with _site(plan) as site, asyncio.TaskGroup() as group:
        clients = [_client(plan, site, number) for number in range(plan.clients)]
        for publisher in site.publishers:
            publisher.start()
        reading = [group.create_task(_arrive(client, plan)) for client in clients]
        await _under_way(site, clients)
        chaos = Chaos(site.engine, site.servers, site.publishers, site.ready, plan.seed)
        await chaos.run(plan.seconds)
        await asyncio.to_thread(site.end_publishers)
        fates = site.fates()
        lost = await asyncio.to_thread(site.lost, fates)
        settled = await _settle(plan, clients, fates, lost)
        for task in reading:
            task.cancel()
        printed = site.printed()
    records = [client.record for client in clients]
    verdict = judge(records, fates, lost=lost, lossy=plan.lossy)
    verdict.other += _broken(records, chaos.done, site.ports)
    return Report(
        plan,
        verdict,
        chaos.done,
        sum(record.connections for record in records),
        max(record.silence for record in records),
        settled,
        printed,
    )


def _client(plan: Plan, site: Site, number: int) -> Client:
    publisher = number % plan.publishers
    path = f"/naive/{publisher}/" if plan.naive == "reader" else f"/events/{publisher}/"
    return Client(Record(number, publisher), path, site.ports, plan.seed, forgetful=plan.naive == "clients")


async def _arrive(client: Client, plan: Plan) -> None:
    await asyncio.sleep(ARRIVAL * client.record.client / plan.clients)
    await client.run()


async def _under_way(site: Site, clients: Sequence[Client]) -> None:
    """Faults begin when all publishers publish and all clients have a cursor, however slow the machine is."""
    end = time.monotonic() + START
    while any(client.record.since is None for client in clients) or not site.published():
        if time.monotonic() > end:
            raise TimeoutError(f"not all publish and read within {START} s\n{site.printed()}")
        await asyncio.sleep(0.1)


async def _settle(plan: Plan, clients: Sequence[Client], fates: dict[Event, Fate], lost: set[Event]) -> float:
    """Let connections live, until all clients have all there is or the time is up; how many seconds that took."""
    began = time.monotonic()
    limit = plan.settle if plan.naive is None else 1.0
    missing = [(client.record, wanted(client.record, fates, lost)) for client in clients]
    for client in clients:
        client.settling = True
    while missing and time.monotonic() < began + limit:
        left = ((record, lacking(record, due, fates, lossy=plan.lossy)) for record, due in missing)
        missing = [(record, due) for record, due in left if due]
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def _broken(records: Sequence[Record], faults: Sequence[Fault], ports: Sequence[int]) -> list[str]:
    """Connections that ended though nobody ended them: an engine that is down costs a delay, no connection."""
    down = {port: [f for f in faults if f.what == f"kill server {index}"] for index, port in enumerate(ports)}
    found = []
    for record in records:
        for at, port in record.ends:
            if not any(fault.began <= at <= fault.over for fault in down[port]):
                found.append(f"client {record.client}: its connection was ended by a server that was up, at {at:.3f}")
        if record.refused:
            found.append(f"client {record.client} was refused with {record.refused}")
    return found
