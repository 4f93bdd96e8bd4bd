"""Counts the pictures. It may read snapshots, and when it tries to write there the system says no."""

import tomllib

from midstream import ctx, function


@function
def counter(every: str = "1m"):
    snapshots, limits = ctx.resource("snapshots"), ctx.resource("limits")
    most = tomllib.loads(limits.read_text())["pictures"]
    while True:
        pictures = sorted(path.name for path in snapshots.glob("*.jpg"))
        ctx.status(f"{len(pictures)} of {most} pictures", pictures=len(pictures))
        if pictures:
            try:
                (snapshots / pictures[0]).unlink()
            except OSError as refused:
                print(f"not mine to delete: {refused.strerror}")
        ctx.sleep(every)
