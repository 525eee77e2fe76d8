# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""All states of one lookup and the transitions between them.

    Asking      the question is out by UDP, to one server after the other; after each round over
                all servers the wait doubles
                arrives from: resolve(), a CNAME, a server that was of no use by TCP
    Streaming   the question is out by TCP to one server (RFC 7766)
                arrives from Asking: the answer was truncated, or somebody seems to guess
    Ended       an event was given; the lookup is forgotten

TABLE is {(state, event): (action, next_state)}. Events: answer (NOERROR or NXDOMAIN to what was
asked), truncated, without_edns (FORMERR, NOTIMP, BADVERS to a question with EDNS), refusal
(any other RCODE), stranger (a datagram at our port that is none of these), timeout, unreachable.
Where next_state is None the action tells it; an event that the table lacks is counted.
"""

ASKING = "Asking"
STREAMING = "Streaming"
ENDED = "Ended"

TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (ASKING, "answer"): ("take_answer", None),
    (ASKING, "truncated"): ("ask_by_stream", None),
    (ASKING, "without_edns"): ("ask_plainly", ASKING),
    (ASKING, "refusal"): ("leave_server", None),
    (ASKING, "stranger"): ("beware", None),
    (ASKING, "timeout"): ("next_server", None),
    (ASKING, "unreachable"): ("skip_server", ASKING),
    (STREAMING, "answer"): ("take_answer", None),
    (STREAMING, "truncated"): ("leave_server", None),
    (STREAMING, "without_edns"): ("ask_plainly", STREAMING),
    (STREAMING, "refusal"): ("leave_server", None),
    (STREAMING, "timeout"): ("leave_server", None),
    (STREAMING, "unreachable"): ("leave_server", None),
}
