# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Small Internets for tests and for `make call`.

with Lab(Path("build/lab")) as lab:
    host = lab.host("phone")
    capture = lab_capture.Capture(lab, "call.pcap")
    print(host.wait_address())

with Internet(Path("build/lab")) as net:
    net.home("home").host("phone").run(["ping", "-c1", net.host("server").ipv4])
"""

_HOME = {
    "Lab": "network",
    "Internet": "internet",
    "Home": "home",
    "House": "house",
    "Siproxy64": "siproxy64",
    "RTPengine": "rtpengine",
    "Office": "office",
    "Link": "link",
    "Host": "link",
    "LabError": "errors",
    "Process": "process",
    "Capture": "capture",
    "Baresip": "baresip",
    "BaresipPython": "baresip_python",
    "Kamailio": "kamailio",
    "Linphone": "linphone",
    "PJSUA2": "pjproject",
    "Relay": "relay",
    "SIPp": "sipp",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module("tools.lab." + _HOME[name]), name)
