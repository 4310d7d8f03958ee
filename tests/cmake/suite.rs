//! The package's own suite, `cmake-module/tests`, run with ctest as its author runs it.

use std::path::Path;

use kbuild_tests::lab::{self, packages};
use kbuild_tests::{run, scope};

use crate::project::{MAKE, NINJA};
use crate::support::*;

/// The full run tries all projects with every CMake, both generators and both ways to get the
/// package. The default run tries them with these CMakes and one generator, and only builds the
/// listed projects.
const BUILT: &[(&str, &str, &[&str])] = &[
    (
        "3.22",
        MAKE,
        &[
            "installed/requirements",
            "installed/generated",
            "installed/compile-commands",
            "installed/packaged",
        ],
    ),
    (
        "newest",
        NINJA,
        &[
            "subdirectory/tree",
            "subdirectory/settings",
            "subdirectory/compile-commands",
            "subdirectory/multi-config",
            "subdirectory/installing",
        ],
    ),
];

fn passes(cmake: &str) {
    packages::install(&["ninja-build", "git"]).unwrap();
    if scope::is_full() {
        for generator in [MAKE, NINJA] {
            Suite::configured(cmake, generator).passes(&[]);
        }
        return;
    }
    for (_, generator, names) in BUILT.iter().filter(|(of, ..)| *of == cmake) {
        let suite = Suite::configured(cmake, generator);
        suite.passes(&["-L", "configure"]);
        let said = suite.passes(&["-R", &format!("^({})$", names.join("|"))]);
        for name in *names {
            // ctest prints nothing about a name that no test has.
            assert!(said.contains(&format!(": {name} .")), "no {name}:\n{said}");
        }
    }
}

struct Suite {
    build: tempfile::TempDir,
    ctest: std::path::PathBuf,
}

impl Suite {
    fn configured(cmake: &str, generator: &str) -> Suite {
        let build = tempfile::tempdir().unwrap();
        // A build for the oldest kernel is the fastest.
        let kernel = lab::kernel(lab::names()[0]).unwrap();
        let cmake = lab::cmake(cmake).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cmake-module/tests");
        let mut configure = std::process::Command::new(&cmake);
        configure.arg("-S").arg(source).arg("-B").arg(build.path());
        configure.args(["-G", generator]);
        configure.arg(format!("-DKDIR={}", kernel.kdir.display()));
        configure.arg(format!("-DKbuild_EXECUTABLE={}", program().display()));
        configure.arg(format!("-DKbuild_CC={}", kernel.cc.unwrap_or_default()));
        built(&mut configure);
        let ctest = cmake.with_file_name("ctest");
        Suite { build, ctest }
    }

    /// Runs ctest; returns its output.
    fn passes(&self, which: &[&str]) -> String {
        let mut ctest = std::process::Command::new(&self.ctest);
        ctest.arg("--test-dir").arg(self.build.path());
        ctest.args(["-j2", "--output-on-failure", "--no-tests=error"]);
        let output = run::run(ctest.args(which), LIMIT).unwrap();
        assert!(
            output.status.success(),
            "{ctest:?}\n{}{}",
            output.out(),
            output.err()
        );
        output.out()
    }
}

#[test]
fn the_suite_passes_with_the_oldest_cmake() {
    passes("3.22");
}

/// Only in the full run. In the default run, other tests build with this CMake, and the two tests
/// above try the suite.
#[test]
fn the_suite_passes_with_debian_12s_cmake() {
    passes("3.25");
}

#[test]
fn the_suite_passes_with_the_newest_cmake() {
    passes("newest");
}
