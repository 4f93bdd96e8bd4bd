"""The washing machine that survives tinkering: restart what you like, the cycle under way is not lost."""

from midstream import ctx, function


@function(checkpoint="30s")
def washer(plug: str = "washer", running: float = 10.0, quiet: str = "6m"):
    """Say when the wash is done and what it used; nag until somebody opens the door."""

    def busy(message):
        return message.number("ENERGY.Power", default=0) > running

    power = ctx.subscribe(f"tele/{plug}/SENSOR")
    while True:
        last = start = power.next(where=busy)
        while message := power.next(timeout=quiet, where=busy):  # six minutes of listening without one: done
            last = message
            ctx.status("washing", minutes=(last.time - start.time).seconds // 60)
        kwh = last.number("ENERGY.Total") - start.number("ENERGY.Total")
        with ctx.subscribe("zigbee2mqtt/washer_door", retained=False) as door:  # from here on only
            ctx.publish("notify/phone", f"Washing done, {kwh:.2f} kWh")
            while not door.next(timeout="15m", where=lambda m: m.value("contact") is False):
                ctx.publish("notify/phone", "The washing is still in the machine")
