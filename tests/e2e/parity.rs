//! The same set of modules and the same bytes as plain make gives.

use kbuild_tests::lab;
use kbuild_tests::snapshot::Snapshot;

use crate::support::*;

#[test]
fn a_module_tree_gives_the_bytes_of_plain_make_on_every_kernel() {
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    for kernel in lab::kernels().unwrap() {
        let out = tempfile::tempdir().unwrap();
        let before = Snapshot::take(source.path()).unwrap();
        let tree = Snapshot::take(&kernel.kdir).unwrap();
        built(build(&kernel, out.path()).arg(source.path()));
        assert_untouched(&before, source.path());
        assert_untouched(&tree, &kernel.kdir);
        let plain = plain_modules(&kernel, source.path(), "", source.path(), &[]);
        assert_same_modules(&modules(out.path()), &plain, &kernel.release);
        let again = built(build(&kernel, out.path()).arg(source.path()));
        assert!(!started_make(&again), "{}", again.err());
    }
}
