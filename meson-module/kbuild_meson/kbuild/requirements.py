# SPDX-License-Identifier: MIT OR Apache-2.0
"""The requirements on the kernel that a module states: requires_* of kbuild.module(), and the
kbuild.toml files of a module tree.

Decisions:
- Meson checks them at setup, because a missing module may change the rest of the project.
  `kbuild-rs info` compares; nothing here knows what a requirement means. It also names the files whose
  change calls for another setup.
- `required: false` gives an object whose found() is false, as dependency() and find_program() do. So
  that a project can ask each module, the modules of a project that imports kbuild have found(), too.
  Only the holder differs: Meson stores targets in files that a process without this module reads.
- The setup shows warnings. A build does not repeat them.
- A provider is not built yet, so a symbol that the kernel lacks is left to the build of a module with
  "depends".
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as T

from .. import ModuleObject
from ... import mlog
from ...interpreter.interpreterobjects import CustomTargetHolder
from ...interpreterbase import noKwargs, noPosargs
from ...mesonlib import MesonException

if T.TYPE_CHECKING:
    from .. import ModuleState
    from ...build import CustomTarget
    from ...interpreter import Interpreter
    from .target import Call

# The flag of kbuild-rs before each value of a list.
FLAGS = {
    'requires_config': '--requires-config',
    'requires_kernel': '--requires-kernel',
    'requires_arch': '--requires-arch',
    'requires_symbols': '--requires-symbol',
}


class NotBuilt(ModuleObject):

    """A module that is not required, and that its kernel cannot have."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__()
        self.name = name
        self.why = why
        self.methods.update({'found': self.found_method})

    @noPosargs
    @noKwargs
    def found_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> bool:
        return False


class Holder(CustomTargetHolder):

    """A custom target, with found()."""

    def __init__(self, target: CustomTarget, interpreter: Interpreter) -> None:
        super().__init__(target, interpreter)
        # Later Mesons collect the methods of a holder by their attribute meson_method.
        if hasattr(self, 'methods'):
            self.methods.update({'found': self.found_method})

    @noPosargs
    @noKwargs
    def found_method(self, args: T.List, kwargs: T.Dict) -> bool:
        return True

    found_method.meson_method = 'found'


def unmet(call: Call, program: T.Any) -> T.Optional[str]:
    """The error of a build for the kernel, or None. Shows the warnings, and has Meson watch the files
    that decide."""
    given = [f'{flag}={value}' for keyword, flag in FLAGS.items() for value in call.kwargs[keyword]]
    in_tree = call.tree and (call.kwargs['tree_root'] or os.path.exists(os.path.join(call.tree, 'kbuild.toml')))
    if not given and not in_tree:
        return None
    call.requirements_shown = True
    compared = ask_program(call, program, given)
    for path in compared['inputs']:
        call.interpreter.add_build_def_file(path)
    if not compared['met']:
        return compared['error']['message']
    for warning in compared['warnings']:
        mlog.warning(warning, location=call.state.current_node)
    return None


def ask_program(call: Call, program: T.Any, given: T.List[str]) -> T.Dict[str, T.Any]:
    command = program.get_command() + ['info', '--message-format', 'json', '--kernel', call.kernel.path] + given
    if call.kwargs['depends']:
        command += ['--providers-later', 'all']
    for variable in call.kwargs['make_variables']:
        name, _, value = variable.partition('=')
        for file in value.split() if name == 'KBUILD_EXTRA_SYMBOLS' else []:
            command += ['--symvers', os.path.join(call.source_dir, file)]
    command += call.tree_root() + ['--', call.tree] if call.tree else ['--name', call.name]
    try:
        said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding='utf-8', errors='replace')
    except OSError as error:
        raise MesonException(f'cannot run {command[0]}: {error.strerror}')
    try:
        # Objects about modules in the tree may follow.
        compared = json.loads(said.stdout.partition('\n')[0])
    except ValueError:
        raise MesonException(f'{command[0]} cannot compare the requirements with the kernel. It printed: '
                             f'{(said.stderr or said.stdout).strip()}')
    if 'met' not in compared:
        raise call.error(compared['message'])
    return compared
