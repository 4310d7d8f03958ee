# SPDX-License-Identifier: MIT OR Apache-2.0
"""Installed modules: `kbuild-rs install` runs as an install script.

Meson itself would only copy them. The program also signs, compresses, runs depmod, and checks that
modprobe finds each module. With DESTDIR, it writes for a package: no journal, no depmod.

Modules of one subproject that are installed in the same way are installed by one call: modules
that use each other's symbols come together, and depmod runs once.
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as T

from ...mesonlib import File

if T.TYPE_CHECKING:
    from .. import ModuleState
    from ...interpreter import Interpreter

Kwargs = T.Dict[str, T.Any]

FOLDER = 'meson-private/kbuild-install'

COMPRESSIONS = ('none', 'gzip', 'xz', 'zstd')


def problem(kwargs: Kwargs, release: str) -> T.Optional[str]:
    """The reason why the keywords about installation do not fit together, or None."""
    if kwargs['unsigned'] and (kwargs['sign'] or kwargs['key']):
        return '"unsigned" installs the module without a signature: remove it, or "sign" and "key"'
    if kwargs['cert'] and not kwargs['key']:
        return '"cert" is the certificate of "key", which is missing'
    if kwargs['install_dir'] and folder(kwargs['install_dir'], release) is None:
        return (f'"install_dir" is {kwargs["install_dir"]}, but depmod and modprobe only look below '
                f"/lib/modules/{release}: name a folder there, as in 'extra'")
    return None


def folder(install_dir: str, release: str) -> T.Optional[str]:
    """The folder of the installation below lib/modules/<release>, or None if it is elsewhere."""
    if not os.path.isabs(install_dir):
        path = os.path.normpath(install_dir)
        return None if path.split('/')[0] == '..' else path
    path = os.path.normpath(install_dir)
    found = re.fullmatch(f'(/usr)?/lib/modules/{re.escape(release)}/(.+)', path)
    return found[2] if found else None


def add(state: ModuleState, interpreter: Interpreter, program: T.Any, kwargs: Kwargs, kernel: T.Any,
        modules: T.List[str]) -> None:
    """Installs `modules`, paths that start at the build folder, when the project is installed."""
    build = interpreter.build
    root = state.environment.get_build_dir()
    tag = kwargs['install_tag']
    lines = ['install', '--outer-meson', '--kernel', kernel.path, *arguments(state, kwargs, kernel.release)]
    key = '\n'.join([state.subproject, tag, *lines])
    path = os.path.join(FOLDER, hashlib.sha256(key.encode(errors='surrogateescape')).hexdigest()[:16])
    first = not any(f'@{path}' in getattr(script, 'cmd_args', ()) for script in build.install_scripts)
    if first:
        os.makedirs(os.path.join(root, FOLDER), exist_ok=True)
        # Without verbose, Meson shows nothing of a script that succeeds.
        script = interpreter.backend.get_executable_serialisation([program, f'@{path}'], tag=tag, verbose=True)
        script.subproject = state.subproject
        # Known since 1.1. An older Meson runs no script in a dry run.
        script.dry_run = True
        build.install_scripts.append(script)
    with open(os.path.join(root, path), 'w' if first else 'a', encoding='utf-8',
              errors='surrogateescape') as file:
        file.writelines(f'{line}\n' for line in (lines if first else []) + modules)


def arguments(state: ModuleState, kwargs: Kwargs, release: str) -> T.List[str]:
    """The arguments of `kbuild-rs install` for its keywords."""
    lines: T.List[str] = []
    if kwargs['install_dir']:
        # With the slash, it starts at lib/modules/<release>.
        lines += ['--dir', f'/{folder(kwargs["install_dir"], release)}']
    for keyword in ('sign', 'unsigned', 'strip'):
        if kwargs[keyword]:
            lines.append(f'--{keyword}')
    for keyword in ('key', 'cert'):
        if kwargs[keyword]:
            lines += [f'--{keyword}', absolute(state, kwargs[keyword])]
    if kwargs['compress']:
        lines += ['--compress', kwargs['compress']]
    return lines


def absolute(state: ModuleState, file: T.Union[str, File]) -> str:
    """The path of a key or certificate. A PKCS#11 URI stays as it is."""
    environment = state.environment
    if isinstance(file, File):
        return file.absolute_path(environment.get_source_dir(), environment.get_build_dir())
    if file.startswith('pkcs11:'):
        return file
    return os.path.join(environment.get_source_dir(), state.subdir, file)
