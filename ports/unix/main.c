// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// vox6-phone: MicroPython with the phone's C modules, as a phone or as an interpreter.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extmod/vfs.h"
#include "extmod/vfs_posix.h"
#include "net6/net6_kernel.h"
#include "net6/net6_unix.h"
#include "tunnel6/tunnel6_netif.h"
#include "port_unix.h"
#include "py/builtin.h"
#include "py/compile.h"
#include "py/cstack.h"
#include "py/frozenmod.h"
#include "py/gc.h"
#include "py/mperrno.h"
#include "py/mphal.h"
#include "py/objstr.h"
#include "py/runtime.h"
#include "shared/runtime/pyexec.h"

#if VOX6_MEDIA
#include "media/media_core.h"
#endif

// 64-bit objects are twice those of a board. A phone's heap is twice a board's 512 kB and so fails
// where a board would soon; a script (the unit tests) may want more: --heap.
#define PHONE_HEAP (1024 * 1024)
#define SCRIPT_HEAP (16 * 1024 * 1024)
#define STACK_MAX (160 * 1024) // recursion deeper than this raises RuntimeError
#define FORCED_EXIT (0x100)

char state_dir[PATH_MAX];
bool phone_form;

extern mp_obj_str_t mp_sys_executable_obj;

bool state_path(const char *name, char path[PATH_MAX]) {
    if (state_dir[0] == 0) {
        return false;
    }
    size_t directory = strlen(state_dir), length = strlen(name);
    if (directory + 1 + length >= PATH_MAX) {
        return false;
    }
    memcpy(path, state_dir, directory);
    path[directory] = '/';
    memcpy(path + directory + 1, name, length + 1);
    return true;
}

static void usage(FILE *to) {
    fputs(
        "usage: vox6-phone --state DIR [--heap OCTETS]\n"
        "         runs the phone; DIR is made if absent and holds all that it keeps. Its console\n"
        "         is the terminal DIR/console (mpremote connect DIR/console).\n"
        "       vox6-phone [--state DIR] [--heap OCTETS] SCRIPT [ARGUMENTS] | -c CODE | -m MODULE\n"
        "         runs a script with the phone's modules; sys.path comes from MICROPYPATH.\n",
        to);
}

/// Prints an exception that nobody caught. Returns the exit code, with FORCED_EXIT for SystemExit.
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
        return FORCED_EXIT | (int)(code & 0xff);
    }
    mp_obj_print_exception(&mp_stderr_print, exception);
    return 1;
}

static void mount_root(const char *root) {
    mp_obj_t name = mp_obj_new_str_from_cstr(root);
    mp_obj_t args[2] = {
        MP_OBJ_TYPE_GET_SLOT(&mp_type_vfs_posix, make_new)(
            &mp_type_vfs_posix, root[0] ? 1 : 0, 0, &name),
        MP_OBJ_NEW_QSTR(MP_QSTR__slash_),
    };
    mp_vfs_mount(2, args, (mp_map_t *)&mp_const_empty_map);
    MP_STATE_VM(vfs_cur) = MP_STATE_VM(vfs_mount_table);
    while (MP_STATE_VM(vfs_cur)->next != NULL) {
        MP_STATE_VM(vfs_cur) = MP_STATE_VM(vfs_cur)->next;
    }
}

static void append_path(const char *entry, size_t length) {
    mp_obj_list_append(mp_sys_path, mp_obj_new_str_via_qstr(entry, length));
}

/// sys.path of a script: its folder (set later), then MICROPYPATH or the frozen modules.
static void set_script_path(void) {
    const char *path = getenv("MICROPYPATH");
    append_path("", 0);
    if (path == NULL) {
        path = MICROPY_PY_SYS_PATH_DEFAULT;
    }
    while (*path) {
        size_t length = strcspn(path, ":");
        if (length > 0) {
            append_path(path, length);
        }
        path += length + (path[length] ? 1 : 0);
    }
}

static void init_vm(char *heap, size_t size) {
    gc_init(heap, heap + size);
    mp_init();
    mp_sys_path = mp_obj_new_list(0, NULL);
    mp_obj_list_init(MP_OBJ_TO_PTR(mp_sys_argv), 0);
}

/// Python objects first, as their finalisers close what they hold; then whatever is still open.
static void deinit_vm(void) {
    gc_sweep_all();
#if VOX6_MEDIA
    media_deinit();
#endif
    tunnel6_stop();
    net6_close_all();
    board_unix_deinit();
    mp_deinit();
}

// --- a script -----------------------------------------------------------------------------------

enum kind { KIND_FILE, KIND_CODE };

