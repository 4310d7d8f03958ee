# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tests of modules: `kbuild-rs test` boots the kernel and prints TAP, which Meson reads."""

from __future__ import annotations

import os
import typing as T

from ...build import CustomTarget
from ...interpreterbase import InvalidArguments
from ...mesonlib import File
from .target import KNOWN

if T.TYPE_CHECKING:
    from .. import ModuleState
    from ...interpreter import Interpreter


def add(state: ModuleState, interpreter: Interpreter, program: T.Any, name: str,
        targets: T.List[CustomTarget], kwargs: T.Dict[str, T.Any]) -> None:
    """Adds a test as a meson.build does with test()."""
    if not targets:
        raise InvalidArguments(f'kbuild.test {name}: name the modules that it loads')
    args: T.List[T.Any] = ['test', '--timeout', str(kwargs['timeout'])]
    for path in unique(known(name, target).kernel.path for target in targets):
        args += ['--kernel', path]
    for file in kwargs['files']:
        args += ['--file', place(state, file)]
    for parameter in kwargs['parameters']:
        args += ['--param', parameter]
    for flag, value in (('--run', kwargs['run']), ('--allow-taint', kwargs['allow_taint'])):
        if value:
            args += [flag, value]
    if kwargs['image']:
        args += ['--image', place(state, kwargs['image'])]
    for target in targets:
        args += [target[at] for at, file in enumerate(target.get_outputs()) if file.endswith('.ko')]
    interpreter.func_test(state.current_node, [name, program], {
        'args': args,
        'protocol': 'tap',
        # kbuild-rs ends the guest in its time; this is for the program itself.
        'timeout': kwargs['timeout'] * len(targets) + 60,
    })


def known(name: str, target: T.Any) -> T.Any:
    if target not in KNOWN:
        raise InvalidArguments(f'kbuild.test {name}: {target.name!r} is not a kernel module')
    return KNOWN[target]


def place(state: ModuleState, file: T.Union[str, File]) -> str:
    """The absolute path of a file; a text may name a place in the guest behind a colon."""
    if isinstance(file, File):
        return file.absolute_path(state.environment.get_source_dir(), state.environment.get_build_dir())
    return os.path.join(state.environment.get_source_dir(), state.subdir, file)


def unique(paths: T.Iterable[str]) -> T.List[str]:
    return list(dict.fromkeys(paths))
