//! `kbuild.test()`: `meson test` boots a kernel, and modules pass or fail there.

use kbuild_tests::{lab, run};

use crate::project::*;
use crate::support::*;

const MODULES: &str = "\
project('tested', meson_version: '>=1.0')
kbuild = import('kbuild')
ring = kbuild.module('ring', 'ring.c')
user = kbuild.module('user', 'user.c', depends: ring)
kbuild.test('they load', user, ring, timeout: 120,
  run: 'sh /opt/check \"two words\"', files: ['check:/opt/check', files('check')])
kbuild.test('fails', ring, run: 'exit 3', allow_taint: 'P')
";

#[test]
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn meson_test_boots_the_kernel_and_a_command_that_fails_fails_the_test() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let files = [
        ("meson.build", MODULES),
        ("ring.c", RING),
        ("user.c", USER),
        (
            "check",
            "grep -q '^user ' /proc/modules && grep -q '^ring ' /proc/modules && test -e /check\n",
        ),
    ];
    let kernel = lab::kernel("7.3").unwrap();
    for with in corners(1) {
        let project = Project::for_kernel(with, &kernel, &files);
        project.set_up(&[]);
        project.builds();
        let mut meson = project.meson();
        meson.args(["test", "-v", "-C"]).arg(project.build_dir());
        let output = run::run(&mut meson, LIMIT).unwrap();
        let said = output.out() + &output.err();
        assert!(!output.status.success(), "{said}");
        let words = "the command failed with exit code 3";
        assert!(said.contains(words), "{said}");
        let count = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().last()?.parse::<u32>().ok())
        };
        assert_eq!([count("Ok:"), count("Fail:")], [Some(1), Some(1)], "{said}");
        project.edit("meson.build", "'fails', ring", "'fails'");
        let said = project.setup(&["--reconfigure"]).out();
        assert!(
            said.contains("kbuild.test fails: name the modules that it loads"),
            "{said}"
        );
    }
}
