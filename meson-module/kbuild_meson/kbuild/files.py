# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files that Ninja compares by their time."""

import os


def write_if_changed(path: str, text: str) -> None:
    try:
        with open(path, encoding='utf-8', errors='surrogateescape') as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8', errors='surrogateescape') as file:
        file.write(text)
