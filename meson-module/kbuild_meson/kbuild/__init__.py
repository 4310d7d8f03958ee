# SPDX-License-Identifier: MIT OR Apache-2.0
"""Meson's module "kbuild": Linux kernel modules as targets. docs/meson.md is its reference.

Meson promises nothing to modules that are not its own. This one only uses parts of Meson that are
the same from 1.0 to 1.12: typed arguments (also that of env), find_program, and custom_target as a
meson.build calls it. It does not create target objects itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import typing as T

from .. import ExtensionModule, ModuleInfo
from ... import mlog
from ...build import BuildTarget, CustomTarget, CustomTargetIndex, GeneratedList, IncludeDirs
from ...dependencies import Dependency
from ...interpreter.interpreterobjects import extract_required_kwarg
from ...interpreter.type_checking import ENV_KW, REQUIRED_KW
from ...interpreterbase import (
    ContainerTypeInfo, InvalidArguments, KwargInfo, noPosargs, typed_kwargs, typed_pos_args,
)
from ...mesonlib import File, MachineChoice, MesonException
from . import commands, installation, requirements, testing
from .files import write_if_changed
from .kernel import Kernel, configuration_file
from .probe import Prober
from .requirements import NotBuilt
from .target import KNOWN, Call

if T.TYPE_CHECKING:
    from .. import ModuleState
    from ...interpreter import Interpreter


SOURCE = (str, File, CustomTarget, CustomTargetIndex, GeneratedList)


def listed(name: str, types: T.Any = str) -> KwargInfo:
    return KwargInfo(name, ContainerTypeInfo(list, types), default=[], listify=True)


def one_of(*choices: T.Optional[str]) -> T.Callable[[T.Optional[str]], T.Optional[str]]:
    named = ', '.join(choice for choice in choices if choice is not None)
    return lambda value: None if value in choices else f'must be one of {named}'


class KbuildModule(ExtensionModule):

    INFO = ModuleInfo('kbuild')

    def __init__(self, interpreter: Interpreter) -> None:
        super().__init__(interpreter)
        self.program: T.Any = None
        self.kernels: T.Dict[T.Optional[str], T.Dict[str, T.Any]] = {}
        self.methods.update({
            'kernel': self.kernel,
            'module': self.module,
            'test': self.test,
        })

    @noPosargs
    @typed_kwargs(
        'kbuild.kernel',
        KwargInfo('dir', (str, type(None))),
        KwargInfo('release', (str, type(None))),
        KwargInfo('cc', (str, type(None))),
        KwargInfo('rustc', (str, type(None))),
        KwargInfo('missing_symvers', str, default='error', validator=one_of('error', 'warn')),
        REQUIRED_KW,
    )
    def kernel(self, state: ModuleState, args: T.List, kwargs: T.Dict[str, T.Any]) -> Kernel:
        if kwargs['dir'] and kwargs['release']:
            raise InvalidArguments('kbuild.kernel: "dir" and "release" keyword arguments are mutually '
                                   'exclusive')
        disabled, required, feature = extract_required_kwarg(kwargs, state.subproject)
        description = None
        if disabled:
            mlog.log('Kernel tree skipped: feature', mlog.bold(feature), 'disabled')
        else:
            try:
                wanted = kwargs['release'] or None
                if kwargs['dir']:
                    wanted = os.path.join(state.environment.get_source_dir(), state.subdir, kwargs['dir'])
                description = self.describe(state, wanted)
            except MesonException as error:
                if required:
                    raise
                mlog.log('Kernel tree found:', mlog.red('NO'), f'({error})')
        found = Kernel(description, kwargs['cc'], kwargs['rustc'], kwargs['missing_symvers'])
        Prober(found, self.find_program, self.interpreter.add_build_def_file)
        return found

    def describe(self, state: ModuleState, wanted: T.Optional[str]) -> T.Dict[str, T.Any]:
        """Describes a kernel tree: a path, a release, or None for the default."""
        if wanted not in self.kernels:
            default = wanted is None
            self.kernels[wanted] = self.find_default(state) if default else self.find(state, wanted)
        return self.kernels[wanted]

    def find_default(self, state: ModuleState) -> T.Dict[str, T.Any]:
        """The machine file's property kdir, or the kernel that kbuild-rs found at the first
        setup: a setup that ninja starts from another shell must not switch to another kernel."""
        wanted = state.environment.properties[MachineChoice.HOST].properties.get('kdir')
        if isinstance(wanted, str):
            return self.describe(state, wanted)
        if wanted is not None:
            raise MesonException(f'the property kdir of the machine file is {wanted!r}, but must be '
                                 'a str: the kernel tree')
        memory = os.path.join(state.environment.get_scratch_dir(), 'kbuild-kernel')
        if not os.path.exists(memory):
            description = self.find(state, None)
            write_if_changed(memory, description['path'])
            return description
        with open(memory, encoding='utf-8') as file:
            wanted = file.read()
        try:
            return self.describe(state, wanted)
        except MesonException as error:
            raise MesonException(f'{error}. The first setup chose this kernel tree. To search again, '
                                 'run `meson setup --wipe`')

    def find(self, state: ModuleState, wanted: T.Optional[str]) -> T.Dict[str, T.Any]:
        description = self.ask_program(state, wanted)
        path = description['path']
        self.kernels[path] = description
        self.interpreter.add_build_def_file(configuration_file(path))
        mlog.log('Kernel tree found:', mlog.green('YES'), mlog.bold(description['release']), f'({path})')
        return description

    def ask_program(self, state: ModuleState, wanted: T.Optional[str]) -> T.Dict[str, T.Any]:
        which = ['--default'] if wanted is None else ['--', wanted]
        if state.environment.is_cross_build():
            # Another architecture is refused now, instead of by each module's rule.
            which = ['--arch', state.environment.machines[MachineChoice.HOST].cpu_family] + which
        command = self.find_program(state).get_command() + ['kernels', '--message-format', 'json'] + which
        try:
            said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, encoding='utf-8', errors='replace')
        except OSError as error:
            raise MesonException(f'cannot run {command[0]}: {error.strerror}')
        try:
            description = json.loads(said.stdout)
            usable = description['usable']
        except (ValueError, KeyError, TypeError):
            raise MesonException(f'{command[0]} cannot describe the kernel: it is not kbuild-rs, or '
                                 f'another version of it. It printed: {(said.stderr or said.stdout).strip()}')
        if not usable:
            raise MesonException(f'No kernel tree to build modules against: {description["error"]["message"]}')
        return description

    def find_program(self, state: ModuleState) -> T.Any:
        if self.program is None:
            self.program = state.find_program('kbuild-rs', for_machine=MachineChoice.BUILD)
        return self.program

    @typed_pos_args('kbuild.module', str, varargs=SOURCE)
    @typed_kwargs(
        'kbuild.module',
        listed('include_directories', (str, IncludeDirs)),
        listed('c_args'),
        listed('defines'),
        listed('rust_args'),
        listed('rust_cfgs'),
        listed('bindings', SOURCE),
        listed('bindings_items'),
        listed('depends', (CustomTarget, BuildTarget, NotBuilt)),
        listed('dependencies', Dependency),
        listed('asm_args'),
        listed('link_args'),
        KwargInfo('extra_warnings', (str, int, type(None))),
        KwargInfo('btf_base', (str, type(None))),
        KwargInfo('sandbox', bool, default=False),
        listed('sandbox_allow'),
        KwargInfo('cache', (str, bool, type(None))),
        KwargInfo('kbuild', (str, type(None))),
        KwargInfo('tree_root', (str, type(None))),
        listed('exclude'),
        listed('prepare'),
        listed('prepare_inputs'),
        listed('modules'),
        listed('products'),
        KwargInfo('config', ContainerTypeInfo(dict, str), default={}),
        listed('make_variables'),
        ENV_KW,
        listed('requires_config'),
        listed('requires_kernel'),
        listed('requires_arch'),
        listed('requires_symbols'),
        REQUIRED_KW,
        KwargInfo('kernel', (Kernel, type(None))),
        KwargInfo('install', bool, default=False),
        KwargInfo('install_dir', (str, type(None))),
        KwargInfo('install_tag', str, default='runtime'),
        KwargInfo('sign', bool, default=False),
        KwargInfo('key', (str, File, type(None))),
        KwargInfo('cert', (str, File, type(None))),
        KwargInfo('unsigned', bool, default=False),
        KwargInfo('strip', bool, default=False),
        KwargInfo('compress', (str, type(None)), validator=one_of(None, *installation.COMPRESSIONS)),
        KwargInfo('build_by_default', bool, default=True),
    )
    def module(self, state: ModuleState, args: T.Tuple[str, T.List],
               kwargs: T.Dict[str, T.Any]) -> T.Union[CustomTarget, NotBuilt]:
        disabled, required, feature = extract_required_kwarg(kwargs, state.subproject)
        if disabled:
            mlog.log('Kernel module', mlog.bold(args[0]), 'skipped: feature', mlog.bold(feature), 'disabled')
            return NotBuilt(args[0], f'the feature {feature} is disabled')
        kernel = kwargs['kernel']
        if kernel is None:
            # Only an unmet requirement leaves a module out. A missing or mistyped kernel is an error.
            kernel = Kernel(self.describe(state, None))
        if kernel.description is None and not required:
            return self.leave_out(args[0], 'its kernel was not found')
        for target in kwargs['depends']:
            if isinstance(target, NotBuilt) and not required:
                return self.leave_out(args[0], f'it depends on {target.name}, which is left out: {target.why}')
        program = self.find_program(state)
        call = Call(state, self.interpreter, *args, kwargs, kernel)
        unmet = requirements.unmet(call, program)
        if unmet is not None:
            if required:
                raise call.error(f'{unmet}\nWith required: false, found() of the module is false for such a kernel')
            return self.leave_out(args[0], unmet)
        target = call.target(program)
        commands.merge_after_setup(self.interpreter, program, KNOWN[target].out_dir)
        return target

    def leave_out(self, name: str, why: str) -> NotBuilt:
        mlog.log('Kernel module', mlog.bold(name), 'found:', mlog.red('NO'), f'({why})')
        return NotBuilt(name, why)

    @typed_pos_args('kbuild.test', str, varargs=(CustomTarget, NotBuilt))
    @typed_kwargs(
        'kbuild.test',
        KwargInfo('run', (str, type(None))),
        listed('files', (str, File)),
        listed('parameters'),
        KwargInfo('timeout', int, default=180, validator=lambda value: None if value > 0 else 'must be positive'),
        KwargInfo('image', (str, File, type(None))),
        KwargInfo('allow_taint', (str, type(None))),
    )
    def test(self, state: ModuleState, args: T.Tuple[str, T.List], kwargs: T.Dict[str, T.Any]) -> None:
        name, targets = args
        left_out = next((target for target in targets if isinstance(target, NotBuilt)), None)
        if left_out is not None:
            mlog.log('Test', mlog.bold(name), 'left out:', left_out.name, 'is not built')
            return
        testing.add(state, self.interpreter, self.find_program(state), name, targets, kwargs)


def initialize(interpreter: Interpreter) -> KbuildModule:
    interpreter.append_holder_map(CustomTarget, requirements.Holder)
    return KbuildModule(interpreter)
