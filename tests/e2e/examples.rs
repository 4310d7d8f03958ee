//! The projects in `examples/`, built by Cargo and run on the kernels that they are built for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kbuild_tests::lab::vm::{Console, Guest};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;

use crate::support::assert_untouched;
use crate::support::cargo::Package;

fn example(name: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.with_file_name("examples").join(name)
}

/// Builds an example for each kernel, runs its program there, and hands on what the guest said.
fn run_everywhere(name: &str, sources: &str, script: &str, check: impl Fn(&LabKernel, &Console)) {
    let package = Package::at(&example(name));
    let sources = package.dir.join(sources);
    let before = Snapshot::take(&sources).unwrap();
    for kernel in lab::kernels().unwrap() {
        package.built(package.cargo_for(&kernel).arg("--locked"));
        assert_untouched(&before, &sources);
        let console = Guest::new(&kernel)
            .file("/program", package.program())
            .script(script)
            .timeout(Duration::from_secs(120))
            .run()
            .unwrap();
        assert!(console.ok, "{}: {console:#?}", kernel.release);
        check(&kernel, &console);
    }
}

#[test]
fn cargo_hello_loads_its_module_reads_the_parameter_and_unloads_it_on_every_kernel() {
    let script = "/program who=everyone || exit 1\n\
        if grep '^hello ' /proc/modules; then exit 2; fi\n";
    run_everywhere("cargo-hello", "module", script, |kernel, console| {
        let about = format!("{}: {console:#?}", kernel.release);
        assert!(
            console
                .text
                .contains("its parameter `who` is `everyone`\nunloaded\n"),
            "{about}"
        );
        assert!(console.log.contains("hello: hello, everyone\n"), "{about}");
        assert!(
            console.log.contains("hello: goodbye, everyone\n"),
            "{about}"
        );
    });
}

#[test]
fn cargo_tree_loads_its_three_modules_in_order_on_every_kernel() {
    let script = "/program || exit 1\n/program load || exit 2\n\
        if grep -E '^(foo|bar|baz) ' /proc/modules; then exit 3; fi\n";
    run_everywhere("cargo-tree", "driver", script, |kernel, console| {
        let about = format!("{}: {console:#?}", kernel.release);
        for line in ["foo: 14\n", "bar: 28\n", "baz: 42\n", "foo: gone\n"] {
            assert!(console.log.contains(line), "no {line}: {about}");
        }
        assert!(console.text.contains("unloaded foo\n"), "{about}");
    });
}
