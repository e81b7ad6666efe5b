"""How much one asker may ask: requests a second, and bytes a request."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earshot.serve.problems import Refused

_MOST_BUCKETS = 10_000


class TokenBuckets:
    """So many requests a second each, and a burst of more after a pause; in bounded memory.

    Of more than 10,000 askers those are forgotten who have been silent longest, and find a full bucket when
    they come again.

    Parameters
    ----------
    rate
        Requests a second, above 0.
    burst
        What a full bucket holds, at least 1.
    clock
        Seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, and when

    def take(self, asker: str) -> None:
        """Count a request of `asker`. Raises Refused (429, Retry-After in s) where it is one too many."""
        now = self._clock()
        left, since = self._buckets.pop(asker, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        self._buckets[asker] = left - allowed, now
        if len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = math.ceil((1 - left) / self._rate)
            raise Refused(
                429,
                "Too many requests",
                f"more than {self._rate:g} requests a second; wait {wait} s",
                {"Retry-After": str(wait)},
            )

    def __len__(self) -> int:
        return len(self._buckets)


def network_of(host: str) -> str:
    """An IPv4 address as it is, of an IPv6 one its /64: who has one of these has all of them."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return host


async def bounded(app: ASGIApp, scope: Scope, receive: Receive, send: Send, most: int) -> None:
    """Have `app` answer a request whose body has at most `most` bytes, counted while they are read.

    What says that it is longer is not read at all. Where a body of unknown length turns out to be, whatever
    `app` makes of it is not sent.

    Raises
    ------
    Refused
        413, where no answer had begun.
    """
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    too_long = Refused(413, "Body too large", f"wanted at most {most:,} bytes")
    if any(not length.isdigit() or int(length) > most for length in lengths):
        raise too_long
    read, begun = 0, False

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise too_long
        return message

    async def guarded(message: Message) -> None:
        nonlocal begun
        if read > most and not begun:
            return  # an app that caught `too_long` may say that the body is broken
        begun = True
        await send(message)

    try:
        await app(scope, counted, guarded)
    except Exception as error:
        if read <= most:
            raise
        if begun:
            raise RuntimeError("a body grew too long after its answer had begun") from error
    if read > most and not begun:
        raise too_long
