import csv
import io

TEXT = "name;watts;on\nwasher;2000.5;yes\ndryer;1800;no\nlamp;7;yes\n"


def main():
    dialect = csv.Sniffer().sniff(TEXT, delimiters=";,")
    header = csv.Sniffer().has_header(TEXT)
    rows = list(csv.DictReader(io.StringIO(TEXT), dialect=dialect))
    written = io.StringIO()
    writer = csv.DictWriter(written, ["name", "watts"], restval="-", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    short = list(csv.DictReader(["a,b", "1,2,3", "4"], restkey="more", restval="none"))
    return dialect.delimiter, header, rows, written.getvalue(), short
