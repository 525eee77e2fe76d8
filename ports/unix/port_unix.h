// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// What the files of this port share: the state directory, the console, the way a phone stops.

#ifndef VOX6_PORT_UNIX_H
#define VOX6_PORT_UNIX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

// Absolute path of the state directory, "" when there is none (a script without --state).
extern char state_dir[PATH_MAX];
// Writes state_dir/name to path. Returns false if it does not fit or there is no state directory.
bool state_path(const char *name, char path[PATH_MAX]);

// --- console_unix.c: the pty of a phone -----------------------------------------------------
// Opens the pty, links STATE/console to it and prints its name. 0 or a negative errno.
int console_open(void);
bool console_is_open(void);
// The next octet typed, waiting for it; CHAR_CTRL_D without end once the phone must stop.
int console_read(void);
bool console_readable(void);
// To the pty; and to standard output while a phone runs or console_log(true) holds (the log).
void console_write(const char *text, size_t length, bool cooked);
// Which octet interrupts (mp_hal_set_interrupt_char), -1 for none.
void console_log(bool on);
void console_set_interrupt_char(int c);
// Around firmware.main.run(): Ctrl-C is a request first while a phone runs.
void console_phone_begins(void);
void console_phone_ended(void);
engine_signal *console_requested(void);
// SIGTERM has come: leave as soon as possible.
bool console_stopping(void);
// Handler body of SIGTERM, and of SIGINT from a terminal (async-signal-safe).
void console_stop(void);

// --- mphal_unix.c
void interrupt_vm_init(void);

// --- audio_unix.c
void audio_open(void);

// --- modboard_unix.c
void board_unix_init(char **argv);
void board_unix_deinit(void);
int vox6_entropy(uint8_t *buffer, size_t length);

// --- main.c
extern bool phone_form;
void phone_run(void); // import firmware.main and call run(); raises what it raises

#endif
