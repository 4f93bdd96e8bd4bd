"""Days of a hub as its metrics tell them: noise, jobs, steps, daily cycles; and in some of them something runs out.

Four kinds: memory that a leak fills, a battery that an outage empties, a disk that a log fills, a fan that stops. The
quiet days are made to tempt: jobs that take much memory quickly and give it back, collectors that let it grow and fall,
backups, reboots, short outages, an hour of full load. No quiet day reaches the limit. From the beginning of an
exhaustion on no further job begins: what a job takes at once, on top of a leak, nothing can know a minute before.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

EVERY = 5.0
"""Seconds between two readings, as hubs send them."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
QUIETEST = 4 * MINUTE
"""The fastest exhaustion, from its beginning; the slowest takes half a day."""

Shape = list[float]


@dataclass(frozen=True)
class Trace:
    """Readings at even times.

    Args:
        kind: one of `KINDS`.
        values: the readings, `EVERY` seconds apart; after an exhaustion there are none.
        limit: the value at which it is exhausted.
        exhausted: seconds from the first reading to the exhaustion; ``None`` on a quiet day.
    """

    kind: str
    values: Shape
    limit: float
    exhausted: float | None


def quiet(kind: str, seed: int) -> Trace:
    """Returns a day on which nothing is exhausted."""
    chance = random.Random(f"{kind} quiet {seed}")
    made = KINDS[kind]
    count = int(DAY / EVERY)
    values = made.day(chance, count, count)
    return Trace(kind, [made.seen(chance, value) for value in _kept_off(values, made)], made.limit, None)


def exhaustion(kind: str, seed: int, number: int) -> Trace:
    """Returns an ordinary hour or more, and then what exhausts the hub, until it has."""
    chance = random.Random(f"{kind} exhaustion {seed} {number}")
    made = KINDS[kind]
    before = int(chance.uniform(1, 3) * HOUR / EVERY)
    lasts = math.exp(chance.uniform(math.log(QUIETEST), math.log(12 * HOUR)))
    values = _kept_off(made.day(chance, before + int(2 * lasts / EVERY), before), made)
    made.exhaust(chance, values, before, lasts)
    end = next(n for n in range(before, len(values)) if (values[n] - made.limit) * made.sign >= 0)
    seen = [made.seen(chance, value) for value in values[:end]]
    return Trace(kind, seen, made.limit, end * EVERY)


@dataclass(frozen=True)
class Kind:
    """What a kind of trace is made of.

    Args:
        limit: at which it is exhausted.
        sign: 1 where large values exhaust, -1 where small ones do.
        nearest: the nearest to the limit that a quiet day comes.
        day: makes so many readings of an ordinary time; from an index on no job begins.
        exhaust: puts an exhaustion into them, from an index on, that takes about so many seconds.
        seen: what a reading is told as.
    """

    limit: float
    sign: int
    nearest: float
    day: Callable[[random.Random, int, int], Shape]
    exhaust: Callable[[random.Random, Shape, int, float], None]
    seen: Callable[[random.Random, float], float]


def _kept_off(values: Shape, made: Kind) -> Shape:
    """Draws values beyond what a quiet day reaches softly back, so that no flat ceiling gives them away."""
    soft = 4.0
    kept = []
    for value in values:
        beyond = (value - made.nearest) * made.sign + soft
        kept.append(value if beyond <= 0 else value - made.sign * (beyond - soft * (1 - math.exp(-beyond / soft))))
    return kept


# Parts of a day -------------------------------------------------------------------------------------------------------


def _wandering(chance: random.Random, count: int, deviation: float, memory: float) -> Shape:
    """Noise that forgets itself within ``memory`` seconds."""
    stays, value, shape = math.exp(-EVERY / memory), 0.0, []
    fresh = deviation * math.sqrt(1 - stays**2)
    for _ in range(count):
        value = stays * value + chance.gauss(0, fresh)
        shape.append(value)
    return shape


def _daily(chance: random.Random, count: int, height: float) -> Shape:
    begin = chance.random()
    return [height * math.sin(2 * math.pi * (number * EVERY / DAY + begin)) for number in range(count)]


def _added(*shapes: Shape) -> Shape:
    return [sum(each) for each in zip(*shapes, strict=True)]


def _some(chance: random.Random, count: int, a_day: float) -> list[int]:
    """Indices of what happens so often a day, at any time."""
    times, at = [], chance.expovariate(a_day / DAY)
    while at < count * EVERY:
        times.append(int(at / EVERY))
        at += chance.expovariate(a_day / DAY)
    return times


def _blocks(
    chance: random.Random,
    count: int,
    a_day: float,
    *,
    until: int,
    height: tuple[float, float],
    rise: tuple[float, float],
    lasts: tuple[float, float],
) -> Shape:
    """Jobs: each rises within seconds to its height, stays, and is gone at once."""
    shape = [0.0] * count
    for begin in _some(chance, until, a_day):
        high, rising = chance.uniform(*height), chance.uniform(*rise)
        whole = rising + math.exp(chance.uniform(math.log(lasts[0]), math.log(lasts[1])))
        for number in range(begin, min(count, begin + int(whole / EVERY))):
            shape[number] += high * min(1.0, (number - begin + 1) * EVERY / rising)
    return shape


