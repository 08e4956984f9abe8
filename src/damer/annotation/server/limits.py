"""How much anybody may ask for: buckets that fill at a steady rate and are emptied by requests.

Counts are kept in memory, one set for each process: with several workers each allows as much.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from damer.annotation.server.problems import Problem

_MOST_BUCKETS = 20_000


@dataclass(frozen=True)
class Rate:
    """A bucket's size, and how fast it fills.

    Attributes:
        burst: how much it holds.
        per_s: how much comes back in a second.
    """

    burst: float
    per_s: float


@dataclass(frozen=True)
class Rates:
    """All limits.

    Attributes:
        entry_address: wrong tokens from one address (IPv6: one /64 network).
        entry_all: wrong tokens in all.
        requests: requests of one person.
        samples: samples and events of one person. A day's listening that waited for a network must pass at
            once: an hour at 60 a second is 216 000.
        sounds: downloads of sound by one person.
    """

    entry_address: Rate = Rate(20, 1 / 3)
    entry_all: Rate = Rate(500, 10)
    requests: Rate = Rate(1200, 40)
    samples: Rate = Rate(600_000, 500)
    sounds: Rate = Rate(60, 0.5)


class Buckets:
    """One bucket for each key; the ones that were used longest ago are forgotten when there are too many."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, amount: float = 1.0) -> float:
        """Take from a bucket; return 0, or the seconds to wait where it holds too little."""
        now = self._clock()
        burst, per_s = self._rate.burst, self._rate.per_s
        level, since = self._levels.get(key, (burst, now))
        level = min(burst, level + (now - since) * per_s)
        wait = (min(amount, burst) - level) / per_s
        self._levels[key] = (level if wait > 0 else level - amount, now)
        self._levels.move_to_end(key)
        if len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
        return max(0.0, wait)

    def wait(self, key: str) -> float:
        """Return the seconds until there is something in a bucket; 0 where there is."""
        level, since = self._levels.get(key, (self._rate.burst, self._clock()))
        return max(0.0, (1.0 - level) / self._rate.per_s - (self._clock() - since))


class Limits:
    """The limits of one process."""

    def __init__(self, rates: Rates | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        rates = rates or Rates()
        self._address = Buckets(rates.entry_address, clock)
        self._all = Buckets(rates.entry_all, clock)
        self._requests = Buckets(rates.requests, clock)
        self._samples = Buckets(rates.samples, clock)
        self._sounds = Buckets(rates.sounds, clock)

    def entry(self, address: str) -> None:
        """Let an attempt to enter pass; it counts only when the token was wrong.

        Raises:
            Problem: 429, too many wrong tokens from this address or in all.
        """
        wait = max(self._address.wait(network(address)), self._all.wait(""))
        if wait:
            raise Problem(429, "rate", "Too many wrong links; wait a little.", retry_after_s=wait)

    def wrong_token(self, address: str) -> None:
        """Count a wrong token."""
        self._address.take(network(address))
        self._all.take("")

    def request(self, who: str) -> None:
        """Let a request of a person pass.

        Raises:
            Problem: 429.
        """
        _pass(self._requests.take(who))

    def samples(self, who: str, count: int) -> None:
        """Let samples of a person pass.

        Raises:
            Problem: 429.
        """
        _pass(self._samples.take(who, count))

    def sound(self, who: str) -> None:
        """Let a person load a sound.

        Raises:
            Problem: 429.
        """
        _pass(self._sounds.take(who))


def network(address: str) -> str:
    """Return what stands for an address: itself, or for IPv6 its /64, all of which one person has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _pass(wait: float) -> None:
    if wait:
        raise Problem(429, "rate", "Too much at once; wait a little.", retry_after_s=wait)
