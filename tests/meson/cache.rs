//! The cache of finished modules: a build folder takes the modules that were built before in a folder
//! of its path. (Headers may be in the build folder, so its path is one of the module's flags.)

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kbuild_tests::expected::cached;
use kbuild_tests::run::Output;

use crate::project::*;
use crate::support::makes::Makes;
use crate::support::*;

const OPTION: &str = "option('cache', type: 'string', value: 'modules')\n";

const MODULES: &str = "\
project('cached', meson_version: '>=1.0')
kbuild = import('kbuild')
cache = get_option('cache')
common = {
  'make_variables': 'PAHOLE',
  'cache': cache == 'off' ? false : cache,
}
ring = kbuild.module('ring', 'ring.c', kwargs: common)
kbuild.module('user', 'user.c', depends: ring, kwargs: common)
";

fn project(with: With) -> Project {
    let files = [
        ("meson.build", &*MODULES.replace("PAHOLE", PAHOLE)),
        ("meson_options.txt", OPTION),
        ("ring.c", RING),
        ("user.c", USER),
    ];
    Project::new(with, &files)
}

/// Builds; returns the output, and whether make ran.
fn build(project: &Project, makes: &Makes, cache: Option<&Path>) -> (Output, bool) {
    let mut ninja = project.ninja(&["-j2"]);
    ninja.env_remove("KBUILD_RS_CACHE");
    ninja.envs(cache.map(|dir| ("KBUILD_RS_CACHE", dir)));
    let output = built(makes.record(&mut ninja));
    (output, makes.started())
}

fn products(project: &Project) -> BTreeMap<&'static str, Vec<u8>> {
    let names = ["ring.ko", "ring.symvers", "user.ko", "user.symvers"];
    let read = |name| (name, fs::read(project.out(name)).unwrap());
    names.map(read).into()
}

#[test]
fn a_new_build_folder_gets_its_modules_from_the_cache_and_they_are_the_same() {
    let makes = Makes::new();
    for with in CORNERS {
        let project = project(with);
        project.set_up(&[]);
        let (output, make) = build(&project, &makes, None);
        assert!(make && cached(&output).is_empty(), "{}", output.out());
        // A relative path starts at the folder of the meson.build.
        assert!(project.source().join("modules").is_dir());
        let first = products(&project);

        fs::remove_dir_all(project.build_dir()).unwrap();
        project.set_up(&[]);
        let (output, make) = build(&project, &makes, None);
        assert!(!make, "{with:?} {}", output.out());
        assert_eq!(cached(&output), ["ring", "user"], "{}", output.out());
        assert!(products(&project) == first, "{with:?}");
        // Nobody asks for modules that are there.
        assert_eq!(project.builds(), [""; 0], "{with:?}");

        // An option that nobody set leaves it to the environment, and `false` beats that.
        let folder = project.source().join("modules");
        for (value, is_used) in [("", true), ("off", false)] {
            fs::remove_dir_all(project.build_dir()).unwrap();
            project.set_up(&[&format!("-Dcache={value}")]);
            let (output, make) = build(&project, &makes, Some(&folder));
            let names = cached(&output);
            assert_eq!((make, names.len()), (!is_used, 2 * usize::from(is_used)));
            assert!(products(&project) == first, "{with:?}");
        }
    }
}
