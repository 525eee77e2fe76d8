# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""All states of a client and the transitions between them (pubtsp.md section 6.2).

Down      not started, stopped, or waiting until servers are tried again
Resolve   the server's name is being looked up by the driver
Hello     VERSION is sent; CAPABILITY to come
Auth      AUTHENTICATE ANONYMOUS is sent; 200 to come
Create    the tunnel request is sent: for the first time, to renew, or after a sign of a new
          mapping; in the latter cases the tunnel goes on carrying packets
Accept    the tunnel carries packets; accept is sent, and any reply or none at all will do (C-3)
Up        the tunnel carries packets; keepalive runs
Suspect   an echo was not answered; more are sent
Reopen    the driver opens another socket

TABLE is {(state, event): (action, next_state)}; an action whose next_state is None tells it.
Events: start, retry (the wait is over), names (looked up), reopened, capability, success (200),
info (200 with one), refused (another code, or a reply that makes no sense), timeout (all tries),
acknowledged (any reply to accept), renew (lifetime, ICMPv6 1/5), echoed (Echo Reply), missed (2 s
without one), lost (three in a row). What the table lacks is counted and nothing else. stop() is
allowed in every state.
"""

DOWN = "Down"
RESOLVE = "Resolve"
HELLO = "Hello"
AUTH = "Auth"
CREATE = "Create"
ACCEPT = "Accept"
UP = "Up"
SUSPECT = "Suspect"
REOPEN = "Reopen"

TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (DOWN, "start"): ("first_server", None),
    (DOWN, "retry"): ("first_server", None),
    (RESOLVE, "names"): ("names", None),
    (RESOLVE, "timeout"): ("next_server", None),
    (HELLO, "capability"): ("authenticate", AUTH),
    (HELLO, "refused"): ("hello_refused", None),
    (HELLO, "timeout"): ("fail_server", None),
    (AUTH, "success"): ("create", CREATE),
    (AUTH, "refused"): ("refused", None),
    (AUTH, "timeout"): ("fail_server", None),
    (CREATE, "info"): ("configure", None),
    (CREATE, "refused"): ("create_refused", None),  # 530 of a tunnel that stands: Up
    (CREATE, "timeout"): ("fail_server", None),
    (ACCEPT, "acknowledged"): ("settle", UP),
    (ACCEPT, "timeout"): ("settle", UP),
    (ACCEPT, "renew"): ("create", CREATE),
    (ACCEPT, "missed"): ("echo_again", ACCEPT),
    (ACCEPT, "lost"): ("create", CREATE),
    (ACCEPT, "echoed"): ("echoed", ACCEPT),
    (UP, "renew"): ("create", CREATE),
    (UP, "missed"): ("echo_again", SUSPECT),
    (UP, "echoed"): ("echoed", UP),
    (SUSPECT, "missed"): ("echo_again", SUSPECT),
    (SUSPECT, "echoed"): ("echoed", UP),
    (SUSPECT, "lost"): ("create_after_loss", CREATE),
    (SUSPECT, "renew"): ("create", CREATE),
    (CREATE, "echoed"): ("echoed", CREATE),
    (REOPEN, "reopened"): ("again", None),
    (REOPEN, "timeout"): ("next_server", None),
}
