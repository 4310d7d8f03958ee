//! What a module requires of the kernel, checked when CMake runs.

use std::fs;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

const LISTS: &str = "\
kbuild_add_module(net OPTIONAL KBUILD net)
kbuild_add_module(semi OPTIONAL REQUIRES_CONFIG \"NO_SUCH: first; second.c\" MODULES hello.c)
kbuild_add_module(no OPTIONAL REQUIRES_CONFIG NO hello.c)
kbuild_add_module(hello REQUIRES_CONFIG \"!CONFIG_IPV6: see net.c\" MODULES REQUIRES_KERNEL \">=5.10, <100\" hello.c)
kbuild_add_module(each OPTIONAL EXCLUDE_FROM_ALL REQUIRES_SYMBOLS folio_wait_stable KERNEL ${kernels} hello.c)
foreach(target net semi no hello each each-${first} each-${second})
  if(TARGET ${target})
    message(STATUS \"there is ${target}\")
  endif()
endforeach()
";

#[test]
fn a_module_that_the_kernel_does_not_support_is_an_error_or_no_target() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let [old, new, small] = ["5.10", "6.1", "7.3"].map(|name| lab::kernel(name).unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let own = ["include", "include/config"];
    let kernel = link_kernel(&small, &scratch.path().join("k"), &own);
    let lists = format!(
        "cmake_minimum_required(VERSION 3.22)\nproject(requires LANGUAGES NONE)\n{PACKAGE}\
         set(kernels \"{}\" \"{}\")\nset(first {})\nset(second {})\n{LISTS}",
        old.kdir.display(),
        new.kdir.display(),
        old.release,
        new.release
    );
    let files = [
        ("CMakeLists.txt", &*lists),
        ("hello.c", HELLO),
        ("net/net.c", HELLO),
        ("net/Kbuild", "obj-m := net.o\n"),
        (
            "net/kbuild.toml",
            "[requires]\nconfig = 'CONFIG_NET: it opens a socket'\n",
        ),
    ];
    let project = Project::for_kernel(CORNERS[1], &kernel, &files);
    let said = project.configured(&[]);
    let has = |said: &str, target: &str| said.contains(&format!("-- there is {target}\n"));
    assert!(has(&said, "hello") && !has(&said, "net"), "{said}");
    assert!(!has(&said, "semi") && !has(&said, "no"), "{said}");
    for words in [
        "first; second.c. CONFIG_NO_SUCH is not set",
        "CONFIG_NO (the setting requires_config)",
        "-- Kbuild: skipped: net cannot be built for ",
        "it opens a socket. CONFIG_NET is not set",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // Of several kernels, those that meet the requirements have targets.
    let of_each =
        [&*old.release, &new.release].map(|release| has(&said, &format!("each-{release}")));
    assert_eq!(
        (has(&said, "each"), of_each),
        (true, [false, true]),
        "{said}"
    );
    assert_eq!(project.builds(), ["hello"]);
    assert_eq!(project.builds(), [""; 0]);

    wrong_lists_are_errors(&project);

    // CMake runs again when the kernel's configuration or the file changes.
    let config = kernel.kdir.join("include/config/auto.conf");
    let text = fs::read_to_string(&config).unwrap();
    fs::remove_file(&config).unwrap();
    fs::write(&config, text + "CONFIG_NET=y\n").unwrap();
    assert!(project.builds().contains(&"net".to_owned()));
    assert_eq!(project.builds(), [""; 0]);
    project.write(
        "net/kbuild.toml",
        "[requires]\nconfig = '~!NET: never tried'\n",
    );
    let output = built(&mut project.build_with_jobs(2));
    let said = output.out() + &output.err();
    assert_eq!(said.matches("CONFIG_NET is y").count(), 1, "{said}");
    assert!(said.contains("CMake Warning"), "{said}");
    project.edit("CMakeLists.txt", "net OPTIONAL", "net");
    project.write(
        "net/kbuild.toml",
        "[requires]\nconfig = '!NET: never tried'\n",
    );
    fails_with(
        &project.configure(&[]),
        "never tried. CONFIG_NET is y: use a kernel without CONFIG_NET",
    );
}

/// Each of these lines is an error of CMake's run.
fn wrong_lists_are_errors(project: &Project) {
    let plain = fs::read_to_string(project.source().join("CMakeLists.txt")).unwrap();
    for (line, words) in [
        (
            "target_link_libraries(hello INTERFACE net)",
            "links to net, which was left out: net cannot be built",
        ),
        (
            "kbuild_add_module(x REQUIRES_CONFIG \"A: [b\" x.c)",
            "has [, which a list of CMake",
        ),
        (
            "kbuild_add_module(x REQUIRES_CONFIG \"A: b\\\\\" x.c)",
            "ends with a backslash",
        ),
    ] {
        project.write("CMakeLists.txt", &format!("{plain}{line}\n"));
        fails_with(&project.configure(&[]), words);
    }
    project.write("CMakeLists.txt", &plain);
    project.configured(&[]);
}
