import io
import quopri


def main():
    data = "Ölofen = 5\ttabs  \nlong ".encode() + b"x" * 90 + b"\n.\n"
    wrapped = io.BytesIO()
    quopri.encode(io.BytesIO(data), wrapped, quotetabs=True)
    plain = io.BytesIO()
    quopri.decode(io.BytesIO(wrapped.getvalue()), plain)
    return wrapped.getvalue(), plain.getvalue() == data, quopri.quote(b"="), quopri.ishex(b"a"), quopri.unhex(b"1f")
