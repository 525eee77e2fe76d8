# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Anycast: sites with one IPv4 address, one prefix and one key, announced by BIRD 2.

The configurations are those that operators get (tools/pubtspd/packaging/bird), with the lab's
addresses in the lines that begin with `define`. The provider's core is the router.
"""

import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools import binaries
from tools.fetch import FetchError
from tools.lab.base import Base
from tools.lab.errors import LabError
from tools.lab.link import family_of
from tools.lab.namespace import inside, netlink, sysctl
from tools.lab.operators import TOP, Operator
from tools.lab.uplink import CORE_IPV4

if TYPE_CHECKING:
    from tools.lab.internet import Internet

SERVICE_IPV4 = "203.0.113.53"
_TEMPLATES = TOP / "tools/pubtspd/packaging/bird"
_SITES_AS, _CORE_AS = 65001, 65000
_ALTERNATE = """table inet alternate
delete table inet alternate
table inet alternate {
    chain spread {
        type filter hook prerouting priority mangle
        ip daddr %(ipv4)s meta mark set numgen inc mod %(count)d offset 1
        ip6 daddr %(prefix)s meta mark set numgen inc mod %(count)d offset 1
    }
}
"""
_TABLE = 100  # of routes: 101 to the first site ...


class Bird:
    """One BIRD in one namespace."""

    def __init__(self, base: Base, netns: str, folder: Path, config: str) -> None:
        """Prepare; folder: of its files; config: text of bird.conf."""
        try:
            tree = binaries.get("bird")
        except FetchError as error:
            raise LabError(str(error)) from error
        self._base = base
        self._netns = netns
        self._folder = folder
        self._programs = tree / "usr/sbin"
        self._env = binaries.environment(tree)
        (folder / "bird.conf").write_text(config)

    def start(self) -> None:
        """Start it and wait until it answers."""
        argv: list[str | Path] = [self._programs / "bird", "-f", "-c", self._folder / "bird.conf"]
        argv += ["-s", self._folder / "bird.ctl", "-P", self._folder / "bird.pid"]
        (self._folder / "bird.ctl").unlink(missing_ok=True)
        log = self._folder / "bird.log"
        self._process = self._base.start(self._netns, argv, log, env=self._env)
        deadline = time.monotonic() + 5.0
        while True:
            try:
                self.command("show", "status")
                return
            except LabError:
                if time.monotonic() > deadline or not self._process.running():
                    text = self._process.output()
                    raise LabError(f"BIRD does not start:\n{text}") from None
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def command(self, *words: str) -> str:
        """What birdc says to a command."""
        argv: list[str | Path] = ["env", f"LD_LIBRARY_PATH={self._env['LD_LIBRARY_PATH']}"]
        argv += [self._programs / "birdc", "-s", self._folder / "bird.ctl", *words]
        return self._base.run(self._netns, argv)


class Site:
    """One site of the anycast service: an operator and its BIRD."""

    def __init__(self, operator: Operator, bird: Bird) -> None:
        self.operator = operator
        self.bird = bird
        self.name = operator.name

    def withdraw(self) -> None:
        """Before maintenance: the routes go while the server still serves."""
        self.bird.command("disable", "anycast")

    def announce(self) -> None:
        """After it."""
        self.bird.command("enable", "anycast")

    def cut(self) -> None:
        """Both lines lose their carrier."""
        for line in (self.operator.wan4, self.operator.wan6):
            line.set_state("down")

    def mend(self) -> None:
        """The lines are good again."""
        for line in (self.operator.wan4, self.operator.wan6):
            line.set_state("up")

    def silence(self, on: bool = True) -> None:
        """The site hears nothing any more, with its lines up: only BFD notices."""
        rules = "table netdev silent\ndelete table netdev silent\n"
        if on:
            rules += "table netdev silent {\n"
            for number, interface in enumerate(("wan4", "wan6")):
                rules += f"    chain c{number} {{\n        type filter hook ingress device "
                rules += f"{interface} priority 0; policy drop;\n    }}\n"
            rules += "}\n"
        self.operator.base.run(self.operator.netns, ["nft", "-f", "-"], rules)


class Anycast:
    """Sites that serve one address. Made by Internet.anycast().

    anycast.sites[0].operator.kill()      # its routes go with its TUN device
    anycast.wait_sites(1)
    """

    def __init__(
        self,
        net: "Internet",
        names: tuple[str, ...],
        prefix: str,
        settings: dict[str, str],
        folder: Path,
    ) -> None:
        """Start all sites and BIRD; returns when the core has a route to each."""
        self.ipv4 = SERVICE_IPV4
        self.prefix = prefix
        self.name = folder.name
        self.domain = f"{self.name}.example"
        self.sites: list[Site] = []
        self._net = net
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with inside(net.core):
            sysctl("ipv4/fib_multipath_hash_policy", "1")  # by ports too, so that clients spread
            sysctl("ipv6/fib_multipath_hash_policy", "1")
        pairs = []
        for number, name in enumerate(names, 1):
            operator = Operator(
                net,
                name,
                listen=SERVICE_IPV4,
                prefix=prefix,
                key_file=folder / "key",
                settings=settings,
            )
            ours, core = f"2001:db8:0:{50 + number}::2", f"2001:db8:0:{50 + number}::1"
            operator.wan6.set_addresses(core, ours)
            operator.start()
            values = {"ROUTER_ID": str(operator.wan4.ipv4), "ROUTER_IPV4": CORE_IPV4}
            values |= {"ROUTER_IPV6": core, "OUR_AS": str(_SITES_AS), "ROUTER_AS": str(_CORE_AS)}
            bird = Bird(net.base, operator.netns, operator.folder, self._site_config(values))
            bird.start()
            self.sites.append(Site(operator, bird))
            pairs.append((str(operator.wan4.ipv4), ours))
        self.router = Bird(net.base, net.core, folder, self._router_config(pairs))
        self.router.start()
        self.wait_sites(len(names))

    def sites_known(self) -> tuple[int, int]:
        """To how many sites the core's kernel has routes, for IPv4 and for IPv6."""
        counts = []
        with netlink(self._net.core) as ip:
            for text, length in ((SERVICE_IPV4, 32), (self.prefix.partition("/")[0], 64)):
                count = 0
                for row in ip.get_routes(family=family_of(text), table=254):
                    if row.get_attr("RTA_DST") == text and row["dst_len"] == length:
                        count += len(row.get_attr("RTA_MULTIPATH") or [row])
                counts.append(count)
        return counts[0], counts[1]

    def wait_sites(self, count: int, timeout: float = 20.0) -> None:
        """Wait until the core sends packets to so many sites. LabError: it does not."""
        deadline = time.monotonic() + timeout
        while self.sites_known() != (count, count):
            if time.monotonic() > deadline:
                raise LabError(
                    f"anycast: routes to {self.sites_known()} sites, not {count}:\n"
                    + self.router.command("show", "protocols")
                )
            time.sleep(0.02)

    def alternate(self) -> None:
        """From now on each packet to the service or its clients goes to the next site in turn.

        Independent of BIRD, which no router does to a flow: the hardest case for servers.
        """
        for number, site in enumerate(self.sites, 1):
            site.operator.wan4.add_route(f"{SERVICE_IPV4}/32", _TABLE + number)
            site.operator.wan6.add_route(self.prefix, _TABLE + number)
            with netlink(self._net.core) as ip:
                for family in (socket.AF_INET, socket.AF_INET6):
                    ip.rule("add", fwmark=number, table=_TABLE + number, family=family)
        values = {"ipv4": SERVICE_IPV4, "prefix": self.prefix, "count": len(self.sites)}
        self._net.base.run(self._net.core, ["nft", "-f", "-"], _ALTERNATE % values)

    def _site_config(self, values: dict[str, str]) -> str:
        text = (_TEMPLATES / "site.conf").read_text()
        return define(text, {**values, **self._service()})

    def _router_config(self, neighbours: list[tuple[str, str]]) -> str:
        text = (_TEMPLATES / "router.conf").read_text()
        values = {"ROUTER_ID": CORE_IPV4, "OUR_AS": str(_CORE_AS), "SITES_AS": str(_SITES_AS)}
        text = define(text, {**values, **self._service()})
        head, _, pair = text.partition("# ---- one such pair")
        pair = pair.partition("\n")[2]
        for number, (ipv4, ipv6) in enumerate(neighbours, 1):
            one = pair.replace("site1_", f"site{number}_")
            one = one.replace("neighbor 192.0.2.11 ", f"neighbor {ipv4} ")
            head += one.replace("neighbor 2001:db8:51::2 ", f"neighbor {ipv6} ")
        return head

    def _service(self) -> dict[str, str]:
        return {"SERVICE_IPV4": f"{SERVICE_IPV4}/32", "CLIENTS_IPV6": self.prefix}


def define(text: str, values: dict[str, str]) -> str:
    """A configuration of BIRD with other values behind `define`. LabError: it has no such line."""
    for name, value in values.items():
        text, count = re.subn(rf"(?m)^define {name} = [^;]*;", f"define {name} = {value};", text)
        if count != 1:
            raise LabError(f"the example configuration of BIRD has {count} lines define {name}")
    return text
