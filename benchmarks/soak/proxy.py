"""A TCP proxy on loopback that does to connections what networks do to them."""

import asyncio
import logging
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from enum import StrEnum
from typing import Any, Self

PATIENCE_SECONDS = 15.0
"""So long a cut in the middle waits for what it is to cut."""

logger = logging.getLogger("soak")

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Fault(StrEnum):
    """What goes wrong; it befalls all connections that are open."""

    CUT = "cut"
    """Both sides see the end (FIN)."""
    RESET = "reset"
    """Both sides see a reset (RST)."""
    TRUNCATE = "truncate"
    """Both sides see the end, some bytes into what the server sends next."""
    DELAY = "delay"
    """All bytes are held back for a while, and then go on."""
    STALL = "stall"
    """Half-open: nothing passes any more, and nobody is told. A later connection works."""
    REFUSE = "refuse"
    """The end, or a reset, and then nobody listens for a while."""


DECK = (
    *(Fault.CUT, Fault.RESET, Fault.TRUNCATE, Fault.DELAY) * 3,
    *(Fault.REFUSE, Fault.REFUSE, Fault.STALL),  # a stall takes as long as ten others
)
"""The faults are dealt from this, and when it is empty, shuffled anew."""


class Link:
    """One connection through the proxy.

    Attributes:
        stalled_at: When it was stalled; None if it was not.
        held_until: When the bytes that are held back may go on, by the loop's clock.
        budget: How many more of the server's bytes pass before it is cut; None: all.
        truncated: Whether that has happened.
        over: Set when it is closed.
    """

    def __init__(self, client: Stream, server: Stream, budget: int | None) -> None:
        self.stalled_at: float | None = None
        self.held_until = 0.0
        self.budget = budget
        self.truncated = False
        self.over = asyncio.Event()
        self._ended = False
        self._client, self._server = client, server

    async def run(self) -> None:
        """Forward both ways until one side ends; once stalled, until the client gives up."""
        up = asyncio.ensure_future(self._pump(self._client[0], self._server[1]))
        down = asyncio.ensure_future(self._pump(self._server[0], self._client[1], down=True))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        if self.stalled_at is not None:
            await asyncio.wait((up,))
        self.end(abruptly=False)
        up.cancel()
        down.cancel()
        await asyncio.wait((up, down))
        self.over.set()

    def end(self, *, abruptly: bool) -> None:
        """Close both sides, by RST or by FIN."""
        if self._ended:
            return
        self._ended = True
        for _, writer in (self._client, self._server):
            sock = writer.get_extra_info("socket")
            if abruptly and sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, down: bool = False
    ) -> None:
        clock = asyncio.get_running_loop().time
        with suppress(OSError):
            while data := await reader.read(65_536):
                await asyncio.sleep(max(0.0, self.held_until - clock()))
                if self.stalled_at is not None:
                    continue  # read all the same, to see the client give up
                if down and self.budget is not None:
                    self.budget -= len(data)
                    if self.budget < 0:
                        writer.write(data[: self.budget])
                        self.truncated = True
                        return
                writer.write(data)
                await writer.drain()


