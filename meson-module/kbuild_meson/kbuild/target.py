# SPDX-License-Identifier: MIT OR Apache-2.0
"""kbuild.module(): a custom_target that kbuild-rs builds.

Its outputs are a .ko and a symvers, which keep their times if they did not change. Meson makes Ninja
compare them again (restat), so that an unchanged output starts no build. A module that uses another
one's symbols has only that one's symvers as an input.

Decisions:
- A module is one custom_target, created by Meson's own function, because that did not change from
  1.0 to 1.12. All arguments of the program are in a file, because Meson turns backslashes into slashes
  in commands, and Ninja notices a file that changes.
- A provider's "depends" would also add its .ko as an input; a user only needs the symvers.
- rust_args and rust_cfgs stand beside c_args and defines; rust_args is Meson's own word. Like cc, the
  rustc is the kernel's: a machine file's "rust" is for programs, and a kernel only accepts the rustc
  that built it.
- Each module has a rust-project.json of its own in its private folder. Meson writes the one in the
  build folder's root anew at each setup, about programs.
"""

from __future__ import annotations

import os
import re
import typing as T
import weakref

from ...build import BuildTarget, CustomTarget, CustomTargetIndex, GeneratedList, IncludeDirs
from ...dependencies import Dependency, InternalDependency
from ...interpreterbase import InvalidArguments
from ...mesonlib import File, MachineChoice
from . import commands, installation, settings
from .files import write_if_changed
from .requirements import NotBuilt

if T.TYPE_CHECKING:
    from .. import ModuleState
    from ...interpreter import Interpreter
    from .kernel import Kernel

COMPILED = ('.c', '.S', '.rs', '.o_shipped')

# The keywords for rustc and bindgen, besides the headers to declare.
RUST_FLAGS = {'rust_cfgs': '--cfg', 'rust_args': '--rustflag', 'bindings_items': '--bindings-item'}


class Given(T.NamedTuple):

    """The properties that a module passes to its dependents: its own and inherited ones."""

    symvers: T.List[CustomTargetIndex]
    include: T.List[str]
    kernel: Kernel
    out_dir: str


# By target: all modules of the project and of its subprojects.
KNOWN: T.MutableMapping[CustomTarget, Given] = weakref.WeakKeyDictionary()


