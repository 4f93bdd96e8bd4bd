import ipaddress


def main():
    address = ipaddress.ip_address("192.168.1.20")
    network = ipaddress.ip_network("192.168.1.16/28")
    hosts = [str(each) for each in network.hosts()][:4]
    parts = [str(each) for each in network.subnets(prefixlen_diff=2)]
    small = [str(each) for each in ipaddress.summarize_address_range(address, ipaddress.ip_address("192.168.1.27"))]
    six = ipaddress.ip_address("2001:db8::1"), ipaddress.ip_address("fe80::1").is_link_local
    facts = address in network, address.is_private, int(address), address + 3, six[0].exploded, six[0].reverse_pointer
    joined = [
        str(each)
        for each in ipaddress.collapse_addresses(
            [ipaddress.ip_network("10.0.0.0/25"), ipaddress.ip_network("10.0.0.128/25")]
        )
    ]
    try:
        ipaddress.ip_network("10.0.0.1/8")
    except ValueError as error:
        return hosts, parts, small, [str(each) for each in (*six, *facts)], joined, str(error)