class Proxy:
    """Forwards to a server, in a thread of its own, and makes faults when told to.

    Args:
        name: What it is called in the log.
        host: Of the server.
        port: Of the server.
        interval: Seconds from the end of one fault to the next, in the mean.
        chance: Decides which, when, and how long.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        faults: How many there were of each kind.
        stalls: How long each stall lasted until the client gave up, seconds.
    """

    def __init__(
        self, name: str, host: str, port: int, interval: float, chance: random.Random
    ) -> None:
        self.port = 0
        self.faults: Counter[Fault] = Counter()
        self.stalls: list[float] = []
        self._name = name
        self._target = host, port
        self._interval = interval
        self._chance = chance
        self._links: set[Link] = set()
        self._linked = asyncio.Event()  # there is a link
        self._next_budget: int | None = None  # of the next connection
        self._truncated = asyncio.Event()
        self._torment: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self.calm()
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self) -> None:
        """Make faults from now on."""
        self._do(self._begin())

    def calm(self) -> None:
        """Make no more faults; a connection that is stalled remains so."""
        self._do(self._calm())

    def befall(self, fault: Fault) -> None:
        """Make one fault, at once, and come back when it is over."""
        self._do(self._befall(fault))

    def _do(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    # Connections

    async def _listen(self) -> None:
        while True:
            with suppress(OSError):  # the port is taken, for a moment
                self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
                self.port = self._listener.sockets[0].getsockname()[1]
                return
            await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget, self._next_budget = self._next_budget, None
        try:
            server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        link = Link((reader, writer), server, budget)
        self._links.add(link)
        self._linked.set()
        await link.run()
        self._links.discard(link)
        if not self._links:
            self._linked.clear()
        if link.truncated:
            self.faults[Fault.TRUNCATE] += 1
            self._truncated.set()
        if link.stalled_at is not None:
            self.stalls.append(self._loop.time() - link.stalled_at)

    async def _shut(self) -> None:
        self._listener.close()
        self._end_all(abruptly=True)
        await asyncio.gather(*(link.over.wait() for link in self._links))

    # Faults

    async def _begin(self) -> None:
        self._torment = self._loop.create_task(self._go_on())

    async def _calm(self) -> None:
        if self._torment is not None:
            self._torment.cancel()
            await asyncio.wait((self._torment,))
            self._torment = None
        self._disarm()

    async def _go_on(self) -> None:
        while True:
            for fault in self._chance.sample(DECK, len(DECK)):
                await self._moment()
                logger.debug("%s: %s of %d", self._name, fault, len(self._links))
                await self._befall(fault)
                logger.debug("%s: %s is over", self._name, fault)

    async def _moment(self) -> None:
        """Wait for a moment by chance that finds a connection; never lie in wait for one."""
        while True:
            await asyncio.sleep(self._chance.expovariate(1.0 / self._interval))
            if self._links:
                return
            await self._linked.wait()

    async def _befall(self, fault: Fault) -> None:
        """Make a fault; come back when it is over."""
        if fault is Fault.TRUNCATE:
            await self._truncate()
            return
        self.faults[fault] += 1
        if fault is Fault.DELAY:
            seconds = self._chance.uniform(0.1, 3.0)
            for link in self._links:
                link.held_until = self._loop.time() + seconds
            await asyncio.sleep(seconds)
        elif fault is Fault.STALL:
            for link in self._links:
                link.stalled_at = self._loop.time()
            await asyncio.gather(*(link.over.wait() for link in self._links))
        elif fault is Fault.REFUSE:
            self._listener.close()
            self._end_all(abruptly=self._chance.random() < 0.5)
            try:
                await asyncio.sleep(self._chance.uniform(1.0, 6.0))
            finally:
                await asyncio.shield(self._listen())
        else:
            self._end_all(abruptly=fault is Fault.RESET)

    async def _truncate(self) -> None:
        """Cut in the middle of what the server sends next, or of the next connection.

        After one byte or after a long event, each order of magnitude as likely as the other, so
        that handshakes, heads, lists and events are all cut.
        """
        budget = int(10 ** self._chance.uniform(0.0, 4.5))
        self._truncated.clear()
        if self._chance.random() < 0.5:
            for link in self._links:
                link.budget = budget
        else:
            self._next_budget = budget
            self._end_all(abruptly=self._chance.random() < 0.5)
        with suppress(TimeoutError):  # nothing was sent
            await asyncio.wait_for(self._truncated.wait(), PATIENCE_SECONDS)
        self._disarm()

    def _disarm(self) -> None:
        self._next_budget = None
        for link in self._links:
            link.budget = None

    def _end_all(self, *, abruptly: bool) -> None:
        for link in self._links:
            link.end(abruptly=abruptly)