# Kinds ----------------------------------------------------------------------------------------------------------------


def _memory_day(chance: random.Random, count: int, until: int) -> Shape:
    shape = _added(
        [chance.uniform(30, 65)] * count,
        _daily(chance, count, chance.uniform(0, 6)),
        _wandering(chance, count, chance.uniform(0.1, 1.0), chance.uniform(20, 300)),
        _blocks(chance, count, chance.uniform(4, 20), until=until, height=(3, 25), rise=(5, 60), lasts=(MINUTE, HOUR)),
    )
    if chance.random() < 0.5:  # a collector lets it grow for minutes, and then it falls
        period, high = int(chance.uniform(5, 30) * MINUTE / EVERY), chance.uniform(2, 8)
        shape = [value + high * (number % period) / period for number, value in enumerate(shape)]
    for begin in _some(chance, count, 0.5):  # a reboot
        for number in range(begin, min(count, begin + int(3 * MINUTE / EVERY))):
            shape[number] = 12 + (shape[number] - 12) * (number - begin) * EVERY / (3 * MINUTE)
    return shape


def _leak(chance: random.Random, values: Shape, begin: int, lasts: float) -> None:
    gap, bend = 100 - values[begin], chance.uniform(1, 1.4)
    for number in range(begin, len(values)):
        values[number] += gap * ((number - begin) * EVERY / lasts) ** bend


def _battery_day(chance: random.Random, count: int, until: int) -> Shape:
    """Full, but for a few short outages, after which it is charged slowly."""
    value, shape, outage = 100.0, [], 0
    begins = set(_some(chance, until, 3))
    drain = 0.0
    for number in range(count):
        if number in begins:
            outage = int(chance.uniform(0.3, 12) * MINUTE / EVERY)
            drain = chance.uniform(5, 45) / max(outage, int(3 * MINUTE / EVERY))
        value = max(30.0, value - drain) if outage else min(100.0, value + 20 * EVERY / HOUR)
        outage = max(0, outage - 1)
        shape.append(value)
    return shape


def _outage(chance: random.Random, values: Shape, begin: int, lasts: float) -> None:
    """Until it is empty: faster at the end, as lead is, and with another load from some moment on."""
    value, charge = values[begin], 0.0
    other, changes = chance.uniform(0.6, 1.6), chance.uniform(0.2, 0.8)
    for number in range(begin, len(values)):
        charge += EVERY / lasts * (other if charge > changes else 1.0)
        values[number] = value * (1 - charge ** chance.uniform(1.28, 1.3))


def _disk_day(chance: random.Random, count: int, until: int) -> Shape:
    shape = _added(
        [chance.uniform(40, 75)] * count,
        _wandering(chance, count, chance.uniform(0.01, 0.1), 600),
        _blocks(  # backups, downloads
            chance, count, 3, until=until, height=(1, 12), rise=(2 * MINUTE, 40 * MINUTE), lasts=(10 * MINUTE, 8 * HOUR)
        ),
    )
    slow = chance.uniform(0, 4) / (DAY / EVERY)
    return [value + slow * number for number, value in enumerate(shape)]


def _temperature_day(chance: random.Random, count: int, until: int) -> Shape:
    load = _blocks(
        chance, count, chance.uniform(4, 20), until=until, height=(3, 22), rise=(5, 20), lasts=(MINUTE, 2 * HOUR)
    )
    return _added(
        [chance.uniform(38, 52)] * count,
        _daily(chance, count, chance.uniform(1, 5)),
        _wandering(chance, count, chance.uniform(0.2, 0.8), chance.uniform(10, 120)),
        _warming(load, chance.uniform(1, 6) * MINUTE),
    )


def _warming(heat: Shape, slowness: float) -> Shape:
    """What becomes of heat in a body: it follows within ``slowness`` seconds."""
    value, shape = 0.0, []
    for each in heat:
        value += (each - value) * EVERY / slowness
        shape.append(value)
    return shape


def _fan_stops(chance: random.Random, values: Shape, begin: int, lasts: float) -> None:
    """Towards a temperature beyond the limit; ``lasts`` is about the time until it is reached."""
    gap = 80 - min(values[begin:])
    beyond = gap * chance.uniform(1.15, 2.0)
    slowness = lasts / -math.log(1 - gap / beyond)
    for number in range(begin, len(values)):
        values[number] += beyond * (1 - math.exp(-(number - begin) * EVERY / slowness))


def _as_it_is(chance: random.Random, value: float) -> float:
    return round(value + chance.gauss(0, 0.1), 1)


def _whole(chance: random.Random, value: float) -> float:
    return float(min(100, max(0, round(value + chance.choice((-0.3, 0.0, 0.3))))))


def _halves(chance: random.Random, value: float) -> float:
    return round(2 * (value + chance.gauss(0, 0.3))) / 2


KINDS: Mapping[str, Kind] = {
    "memory": Kind(100, 1, 95, _memory_day, _leak, _as_it_is),
    "battery": Kind(0, -1, 20, _battery_day, _outage, _whole),
    "disk": Kind(100, 1, 95, _disk_day, _leak, lambda _, value: round(value, 1)),
    "temperature": Kind(80, 1, 76, _temperature_day, _fan_stops, _halves),
}
