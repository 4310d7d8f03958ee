//! `meson install` into the running system.

use kbuild_tests::{lab, own_root};

use crate::project::*;
use crate::support::*;

#[test]
fn a_module_is_installed_into_the_system_and_goes_without_a_trace() {
    let kernel = lab::kernel(lab::ROOT).unwrap();
    let files = [
        (
            "meson.build",
            "project('system', meson_version: '>=1.0')\n\
             kbuild = import('kbuild')\n\
             kbuild.module('hello', 'hello.c', install: true)\n",
        ),
        ("hello.c", HELLO),
    ];
    let project = Project::for_kernel(CORNERS[1], &kernel, &files);
    project.set_up(&[]);
    assert_eq!(project.builds(), ["hello"]);
    let mut install = project.meson();
    install.args(["install", "-C"]).arg(project.build_dir());
    match own_root::install_hello(&install, &kernel, LIMIT).unwrap() {
        Some(said) => assert!(said.contains("installed 1 module for"), "{said}"),
        None => println!("not run: it takes root to cover / with an overlay"),
    }
}
