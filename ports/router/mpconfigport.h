// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// MicroPython's configuration for siproxy64-router: bytecode alone, files and memory of a Linux
// process, no prompt, no network but net6.

#include <alloca.h>
#include <stdio.h>
#include <unistd.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_CORE_FEATURES)

#ifdef __LP64__
typedef long mp_int_t; // as wide as a pointer
typedef unsigned long mp_uint_t;
#else
typedef int mp_int_t;
typedef unsigned int mp_uint_t;
#endif
#if _FILE_OFFSET_BITS == 64 && !defined(__LP64__)
typedef long long mp_off_t;
#else
typedef long mp_off_t;
#endif

#define MP_STATE_PORT MP_STATE_VM
#if !(defined(__x86_64__) || defined(__i386__) || defined(__arm__))
#define MICROPY_GCREGS_SETJMP (1)
#endif

// The machine below Python.
#define MICROPY_ENABLE_GC (1)
#define MICROPY_ENABLE_FINALISER (1)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)
#define MICROPY_ENABLE_COMPILER (0)
#define MICROPY_PERSISTENT_CODE_LOAD (0)
#define MICROPY_KBD_EXCEPTION (0)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (256)
#define MICROPY_ENABLE_SOURCE_LINE (1)
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_OPT_COMPUTED_GOTO (1)
#define MICROPY_OPT_MAP_LOOKUP_CACHE (1)
#define MICROPY_OPT_LOAD_ATTR_FAST_PATH (1)
#define MICROPY_CPYTHON_COMPAT (1)
#define MICROPY_STREAMS_NON_BLOCK (1)
#define MICROPY_STREAMS_POSIX_API (1)
#define MICROPY_MALLOC_USES_ALLOCATED_SIZE (1)

// Files of Linux.
#define MICROPY_VFS (1)
#define MICROPY_VFS_POSIX (1)
#define MICROPY_READER_VFS (0)
#define MICROPY_READER_POSIX (0)
#define MICROPY_EPOCH_IS_1970 (1)
#define MICROPY_ALLOC_PATH_MAX (PATH_MAX)
#define MICROPY_PY_SYS_PLATFORM "linux"
#define MICROPY_PY_SYS_PATH_DEFAULT ".frozen"
#define _DIRENT_HAVE_D_TYPE (1)
#define _DIRENT_HAVE_D_INO (1)

// What the libraries and siproxy64 use of the language.
#define MICROPY_MODULE_GETATTR (1)
#define MICROPY_MODULE_WEAK_LINKS (0)
#define MICROPY_PY_FUNCTION_ATTRS (1)
#define MICROPY_PY_DESCRIPTORS (1)
#define MICROPY_PY_BUILTINS_STR_UNICODE (1)
#define MICROPY_PY_BUILTINS_STR_CENTER (1)
#define MICROPY_PY_BUILTINS_STR_PARTITION (1)
#define MICROPY_PY_BUILTINS_STR_SPLITLINES (1)
#define MICROPY_PY_BUILTINS_MEMORYVIEW (1)
#define MICROPY_PY_BUILTINS_FROZENSET (1)
#define MICROPY_PY_BUILTINS_SLICE_ATTRS (1)
#define MICROPY_PY_BUILTINS_ROUND_INT (1)
#define MICROPY_PY_BUILTINS_NOTIMPLEMENTED (1)
#define MICROPY_PY_BUILTINS_HELP (0)
#define MICROPY_PY_BUILTINS_INPUT (0)
#define MICROPY_PY_BUILTINS_EXECFILE (0)
#define MICROPY_PY_ALL_SPECIAL_METHODS (1)
#define MICROPY_PY_REVERSE_SPECIAL_METHODS (1)
#define MICROPY_PY_ARRAY_SLICE_ASSIGN (1)
#define MICROPY_PY_COLLECTIONS_DEQUE (1)
#define MICROPY_PY_IO_IOBASE (0)
#define MICROPY_PY_SYS_EXIT (1)
#define MICROPY_PY_SYS_STDFILES (1)
#define MICROPY_PY_SYS_PATH_ARGV_DEFAULTS (0)
#define MICROPY_PY_SYS_EXC_INFO (0)
#define MICROPY_PY_SYS_SETTRACE (0)
#define MICROPY_PY_ERRNO (1)
#define MICROPY_PY_SELECT (1)
#define MICROPY_PY_SELECT_SELECT (0)
#define MICROPY_PY_SELECT_POSIX_OPTIMISATIONS (1)
#define MICROPY_SELECT_REMAINING_TIME (1)
#define MICROPY_PY_TIME (1)
#define MICROPY_PY_BINASCII (1)

extern const struct _mp_print_t mp_stderr_print;
#define MICROPY_ERROR_PRINTER (&mp_stderr_print)
