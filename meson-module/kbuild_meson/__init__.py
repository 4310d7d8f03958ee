# SPDX-License-Identifier: MIT OR Apache-2.0
"""Lets `import('kbuild')` of a meson.build find the module that lies below this folder.

Because of kbuild_meson.pth, each start of Python loads this file, so it must be quick and silent. It
is only a finder, which loads no part of Meson and prints nothing if something is missing.
"""

import sys

NAME = 'mesonbuild.modules.kbuild'


class Finder:

    """Finds one module, after all other finders: a Meson with a module of this name wins."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != NAME:
            return None
        import os
        from importlib.util import spec_from_file_location
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kbuild')
        file = os.path.join(folder, '__init__.py')
        if not os.path.exists(file):
            return None
        return spec_from_file_location(name, file, submodule_search_locations=[folder])


sys.meta_path.append(Finder)
