# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The phone: accounts, calls, screens, settings. It drives the engines of lib and one board.

import firmware.main
firmware.main.run()   # returns when somebody asks for the console; call it again to go on
"""
