# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Every word on the screen: one file, lines of at most 21 characters.

Texts with % take one argument; the screen cuts what is too long.
"""

# Network
NO_NETWORK = "No network"
NO_ADDRESS = "No IPv6 address"
LINK_LOCAL_ONLY = "This link only"
LOOPBACK_ONLY = "This host only"
NO_WAY = "No route there"
LOOKING = "Looking for IPv6"
NATIVE = "Native IPv6"
BY_TUNNEL = "IPv6 by tunnel"
ASKS = "Asks %s"  # IPv4 only: a server for a tunnel
NO_SERVER = "No tunnel server"
TUNNEL_WAITS = "No server, wait %d s"
NAT_CHANGES = "NAT changes mappings"
NAT_ALTERS = "NAT alters payload"
TUNNEL_OFF = "Tunnel off"
TUNNEL_SPARE = "Tunnel for old calls"
BY_SERVER = "by %s"
KEEPALIVE = "keepalive %d s"
DIRECT_PATHS = "direct paths: %d"
IPV4 = "IPv4 %s"
DNS = "DNS %s"
BOOT_FILE = "boot %s"
SIP_SERVER = "SIP %s"

# Connections of SIP, and their certificates
CONNECTION_SILENT = "No connection"
CONNECTION_REFUSED = "Connection refused"
CONNECTION_CLOSED = "Connection closed"
CONNECTION_SLOW = "Connection too slow"
CONNECTION_NO_SIP = "No SIP there"
CONNECTIONS_FULL = "Too many connections"
NO_TLS = "No TLS in this phone"
TLS_FAILED = "TLS failed: %s"
CERT_NAME = "Certificate is not for %s"
CERT_EXPIRED = "Certificate expired"
CERT_FUTURE = "Certificate too new"
CERT_UNKNOWN_CA = "Unknown CA there"
CERT_PIN = "Not the pinned key"
CERT_REFUSED = "Certificate refused"
CERT_NO_FILE = "No file %s"

# Idle
READY = "Ready"
NO_ACCOUNT = "No account"
MISSED = "Missed calls: %d"
VOICEMAIL = "New in mailbox: %d"
TEXTS = "New messages: %d"
MAILBOX = "%d new, %d old"
MAILBOX_WAITS = "messages"
MAILBOX_EMPTY = "nothing new"
WATCHED = {"unknown": "?", "free": "free", "rings": "rings", "talks": "talks"}

# Accounts
REGISTERED = "registered"
REGISTERED_BY = "registered %s"  # TCP, TLS
REGISTERING = "registering"
NOT_REGISTERED = "not registered"
WRONG_PASSWORD = "password refused"
NO_ANSWER_SERVER = "server silent"
BAD_ACCOUNT = "check settings"
DIRECT = "no server"

# Dialling
DIAL = "Call:"
DIAL_HINT = "ok: call  back: erase"
DIAL_BY = "by %s"  # an account, chosen with up and down
DIALLED_NOTHING = "Nothing to call"
BAD_NUMBER = "Not a SIP address"
BAD_ADDRESS = "Not an IPv6 address"
IPV4_ADDRESS = "IPv4 is not reachable"
NEED_ACCOUNT = "Needs an account"
LOCATING = "Looking up"
NO_SUCH_NAME = "Name not known"
NO_DNS = "No answer by DNS"
NO_DNS_SERVER = "No DNS server"
NO_TRANSPORT = "Needs UDP, TCP or TLS"
NEEDS_CA = "TLS: set sip.tls_ca"
NEED_ZONE = "Which link? Add %1"
ACCOUNT_IN_CLEAR = "Account is not by TLS"
NO_FREE_LINE = "Both lines are busy"

# Calls
CALLING = "Calling"
REDIRECTED = "Sent on to %s"
PROGRESS = "Being connected"
RINGING_THERE = "It rings there"
INCOMING = "Call from"
ANSWERING = "Answering"
TALKING = "Talking"
HELD = "On hold"
CONFERENCE = "Conference"
TRANSFER = "Transfer to:"
TRANSFER_TO_LINE = "ok: to line %d"
TRANSFERRING = "Transfer begins"
TRANSFER_PROGRESS = "There: %d %s"
TRANSFER_FAILED = "Not transferred: %d"
TRANSFERRED = "Transferred"
TRANSFERRED_HERE = "You were transferred"
SENT_BY = "Sent by %s"
REPLACED = "Goes on elsewhere"
ASK_TRANSFER = "They want you to call"
HINT_TRANSFER = "ok: transfer  back"
HINT_ASKED = "ok: call  back: no"
HELD_THERE = "They hold the call"
HELD_BOTH = "Held by both"
CHANGING = "One moment"
ENDING = "Hanging up"
ENDED = "Call ended"
ENDED_THERE = "They hung up"
ENDED_HERE = "You hung up"
CANCELLED_THERE = "They gave up"
CANCELLED_HERE = "You gave up"
REJECTED_HERE = "You refused"
BUSY = "Busy"
REFUSED = "Refused"
NO_ANSWER = "No answer"
NOT_ANSWERED_HERE = "Not answered"
ADDRESS_GONE = "Our address is gone"
NO_COMMON_CODEC = "No common codec"
IPV4_ONLY = "They have IPv4 only"
UNREACHABLE = "Bad media address"
BAD_DESCRIPTION = "Bad media answer"
MEDIA_FAILED = "Sound failed: %s"
FAULT = "Fault: see the log"
NO_PORT = "No RTP port free"
SILENT = "No sound for %d s"
NO_HOLD = "Hold refused: %d"
UNKNOWN_CALLER = "unknown"
NO_DIGITS = "No digits to there"
DIGITS_SENT = "Sent: %s"
DIGITS_HEARD = "Keys: %s"
SECOND_CALL = "Waiting: %s"
OTHER_LINE = "Line %d: %s"
LINE = "line %d"
LOSS = "lost %d.%d%%  %d ms"

# How safe a call is; README.md of this folder says when each is shown
SECURING = "Not encrypted yet"
NOT_ENCRYPTED = "NOT ENCRYPTED"
SERVER_ONLY = "Secure to server only"
COMPARE = "compare!"
SAS = "SAS %s"
VERIFIED = "verified"
KEYS_CHANGED = "WARNING: keys changed"
SAS_DIFFERS = "SAS DIFFERS: LISTENER"
NOTHING_SECRET = "Tell nothing secret"
ENCRYPTION_FAILED = "Encryption failed"
WAIT_FOR_KEYS = "Waiting for keys"
ENCRYPTION_ENDED = "They ended encryption"
NO_ENCRYPTION = "No encryption there"  # the end of a call, with security.required
KEPT_ENCRYPTED = "Change refused: clear"  # a re-INVITE that would have ended encryption
NO_COMMON_KEYS = "No common encryption"
NOT_REMEMBERED = "Not saved: see log"
DISCLOSURE = "They may record keys"
ASK_DIFFERS = "Is the SAS different?"
ASK_NAME = "Who is it?"
ASK_CLEAR = "Go on in clear?"

# Soft hints at the foot of a screen
HINT_COMPARE = "ok: same  back: not"
HINT_DIFFERS = "ok: differs  back: no"
HINT_NAME = "ok: save  back: erase"
HINT_CLEAR = "ok: in clear  hangup"
HINT_IDLE = "ok: menu"
HINT_INCOMING = "call: yes  hangup: no"
HINT_OUTGOING = "hangup: give up"
HINT_TALKING = "hold  hangup"
HINT_HELD = "hold: back  hangup"
HINT_MENU = "up down ok back"
HINT_PAGES = "up down back"

# The menu of a call
CALL_MENU = "This call"
DO_JOIN = "Join both lines"
DO_SPLIT = "End conference"
DO_TRANSFER = "Transfer"
DO_HOLD = "Hold"
DO_RESUME = "Go on"
DO_HANG_UP = "Hang up"

# Menu
MENU = "Menu"
MENU_ITEMS = (
    "Accounts",
    "Network",
    "Settings",
    "Missed calls",
    "Log",
    "Known keys",
    "Messages",
    "Others",
)
EMPTY = "nothing here"

# What a status means to a person, where the number alone says little. RFC 3261 section 21.
STATUS = (
    (301, "Moved"),
    (302, "Moved"),
    (400, "Bad Request"),
    (401, "Password refused"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (407, "Password refused"),
    (408, "No answer"),
    (410, "Gone"),
    (480, "Not available"),
    (481, "Call not known"),
    (482, "Loop"),
    (484, "Number incomplete"),
    (486, "Busy Here"),
    (487, "Cancelled"),
    (488, "No common media"),
    (500, "Server error"),
    (503, "Not in service"),
    (600, "Busy everywhere"),
    (603, "Declined"),
    (604, "Does not exist"),
)


def status_text(status, reason=None):
    """Return a line for a final status: the number with our words, or with the peer's phrase."""
    for number, text in STATUS:
        if number == status:
            return "%d %s" % (status, text)
    if reason:
        return "%d %s" % (status, reason)
    return "Failed: %d" % status
