import asyncio

log = []


def note(x):
    log.append(x)
    return x


class Lamp:
    def __init__(self):
        self.__on = False

    async def switch(self):
        def inner():
            self.__on = not self.__on

        await asyncio.sleep(0)
        inner()
        return [each async for each in steps(2)]

    def state(self):
        on = self.__on
        return note(on)


async def steps(n):
    class Step:
        def __init__(self, i):
            self.i = i

    for i in range(n):
        yield Step(i).i
        await asyncio.sleep(0)


async def blink(lamp):
    async with asyncio.timeout(5):
        return await lamp.switch()


def main():
    lamp = Lamp()
    note("before")
    note(asyncio.run(blink(lamp)))
    lamp.state()
    kind = blink
    note(kind is blink)
    note(kind.__name__)
    return log
