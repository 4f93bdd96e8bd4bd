"""Nags until a door is shut. The rule `door-open` runs it."""

from midstream import ctx, function


@function(catch_up="skip")
def nag(door: str, every: str = "10m"):
    """Says every ten minutes that a door is open, until it is shut."""
    for _ in range(6):
        ctx.publish("notify/phone", f"{door} is open")
        state = ctx.subscribe(f"zigbee2mqtt/{door}", retained=False)
        if state.next(timeout=every, where=lambda message: message.value("contact") is True):
            break
