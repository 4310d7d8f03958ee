//! End to end: the program and the library over real kernels.

mod support;

mod parity;
