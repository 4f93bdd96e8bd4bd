log = []


def note(x):
    log.append(x)
    return x


class Room:
    def __init__(self, degrees):
        self._degrees = degrees

    @property
    def degrees(self):
        value = self._degrees
        return note(value)

    @degrees.setter
    def degrees(self, value):
        if value > 30:
            raise ValueError(note("too hot"))
        self._degrees = value

    @degrees.deleter
    def degrees(self):
        note("forgotten")
        self._degrees = None

    def _area(self):
        note("area")
        return 12

    area = property(_area)


class Warm(Room):
    @property
    def degrees(self):
        note("warm")
        return super().degrees + 5


class Checked:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        note("get " + self.name)
        return getattr(instance, self.name, 0)

    def __set__(self, instance, value):
        note("set " + self.name)
        setattr(instance, self.name, value)


class Meter:
    watts = Checked()
    volts: int = Checked()


class Watched:
    def __setattr__(self, name, value):
        note((name, value))
        object.__setattr__(self, name, value)

    def __delattr__(self, name):
        note("del " + name)
        object.__delattr__(self, name)


def main():
    room = Room(20)
    note(room.degrees + room.area)
    room.degrees = note(21)
    room.degrees += 2
    try:
        room.degrees = 31
    except ValueError as error:
        note(str(error))
    del room.degrees
    note(room.degrees)
    note(Warm(18).degrees)
    try:
        Warm(18).degrees = 3
    except AttributeError:
        note("no setter")
    meter = Meter()
    meter.watts = 5
    meter.volts = meter.watts = meter.watts * 2
    note((meter.watts, meter.volts))
    for meter.watts in range(2):
        note(meter.watts)
    watched = Watched()
    watched.x = watched.y = note(1)
    watched.x += 1
    del watched.y
    return log, vars(watched)
