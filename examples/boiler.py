"""Hot water from the roof, with a boost that ends, after a power cut too.

Midstream is no safety device: set Tasmota's PulseTime on the rod's switch as well.
"""

from collections import deque

from midstream import ctx, function


@function(failover="auto", catch_up="run")
def boiler(rod: str = "cmnd/boiler/POWER", surplus: float = 1800.0, target: float = 60.0):
    """Heat water with what the roof gives away; a boost from the phone heats for as long as it says."""
    grid = ctx.subscribe("evcc/site/gridPower", keep="latest")  # a gauge: old readings are worthless
    tank = ctx.subscribe("boiler/sensor/tank/state", keep="latest")
    boost = ctx.subscribe("home/boiler/boost", retained=False)  # an order: every one counts
    watts, state = deque(maxlen=12), None
    while True:
        message = ctx.next(timeout="2m")  # whichever topic speaks first
        if message and message in boost:
            ctx.publish(rod, "ON")
            ctx.sleep(message.text or "2h")  # a deadline: moves, reboots, power cuts keep it
            state = "ON"
        elif message and message in grid:
            watts.append(message.number(default=0))
        hot = tank.latest is None or tank.latest.number(default=99) >= target
        sunny = len(watts) == 12 and sum(watts) / 12 < -surplus  # negative = fed into the grid
        want = "ON" if sunny and not hot and message else "OFF"  # meter silent: off
        if want != state:
            ctx.publish(rod, want)
            state = want
