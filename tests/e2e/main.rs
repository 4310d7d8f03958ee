//! End to end: the program and the library on real kernels.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows them in tests, and takes their helpers for something else"
)]

mod support;

mod bindings;
mod builders;
mod caches;
mod cargo;
mod chain;
mod changes;
mod crafted;
mod crash;
mod cross;
mod declared;
mod disk;
mod editing;
mod editor;
mod elsewhere;
mod errors;
mod examples;
mod failures;
mod forms;
mod git;
mod given;
mod guide;
mod habits;
mod harmless;
mod hints;
mod hostile;
mod in_tree;
mod inputs;
mod install_cargo;
mod kernels_at_once;
mod kernels_guide;
mod limits;
mod llvm;
mod loading;
mod matrix;
mod names;
mod no_kernel;
mod nothing_built;
mod odd_files;
mod others;
mod outer;
mod package;
mod parity;
mod paths;
mod placeholders;
mod pool;
mod pools;
mod power;
mod prepare;
mod probes;
mod products;
mod program;
mod providers;
mod quiet;
mod readme;
mod repositories;
mod rerun;
mod rust;
mod rust_bindings;
mod rust_checks;
mod rust_editor;
mod rust_hints;
mod rust_refused;
mod rust_symbols;
mod same_bytes;
mod sandbox;
mod sandbox_guide;
mod sandbox_runs;
mod scene;
mod script_errors;
mod secrets;
mod security;
mod settings;
mod shortcut;
mod side_by_side;
mod sign;
mod staged_names;
mod staging;
mod stamp;
mod stop;
mod surprises;
mod symbols;
mod targets;
mod traces;
mod untouched;
mod values;
mod vendored;
mod waiting;
mod world;
