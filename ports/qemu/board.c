// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The machine's own facts: the panel window, entropy, watchdog, reset, and time for TLS.

#include "board.h"

#include <errno.h>
#include <string.h>

#include "mps2.h"
#include "py/mphal.h"
#include "shared/timeutils/timeutils.h"
#include "uart.h"

#include "mbedtls/build_info.h"
#include "mbedtls/platform_time.h"
#include "mbedtls/vox6_tls.h"

#define WATCHDOG_MAX_MS (0xFFFFFFFF / (SYSTEM_CLOCK / 1000))

#define ENTROPY_PIECE (64)

static uint32_t watchdog_load;
static uint32_t random_state[4];

bool window_present(void) {
    return memcmp(WINDOW->magic, "V6WN", 4) == 0 && WINDOW->version == WINDOW_VERSION;
}

uint64_t window_utc(void) {
    for (;;) {
        uint32_t high = WINDOW->utc_high;
        uint32_t low = WINDOW->utc_low;
        if (high == WINDOW->utc_high) {
            return (uint64_t)high << 32 | low;
        }
    }
}

// At most ENTROPY_PIECE octets, so that the engine is not kept out for long.
static int take_piece(uint8_t *buffer, size_t length) {
    int result = -EAGAIN;
    engine_enter();
    uint32_t tail = WINDOW->entropy_tail;
    uint32_t fill = WINDOW->entropy_head - tail;
    if (fill <= WINDOW_ENTROPY_CAPACITY && length <= fill) {
        for (size_t i = 0; i < length; i++, tail++) {
            buffer[i] = WINDOW->entropy[tail % WINDOW_ENTROPY_CAPACITY];
            WINDOW->entropy[tail % WINDOW_ENTROPY_CAPACITY] = 0;
        }
        WINDOW->entropy_tail = tail;
        result = 0;
    }
    engine_exit();
    return result;
}

int window_entropy(uint8_t *buffer, size_t length) {
    if (WINDOW->entropy_head - WINDOW->entropy_tail < length) {
        return -EAGAIN;
    }
    while (length > 0) {
        size_t piece = length < ENTROPY_PIECE ? length : ENTROPY_PIECE;
        int result = take_piece(buffer, piece);
        if (result < 0) {
            return result;
        }
        buffer += piece;
        length -= piece;
    }
    return 0;
}

// The host refills the store each second: a caller waits for it at most two.
int vox6_entropy(uint8_t *buffer, size_t length) {
    for (int i = 0; i < 2000; i++) {
        int result = window_entropy(buffer, length);
        if (result == 0 || length > WINDOW_ENTROPY_CAPACITY) {
            return result;
        }
        mp_hal_delay_us(1000);
    }
    return -EAGAIN;
}

// From the entropy store while it lasts; xoshiro128** seeded from it at boot fills the gap (a guess
// that the network's identifications survive: nothing secret is made of it).
uint32_t vox6_random32(void) {
    uint32_t value = 0;
    engine_enter();
    uint32_t *s = random_state;
    uint32_t mixed = s[1] * 5;
    mixed = (mixed << 7 | mixed >> 25) * 9;
    uint32_t t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 11 | s[3] >> 21;
    if (WINDOW->entropy_head - WINDOW->entropy_tail > WINDOW_ENTROPY_CAPACITY / 2) {
        window_entropy((uint8_t *)&value, sizeof(value));
    }
    engine_exit();
    return value ^ mixed;
}

void board_seed(void) {
    static const char message[] = "vox6: no entropy in the panel window; stopped";
    uint8_t seed[64];
    if (!window_present() || vox6_entropy(seed, sizeof(seed)) < 0) {
        board_halt(message);
    }
    memcpy(random_state, seed, sizeof(random_state));
    for (size_t i = sizeof(random_state); i < sizeof(seed); i++) {
        ((uint8_t *)random_state)[i % sizeof(random_state)] ^= seed[i];
        ((volatile uint8_t *)seed)[i] = 0;
    }
}

void board_note_boot(void) {
    if (window_present()) {
        WINDOW->boots = WINDOW->boots + 1;
        uint32_t cause = WINDOW->reset_request;
        WINDOW->reset_cause = cause ? cause : RESET_CAUSE_POWER_ON;
        WINDOW->reset_request = 0;
    }
}

void board_reset(enum reset_cause cause) {
    WINDOW->reset_request = cause;
    __asm volatile("dsb" : : : "memory");
    SCB_AIRCR = SCB_AIRCR_RESET;
    for (;;) {
    }
}

void board_halt(const char *text) {
    mp_hal_stdout_tx_strn("\r\n", 2);
    mp_hal_stdout_tx_strn(text, strlen(text));
    mp_hal_stdout_tx_strn("\r\n", 2);
    for (;;) {
        board_feed();
        board_wait_for_event();
    }
}

void board_watchdog(uint32_t timeout_ms) {
    if (timeout_ms > WATCHDOG_MAX_MS) {
        timeout_ms = WATCHDOG_MAX_MS;
    }
    watchdog_load = timeout_ms * (SYSTEM_CLOCK / 1000);
    WATCHDOG_LOCK = WATCHDOG_UNLOCK_KEY;
    WATCHDOG_LOAD = watchdog_load;
    WATCHDOG_INTCLR = 1;
    WATCHDOG_CONTROL = WATCHDOG_CONTROL_INT | WATCHDOG_CONTROL_RESET;
    WATCHDOG_LOCK = 0;
}

void board_feed(void) {
    if (watchdog_load) {
        WATCHDOG_LOCK = WATCHDOG_UNLOCK_KEY;
        WATCHDOG_INTCLR = 1;
        WATCHDOG_LOAD = watchdog_load;
        WATCHDOG_LOCK = 0;
    }
}

// mbedTLS: randomness and time.

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t length, size_t *olen) {
    (void)data;
    if (length > WINDOW_ENTROPY_CAPACITY / 8) {
        length = WINDOW_ENTROPY_CAPACITY / 8;
    }
    if (vox6_entropy(output, length) < 0) {
        return -1;
    }
    *olen = length;
    return 0;
}

time_t vox6_tls_time(time_t *timer) {
    time_t now = (time_t)window_utc();
    if (timer != NULL) {
        *timer = now;
    }
    return now;
}

bool vox6_tls_knows_time(void) {
    return window_utc() != 0;
}

mbedtls_ms_time_t mbedtls_ms_time(void) {
    return (mbedtls_ms_time_t)(engine_time_us() / 1000);
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *seconds, struct tm *result) {
    timeutils_struct_time_t tm;
    timeutils_seconds_since_epoch_to_struct_time((uint64_t)*seconds, &tm);
    memset(result, 0, sizeof(*result));
    result->tm_year = tm.tm_year - 1900;
    result->tm_mon = tm.tm_mon - 1;
    result->tm_mday = tm.tm_mday;
    result->tm_hour = tm.tm_hour;
    result->tm_min = tm.tm_min;
    result->tm_sec = tm.tm_sec;
    return result;
}
