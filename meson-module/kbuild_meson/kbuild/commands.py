# SPDX-License-Identifier: MIT OR Apache-2.0
"""The modules' entries in Meson's compile_commands.json, which clangd and others read.

Meson writes that file at each setup, without entries for the sources of custom targets. So a
module's entries are added after its build. After a setup, the entries of all modules that were built
before are added.
"""

from __future__ import annotations

import os
import typing as T

if T.TYPE_CHECKING:
    from ...interpreter import Interpreter

FOLDER = 'meson-private/kbuild-compile-commands'


def merge_after_build(build_root: str, subdir: str, name: str) -> T.List[str]:
    """Arguments of `kbuild-rs build`."""
    os.makedirs(os.path.join(build_root, FOLDER), exist_ok=True)
    record = '@'.join(['record', *subdir.split('/'), name])
    return ['--compile-commands', 'compile_commands.json',
            '--compile-commands-record', os.path.join(FOLDER, record)]


def merge_after_setup(interpreter: Interpreter, program: T.Any, out_dir: str) -> None:
    """Call this for each module: the first one of a setup begins the list, others append to it."""
    root = interpreter.environment.get_build_dir()
    arguments = os.path.join(root, FOLDER, 'arguments')
    lines = [os.path.join(out_dir, 'compile_commands.json')]
    # If a subproject fails, Meson discards its scripts too.
    scripts = interpreter.build.postconf_scripts
    first = not any(f'@{arguments}' in script.cmd_args for script in scripts)
    if first:
        scripts.append(interpreter.backend.get_executable_serialisation([program, f'@{arguments}']))
        lines = ['compile-commands', '--into', os.path.join(root, 'compile_commands.json'),
                 '--record', os.path.join(root, FOLDER, 'record')] + lines
    with open(arguments, 'w' if first else 'a', encoding='utf-8', errors='surrogateescape') as file:
        file.writelines(f'{line}\n' for line in lines)
