"""`ctx` in an exercised function: nothing is proved where a hub is needed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.errors import RefusedError
from devices.runtime.exercise import Findings

Exercised = Callable[..., Findings]


@pytest.mark.parametrize(
    "statement",
    ["ctx.sleep('1s')", "return ctx.hub", "ctx.publish('a', 1)", "return list(ctx.subscribe('a'))", "ctx.checkpoint()"],
)
def test_a_function_that_needs_a_hub_is_refused_also_if_it_can_do_without(exercised: Exercised, statement: str) -> None:
    words = "main uses ctx, and there is no hub here"
    text = f"from midstream import ctx\ndef use():\n    {statement}\n"
    for body in ("use()", "try:\n        use()\n    except Exception:\n        return 1"):
        with pytest.raises(RefusedError, match=words) as caught:
            exercised(f"{text}def main():\n    {body}\n", "main")
        assert caught.value.place == "program.py:3"
