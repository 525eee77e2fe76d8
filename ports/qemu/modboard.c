// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Module `_board`: the machine, seen from board.py (_board.pyi has the signatures). The unix port has
// a module of the same name and shape.

#include <string.h>

#include "board.h"
#include "engine/modsignal.h"
#include "engine_qemu.h"
#include "flash.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "uart.h"

// The panel link: a stream that never blocks.

static mp_uint_t panel_read(mp_obj_t self, void *buffer, mp_uint_t size, int *errcode) {
    (void)self;
    size_t count = uart_read(UART_PANEL, buffer, size);
    if (count == 0 && size != 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return count;
}

static mp_uint_t panel_write(mp_obj_t self, const void *buffer, mp_uint_t size, int *errcode) {
    (void)self;
    size_t count = uart_write(UART_PANEL, buffer, size);
    if (count == 0 && size != 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return count;
}

static mp_uint_t panel_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)self;
    if (request == MP_STREAM_POLL) {
        return arg
            & ((uart_available(UART_PANEL) ? MP_STREAM_POLL_RD : 0)
                | (uart_room(UART_PANEL) ? MP_STREAM_POLL_WR : 0));
    }
    *errcode = MP_EINVAL;
    return MP_STREAM_ERROR;
}

static const mp_rom_map_elem_t panel_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readinto), MP_ROM_PTR(&mp_stream_readinto_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&mp_stream_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&mp_stream_write1_obj) },
};
static MP_DEFINE_CONST_DICT(panel_locals, panel_locals_table);

static const mp_stream_p_t panel_stream = {
    .read = panel_read,
    .write = panel_write,
    .ioctl = panel_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(panel_type, MP_QSTR_Panel, MP_TYPE_FLAG_NONE, protocol,
    &panel_stream, locals_dict, &panel_locals);

static const mp_obj_base_t panel_obj = { &panel_type };

static const signal_obj console_request_obj = { { &signal_type }, &board_console_request };

static mp_obj_t mod_entropy(mp_obj_t length_in) {
    mp_int_t length = mp_obj_get_int(length_in);
    if (length < 0 || length > WINDOW_ENTROPY_CAPACITY) {
        mp_raise_ValueError(MP_ERROR_TEXT("0 to 4096 octets"));
    }
    vstr_t vstr;
    vstr_init_len(&vstr, length);
    int result = vox6_entropy((uint8_t *)vstr.buf, length);
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_entropy_obj, mod_entropy);

static mp_obj_t mod_utc(void) {
    uint64_t utc = window_utc();
    return utc ? mp_obj_new_int_from_ull(utc) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_utc_obj, mod_utc);

static mp_obj_t mod_reset(void) {
    board_reset(RESET_CAUSE_SOFTWARE);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_reset_obj, mod_reset);

static mp_obj_t mod_reset_cause(void) {
    switch (WINDOW->reset_cause) {
        case RESET_CAUSE_SOFTWARE:
            return MP_OBJ_NEW_QSTR(MP_QSTR_software);
        case RESET_CAUSE_WATCHDOG:
            return MP_OBJ_NEW_QSTR(MP_QSTR_watchdog);
        case RESET_CAUSE_FAULT:
            return MP_OBJ_NEW_QSTR(MP_QSTR_fault);
        default:
            return MP_OBJ_NEW_QSTR(MP_QSTR_power);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_reset_cause_obj, mod_reset_cause);

static mp_obj_t mod_watchdog(mp_obj_t timeout_in) {
    mp_int_t timeout = mp_obj_get_int(timeout_in);
    if (timeout <= 0) {
        mp_raise_ValueError(NULL);
    }
    board_watchdog(timeout);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_watchdog_obj, mod_watchdog);

static mp_obj_t mod_feed(void) {
    board_feed();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_feed_obj, mod_feed);

static mp_obj_t mod_console_requested(void) {
    return MP_OBJ_FROM_PTR(&console_request_obj);
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_console_requested_obj, mod_console_requested);

static mp_obj_t mod_attend(mp_obj_t attending) {
    board_attend(mp_obj_is_true(attending));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_attend_obj, mod_attend);

static mp_obj_t mod_halt(mp_obj_t text) {
    board_halt(mp_obj_str_get_str(text));
}
static MP_DEFINE_CONST_FUN_OBJ_1(mod_halt_obj, mod_halt);

static mp_obj_t mod_memory(void) {
    extern char _sdata, _edata, _sbss, _ebss, _sheap, _eheap, _sstack, _estack;
    mp_obj_t dict = mp_obj_new_dict(5);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_data), mp_obj_new_int(&_edata - &_sdata));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_bss), mp_obj_new_int(&_ebss - &_sbss));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_heap), mp_obj_new_int(&_eheap - &_sheap));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_stack), mp_obj_new_int(&_estack - &_sstack));
    mp_obj_dict_store(
        dict, MP_OBJ_NEW_QSTR(MP_QSTR_stack_used), mp_obj_new_int(board_stack_used()));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_memory_obj, mod_memory);

static mp_obj_t mod_worst_held_us(size_t n_args, const mp_obj_t *args) {
    return mp_obj_new_int(engine_qemu_worst_held_us(n_args > 0 && mp_obj_is_true(args[0])));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(mod_worst_held_us_obj, 0, 1, mod_worst_held_us);

static mp_obj_t mod_start(void) {
    int result = engine_start();
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(mod_start_obj, mod_start);

static const mp_rom_map_elem_t board_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__board) },
    { MP_ROM_QSTR(MP_QSTR_panel), MP_ROM_PTR(&panel_obj) },
    { MP_ROM_QSTR(MP_QSTR_flash), MP_ROM_PTR(&flash_obj) },
    { MP_ROM_QSTR(MP_QSTR_entropy), MP_ROM_PTR(&mod_entropy_obj) },
    { MP_ROM_QSTR(MP_QSTR_utc), MP_ROM_PTR(&mod_utc_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&mod_reset_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset_cause), MP_ROM_PTR(&mod_reset_cause_obj) },
    { MP_ROM_QSTR(MP_QSTR_watchdog), MP_ROM_PTR(&mod_watchdog_obj) },
    { MP_ROM_QSTR(MP_QSTR_feed), MP_ROM_PTR(&mod_feed_obj) },
    { MP_ROM_QSTR(MP_QSTR_console_requested), MP_ROM_PTR(&mod_console_requested_obj) },
    { MP_ROM_QSTR(MP_QSTR_attend), MP_ROM_PTR(&mod_attend_obj) },
    { MP_ROM_QSTR(MP_QSTR_halt), MP_ROM_PTR(&mod_halt_obj) },
    { MP_ROM_QSTR(MP_QSTR_memory), MP_ROM_PTR(&mod_memory_obj) },
    { MP_ROM_QSTR(MP_QSTR_worst_held_us), MP_ROM_PTR(&mod_worst_held_us_obj) },
    { MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&mod_start_obj) },
};
static MP_DEFINE_CONST_DICT(board_globals, board_globals_table);

const mp_obj_module_t board_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&board_globals,
};
MP_REGISTER_MODULE(MP_QSTR__board, board_module);
