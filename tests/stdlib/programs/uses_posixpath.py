import posixpath


def main():
    joined = posixpath.join("/a", "b", "../c", "/d", "e")
    parts = (
        posixpath.split("/a/b.py"),
        posixpath.splitext(".a.tar.gz"),
        posixpath.dirname("/a/b/"),
        posixpath.basename("x/y"),
    )
    clean = (
        posixpath.normpath("/a/./b/../../c//d"),
        posixpath.relpath("/a/b/c", "/a/d"),
        posixpath.commonpath(["/a/b", "/a/c"]),
    )
    try:
        posixpath.commonpath(["/a", "b"])
    except ValueError as error:
        return joined, parts, clean, posixpath.commonprefix(["abc", "abd"]), posixpath.isabs("/"), str(error)
