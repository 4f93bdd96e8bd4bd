import fnmatch


def main():
    names = ["a.py", "b.txt", "C.PY", "a[1].py", "tele/x/SENSOR"]
    found = fnmatch.filter(names, "*.py"), [fnmatch.fnmatchcase(name, "[!b]*.py") for name in names]
    return found, fnmatch.translate("a*b?[c-e]*"), fnmatch.translate("[!]]"), fnmatch.fnmatch("abc", "a?c")
