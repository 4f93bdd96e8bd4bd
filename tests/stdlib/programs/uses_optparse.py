import optparse


def main():
    parser = optparse.OptionParser(usage="%prog [options]", prog="midstream")
    parser.add_option("-f", "--file", dest="name", help="the file", metavar="FILE")
    parser.add_option("-n", type="int", default=1)
    parser.add_option("-q", action="store_false", dest="loud", default=True)
    values, rest = parser.parse_args(["-f", "a.py", "-n3", "-q", "b", "--file=c"])
    return vars(values), rest, parser.format_help(), parser.get_usage()