static int run_source(enum kind kind, const char *source) {
    mp_hal_set_interrupt_char(CHAR_CTRL_C);
    nlr_buf_t nlr;
    int result = 0;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lexer = kind == KIND_FILE
            ? mp_lexer_new_from_file(qstr_from_str(source))
            : mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, source, strlen(source), 0);
        qstr name = lexer->source_name;
        mp_store_global(MP_QSTR___file__, MP_OBJ_NEW_QSTR(name));
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, name, false));
        mp_hal_set_interrupt_char((char)-1);
        mp_handle_pending(true);
        nlr_pop();
    } else {
        mp_hal_set_interrupt_char((char)-1);
        mp_handle_pending(false);
        result = report(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    return result & 0xff;
}

static int run_module(const char *name) {
    mp_hal_set_interrupt_char(CHAR_CTRL_C);
    nlr_buf_t nlr;
    int result = 0;
    if (nlr_push(&nlr) == 0) {
        // A false "from list" makes the module itself __main__ (MICROPY_MODULE_OVERRIDE_MAIN_IMPORT).
        mp_obj_t args[4] = { mp_obj_new_str_from_cstr(name), mp_const_none, mp_const_none,
            mp_const_false };
        mp_builtin___import__(MP_ARRAY_SIZE(args), args);
        nlr_pop();
    } else {
        result = report(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    mp_hal_set_interrupt_char((char)-1);
    return result & 0xff;
}

static int script_main(int argc, char **argv, size_t heap_size) {
    char *heap = malloc(heap_size);
    if (heap == NULL) {
        fprintf(stderr, "vox6-phone: no memory for a heap of %zu octets\n", heap_size);
        return 1;
    }
    init_vm(heap, heap_size);
    mount_root("");
    set_script_path();
    bool code = strcmp(argv[0], "-c") == 0, module = strcmp(argv[0], "-m") == 0;
    if ((code || module) && argc < 2) {
        usage(stderr);
        return 2;
    }
    for (int i = code || module ? 1 : 0; i < argc; ++i) {
        mp_obj_list_append(mp_sys_argv, mp_obj_new_str_from_cstr(argv[i]));
    }
    int result;
    if (code) {
        result = run_source(KIND_CODE, argv[1]);
    } else if (module) {
        result = run_module(argv[1]);
    } else {
        char path[PATH_MAX];
        if (realpath(argv[0], path) == NULL) {
            fprintf(stderr, "vox6-phone: %s: %s\n", argv[0], strerror(errno));
            return 2;
        }
        const char *slash = strrchr(path, '/');
        mp_obj_list_store(
            mp_sys_path, MP_OBJ_NEW_SMALL_INT(0), mp_obj_new_str(path, (size_t)(slash - path)));
        result = run_source(KIND_FILE, argv[0]);
    }
#if MICROPY_PY_SYS_ATEXIT
    if (mp_obj_is_callable(MP_STATE_VM(sys_exitfunc))) {
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            mp_call_function_0(MP_STATE_VM(sys_exitfunc));
            nlr_pop();
        } else {
            result = report(MP_OBJ_FROM_PTR(nlr.ret_val)) & 0xff;
        }
    }
#endif
    deinit_vm();
    return result;
}

// --- a phone ------------------------------------------------------------------------------------

static bool have_firmware(void) {
    int type;
    void *data;
    return mp_find_frozen_module("firmware/main.py", &type, &data) == MP_IMPORT_STAT_FILE;
}

/// Runs the phone until it leaves: for boot, and for resume() on the REPL.
void phone_run(void) {
    nlr_buf_t nlr;
    console_phone_begins();
    if (nlr_push(&nlr) == 0) {
        mp_obj_t from = MP_OBJ_NEW_QSTR(MP_QSTR_main);
        mp_obj_t from_list = mp_obj_new_tuple(1, &from);
        mp_obj_t main =
            mp_import_name(qstr_from_str("firmware.main"), from_list, MP_OBJ_NEW_SMALL_INT(0));
        mp_call_function_0(mp_load_attr(main, MP_QSTR_run));
        nlr_pop();
    } else {
        console_phone_ended();
        nlr_raise(nlr.ret_val);
    }
    console_phone_ended();
}

static void boot_phone(void) {
    nlr_buf_t nlr;
    mp_hal_set_interrupt_char(CHAR_CTRL_C);
    if (nlr_push(&nlr) == 0) {
        phone_run();
        nlr_pop();
    } else {
        console_log(true);
        report(MP_OBJ_FROM_PTR(nlr.ret_val));
        console_log(false);
    }
    mp_hal_set_interrupt_char((char)-1);
    mp_handle_pending(false);
}

/// A Python object of the file system's root may fail to be made: then there is none, and it is said.
static void mount_phone(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        char root[PATH_MAX];
        if (state_path("fs", root)) {
            mount_root(root);
            mp_vfs_chdir(MP_OBJ_NEW_QSTR(MP_QSTR__slash_));
        }
        append_path(".frozen", 7);
        append_path("", 0);
        append_path("/lib", 4);
        append_path("/rom", 4); // mounted by mp_init() if there is an image
        append_path("/rom/lib", 8);
        nlr_pop();
    } else {
        report(MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

// sys.stdin, sys.stdout and sys.stderr of upstream's unix port are files. A phone's are its console:
// the type of upstream's boards (shared/runtime/sys_stdio_mphal.c, whose objects the Makefile renames)
// has the same shape, so that its type makes consoles of them.
struct standard_file {
    mp_obj_base_t base;
    int fd;
};
extern struct standard_file mp_sys_stdin_obj, mp_sys_stdout_obj, mp_sys_stderr_obj;
extern const struct standard_file console_stdin_obj;

static void use_console(void) {
    mp_sys_stdin_obj.base.type = console_stdin_obj.base.type;
    mp_sys_stdout_obj.base.type = console_stdin_obj.base.type;
    mp_sys_stderr_obj.base.type = console_stdin_obj.base.type;
}

static int make_folder(const char *path) {
    return mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
}

static int phone_main(size_t heap_size) {
    char path[PATH_MAX];
    int result = 0;
    if (!state_path("fs/settings", path)) {
        result = -ENAMETOOLONG;
    }
    static const char *const folders[] = { "fs", "fs/settings" };
    for (size_t i = 0; i < MP_ARRAY_SIZE(folders) && result == 0; ++i) {
        state_path(folders[i], path);
        result = make_folder(path);
    }
    if (result == 0) {
        result = console_open();
    }
    if (result == 0) {
        result = engine_start();
    }
    char *heap = malloc(heap_size);
    if (result == 0 && heap == NULL) {
        result = -ENOMEM;
    }
    if (result < 0) {
        fprintf(stderr, "vox6-phone: %s: %s\n", state_dir, strerror(-result));
        return 1;
    }
#if VOX6_MEDIA
    audio_open();
#endif
    use_console();
    while (!console_stopping()) {
        init_vm(heap, heap_size);
        mount_phone();
        if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL && have_firmware()) {
            boot_phone();
        }
        while (!console_stopping()) {
            int left = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl()
                                                                : pyexec_friendly_repl();
            if (left != 0) {
                break;
            }
        }
        console_log(true);
        mp_hal_stdout_tx_str(console_stopping() ? "\r\nMPY: stopped\r\n" : "MPY: soft reboot\r\n");
        console_log(false);
        deinit_vm();
    }
    if (state_path("console", path)) {
        unlink(path);
    }
    if (state_path("panel.sock", path)) {
        unlink(path);
    }
    return 0;
}

// --- both ---------------------------------------------------------------------------------------

/// Makes the state directory, and holds it for this process alone. Returns false after a message.
static bool take_state(const char *name) {
    if (mkdir(name, 0777) < 0 && errno != EEXIST) {
        fprintf(stderr, "vox6-phone: %s: %s\n", name, strerror(errno));
        return false;
    }
    if (realpath(name, state_dir) == NULL) {
        fprintf(stderr, "vox6-phone: %s: %s\n", name, strerror(errno));
        return false;
    }
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fprintf(stderr, "vox6-phone: %s: %s\n", state_dir,
            errno == EWOULDBLOCK ? "another phone runs on this directory" : strerror(errno));
        return false;
    }
    return true; // fd stays open: the lock lasts as long as the process
}

static MP_NOINLINE int main_(int argc, char **argv) {
    long heap = 0;
    int at = 1;
    const char *state = NULL;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        char *end = NULL;
        if (strcmp(argv[at], "--state") == 0) {
            state = argv[at + 1];
        } else if (strcmp(argv[at], "--heap") == 0
            && (heap = strtol(argv[at + 1], &end, 0)) >= 65536 && *end == 0) {
            continue;
        } else {
            usage(stderr);
            return 2;
        }
    }
    if (at < argc && (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0)) {
        usage(stdout);
        return 0;
    }
    if ((at >= argc && state == NULL) || (at < argc && strncmp(argv[at], "--", 2) == 0)) {
        usage(stderr);
        return 2;
    }
    if (state != NULL && !take_state(state)) {
        return 1;
    }
    phone_form = at >= argc;
    engine_time_us(); // time begins
    board_unix_init(argv);
    interrupt_vm_init();
    static char executable[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof(executable) - 1);
    mp_obj_str_set_data(
        &mp_sys_executable_obj, (byte *)executable, length > 0 ? (size_t)length : 0);
    int result = net6_init(&net6_unix);
    if (result == 0) {
        result = net6_kernel_watch();
    }
    if (result < 0) {
        fprintf(stderr, "vox6-phone: network: %s\n", strerror(-result));
        return 1;
    }
    if (phone_form) {
        umask(077); // settings, keys and sound are their owner's alone
    }
    size_t size = heap > 0 ? (size_t)heap : phone_form ? PHONE_HEAP : SCRIPT_HEAP;
    return phone_form ? phone_main(size) : script_main(argc - at, argv + at, size);
}

int main(int argc, char **argv) {
    mp_cstack_init_with_sp_here(STACK_MAX);
    return main_(argc, argv); // not inlined: the stack's top is above all its variables
}

void nlr_jump_fail(void *value) {
    fprintf(stderr, "vox6-phone: exception outside of any handler %p\n", value);
    exit(1);
}
