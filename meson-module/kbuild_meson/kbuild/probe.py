# SPDX-License-Identifier: MIT OR Apache-2.0
"""Questions about a kernel, as methods of the object that kbuild.kernel() returns.

The methods have the names and keywords of Meson's compiler objects. Each setup asks again, because
the kernel may have changed: kbuild-rs knows the answers, and then starts no compiler.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import typing as T

from ... import mlog
from ...build import IncludeDirs
from ...interpreterbase import ContainerTypeInfo, KwargInfo, noKwargs, typed_kwargs, typed_pos_args
from ...mesonlib import File, MesonException
from .target import toolchain

if T.TYPE_CHECKING:
    from .. import ModuleState

FOLDER = 'kbuild-probes'


def listed(name: str, types: T.Any = str) -> KwargInfo:
    return KwargInfo(name, ContainerTypeInfo(list, types), default=[], listify=True)


ARGS = listed('args')
INCLUDE_DIRECTORIES = listed('include_directories', (str, IncludeDirs))
PREFIX = KwargInfo('prefix', (str, ContainerTypeInfo(list, str)), default='')


class Prober:

    """The methods. `kernel` is the kernel to ask, `program` finds kbuild-rs, and `watch` lets Meson
    run again when a file changes."""

    def __init__(self, kernel: T.Any, program: T.Callable[[ModuleState], T.Any],
                 watch: T.Callable[[T.Union[str, File]], None]) -> None:
        self.kernel = kernel
        self.program = program
        self.watch = watch
        # Meson resolves each path that it is given, and the questions share thousands of headers.
        self.watched: T.Set[str] = set()
        kernel.methods.update({
            'compiles': self.compiles,
            'has_header': self.has_header,
            'has_symbol': self.has_symbol,
            'has_member': self.has_member,
            'exports': self.exports,
        })

    @typed_pos_args('kernel.compiles', (str, File))
    @typed_kwargs('kernel.compiles', KwargInfo('name', str, default=''), ARGS, INCLUDE_DIRECTORIES)
    def compiles(self, state: ModuleState, args: T.Tuple[T.Union[str, File]], kwargs: T.Dict) -> bool:
        source = args[0]
        if isinstance(source, File):
            self.watch(source)
            with open(source.absolute_path(state.environment.source_dir, state.environment.build_dir), 'rb') as file:
                code = file.read()
        else:
            code = source.encode('utf-8', errors='surrogateescape')
        answer = self.ask(state, '--compiles', None, kwargs, code=code)
        if kwargs['name']:
            self.tell(answer, 'Checking if', mlog.bold(kwargs['name'], True), 'compiles:')
        return answer

    @typed_pos_args('kernel.has_header', str)
    @typed_kwargs('kernel.has_header', ARGS, INCLUDE_DIRECTORIES)
    def has_header(self, state: ModuleState, args: T.Tuple[str], kwargs: T.Dict) -> bool:
        answer = self.ask(state, '--has-header', args[0], kwargs)
        self.tell(answer, 'Has header', mlog.bold(args[0], True), ':')
        return answer

    @typed_pos_args('kernel.has_symbol', str)
    @typed_kwargs('kernel.has_symbol', PREFIX, ARGS, INCLUDE_DIRECTORIES)
    def has_symbol(self, state: ModuleState, args: T.Tuple[str], kwargs: T.Dict) -> bool:
        answer = self.ask(state, '--has-symbol', args[0], kwargs)
        self.tell(answer, 'Checking whether symbol', mlog.bold(args[0], True), 'is declared:')
        return answer

    @typed_pos_args('kernel.has_member', str, str)
    @typed_kwargs('kernel.has_member', PREFIX, ARGS, INCLUDE_DIRECTORIES)
    def has_member(self, state: ModuleState, args: T.Tuple[str, str], kwargs: T.Dict) -> bool:
        kind, member = args
        answer = self.ask(state, '--has-member', f'{kind}.{member}', kwargs)
        self.tell(answer, 'Checking whether type', mlog.bold(kind, True), 'has member', mlog.bold(member, True), ':')
        return answer

    @noKwargs
    @typed_pos_args('kernel.exports', str)
    def exports(self, state: ModuleState, args: T.Tuple[str], kwargs: T.Dict) -> bool:
        answer = self.ask(state, '--exports', args[0], {})
        self.tell(answer, 'Checking whether the kernel exports', mlog.bold(args[0], True), ':')
        return answer

    def tell(self, answer: bool, *words: T.Any) -> None:
        mlog.log(*words, mlog.green('YES') if answer else mlog.red('NO'))

    def ask(self, state: ModuleState, flag: str, what: T.Optional[str], kwargs: T.Dict, code: bytes = b'') -> bool:
        folder = os.path.join(state.environment.get_scratch_dir(), FOLDER)
        os.makedirs(folder, exist_ok=True)
        command = ['probe', '--quiet', '--message-format', 'json', '--kernel', self.kernel.path,
                   '--base', state.environment.get_build_dir(), '--out-dir', folder]
        command += toolchain(state.environment, self.kernel)
        command += self.flags(state, kwargs)
        prefix = kwargs.get('prefix', '')
        if not isinstance(prefix, str):
            prefix = '\n'.join(prefix)
        # The name is only that of the log.
        digest = hashlib.sha256(repr((flag, what, prefix, code)).encode('utf-8', errors='surrogateescape'))
        name = f'q{digest.hexdigest()[:16]}'
        if prefix:
            file_name = os.path.join(folder, f'{name}.prefix')
            write(file_name, prefix.encode('utf-8', errors='surrogateescape'))
            command += ['--prefix', file_name]
        if what is None:
            what = os.path.join(folder, f'{name}.c')
            write(what, code)
        command += [f'{flag}={name}={what}']
        return self.run(state, command)

    def flags(self, state: ModuleState, kwargs: T.Dict) -> T.List[str]:
        flags = [f'--cflag={arg}' for arg in kwargs.get('args', [])]
        include = list(state.process_include_dirs(kwargs.get('include_directories', [])))
        build_root = state.environment.get_build_dir()
        for path in state.get_include_args(include, prefix=''):
            folder = os.path.normpath(os.path.join(build_root, path))
            if os.path.isdir(folder):
                flags.append(f'--include={folder}')
        return flags

    def run(self, state: ModuleState, arguments: T.List[str]) -> bool:
        command = self.program(state).get_command() + arguments
        try:
            said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, encoding='utf-8', errors='replace')
        except OSError as error:
            raise MesonException(f'cannot run {command[0]}: {error.strerror}')
        answer = None
        for line in said.stdout.splitlines():
            event = json.loads(line)
            if event.get('reason') == 'error':
                raise MesonException(f'No answer about the kernel: {event["message"]}')
            if event.get('reason') == 'probe-answer':
                answer = event
            for path in event.get('inputs', []):
                if path not in self.watched:
                    self.watched.add(path)
                    self.watch(path)
        if answer is None:
            raise MesonException(f'{command[0]} gave no answer about the kernel: {said.stderr.strip()}')
        if answer['log']:
            with open(answer['log'], encoding='utf-8', errors='replace') as file:
                mlog.debug(file.read())
        return answer['answer']


def write(path: str, text: bytes) -> None:
    """Writes a file, unless it has this text."""
    try:
        with open(path, 'rb') as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, 'wb') as file:
        file.write(text)
