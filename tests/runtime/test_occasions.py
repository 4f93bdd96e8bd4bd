"""A run that a message has started: the message is the function's first argument, and travels like any value."""

from __future__ import annotations

from devices.protocol import link
from devices.protocol.occasion import Occasion

LIGHTS = """
    def step(number):
        return number % 7

    @function(on="zigbee2mqtt/{room}/occupancy")
    def lights(message, rounds: int = 300_000):
        total = 0
        for number in range(rounds):
            total += step(number)
            if number == 1000:
                print("computing")
        return [message.topic, message.params, message.json, message.qos, message.time.isoformat(), total]
"""
MOTION = Occasion(
    topic="zigbee2mqtt/bath/occupancy", payload=b'{"on": true}', qos=1, at=1_700_000_000.5, params={"room": "bath"}
)


async def test_the_message_is_the_first_argument_and_goes_along_when_the_run_moves(workers):
    hub = await workers.start(LIGHTS, function="lights", occasion=MOTION, arguments={"rounds": 300_001})
    hub.expect(link.Log)
    captured = hub.capture(hold=True)
    other = await workers.go_on(captured, function="lights")
    total = sum(number % 7 for number in range(300_001))
    told = [MOTION.topic, {"room": "bath"}, {"on": True}, 1, "2023-11-14T23:13:20.500000+01:00", total]
    assert other.result() == told
    hub.send(link.GoOn(number=1))
    assert hub.result() == told
