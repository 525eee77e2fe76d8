// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// MicroPython's configuration for the unix phone: upstream's unix port, changed where a phone
// differs. Upstream's file includes mpconfigvariant.h, which is ours, too.

#include "ports/unix/mpconfigport.h"

// A jump out of SIGINT's handler would leave the engine's mutex locked.
#undef MICROPY_ASYNC_KBD_INTR
#define MICROPY_ASYNC_KBD_INTR (0)

// One VM thread; the engine thread never enters the VM.
#undef MICROPY_PY_THREAD
#define MICROPY_PY_THREAD (0)

// The board's path, as all boards have it; a script's comes from MICROPYPATH.
#undef MICROPY_PY_SYS_PATH_DEFAULT
#define MICROPY_PY_SYS_PATH_DEFAULT ".frozen"

// A phone is not a shell of its host.
#undef MICROPY_PY_OS_SYSTEM
#define MICROPY_PY_OS_SYSTEM (0)
#undef MICROPY_PLAT_DEV_MEM
#define MICROPY_PLAT_DEV_MEM (0)

#undef MICROPY_VFS_ROM_IOCTL
#define MICROPY_VFS_ROM_IOCTL (1)

// The console's buffer holds twice this: mpremote may send so much at a time.
#define MICROPY_REPL_STDIN_BUFFER_MAX (8192)

// resume() on the REPL goes back to the phone.
#define MICROPY_PORT_EXTRA_BUILTINS { MP_ROM_QSTR(MP_QSTR_resume), MP_ROM_PTR(&vox6_resume_obj) },
extern const struct _mp_obj_fun_builtin_fixed_t vox6_resume_obj;