class Call:

    """One call of kbuild.module()."""

    def __init__(self, state: ModuleState, interpreter: Interpreter, name: str, sources: T.List,
                 kwargs: T.Dict[str, T.Any], kernel: Kernel) -> None:
        self.state = state
        self.interpreter = interpreter
        self.name = name
        self.kwargs = kwargs
        self.kernel = kernel
        # Whether the setup has checked the requirements.
        self.requirements_shown = False
        self.source_dir = os.path.join(state.environment.get_source_dir(), state.subdir)
        self.build_root = state.environment.get_build_dir()
        self.check()
        self.tree = self.find_tree()
        self.providers = [self.provider(target) for target in kwargs['depends']]
        self.symvers = unique(symvers for given in self.providers for symvers in given.symvers)
        include = list(state.process_include_dirs(kwargs['include_directories']))
        self.compile_args: T.List[str] = []
        for dependency in kwargs['dependencies']:
            self.use(dependency, sources, include)
        self.compile_args += kwargs['c_args']
        self.sources = interpreter.source_strings_to_files(sources)
        self.bindings = interpreter.source_strings_to_files(kwargs['bindings'])
        own = state.get_include_args(include, prefix='')
        self.include = unique([os.path.normpath(os.path.join(self.build_root, path)) for path in own]
                              + [path for given in self.providers for path in given.include])

    def error(self, message: str) -> InvalidArguments:
        return InvalidArguments(f'kbuild.module({self.name!r}): {message}')

    def check(self) -> None:
        kwargs = self.kwargs
        if not re.fullmatch('[A-Za-z0-9_-]+', self.name):
            raise self.error("a module's name holds letters, digits, - and _ only")
        if self.kernel.description is None:
            raise self.error('its kernel was not found: test kernel.found() first, or write required: true')
        if kwargs['modules'] and not kwargs['kbuild']:
            raise self.error('"modules" is for a module tree ("kbuild"); a module built from '
                             f'sources has exactly one name, {self.name}')
        if kwargs['products'] and not kwargs['kbuild']:
            raise self.error('"products" is for a module tree ("kbuild"), where the Kbuild makes them')
        self.check_products(kwargs['products'])
        problem = settings.problem(kwargs) or installation.problem(kwargs, self.kernel.release)
        if problem is not None:
            raise self.error(problem)

    def check_products(self, products: T.List[str]) -> None:
        for product in products:
            if any(part in ('', '.', '..') for part in product.split('/')):
                raise self.error(f'"products" has {product!r}; name a file below the module tree, as '
                                 'in fw.bin or sub/fw.bin')
        names = [os.path.basename(product) for product in products]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise self.error(f'"products" has two files called {twice}, which would be one file in '
                             'the build folder: rename one of them')

    def find_tree(self) -> T.Optional[str]:
        if not self.kwargs['kbuild']:
            return None
        tree = os.path.realpath(os.path.join(self.source_dir, self.kwargs['kbuild']))
        if not any(os.path.exists(os.path.join(tree, file)) for file in ('Kbuild', 'Makefile')):
            raise self.error(f'{tree} has neither a Kbuild nor a Makefile')
        return tree

    def tree_root(self) -> T.List[str]:
        given = self.kwargs['tree_root']
        if not given:
            return []
        root, holds_tree = settings.tree_root(given, self.source_dir, self.tree)
        if not holds_tree:
            raise self.error(f'"tree_root" is {root}, which does not contain the module tree {self.tree}')
        return ['--tree-root', root]

    def provider(self, target: T.Union[CustomTarget, BuildTarget, NotBuilt]) -> Given:
        if isinstance(target, NotBuilt):
            raise self.error(f'it depends on {target.name!r}, whose found() is false: test that first. '
                             f'The reason: {target.why}')
        if isinstance(target, BuildTarget):
            raise self.error(f'it depends on the {target.typename} {target.name!r}, which is compiled '
                             'for programs: list its sources in the module')
        given = KNOWN.get(target)
        if given is None:
            raise self.error(f'it depends on {target.name!r}, which is not a kernel module; list the '
                             'targets that generate sources or headers among the sources')
        if given.kernel.path != self.kernel.path:
            raise self.error(f'it is built for {self.kernel.release}, but {target.name!r} is built for '
                             f'{given.kernel.release}: use the same kernel for both')
        return given

    def use(self, dependency: Dependency, sources: T.List, include: T.List[IncludeDirs]) -> None:
        """Adds the parts of a declare_dependency() that a module uses."""
        if not dependency.found():
            return
        linked = not isinstance(dependency, InternalDependency) or any(
            getattr(dependency, part, None)
            for part in ('libraries', 'whole_libraries', 'objects', 'link_args'))
        if linked:
            raise self.error('one of its dependencies is a library for programs; a module takes '
                             'a declare_dependency() of headers, sources and compile_args')
        include += dependency.include_directories
        self.compile_args += dependency.compile_args
        sources += dependency.sources
        for other in dependency.ext_deps:
            self.use(other, sources, include)

    def target(self, program: T.Any) -> CustomTarget:
        modules = self.kwargs['modules'] or [self.name]
        # Meson has no subfolders for a target's outputs.
        products = [os.path.basename(product) for product in self.kwargs['products']]
        outputs = [f'{module}.ko' for module in modules] + products + [f'{self.name}.symvers']
        # A folder may have the same name as a module beside it.
        arguments = File.from_built_file(os.path.join('meson-private/kbuild', self.state.subdir),
                                         f'{self.name}.args')
        target = self.interpreter.func_custom_target(self.state.current_node, [self.name], {
            'input': self.sources + self.bindings + self.symvers,
            'output': outputs,
            'command': [program, '@' + arguments.relative_name()],
            'depend_files': [arguments],
            'depfile': f'{outputs[0]}.d',
            'build_by_default': self.kwargs['build_by_default'],
        })
        # Meson 1.0 prints "Generating" for every custom target.
        target.description = 'Building kernel module {}'
        out_dir = os.path.join(self.state.backend.get_target_private_dir_abs(target), 'kbuild-out')
        KNOWN[target] = Given([target[len(outputs) - 1]] + self.symvers, self.include, self.kernel, out_dir)
        lines = self.arguments(target, modules)
        broken = next((line for line in lines if '\n' in line), None)
        if broken is not None:
            raise self.error(f'{broken!r} contains a line break')
        file = os.path.join(self.build_root, arguments.relative_name())
        write_if_changed(file, ''.join(f'{line}\n' for line in lines))
        if self.kwargs['install']:
            folder = self.state.backend.get_target_dir(target)
            installation.add(self.state, self.interpreter, program, self.kwargs, self.kernel,
                             [os.path.join(folder, f'{module}.ko') for module in modules])
        return target

    def arguments(self, target: CustomTarget, modules: T.List[str]) -> T.List[str]:
        """The arguments of kbuild-rs, one per line: Ninja notices a change of the file,
        and neither a shell nor Meson's own substitutions change it."""
        folder = self.state.backend.get_target_dir(target)
        private = self.state.backend.get_target_private_dir_abs(target)
        sources = [path for source in self.sources for path in self.paths(source, private)]
        bindings = [path for header in self.bindings for path in self.paths(header, private)]
        generated = [os.path.dirname(path) for path in sources + bindings if self.is_built(path)]
        lines = ['build', '--quiet', '--outer-verbose', '--kernel', self.kernel.path, *self.toolchain(),
                 '--missing-symvers', self.kernel.missing_symvers,
                 '--base', self.source_dir,
                 '--out-dir', KNOWN[target].out_dir,
                 '--pool-dir', self.build_root,
                 *commands.merge_after_build(self.build_root, folder, self.name),
                 '--depfile', os.path.join(folder, f'{target.get_outputs()[0]}.d')]
        lines += flags('--module', modules)
        lines += self.tree_root()
        lines += settings.arguments(self.kwargs, self.source_dir)
        lines += ['--requirements-shown'] if self.requirements_shown else []
        lines += flags('--output', [os.path.join(folder, file) for file in target.get_outputs()])
        # As with Meson's own targets, the compiler finds the files beside it in the build folder.
        here = os.path.join(self.build_root, folder)
        include = unique(self.include + generated + [os.path.normpath(here)])
        # Each folder of headers has a counterpart in the build folder, which may not exist.
        for path in filter(self.is_built, include):
            os.makedirs(path, exist_ok=True)
        lines += flags('-I', include)
        symvers = [path for each in self.symvers for path in self.paths(each, private)]
        lines += flags('--symvers', symvers)
        compiled = [path for path in sources if path.endswith(COMPILED)]
        self.check_sources(sources, compiled)
        lines += flags('-D', self.kwargs['defines'])
        lines += flags('--cflag', self.compile_args)
        lines += flags('--bindings', bindings)
        for keyword, flag in RUST_FLAGS.items():
            lines += flags(flag, self.kwargs[keyword])
        return lines + ([self.tree] if self.tree else ['--name', self.name, *compiled])

    def is_built(self, path: str) -> bool:
        return os.path.join(path, '').startswith(os.path.join(self.build_root, ''))

    def check_sources(self, sources: T.List[str], compiled: T.List[str]) -> None:
        other = next((path for path in sources if not path.endswith(COMPILED + ('.h',))), None)
        if other is not None:
            raise self.error(f'{other} is not a source of a module: list .c, .S, .rs and .o_shipped files, '
                             'and .h for a header that has to be made first')
        if self.tree and compiled:
            raise self.error(f'it has the source {compiled[0]}; the Kbuild of a module tree lists its '
                             'sources itself')
        if not self.tree and not compiled:
            raise self.error('it has no source: list them, or name the folder of a module tree with '
                             '"kbuild"')
        self.check_rust([path for path in compiled if path.endswith('.rs')])

    def check_rust(self, sources: T.List[str]) -> None:
        of_tree = ('rust_cfgs', 'rust_args') if self.tree else ()
        others = (name for name in ('bindings', *RUST_FLAGS) if name not in of_tree)
        given = next((name for name in others if self.kwargs[name]), None)
        if given and not sources:
            raise self.error(f'"{given}" is for sources in Rust, but it has no .rs file')
        if sources and 'CONFIG_RUST' not in self.kernel.configuration():
            raise self.error(f'{sources[0]} is written in Rust, and the kernel {self.kernel.release} was '
                             'built without CONFIG_RUST=y; check its has_rust() first, or name another kernel')

    def paths(self, source: T.Any, private: str) -> T.List[str]:
        """The absolute paths of the sources."""
        if isinstance(source, File):
            return [source.absolute_path(self.state.environment.get_source_dir(), self.build_root)]
        if isinstance(source, GeneratedList):
            folder = private
        else:
            folder = os.path.join(self.build_root, self.state.backend.get_target_dir(source))
        return [os.path.normpath(os.path.join(folder, output)) for output in source.get_outputs()]

    def toolchain(self) -> T.List[str]:
        return toolchain(self.state.environment, self.kernel)


