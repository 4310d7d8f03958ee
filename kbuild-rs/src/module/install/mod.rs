//! Puts modules into a root, and takes them away again.
