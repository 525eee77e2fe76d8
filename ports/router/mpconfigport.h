// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// MicroPython's configuration for siproxy64-router: bytecode alone, files and memory of a Linux
// process, no prompt, no network but net6.

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

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
#define MICROPY_GC_SPLIT_HEAP (1)
#define MICROPY_GC_SPLIT_HEAP_AUTO (1)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)
#define MICROPY_ENABLE_COMPILER (0)
#define MICROPY_PERSISTENT_CODE_LOAD (0)
#define MICROPY_KBD_EXCEPTION (0)
#define MICROPY_HELPER_REPL (0)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (256)
#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_OPT_COMPUTED_GOTO (1)
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

// The language as a phone has it; of modules those that siproxy64 uses.
#define MICROPY_PY_BUILTINS_COMPILE (0)
#define MICROPY_PY_BUILTINS_EXECFILE (0)
#define MICROPY_PY_BUILTINS_INPUT (0)
#define MICROPY_PY_BUILTINS_HELP (0)
#define MICROPY_PY_MICROPYTHON_MEM_INFO (0)
#define MICROPY_PY_MICROPYTHON_RINGIO (0)
#define MICROPY_PY_IO_IOBASE (0)
#define MICROPY_PY_SYS_PATH_ARGV_DEFAULTS (0)
#define MICROPY_PY_SYS_PS1_PS2 (0)
#define MICROPY_PY_SELECT (0)
#define MICROPY_PY_ASYNCIO (0)
#define MICROPY_PY_CMATH (0)
#define MICROPY_PY_DEFLATE (0)
#define MICROPY_PY_FRAMEBUF (0)
#define MICROPY_PY_HASHLIB (1)
#define MICROPY_PY_HASHLIB_MD5 (0)
#define MICROPY_PY_HASHLIB_SHA1 (0)
#define MICROPY_PY_HASHLIB_SHA256 (1)
#define MICROPY_PY_HEAPQ (0)
#define MICROPY_PY_JSON (1)
#define MICROPY_PY_JSON_SEPARATORS (0)
#define MICROPY_PY_MACHINE (0)
#define MICROPY_PY_MATH (0)
#define MICROPY_PY_OS (0)
#define MICROPY_PY_PLATFORM (0)
#define MICROPY_PY_RANDOM (0)
#define MICROPY_PY_RE (0)
#define MICROPY_PY_TIME (0)
#define MICROPY_PY_UCTYPES (0)

extern const struct _mp_print_t mp_stderr_print;
#define MICROPY_ERROR_PRINTER (&mp_stderr_print)