def toolchain(environment: T.Any, kernel: Kernel) -> T.List[str]:
    """The tools to build with. Only a cross file counts, because Meson's own choice of
    a compiler is for programs, and a module uses the kernel's."""
    cc = kernel.cc
    chosen: T.List[str] = []
    if environment.is_cross_build():
        chosen += ['--arch', environment.machines[MachineChoice.HOST].cpu_family]
        compiler = environment.lookup_binary_entry(MachineChoice.HOST, 'c') or []
        # A command such as [ccache, aarch64-linux-gnu-gcc, -some-flag].
        found = [word for word in compiler if re.search(r'(gcc|clang)(-[0-9.]+)?$', word)]
        if found:
            folder, name = os.path.split(found[0])
            gcc = re.fullmatch(r'(.+-)gcc(-[0-9.]+)?', name)
            if gcc:
                chosen += ['--cross-compile', os.path.join(folder, gcc[1])]
            elif 'clang' in name:
                chosen += ['--llvm', f'{folder}/' if folder else name.partition('clang')[2] or '1']
            launcher = compiler[:compiler.index(found[0])]
            if gcc and (gcc[2] or launcher) and cc is None:
                cc = ' '.join(launcher + found[:1])
    rustc = kernel.rustc
    return chosen + flags('--cc', [cc] if cc else []) + flags('--rustc', [rustc] if rustc else [])


def flags(flag: str, values: T.Iterable[str]) -> T.List[str]:
    return [word for value in values for word in (flag, value)]


def unique(values: T.Iterable[T.Any]) -> T.List[T.Any]:
    return list(dict.fromkeys(values))
