# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""Who may import whom: fail on any edge that the design does not allow.

    python3 -m tools.check_imports [TOP]

The rules, each with the name that stands in the message:

    edge       a package of lib/ imports only what its manifest.py require()s, and only upwards in
               the table ALLOWED; absent manifests and unknown packages count as edges too
    engine     lib/ knows no clock, socket, file, host or device: none of FORBIDDEN_LIB
    provider   _crypto, cryptography and hashlib are imported by lib/crypto alone
    subset     lib/ and firmware/ import no module that MicroPython lacks
    firmware   imports lib, itself, board and the C modules; no socket, no hardware module
    board      boards/ and ports/ import hardware modules only; a port may start firmware.main
    server     tools/ never import firmware; its servers and vox6 import lib and common alone
    tests      nothing imports host_tests; only tools/ and host_tests/ import tools
    if-board   no `if BOARD`, no sys.platform outside boards/ and ports/
    ipv4       AF_INET and IPv4 socket addresses stay in pubtsp, the tunnel netif and siproxy64
    core       a pure C core includes no py/*.h, no HAL header and no header of a binding

Imports inside `if TYPE_CHECKING:` make edges like all others, but may name typing modules.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# "A: b" = A may import b (style.md section 1 of the shared texts, rule 1).
ALLOWED: dict[str, frozenset[str]] = {
    "wire": frozenset(),
    "crypto": frozenset(),
    "dns": frozenset({"wire"}),
    "dhcp6": frozenset({"wire"}),
    "sdp": frozenset({"wire"}),
    "rtp": frozenset({"wire"}),
    "zrtp": frozenset({"wire", "crypto"}),
    "sip": frozenset({"wire", "crypto"}),
    "pubtsp": frozenset({"wire", "crypto"}),
    "update": frozenset({"wire", "crypto"}),
    "srtp": frozenset({"wire", "crypto", "rtp"}),
}
# Our C modules and what a port offers: firmware may import the first set, boards both.
C_MODULES = frozenset({"net6", "media", "voicecodecs", "tunnel6", "_crypto"})
HARDWARE = frozenset(
    {
        "_board", "machine", "network", "lwip", "pyb", "rp2", "esp", "esp32", "bluetooth",
        "mimxrt", "stm", "umachine", "usocket", "uctypes",
    }
)  # fmt: skip
SOCKETS = frozenset({"socket", "usocket", "select", "uselect", "ssl", "ussl", "tls", "lwip"})
FORBIDDEN_LIB = (
    frozenset(
        {
            "socket", "select", "asyncio", "time", "os", "sys", "machine", "network", "random",
            "logging", "uasyncio", "utime", "uos", "usys", "urandom", "threading", "_thread",
            "datetime", "io", "pathlib", "subprocess", "importlib", "secrets", "board",
        }
    )
    | HARDWARE
    | SOCKETS
    | (C_MODULES - {"_crypto"})
)  # fmt: skip
PROVIDERS = frozenset(
    {"_crypto", "cryptography", "hashlib", "uhashlib", "cryptolib", "ucryptolib"}
)
ABSENT = frozenset(
    {
        "abc", "contextlib", "dataclasses", "enum", "functools", "hmac", "ipaddress", "typing",
        "typing_extensions", "logging", "pathlib", "threading", "subprocess", "unittest",
        "__future__",
    }
)  # fmt: skip
SERVERS = frozenset({"siproxy64", "pubtspd", "vox6", "common"})
OURS = frozenset({"vox6", "firmware", "tools", "host_tests", "boards", "ports"})

_HAL_INCLUDE = re.compile(
    r'#\s*include\s*[<"]('
    r"(?:\.\./)*py/|shared/runtime/|(?:.*/)?mphal|(?:.*/)?mpconfig|cmsis|core_cm|hardware/|pico/|"
    r"stm32|nrfx|esp_|driver/|(?:\.\./)+(?:unix|qemu|rp2)/|ports/|boards/|(?:.*/)?mod[a-z0-9_]+\.h|"
    r'extmod/)[^>"]*[>"]'
)
_INCLUDE = re.compile(r'#\s*include\s*[<"]([^>"]+)[>"]')
_IPV4_C = re.compile(r"\bAF_INET\b|\bsockaddr_in\b|\bstruct in_addr\b|\binet_aton\b")


