//! What a module requires of the kernel, checked at setup.

use std::fs;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

const BUILD: &str = "\
project('requires', meson_version: '>=1.0')
kbuild = import('kbuild')
net = kbuild.module('net', kbuild: 'net', required: false)
hello = kbuild.module('hello', 'hello.c', required: get_option('hello'),
  requires_config: ['!CONFIG_IPV6: see net.c', 'MODULES'], requires_kernel: '>=5.10, <100')
user = kbuild.module('user', 'hello.c', depends: net, required: false)
message('net', net.found(), 'hello', hello.found())
if net.found()
  alias_target('all-net', net)
endif
";

#[test]
fn a_module_that_the_kernel_does_not_support_is_an_error_or_not_found() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let small = lab::kernel("7.3").unwrap();
    let files = [
        ("meson.build", BUILD),
        ("meson_options.txt", "option('hello', type: 'feature')\n"),
        ("hello.c", HELLO),
        ("net/net.c", HELLO),
        ("net/Kbuild", "obj-m := net.o\n"),
        (
            "net/kbuild.toml",
            "[requires]\nconfig = 'CONFIG_NET: it opens a socket'\n",
        ),
    ];
    for with in corners(1) {
        let scratch = tempfile::tempdir().unwrap();
        let own = ["include", "include/config"];
        let kernel = link_kernel(&small, &scratch.path().join("k"), &own);
        // Meson watches the target of a link.
        let config = kernel.kdir.join("include/config/auto.conf");
        let text = fs::read_to_string(&config).unwrap();
        fs::remove_file(&config).unwrap();
        fs::write(&config, &text).unwrap();
        let project = Project::for_kernel(with, &kernel, &files);
        let said = project.set_up(&[]);
        assert!(said.contains("Message: net false hello true"), "{said}");
        assert!(
            said.contains("Kernel module net found: NO (net cannot be built for"),
            "{said}"
        );
        let user = "Kernel module user found: NO (it depends on net, which is left out: net cannot";
        assert!(said.contains(user), "{said}");
        assert!(
            said.contains("it opens a socket. CONFIG_NET is not set"),
            "{said}"
        );
        assert_eq!(project.builds(), ["hello"], "{with:?}");
        assert_eq!(project.builds(), [""; 0], "{with:?}");

        // Meson runs again when the kernel's configuration or the file changes.
        fs::write(&config, text + "CONFIG_NET=y\n").unwrap();
        assert!(project.builds().contains(&"net".to_owned()), "{with:?}");
        assert_eq!(project.builds(), [""; 0], "{with:?}");
        project.edit(
            "net/kbuild.toml",
            "CONFIG_NET: it opens a socket",
            "~!NET: never tried",
        );
        let output = built(&mut project.ninja(&[]));
        let said = output.out() + &output.err();
        assert_eq!(said.matches("CONFIG_NET is y").count(), 1, "{said}");
        project.edit("net/kbuild.toml", "~!", "!");
        project.edit("meson.build", "'net', required: false", "'net'");
        let said = project.setup(&["--reconfigure", "-Dhello=disabled"]).out();
        let error = "ERROR: kbuild.module('net'): net cannot be built for";
        assert!(
            said.contains(error) && said.contains("never tried. CONFIG_NET is y"),
            "{said}"
        );
        assert!(
            said.contains("With required: false, found() of the module is false"),
            "{said}"
        );
        project.edit("net/kbuild.toml", "!NET", "NET");
        let said = project.set_up(&["--reconfigure", "-Dhello=disabled"]);
        assert!(said.contains("Message: net true hello false"), "{said}");
    }
}
