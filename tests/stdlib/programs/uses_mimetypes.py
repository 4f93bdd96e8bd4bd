import mimetypes


def main():
    types = mimetypes.MimeTypes()
    types.add_type("text/x-rooms", ".rooms")
    found = [types.guess_type(name) for name in ("a.tar.gz", "b.HTML", "c.rooms", "data:text/plain,x", "d.unknown")]
    return found, types.guess_extension("text/x-rooms"), sorted(types.guess_all_extensions("image/jpeg"))
