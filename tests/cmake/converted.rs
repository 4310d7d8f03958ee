//! Drivers of other authors, whose `make -C … M=…` became a `kbuild_add_module`.

use std::collections::BTreeMap;
use std::fs;

use kbuild_tests::corpus::{self, Expected, Room};
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::snapshot::Snapshot;

use crate::project::*;
use crate::support::*;

const WITH: With = With {
    cmake: "3.25",
    generator: MAKE,
    package: Package::Installed,
};

/// A package of the corpus with a `CMakeLists.txt`, for the kernel with the fastest builds.
struct Converted {
    package: corpus::Package,
    kernel: LabKernel,
    project: Project,
    _room: Room,
}

impl Converted {
    /// `None` if the corpus has no kernel of this machine.
    fn new(name: &str, modules: &str) -> Option<Converted> {
        let kernel = lab::kernel(lab::names()[0]).unwrap();
        let packages = corpus::packages().unwrap();
        let package = packages.into_iter().find(|p| p.name == name).unwrap();
        let Some(cell) = package.cells.iter().find(|c| c.kernel == kernel.name) else {
            println!("not run: the corpus says nothing about {}", kernel.name);
            return None;
        };
        let room = Room::of(&package, &kernel).unwrap();
        let dir = room.dir.join("cmake");
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir(&dir).unwrap();
        let project = Project::at(&dir, WITH, &kernel);
        copy(&package.sources(cell).unwrap().join("."), &project.source());
        let head = "cmake_minimum_required(VERSION 3.22)\nproject(converted LANGUAGES NONE)\n";
        project.write("CMakeLists.txt", &format!("{head}{PACKAGE}{modules}"));
        let cached = lab::cached_compiler(&kernel).unwrap();
        let cc = cached.or(kernel.cc.clone()).unwrap_or_default();
        project.configured(&[&format!("-DKbuild_CC={cc}")]);
        Some(Converted {
            package,
            kernel,
            project,
            _room: room,
        })
    }

    /// The modules and their bytes. The table of the corpus names the modules.
    fn modules(&self) -> BTreeMap<String, Vec<u8>> {
        let built = modules(&self.project.out());
        let cells = &self.package.cells;
        let cell = cells.iter().find(|c| c.kernel == self.kernel.name).unwrap();
        match &cell.expected {
            Expected::Modules(names) => {
                corpus::as_the_table_says(&built, names, "CMake").unwrap();
            }
            Expected::Fails(why) => panic!("{} {why}", self.package.name),
        }
        built
    }

    /// Builds, and builds again, which starts nothing. Returns the targets and the modules.
    fn builds(&self) -> (Vec<String>, BTreeMap<String, Vec<u8>>) {
        let before = Snapshot::take(self.project.source()).unwrap();
        let targets = self.project.builds();
        assert_eq!(self.project.builds(), [""; 0]);
        assert_untouched(&before, &self.project.source());
        (targets, self.modules())
    }

    /// The effect of an edit on a build: the targets that were built, the modules that changed.
    fn builds_after_the_edit(&self) -> (Vec<String>, Vec<String>) {
        let before = self.modules();
        let file = self.project.source().join(&self.package.edit);
        let text = fs::read_to_string(&file).unwrap();
        let edit = "\nstatic const int edit __attribute__((__used__)) = 1;\n";
        fs::write(&file, text + edit).unwrap();
        let (targets, mut after) = self.builds();
        after.retain(|name, bytes| before[name] != *bytes);
        (targets, after.into_keys().collect())
    }
}

#[test]
fn v4l2loopback_is_one_line_and_the_module_that_its_makefile_builds() {
    let lines = "kbuild_add_module(v4l2loopback KBUILD .\n\
        MAKE_VARIABLES PAHOLE_FLAGS=--btf_gen_floats)\n";
    let Some(driver) = Converted::new("v4l2loopback-dkms", lines) else {
        return;
    };
    let (targets, modules) = driver.builds();
    assert_eq!(targets, ["v4l2loopback"]);
    let source = driver.project.source();
    let plain = plain_modules(&driver.kernel, &source, "", &source, &[]);
    assert_same_modules(&modules, &plain, "v4l2loopback");
    let (targets, changed) = driver.builds_after_the_edit();
    assert_eq!(targets, ["v4l2loopback"]);
    assert_eq!(changed, ["v4l2loopback.ko"]);
}

/// They read files beside their folders, among them each other's symbols.
#[test]
fn the_three_folders_of_jool_are_three_targets_of_which_two_link_to_the_third() {
    let lines = "\
kbuild_add_module(jool_common KBUILD src/mod/common TREE_ROOT .)
kbuild_add_module(jool KBUILD src/mod/nat64 TREE_ROOT .)
kbuild_add_module(jool_siit KBUILD src/mod/siit TREE_ROOT .)
target_link_libraries(jool INTERFACE jool_common)
target_link_libraries(jool_siit INTERFACE jool_common)
";
    let Some(driver) = Converted::new("jool-dkms", lines) else {
        return;
    };
    let (targets, modules) = driver.builds();
    assert_eq!(targets, ["jool", "jool_common", "jool_siit"]);
    let names: Vec<_> = modules.keys().collect();
    assert_eq!(names, ["jool.ko", "jool_common.ko", "jool_siit.ko"]);
    // They share their root, and a Makefile may read any file in it, so the others are checked.
    let (targets, changed) = driver.builds_after_the_edit();
    assert!(targets.contains(&"jool_common".to_owned()), "{targets:?}");
    assert_eq!(changed, ["jool_common.ko"]);
}