class Violation:
    """One line that breaks a rule."""

    def __init__(self, path: str, line: int, rule: str, text: str) -> None:
        self.path = path
        self.line = line
        self.rule = rule
        self.text = text

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


class Import:
    """One import: absolute dotted name, its line, and whether only a type checker sees it."""

    def __init__(self, name: str, line: int, typing_only: bool) -> None:
        self.name = name
        self.line = line
        self.typing_only = typing_only

    @property
    def first(self) -> str:
        """The leftmost part of the dotted name."""
        return self.name.partition(".")[0]


def _guards_typing(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _absolute(package: list[str], level: int, name: str) -> str:
    """Resolve `from <level dots><name> import`; package = parts of the file's own package."""
    if level == 0:
        return name
    base = package[: len(package) - level + 1]
    if level > len(package):
        base = ["host_tests.outside"]  # above the top: nothing may be there
    return ".".join([*base, name] if name else base)


def _constant(call: ast.Call, index: int) -> object:
    if index < len(call.args) and isinstance(call.args[index], ast.Constant):
        constant = call.args[index]
        assert isinstance(constant, ast.Constant)
        return constant.value
    return None


def imports_of(tree: ast.Module, package: list[str]) -> list[Import]:
    """Return every import of a module, at any depth, relative names made absolute.

    `__import__` with names that are not constants must be relative (level 1), as the lazy
    `__getattr__` of a package is; otherwise the name "?" is returned, which no rule allows.
    """
    found: list[Import] = []

    def visit(node: ast.AST, typing_only: bool) -> None:
        if isinstance(node, ast.If) and _guards_typing(node.test):
            for statement in node.body:
                visit(statement, True)
            for statement in node.orelse:
                visit(statement, typing_only)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.append(Import(alias.name, node.lineno, typing_only))
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(package, node.level, node.module or "")
            for alias in node.names:
                found.append(Import(f"{base}.{alias.name}", node.lineno, typing_only))
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = getattr(node.func, "id", called)
            if called in ("__import__", "import_module"):
                name, level = _constant(node, 0), _constant(node, 4)
                if isinstance(name, str) and not isinstance(level, int):
                    found.append(Import(name, node.lineno, typing_only))
                elif isinstance(name, str) and isinstance(level, int):
                    found.append(Import(_absolute(package, level, name), node.lineno, typing_only))
                elif level != 1:
                    found.append(Import("?", node.lineno, typing_only))
        for child in ast.iter_child_nodes(node):
            visit(child, typing_only)

    visit(tree, False)
    return found


def required(manifest: Path) -> set[str]:
    """Packages of lib/ that a manifest require()s; "vox6-wire", "vox6.wire", "wire" are one."""
    names = set()
    for node in ast.walk(ast.parse(manifest.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
            name = _constant(node, 0)
            if isinstance(name, str):
                names.add(re.sub(r"^vox6[-./_]", "", name))
    return names


class _Module:
    """One Python file with what the rules ask about it."""

    def __init__(self, top: Path, path: Path) -> None:
        self.path = path
        self.relative = path.relative_to(top).as_posix()
        self.parts = self.relative.split("/")
        self.tree = ast.parse(path.read_text(encoding="utf-8"), filename=self.relative)
        package = list(self.parts[:-1])
        if package and package[0] == "lib":
            package[0] = "vox6"
        self.imports = imports_of(self.tree, package)


def _edges(module: _Module, allowance: set[str]) -> Iterator[Violation]:
    """Rules edge, engine and provider: one file of lib/<package>/."""
    own = module.parts[1]
    for found in module.imports:
        name, first = found.name, found.first

        def bad(rule: str, text: str, line: int = found.line) -> Violation:
            return Violation(module.relative, line, rule, text)

        if first == "vox6":
            other = name.split(".")[1] if "." in name else ""
            if other and other != own and other not in allowance:
                may = ", ".join(sorted(allowance)) or "nothing"
                yield bad("edge", f"lib/{own} imports {other}; its manifest allows {may}")
        elif first in OURS or first == "?":
            yield bad("edge", f"lib/{own} imports {name}")
        elif first in PROVIDERS and own != "crypto":
            yield bad("provider", f"lib/{own} imports {first}; lib/crypto alone may")
        elif module.relative == "lib/crypto/host.py" and first == "secrets":
            continue  # the host's provider is where its random octets come from
        elif first in FORBIDDEN_LIB and not (found.typing_only and first == "typing"):
            yield bad("engine", f"lib/{own} imports {first}; an engine is told, it does not ask")


def _subset(module: _Module) -> Iterator[Violation]:
    for found in module.imports:
        if found.first in ABSENT and not found.typing_only:
            yield Violation(
                module.relative, found.line, "subset", f"MicroPython has no {found.first}"
            )


def _conditions(module: _Module) -> Iterator[Violation]:
    """Rule if-board."""
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.If, ast.IfExp)):
            for part in ast.walk(node.test):
                if isinstance(part, ast.Name) and part.id in ("BOARD", "BOARD_NAME"):
                    yield Violation(
                        module.relative, node.lineno, "if-board", "ask FACTS of board.py instead"
                    )
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ("platform", "uname")
            and isinstance(node.value, ast.Name)
            and node.value.id in ("sys", "os")
        ):
            yield Violation(
                module.relative, node.lineno, "if-board", f"{node.value.id}.{node.attr}"
            )


