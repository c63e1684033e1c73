"""Which network addresses lie outside; plain Python, without Django."""

import ipaddress

# Public by their number, but the inside of a cloud machine all the same.
INSIDE = frozenset({ipaddress.ip_address("168.63.129.16")})
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What is given out to the open network; the rest is old site addresses and the like.
ASSIGNED = ipaddress.ip_network("2000::/3")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(text: str) -> bool:
    """Say whether an address is reached over the open network by everybody."""
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = _embedded(address)
    if inner is not None:
        return is_public(str(inner))
    if isinstance(address, ipaddress.IPv6Address) and address not in ASSIGNED:
        return False
    return address.is_global and not address.is_multicast and address not in INSIDE


def _embedded(address: Address) -> Address | None:
    """Return the older address that an IPv6 one stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo and teredo[1])
