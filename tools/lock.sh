#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
#
# Make requirements-*.lock from requirements-*.in: every version and hash, no name of a host.
# pip-tools runs in an environment of its own and sees PyPI alone, whatever pip.conf says, so
# that the hashes are those of the files that everybody gets.

set -eu -o pipefail
cd "$(dirname "$0")"
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL
python3 -m venv "$venv"
"$venv/bin/pip" install -q pip-tools
for name in call test sdist; do
    echo "lock: requirements-$name.lock"
    "$venv/bin/pip-compile" -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-header \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
        -o requirements-$name.lock requirements-$name.in
done
