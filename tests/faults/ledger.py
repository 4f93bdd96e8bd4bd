"""What runs while everything around it breaks: it keeps what it saw, and says after each message where it is.

The mark is drawn anew for each entry and kept in the state, so two copies, or a state that was rolled back after it had
spoken, cannot say the same. The pulse leaves at once and waits for no checkpoint: by it one hears which process speaks.
"""

import json
import os
import secrets

from midstream import ctx, function


def booked(seen, message):
    mark = secrets.token_hex(4)
    seen.append([message.topic.rpartition("/")[2], message.text, mark])
    return mark


@function(failover="auto", checkpoint="500ms")
def ledger(place: str, ballast: int = 0, every: int = 1, pause: float = 0.0):
    seen = []
    weight = secrets.token_bytes(ballast)
    for message in ctx.subscribe(f"faults/{place}/in/#"):
        if message.topic.endswith("/end"):
            ctx.publish(f"faults/{place}/seen", json.dumps({"end": message.text, "seen": seen}))
            continue
        mark = booked(seen, message)
        ctx.publish(f"faults/{place}/pulse", f"{os.getpid()} {mark}", immediate=True)
        if pause:
            ctx.sleep(pause)
        if len(seen) % every == 0:
            ctx.publish(f"faults/{place}/out", f"{len(seen)} {mark} {len(weight)}")
