// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// siproxy64-router: a Python heap, net6, and the frozen program's main().

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extmod/vfs.h"
#include "extmod/vfs_posix.h"
#include "modposix.h"
#include "net6_router.h"
#include "py/builtin.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#define HEAP (2 * 1024 * 1024) // at first: enough for 64 streams
#define HEAP_MOST (32 * 1024 * 1024) // --heap gives another one
#define STACK_MAX (160 * 1024) // recursion deeper than this raises RuntimeError

static size_t heap_most = HEAP_MOST;

/// How much the heap may grow. It doubles when it is full, and gives back what nothing uses any more.
size_t gc_get_max_new_split(void) {
    size_t have = 0;
    for (const mp_state_mem_area_t *area = &MP_STATE_MEM(area); area != NULL; area = area->next) {
        have += (size_t)(area->gc_pool_end - area->gc_alloc_table_start);
    }
    return heap_most > have ? heap_most - have : 0;
}

/// Prints an exception that nobody caught. Returns the exit code.
static int report(mp_obj_t exception) {
    if (mp_obj_is_subclass_fast(
            MP_OBJ_FROM_PTR(mp_obj_get_type(exception)), MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        mp_obj_t value = mp_obj_exception_get_value(exception);
        mp_int_t code = 0;
        if (value != mp_const_none && !mp_obj_get_int_maybe(value, &code)) {
            mp_obj_print_helper(&mp_stderr_print, value, PRINT_STR);
            mp_print_str(&mp_stderr_print, "\n");
            code = 1;
        }
        return (int)(code & 0xff);
    }
    mp_obj_print_exception(&mp_stderr_print, exception);
    return 1;
}

static void mount_root(void) {
    mp_obj_t args[2] = {
        MP_OBJ_TYPE_GET_SLOT(&mp_type_vfs_posix, make_new)(&mp_type_vfs_posix, 0, 0, NULL),
        MP_OBJ_NEW_QSTR(MP_QSTR__slash_),
    };
    mp_vfs_mount(2, args, (mp_map_t *)&mp_const_empty_map);
    MP_STATE_VM(vfs_cur) = MP_STATE_VM(vfs_mount_table);
}

/// Imports tools.siproxy64.router and calls main(arguments), which gives the exit code.
static int run(int argc, char **argv) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        return report(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    mount_root();
    mp_obj_list_append(mp_sys_path, MP_OBJ_NEW_QSTR(qstr_from_str(".frozen")));
    mp_obj_t arguments = mp_obj_new_list(0, NULL);
    for (int i = 0; i < argc; ++i) {
        mp_obj_list_append(arguments, mp_obj_new_str_from_cstr(argv[i]));
    }
    mp_obj_t from = MP_OBJ_NEW_QSTR(MP_QSTR_main);
    mp_obj_t module = mp_import_name(qstr_from_str("tools.siproxy64.router"),
        mp_obj_new_tuple(1, &from), MP_OBJ_NEW_SMALL_INT(0));
    mp_obj_t result = mp_call_function_1(mp_load_attr(module, MP_QSTR_main), arguments);
    nlr_pop();
    return result == mp_const_none ? 0 : (int)mp_obj_get_int(result) & 0xff;
}

static MP_NOINLINE int main_(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--heap") == 0) {
        char *end;
        heap_most = strtoul(argv[2], &end, 0);
        if (*end || heap_most < 65536) {
            fputs("siproxy64-router: --heap takes octets, 65536 at least\n", stderr);
            return 2;
        }
        argc -= 2;
        argv += 2;
    }
    size_t size = heap_most < HEAP ? heap_most : HEAP;
    char *heap = malloc(size);
    if (heap == NULL) {
        fprintf(stderr, "siproxy64-router: no memory for a heap of %zu octets\n", size);
        return 1;
    }
    engine_time_us(); // time begins
    posix_init();
    int result = net6_init(&net6_router);
    if (result < 0) {
        fprintf(stderr, "siproxy64-router: network: %s\n", strerror(-result));
        return 1;
    }
    gc_init(heap, heap + size);
    mp_init();
    mp_sys_path = mp_obj_new_list(0, NULL);
    mp_obj_list_init(MP_OBJ_TO_PTR(mp_sys_argv), 0);
    result = run(argc - 1, argv + 1);
    gc_sweep_all(); // finalisers close what objects hold
    net6_close_all();
    mp_deinit();
    return result;
}

#ifdef __SANITIZE_ADDRESS__
/// What the heap holds at the end is no leak.
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}
#endif

int main(int argc, char **argv) {
    mp_cstack_init_with_sp_here(STACK_MAX);
    return main_(argc, argv); // not inlined: the stack's top is above all its variables
}

void nlr_jump_fail(void *value) {
    fprintf(stderr, "siproxy64-router: exception outside of any handler %p\n", value);
    exit(1);
}
