//! Several kernels in one configure.

use kbuild_tests::lab;

use crate::project::*;
use crate::support::*;

const HEAD: &str = "cmake_minimum_required(VERSION 3.22)\nproject(kernels LANGUAGES NONE)\n";

#[test]
fn a_module_for_several_kernels_is_a_target_each_and_one_for_all() {
    let with = CORNERS[0];
    if lab::names().len() < 2 {
        println!("not run: the lab has one kernel here");
        return;
    }
    let kernels = ["6.1", "6.12"].map(|name| lab::kernel(name).unwrap());
    let lists = format!(
        "{HEAD}{PACKAGE}\
         set(kernels \"{}\" \"{}\")\n\
         kbuild_add_module(ring ring.c KERNEL ${{kernels}}\n\
           COMPILE_DEFINITIONS BUILT_FOR=\"$<TARGET_PROPERTY:KBUILD_KERNEL>\")\n\
         kbuild_add_module(user user.c KERNEL ${{kernels}})\n\
         target_link_libraries(user INTERFACE ring)\n\
         kbuild_add_module(driver EXCLUDE_FROM_ALL KBUILD driver MODULES tree KERNEL ${{kernels}}\n\
           PRODUCTS data/release MAKE_VARIABLES FOR={{release}})\n",
        kernels[0].kdir.display(),
        kernels[1].kdir.display(),
    );
    let ring = format!(
        "{HELLO}int ring(void) {{ return 0; }}\nEXPORT_SYMBOL(ring);\nMODULE_VERSION(BUILT_FOR);\n"
    );
    let ring = ring.replace("static int __init", "int ring(void);\nstatic int __init");
    let user = HELLO.replace("return 0", "return ring()");
    let user = user.replace("static int __init", "int ring(void);\nstatic int __init");
    let files = [
        ("CMakeLists.txt", &*lists),
        ("ring.c", &ring),
        ("user.c", &user),
        ("driver/tree.c", HELLO),
        (
            "driver/Kbuild",
            "obj-m := tree.o\nalways-y := data/release\n\
             $(obj)/data/release:\n\tmkdir -p $(@D) && echo $(FOR) > $@\n",
        ),
    ];
    let project = Project::new(with, &files);
    project.configured(&[]);
    let targets = |name: &str| kernels.each_ref().map(|k| format!("{name}-{}", k.release));
    assert_eq!(
        project.builds_target("user"),
        [targets("ring"), targets("user")].concat()
    );
    for kernel in &kernels {
        let folder = project.build_dir().join("kbuild-out").join(&kernel.release);
        let info = |module| kbuild::ModuleInfo::read(folder.join(module)).unwrap();
        assert_eq!(info("ring.ko").version, Some(kernel.release.clone()));
        let info = info("user.ko");
        assert_eq!(info.depends, ["ring"]);
        assert!(info.vermagic.starts_with(&format!("{} ", kernel.release)));
    }
    // A tree is built in the same way, with its products beside its modules.
    assert_eq!(project.builds_target("driver"), targets("driver"));
    for kernel in &kernels {
        let folder = project.build_dir().join("kbuild-out").join(&kernel.release);
        let made = std::fs::read_to_string(folder.join("data/release")).unwrap();
        assert_eq!(made.trim(), kernel.release);
    }
    // A target for one kernel only builds the linked modules for that kernel.
    project.edit("user.c", "bye", "good bye");
    project.edit("ring.c", "bye", "good bye");
    let of_one = [&targets("ring")[1..], &targets("user")[1..]].concat();
    assert_eq!(project.builds_target(&targets("user")[1]), of_one);

    let one = format!("ring.c KERNEL \"{}\"", kernels[0].kdir.display());
    project.edit("CMakeLists.txt", "ring.c KERNEL ${kernels}", &one);
    let [other, own] = kernels.each_ref().map(|kernel| &kernel.release);
    let error = format!(
        "user is a kernel module for {own} and links to ring, which is built for {other} only"
    );
    fails_with(&project.configure(&[]), &error);
}
