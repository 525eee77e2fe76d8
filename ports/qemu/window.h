// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The PSRAM of the emulated board as a shared file (16 MB at 0x60000000): flash, ROMFS image and the
// panel window. README.md of this folder holds the same layout as an offset table for the host side.

#ifndef VOX6_WINDOW_H
#define VOX6_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/ring.h"

#define PSRAM_BASE (0x60000000)
#define PSRAM_SIZE (0x01000000)

#define FLASH_OFFSET (0x00000000) // settings, littlefs
#define FLASH_SIZE (0x00100000)
#define FLASH_SECTOR (4096)
#define FLASH_PAGE (256)

#define ROMFS_OFFSET (0x00200000)
#define ROMFS_SIZE (0x00100000)

#define WINDOW_OFFSET (0x00F00000)
#define WINDOW_VERSION (1)
#define WINDOW_ENTROPY_CAPACITY (4096) // octets, a power of two
#define WINDOW_MICROPHONE (0x00010000) // struct ring, from the start of the window
#define WINDOW_SPEAKER (0x00020000) // struct ring

struct window {
    uint8_t magic[4]; // host: "V6WN"
    volatile uint32_t version; // host: 1
    volatile uint32_t utc_low; // host: seconds since 1970-01-01T00:00:00Z, 0 = not known
    volatile uint32_t utc_high; // host
    volatile uint32_t entropy_head; // host: free-running count of octets written
    volatile uint32_t entropy_tail; // phone: free-running count of octets taken
    volatile uint32_t boots; // phone: counts its boots since the file was made
    volatile uint32_t reset_cause; // phone: enum reset_cause of the running boot
    volatile uint32_t reset_request; // phone: why it is about to reset; zero otherwise
    uint8_t reserved[220];
    volatile uint8_t entropy[WINDOW_ENTROPY_CAPACITY]; // octet n stands at index n mod capacity
};

enum reset_cause {
    RESET_CAUSE_POWER_ON = 1,
    RESET_CAUSE_SOFTWARE = 2,
    RESET_CAUSE_WATCHDOG = 3,
    RESET_CAUSE_FAULT = 4,
};

#define WINDOW ((struct window *)(PSRAM_BASE + WINDOW_OFFSET))
#define MICROPHONE_RING ((struct ring *)(PSRAM_BASE + WINDOW_OFFSET + WINDOW_MICROPHONE))
#define SPEAKER_RING ((struct ring *)(PSRAM_BASE + WINDOW_OFFSET + WINDOW_SPEAKER))

// True if a host has prepared the window (magic and version).
bool window_present(void);

// Seconds of UTC, or 0 if the host does not know them.
uint64_t window_utc(void);

// Takes octets out of the entropy store and zeroes them there. 0, or -EAGAIN if there are not enough
// (the host adds more within a second). Any context.
int window_entropy(uint8_t *buffer, size_t length);

#endif