def _ipv4(module: _Module) -> Iterator[Violation]:
    for node in ast.walk(module.tree):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name == "AF_INET":
            yield Violation(module.relative, getattr(node, "lineno", 1), "ipv4", "AF_INET")


def _forbid(module: _Module, rule: str, names: frozenset[str], text: str) -> Iterator[Violation]:
    for found in module.imports:
        if found.first in names:
            yield Violation(module.relative, found.line, rule, f"{text} {found.name}")


def _firmware(module: _Module) -> Iterator[Violation]:
    outside = frozenset({"host_tests", "tools", "boards", "ports", "?"})
    yield from _forbid(module, "firmware", outside, "firmware imports")
    yield from _forbid(module, "firmware", SOCKETS - {"select", "tls"}, "net6 serves, not")
    yield from _forbid(module, "firmware", HARDWARE, "board.py is the contract, not")
    if "net" not in module.parts[1:2]:
        yield from _ipv4(module)


def _tools(module: _Module) -> Iterator[Violation]:
    yield from _forbid(module, "tests", frozenset({"host_tests"}), "nothing imports")
    yield from _forbid(
        module, "server", frozenset({"firmware", "boards", "ports"}), "tools never import"
    )
    if len(module.parts) > 2 and module.parts[1] in SERVERS:
        own = module.parts[1]
        for found in module.imports:
            other = found.name.split(".")[1] if found.name.count(".") else ""
            if found.first == "tools" and other not in (own, "common"):
                yield Violation(
                    module.relative, found.line, "server", f"a server imports {found.name}"
                )


