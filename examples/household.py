"""Adds up what four makes of device report. `midstream demo` runs it, and moves it in the middle of its loop."""

from datetime import datetime

from midstream import ctx, function


def read(message, site):
    """Returns a message's device, the number of its reading, and the reading: each make has them elsewhere."""
    make, *levels = message.topic.removeprefix(site).split("/")
    if make == "tele":  # Tasmota: the meter counts kWh
        return levels[0], round(message.number("ENERGY.Total") * 1000), message.number("ENERGY.Power")
    if make == "zigbee2mqtt":  # the last radio contact numbers it
        contact = datetime.fromisoformat(message.value("last_seen"))
        return levels[0], int(contact.timestamp()), message.number("temperature")
    if levels[0] == "status":  # Shelly
        return make, int(message.number("aenergy.total")), message.number("apower")
    return make, round(message.number() * 1000), message.number()  # ESPHome: the payload is the reading


def add(totals, device, number, value):
    """Adds a reading to a device's totals; an older one than the last would have come in the wrong order."""
    total = totals.setdefault(device, {"readings": 0, "sum": 0.0, "highest": value, "last": 0, "late": 0})
    total["readings"] += 1
    total["sum"] += value
    total["highest"] = max(total["highest"], value)
    total["late"] += number <= total["last"]
    total["last"] = number


@function(checkpoint="5s")
def household(readings: int = 1200, report: str = "household/report", site: str = ""):
    """Adds up so many readings of all devices, reports each that it has taken in, and returns the totals."""
    totals, applied, heard, unreadable = {}, [], 0, 0
    for message in ctx.subscribe(
        f"{site}tele/+/SENSOR",
        f"{site}zigbee2mqtt/+",
        f"{site}+/status/switch:0",
        f"{site}+/sensor/circuit_3_energy/state",
    ):
        try:
            device, number, value = read(message, site)
        except (ValueError, TypeError):
            unreadable += 1
            continue
        add(totals, device, number, value)
        applied.append([device, number])
        heard += 1
        if len(applied) == 20 or heard == readings:
            ctx.publish(report, {"applied": applied})
            ctx.status("adding up", progress=heard / readings, heard=heard, unreadable=unreadable)
            applied = []
        if heard == readings:
            break
    return {"heard": heard, "unreadable": unreadable, "totals": totals}
