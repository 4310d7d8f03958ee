# SPDX-License-Identifier: MIT OR Apache-2.0
"""The keywords of kbuild.module() whose values make and the tools get as they are.

A keyword is refused if it does not fit the form of the module (sources or a module tree), or if
its value has a wrong form. The kernel decides whether a variable may be set, and to which value, so
the build of the module reports that.

Decisions:
- "cache" is a folder or false. Meson has no cache variable that could say it for a whole project: one
  machine says it in KBUILD_RS_CACHE, and a project in an option of its own, whose empty value counts as
  no value.
"""

from __future__ import annotations

import os
import re
import typing as T

Kwargs = T.Dict[str, T.Any]

# Keywords that are only for a module tree; the others have their own messages.
OF_TREE = ('tree_root', 'exclude', 'prepare', 'prepare_inputs')

# The flag of kbuild-rs before each value of a list.
FLAGS = {
    'exclude': '--exclude',
    'prepare': '--prepare',
    'prepare_inputs': '--prepare-input',
    'products': '--product',
    'make_variables': '--make-var',
    'asm_args': '--asflag',
    # The symvers of providers are only known now.
    'requires_symbols': '--requires-symbol',
    'link_args': '--ldflag',
}


def problem(kwargs: Kwargs) -> T.Optional[str]:
    """The reason why the keywords do not fit together, or None."""
    return of_another_form(kwargs) or of_prepare(kwargs) or of_values(kwargs)


def of_another_form(kwargs: Kwargs) -> T.Optional[str]:
    if kwargs['kbuild']:
        if kwargs['link_args']:
            return ('"link_args" is only for a module built from sources: for a module tree, set '
                    'ldflags-y in its Kbuild')
        return None
    given = next((keyword for keyword in OF_TREE if kwargs[keyword]), None)
    return f'"{given}" is only for a module tree: add "kbuild", or remove it' if given else None


def of_prepare(kwargs: Kwargs) -> T.Optional[str]:
    if kwargs['prepare_inputs'] and not kwargs['prepare']:
        return '"prepare_inputs" lists the files that the commands of "prepare" read, but "prepare" is missing'
    if any('\n' in command for command in kwargs['prepare']):
        return '"prepare" has a line break; give it a list with one string for each command'
    return None


def of_values(kwargs: Kwargs) -> T.Optional[str]:
    if kwargs['sandbox_allow'] and not kwargs['sandbox']:
        return '"sandbox_allow" lists what the sandbox may use, but "sandbox" is not true'
    if kwargs['cache'] is True:
        return '"cache" is true, which is not a folder: name one, or write false to use no cache'
    for variable in kwargs['make_variables']:
        if not re.match('[^=]+=', variable):
            return f'"make_variables" has {variable!r}: write NAME=VALUE'
    for symbol, value in kwargs['config'].items():
        if not re.fullmatch('[A-Za-z0-9_]+', symbol):
            return f'"config" has {symbol!r}, which is not the name of a CONFIG_ symbol'
        if value not in ('m', 'y', 'n'):
            full = re.sub('^(CONFIG_)?', 'CONFIG_', f'{symbol}={value}')
            return (f'"config" sets {symbol} to {value!r}, and only takes m, y and n. For another value, write '
                    f'{full!r} in "make_variables" for makefiles, and in "defines" for C')
    return None


def arguments(kwargs: Kwargs, folder: str) -> T.List[str]:
    """The arguments of `kbuild-rs build`, for a meson.build of `folder`."""
    lines = [word for keyword, flag in FLAGS.items() for value in kwargs[keyword] for word in (flag, value)]
    for symbol, value in kwargs['config'].items():
        lines += ['--config', f'{symbol}={value}']
    # An environment object starts empty, as make's own environment does.
    for name, value in kwargs['env'].get_env({}).items():
        lines += ['--env', f'{name}={value}']
    if kwargs['extra_warnings'] not in (None, ''):
        lines += ['--extra-warnings', str(kwargs['extra_warnings'])]
    if kwargs['btf_base']:
        base = kwargs['btf_base']
        lines += ['--btf-base', base if base in ('auto', 'none') else os.path.join(folder, base)]
    if kwargs['sandbox']:
        lines.append('--sandbox')
    for what in kwargs['sandbox_allow']:
        lines += ['--sandbox-allow', what]
    if kwargs['cache'] is False:
        lines.append('--no-cache')
    elif kwargs['cache']:
        lines += ['--cache', os.path.join(folder, kwargs['cache'])]
    return lines


def tree_root(given: str, folder: str, tree: str) -> T.Tuple[str, bool]:
    """The folder that "tree_root" names in a meson.build of `folder`, and whether it holds the tree."""
    root = os.path.realpath(os.path.join(folder, given))
    return root, os.path.commonpath([root, tree]) == root
