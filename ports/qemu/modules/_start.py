# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Start the phone after boot, or go back to it (`resume()` on the REPL)."""

import _board


def phone():
    """Run firmware.main until Ctrl-C on the console asks for the REPL."""
    try:
        import firmware.main
    except ImportError as error:
        # Only the firmware's own absence is no fault (a board that is being brought up).
        if "firmware" not in str(error):
            raise
        print("vox6: no firmware in this image")
        return
    _board.attend(True)
    try:
        firmware.main.run()
    finally:
        _board.attend(False)


if __name__ == "__main__":
    phone()
