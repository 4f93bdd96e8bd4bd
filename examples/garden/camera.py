"""Keeps each picture that a camera publishes. It may write snapshots, and not look at them again."""

from midstream import ctx, function


@function
def camera(topic: str = "garden/camera/image"):
    snapshots = ctx.resource("snapshots")
    for kept, message in enumerate(ctx.subscribe(topic, retained=False), start=1):
        (snapshots / f"{message.time:%Y%m%d-%H%M%S}-{kept}.jpg").write_bytes(message.payload)
        ctx.status(f"{kept} pictures kept", kept=kept)
