"""A simulated week: four hubs, thirty functions, days of heat, a UPS on battery, a hub that flaps, retained messages."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from simulated_house import DAY, HOUR, MINUTE, House

from coordinator import intents
from coordinator.placement.resuming import Wish
from coordinator.rules.actions import MOVES

UPS = "nut2mqtt/hosts/{}/ups/ups/status"
RULES = """
[hot]
when = "hub.temperature > 72"
for = "1m"
clear = "hub.temperature < 66"
do = "migrate"
which = "most cpu"
cooldown = "3m"
[busy]
when = 'avg(hub.cpu, "5m") > 80'
clear = 'avg(hub.cpu, "5m") < 60'
do = ["checkpoint", "migrate"]
which = "most cpu"
[memory-ahead]
hubs = ["nas", "attic"]
when = 'forecast(hub.memory, "10m") > 92'
for = "1m"
do = "migrate"
which = "lowest priority"
[on-battery]
topic = "nut2mqtt/hosts/{host}/ups/ups/status"
when = 'payload.contains("OB")'
for = "2m"
do = "suspend"
which = "label:batch"
hubs = ["nas", "desk"]
resume = 'payload.contains("OL")'
[low-battery]
when = "hub.reserve < 40"
do = "migrate"
which = "all"
[power]
topic = "tele/{plug}/SENSOR"
when = "payload.ENERGY.Power > 2000"
for = "2m"
[surge]
topic = "evcc/site/gridPower"
when = "payload > 50000"
[meter-silent]
topic = "evcc/site/gridPower"
silent = "10m"
"""
EVERY = 60.0
PATIENCE = 5 * MINUTE
"""Within this time a function whose condition holds goes on; resumption looks each minute here."""


class Week:
    """What happens in the house, and what must be so all the time.

    Args:
        house: where it happens.
        seed: of what happens by chance.
    """

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.chance = house, random.Random(seed)
        self.outages = [(2.4 * DAY, 6 * MINUTE), (4.1 * DAY, 2.2 * HOUR), (5.6 * DAY, 40 * MINUTE)]
        self.flaps = self._flaps()
        self.away_since: dict[str, float] = {}
        self.was_away: dict[str, float] = {}
        self.below_60: dict[str, float] = {}
        self.wishes: dict[str, Wish] = {}
        self.ripe: dict[str, float] = {}
        self.overdue: list[str] = []
        self.told_retained = 0
        self.waits: Counter[str] = Counter()

    def _flaps(self) -> list[tuple[float, float]]:
        """Of porch, on the third afternoon: away for seconds, or for minutes."""
        at, found = 3 * DAY + 14 * HOUR, []
        while at < 3 * DAY + 19 * HOUR:
            found.append((at, self.chance.choice((70.0, 150.0, 600.0))))
            at += self.chance.uniform(8, 30) * MINUTE
        return found

    async def lives(self, until: float) -> None:
        house = self.house
        while house.at < until:
            self._weather()
            await self._power()
            await self._flapping()
            self._devices()
            await self._people()
            await house.tick()
            await self._failover()
            self._holds()

    # What happens ---------------------------------------------------------------------------------------------------

    def _weather(self) -> None:
        day, hour = divmod(self.house.at / DAY, 1)
        heat = 16 if day in (1, 2, 4) else 0
        self.house.outside = 21 + heat - 9 * abs(hour - 0.6) * 2

    async def _power(self) -> None:
        house = self.house
        out = any(begin <= house.at < begin + lasts for begin, lasts in self.outages)
        for machine in house.machines.values():
            if machine.on_ups:
                machine.mains = not out
        for host in ("nas", "desk"):
            house.say(UPS.format(host), "OB DISCHRG" if out else "OL CHRG")

    async def _flapping(self) -> None:
        house = self.house
        away = any(begin <= house.at < begin + lasts for begin, lasts in self.flaps)
        porch = house.machines["porch"]
        if away and porch.online:
            await house.goes("porch")
            self.away_since["porch"] = house.at
        elif not away and not porch.online:
            await house.comes("porch")
            self.was_away["porch"] = house.at
            del self.away_since["porch"]

    def _devices(self) -> None:
        house, chance = self.house, self.chance
        power = 2400 if house.at % DAY < HOUR else chance.uniform(0, 400)
        house.say("tele/washer/SENSOR", f'{{"ENERGY":{{"Power":{power:.0f}}}}}')
        house.say("tele/odd/SENSOR", chance.choice(('{"ENERGY":null}', "", "nan", '{"ENERGY":{"Power":"12,5"}}', "{")))
        if not 5.2 * DAY < house.at < 5.3 * DAY:
            house.say("evcc/site/gridPower", f"{chance.uniform(-4000, 4000):.0f}")
        if chance.random() < EVERY / (2 * HOUR):  # our own connection was lost, and the broker tells what it had kept
            house.facts.deaf()
            house.say(UPS.format("nas"), chance.choice(("OB LB", "OL")), retain=True)
            house.say("tele/washer/SENSOR", '{"ENERGY":{"Power":99999}}', retain=True)
            house.say("evcc/site/gridPower", "99999", retain=True)
            self.told_retained += 3

    async def _people(self) -> None:
        """Somebody suspends a function now and then, until something."""
        house, chance = self.house, self.chance
        running = [name for name in house.where if name not in house.suspended]
        if chance.random() > EVERY / (40 * MINUTE) or not running:
            return
        before_it_flaps = 3 * DAY + 10 * HOUR < house.at < 3 * DAY + 17 * HOUR
        sayings = ("porch is back",) if before_it_flaps else ("after 2h", "hub.cpu < 60 for 2m", "there is room")
        name, until = chance.choice(running), chance.choice(sayings)
        wish = Wish(text=until, since=house.wall())
        if await house.wants(intents.Suspend(by="request", why="a person", instance=name, until=until)):
            self.wishes[name] = wish
            self.waits[until] += 1

    async def _failover(self) -> None:
        """What runs on a hub that is away goes on elsewhere after two minutes."""
        house = self.house
        for hub, since in self.away_since.items():
            if house.at - since >= 2 * MINUTE:
                for name in [
                    name for name, where in house.where.items() if where == hub and name not in house.suspended
                ]:
                    await house.wants(intents.Migrate(by="failover", why=f"{hub} is away", instance=name))

    # What must be so ------------------------------------------------------------------------------------------------

    def _holds(self) -> None:
        self._nothing_is_promised_twice()
        self._who_may_go_on_does()

    def _nothing_is_promised_twice(self) -> None:
        house = self.house
        for machine in house.machines.values():
            here = [house.loads[name].settings.needs for name in self._running_on(machine.name)]
            memory = machine.own_memory + sum(needs.memory for needs in here)
            assert memory <= machine.memory, f"{machine.name} owes {memory} bytes at {house.at}"
            assert sum(needs.cpu for needs in here) <= machine.cores

    def _who_may_go_on_does(self) -> None:
        house = self.house
        for machine in house.machines.values():
            if machine.online and machine.cpu < 60:
                self.below_60.setdefault(machine.name, house.at)
            else:
                self.below_60.pop(machine.name, None)
        for name, since in house.suspended.items():
            if self._may_go_on(name, since) and self._fits_somewhere(name):
                self.ripe.setdefault(name, house.at)
                if house.at - self.ripe[name] > PATIENCE:
                    self.overdue.append(f"{name}, suspended at {since}, could go on at {self.ripe[name]}")
                    self.ripe[name] = house.at
            else:
                self.ripe.pop(name, None)
        for name in [name for name in self.ripe if name not in house.suspended]:
            del self.ripe[name]
        for name in [name for name in self.wishes if name not in house.suspended]:
            del self.wishes[name]

    def _may_go_on(self, name: str, since: float) -> bool:
        house, wish = self.house, self.wishes.get(name)
        if wish is None:  # a rule has suspended it: on-battery
            return all(machine.mains for machine in house.machines.values())
        match wish.text:
            case "after 2h":
                return house.at >= since + 2 * HOUR
            case "porch is back":
                return house.machines["porch"].online and self.was_away.get("porch", 0.0) > since
            case "there is room":
                return True
        return house.at - self.below_60.get(house.where[name], house.at) > 2 * MINUTE + 2 * EVERY

    def _fits_somewhere(self, name: str) -> bool:
        """Whether a hub has room to spare for it by what was asked for, whatever its metrics are."""
        house, needs = self.house, self.house.loads[name].settings.needs
        for machine in house.machines.values():
            here = [house.loads[other].settings.needs for other in self._running_on(machine.name)]
            memory = machine.memory - machine.own_memory - sum(it.memory for it in here)
            idle = machine.cores * (1 - machine.cpu / 100) - sum(it.cpu for it in here)
            labelled = set(needs.labels) <= set(machine.labels)
            if machine.online and labelled and memory >= needs.memory + 500e6 and idle >= needs.cpu + 0.5:
                return True
        return False

    def _running_on(self, hub: str) -> list[str]:
        house = self.house
        return [name for name, where in house.where.items() if where == hub and name not in house.suspended]


def most_in_an_hour(times: list[float]) -> int:
    """The most events that lie within one hour."""
    return max((sum(1 for other in times if at <= other < at + HOUR) for at in times), default=0)


async def live(folder, seed: int, days: float) -> Week:
    folder.mkdir(exist_ok=True)
    house = House(folder, seed, RULES, EVERY)
    try:
        await house.begin()
        week = Week(house, seed)
        await week.lives(days * DAY)
    finally:
        house.close()
    for name in house.where:
        by_rules = [at for instance, at, by in house.moved if instance == name and by.startswith("rule ")]
        assert most_in_an_hour(by_rules) <= MOVES.times, f"{name} was moved to and fro: {by_rules}"
    assert week.overdue == []
    assert set(house.where) == set(house.loads)
    assert all(99999 not in firing.values.values() for firing in house.fired)
    return week


@pytest.mark.timeout(600)
async def test_in_a_week_nothing_goes_to_and_fro_nothing_is_promised_twice_and_all_goes_on(tmp_path):
    week = await live(tmp_path, seed=1, days=7)
    fired = Counter(firing.rule.name for firing in week.house.fired)
    moved = Counter(by for _, _, by in week.house.moved)
    assert {"hot", "busy", "on-battery", "low-battery", "power", "meter-silent"} <= set(fired)
    assert {"until", "failover", "rule hot", "rule low-battery"} <= set(moved)
    assert len(week.waits) == 4  # it was a week in which there was something to see
    assert week.told_retained > 100


@pytest.mark.timeout(0)
async def test_in_other_weeks_too(tmp_path, long_run):
    for seed in range(2, 60) if long_run else ():
        await live(tmp_path / str(seed), seed, days=7)


PING_PONG = """
[away-from-nas]
hubs = "nas"
when = "hub.temperature > 20"
clear = "hub.temperature < 10"
cooldown = "2m"
do = "migrate"
which = "f-01"
to = "desk"
[away-from-desk]
hubs = "desk"
when = "hub.temperature > 20"
clear = "hub.temperature < 10"
cooldown = "2m"
do = "migrate"
which = "f-01"
to = "nas"
"""


async def test_two_rules_that_send_a_function_to_each_other_do_so_four_times_an_hour(tmp_path):
    house = House(tmp_path, 1, PING_PONG, EVERY)
    await house.begin()
    for number in range(3 * 60):
        for machine in house.machines.values():  # warm and cold in turns, so that both rules fire again and again
            machine.temperature = 60.0 if number // 2 % 2 else 0.0
            machine.warmth = machine.temperature - house.outside
        await house.tick()
    house.close()
    times = [at for name, at, by in house.moved if name == "f-01" and by.startswith("rule ")]
    assert len(house.fired) > 40
    assert len(times) > 8
    assert most_in_an_hour(times) == MOVES.times
