# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The name of this phone at registrars (RFC 5626 section 4.1): a UUID made once and kept."""

from firmware import log
from vox6.sip.account import make_instance_id
from vox6.wire.errors import LocalProtocolError

FILE = "instance-id"
_PREFIX = "urn:uuid:"
_LENGTH = 45  # octets of an instance ID


def load(folder, files, random):
    """Return the instance ID kept in a folder, made anew if there is none.

    folder: None: nothing can be kept, another one after each start. random: n -> octets.
    """
    path = None if folder is None else folder + "/" + FILE
    if path is not None:
        try:
            text = files.read(path, _LENGTH + 1).decode().strip()
            octets = bytes([int(pair, 16) for pair in _pairs(text)])
            if text.startswith(_PREFIX) and make_instance_id(octets) == text:
                return text
            log.say("account", FILE + " is damaged: another one is made")
        except OSError:
            pass  # none yet
        except (ValueError, UnicodeError, LocalProtocolError):
            log.say("account", FILE + " is damaged: another one is made")
    made = make_instance_id(random(16))
    if path is not None:
        try:
            files.write(path + ".new", made.encode() + b"\n")
            files.rename(path + ".new", path)
        except OSError as exc:
            log.say("account", "%s not written: %s" % (FILE, exc))
    return made


def _pairs(text):
    digits = text[len(_PREFIX) :].replace("-", "")
    return [digits[i : i + 2] for i in range(0, len(digits), 2)]