def check_python(top: Path) -> Iterator[Violation]:
    """Check every Python file below the folders of the tree."""
    allowances: dict[str, set[str]] = {}
    library = top / "lib"
    for folder in sorted(library.iterdir()) if library.is_dir() else []:
        sources = sorted(folder.rglob("*.py")) if folder.is_dir() else []
        if not [path for path in sources if path.name != "manifest.py"]:
            continue
        name, manifest = folder.name, folder / "manifest.py"
        where = f"lib/{name}/manifest.py"
        if name not in ALLOWED:
            yield Violation(where, 1, "edge", f"lib/{name} is not in the table ALLOWED")
        if not manifest.is_file():
            yield Violation(where, 1, "edge", "the package has no manifest.py")
            continue
        wants = required(manifest)
        for other in sorted(wants - ALLOWED.get(name, frozenset())):
            yield Violation(where, 1, "edge", f"lib/{name} may not require {other}")
        allowances[name] = wants & ALLOWED.get(name, frozenset())
    for root in ("lib", "firmware", "boards", "ports", "tools", "host_tests"):
        for path in sorted((top / root).rglob("*.py")):
            if path.name == "manifest.py" or "__pycache__" in path.parts:
                continue
            try:
                module = _Module(top, path)
            except SyntaxError as error:
                relative = path.relative_to(top).as_posix()
                yield Violation(relative, error.lineno or 1, "syntax", error.msg)
                continue
            if root == "lib":
                if len(module.parts) < 3:
                    yield Violation(module.relative, 1, "edge", "lib/ itself holds no module")
                    continue
                yield from _edges(module, allowances.get(module.parts[1], set()))
                if module.parts[1] != "pubtsp":
                    yield from _ipv4(module)
            if root == "firmware":
                yield from _firmware(module)
            if root in ("lib", "firmware"):
                yield from _subset(module)
                yield from _conditions(module)
            if root in ("boards", "ports"):
                if root == "ports":
                    # What runs at boot calls the phone's entry, and knows nothing else of it.
                    entry = ("firmware.main", "firmware.main.run")
                    module.imports = [found for found in module.imports if found.name not in entry]
                yield from _forbid(module, "board", OURS | {"?"}, "a board imports")
            if root == "tools":
                yield from _tools(module)


def is_core(relative: str) -> bool:
    """True for a C file that must be free of MicroPython and HAL."""
    name = relative.rpartition("/")[2]
    if re.fullmatch(r".*_core\.[ch]", name):
        return True
    if not relative.startswith("ports/cmodules/"):
        return False
    # Bindings, and the configuration files that upstream libraries ask for.
    return not re.fullmatch(r"mod[a-z0-9_]*\.[ch]|.*_config\.h|lwipopts\.h|.*_port\.[ch]", name)


def check_c(top: Path) -> Iterator[Violation]:
    """Check the includes of every pure C core, headers of ours that it includes as well."""
    for root in ("ports", "boards"):
        for path in sorted((top / root).rglob("*.[ch]")):
            relative = path.relative_to(top).as_posix()
            if not is_core(relative):
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if _HAL_INCLUDE.match(line.strip()):
                    yield Violation(relative, number, "core", line.strip())
                if _IPV4_C.search(line) and "tunnel6" not in relative:
                    yield Violation(relative, number, "ipv4", line.strip())
                # A core may not reach MicroPython by way of a header of ours that is no core.
                included = _INCLUDE.match(line.strip())
                if included:
                    for base in (path.parent, top / "ports" / "cmodules"):
                        header = (base / included[1]).resolve()
                        if not header.is_file() or not header.is_relative_to(top.resolve()):
                            continue
                        inner = header.relative_to(top.resolve()).as_posix()
                        if is_core(inner) or inner.endswith(("_config.h", "lwipopts.h")):
                            continue
                        if any(
                            _HAL_INCLUDE.match(text.strip())
                            for text in header.read_text(encoding="utf-8").splitlines()
                        ):
                            yield Violation(relative, number, "core", f"{inner} is no core")


def check(top: Path) -> list[Violation]:
    """Return all violations below the top of a tree, in the order of files."""
    found = {str(violation): violation for violation in (*check_python(top), *check_c(top))}
    return list(found.values())  # one statement may name several things of one package


def main() -> int:
    """Command line entry: print each violation; 1 if there is any."""
    top = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    violations = check(top)
    for violation in violations:
        print(violation)
    if violations:
        print(f"check_imports: {len(violations)} lines break the import rules", file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
