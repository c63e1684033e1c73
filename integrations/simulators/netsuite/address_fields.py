"""The fields of an address, wherever one stands."""

from integrations.simulators.netsuite.countries import COUNTRIES
from integrations.simulators.netsuite.schema import Field, Kind, flag, text

ADDRESS = {
    "addr1": text("address_line_limit"),
    "addr2": text("address_line_limit"),
    "addr3": text("address_line_limit"),
    "addressee": text(83),
    "attention": text(83),
    "addrPhone": text(32),
    "city": text(50),
    "state": text(50),
    "zip": text(36),
    "country": Field(Kind.ENUM, choices={code: code for code in COUNTRIES}),
    "override": flag(),
    "addrText": text(999),
    "externalId": text(255),
}
