# SPDX-License-Identifier: MIT OR Apache-2.0
"""The object that kbuild.kernel() returns."""

from __future__ import annotations

import os
import typing as T

from .. import ModuleObject
from ...interpreterbase import InvalidArguments, noKwargs, noPosargs, typed_pos_args

if T.TYPE_CHECKING:
    from .. import ModuleState


class Kernel(ModuleObject):

    """A kernel tree, as `kbuild-rs kernels --message-format json` describes it."""

    def __init__(self, description: T.Optional[T.Dict[str, T.Any]], cc: T.Optional[str] = None,
                 rustc: T.Optional[str] = None, missing_symvers: str = 'error') -> None:
        super().__init__()
        self.description = description
        self.cc = cc
        self.rustc = rustc
        self.missing_symvers = missing_symvers
        self.symbols: T.Optional[T.Dict[str, str]] = None
        self.methods.update({
            'found': self.found_method,
            'dir': self.dir_method,
            'source_dir': self.source_dir_method,
            'release': self.release_method,
            'arch': self.arch_method,
            'has_rust': self.has_rust_method,
            'config': self.config_method,
        })

    def get(self, key: str) -> T.Any:
        if self.description is None:
            raise InvalidArguments('this kernel was not found, so it has no properties: test found() first')
        return self.description[key]

    @property
    def path(self) -> str:
        return self.get('path')

    @property
    def release(self) -> str:
        return self.get('release')

    @noPosargs
    @noKwargs
    def found_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> bool:
        return self.description is not None

    @noPosargs
    @noKwargs
    def dir_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> str:
        return self.path

    @noPosargs
    @noKwargs
    def source_dir_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> str:
        return self.get('source')

    @noPosargs
    @noKwargs
    def release_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> str:
        return self.release

    @noPosargs
    @noKwargs
    def arch_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> str:
        return self.get('arch')

    @noPosargs
    @noKwargs
    def has_rust_method(self, state: ModuleState, args: T.List, kwargs: T.Dict) -> bool:
        return self.get('has_rust')

    @noKwargs
    @typed_pos_args('kernel.config', str, optargs=[(str, int, bool)])
    def config_method(self, state: ModuleState, args: T.Tuple, kwargs: T.Dict) -> T.Union[str, int, bool]:
        symbol, default = args
        if not symbol.startswith('CONFIG_'):
            symbol = f'CONFIG_{symbol}'
        value = self.configuration().get(symbol)
        if value is None:
            return 'n' if default is None else default
        if value.startswith('"'):
            return value[1:-1]
        try:
            return int(value, 0)
        except ValueError:
            return value

    def configuration(self) -> T.Dict[str, str]:
        if self.symbols is None:
            with open(configuration_file(self.path), encoding='utf-8', errors='replace') as file:
                pairs = (line.rstrip('\n').partition('=') for line in file)
                self.symbols = {name: value for name, sign, value in pairs if sign}
        return self.symbols


def configuration_file(kernel_tree: str) -> str:
    return os.path.join(kernel_tree, 'include/config/auto.conf')
