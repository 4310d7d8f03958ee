//! The staged items of invented trees.

use std::process::Command;

use super::*;
use crate::fixture::Root;
use crate::make::GitPlaces;

/// The staged items of the folder `tree`: the path, and its content.
fn staged(root: &Root, kernel: &Path) -> Result<Vec<(String, String)>> {
    let (tree, out) = (root.join("tree"), root.join("out"));
    let scan = Scan {
        root: &tree,
        out: &out,
        kernel_dirs: &[kernel],
        excludes: &[],
        is_built: &|_| true,
        git: &GitPlaces::of(Path::new("/private")),
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let told = |item: Item| {
        let kind = match &item.kind {
            Kind::Dir => "folder".to_owned(),
            Kind::Link(target) => format!("-> {}", text(target)),
            Kind::File { .. } => "file".to_owned(),
        };
        (text(&item.rel), kind)
    };
    Ok(scan.items()?.into_iter().map(told).collect())
}

fn is(items: &[(String, String)], rel: &str) -> String {
    let found = items.iter().find(|(path, _)| path == rel);
    found.map_or("nothing", |(_, kind)| kind).to_owned()
}

#[test]
fn the_target_of_a_link_out_of_the_tree_is_copied_unless_it_is_a_kernel_tree() {
    let root = Root::new();
    let kernel = root.kernel("kernel", "6.1.0");
    root.write("kernel/include/linux/module.h", "");
    root.write("kernel/drivers/foo/foo.c", "");
    let other = root.kernel("other", "6.12.0");
    // The files that Debian's flavours share.
    root.write("common/Makefile", "VERSION = 6\nPATCHLEVEL = 1\n");
    for folder in ["common/arch/x86", "common/include/linux", "common/scripts"] {
        root.write(&format!("{folder}/Makefile"), "");
    }
    // This is not a kernel, despite its Makefile and its arch folder.
    root.write("sdk/Makefile", "VERSION = 1\n");
    root.write("sdk/arch/x86/x.c", "");
    root.write("sdk/include/linux/compat.h", "");
    root.write("sdk/scripts/x", "");
    root.write("data/table.bin", "");
    fs::create_dir(root.join("empty")).unwrap();
    for (name, target) in [
        ("kernel", "kernel"),
        ("linux", "kernel/include/linux"),
        ("foo", "kernel/drivers/foo"),
        ("other", "other"),
        ("common", "common"),
        ("sdk", "sdk"),
        ("data", "data"),
        ("empty", "empty"),
    ] {
        root.link(root.join(target), &format!("tree/{name}"));
    }
    root.link("../other", "tree/relative");
    root.link("/proc/self", "tree/proc");
    root.link("/sys", "tree/sys");
    root.link("/no/such/place", "tree/dangling");
    let items = staged(&root, &kernel).unwrap();
    let at = |path: &str| format!("-> {}", root.join(path).display());
    for (name, wanted) in [
        ("kernel", at("kernel")),
        ("linux", at("kernel/include/linux")),
        ("other", at("other")),
        ("relative", format!("-> {}", other.display())),
        ("common", at("common")),
        ("proc", "-> /proc/self".to_owned()),
        ("sys", "-> /sys".to_owned()),
        ("dangling", "-> /no/such/place".to_owned()),
        ("foo/foo.c", "file".to_owned()),
        ("sdk/arch/x86/x.c", "file".to_owned()),
        ("data/table.bin", "file".to_owned()),
        ("empty", "folder".to_owned()),
    ] {
        assert_eq!(is(&items, name), wanted, "{name}");
    }
}

#[test]
fn a_build_cannot_write_elsewhere_through_a_link_to_nothing() {
    let root = Root::new();
    root.write("tree/sub/a.c", "");
    root.write("elsewhere/there", "");
    root.link("gen/later.h", "tree/later.h");
    root.link(root.join("tree/sub/later.h"), "tree/absolute.h");
    root.link("../../tree/later.h", "tree/sub/around.h");
    root.link(root.join("elsewhere/later.h"), "tree/outside.h");
    root.link("../elsewhere/later.h", "tree/relative.h");
    root.link(root.join("tree/outside.h"), "tree/twice.h");
    root.link(root.join("gone/later.h"), "tree/gone.h");
    let items = staged(&root, Path::new("/no/kernel")).unwrap();
    for (name, wanted) in [
        ("later.h", "-> gen/later.h"),
        ("absolute.h", "-> sub/later.h"),
        ("sub/around.h", "-> ../later.h"),
        ("outside.h", "nothing"),
        ("relative.h", "nothing"),
        ("twice.h", "-> outside.h"),
        (
            "gone.h",
            &format!("-> {}", root.join("gone/later.h").display()),
        ),
    ] {
        assert_eq!(is(&items, name), wanted, "{name}");
    }
}

#[test]
fn many_files_are_copied_if_there_are_sources_among_them() {
    let root = Root::new();
    for number in 0..1001 {
        root.write(&format!("firmware/{number}.bin"), "");
    }
    root.link(root.join("firmware"), "tree/firmware");
    let staged = || staged(&root, Path::new("/no/kernel")).unwrap();
    let target = format!("-> {}", root.join("firmware").display());
    assert_eq!(is(&staged(), "firmware"), target);
    root.write("firmware/sub/deep/a.c", "");
    assert_eq!(is(&staged(), "firmware"), "folder");
    assert_eq!(is(&staged(), "firmware/1000.bin"), "file");
}

#[test]
fn links_outside_of_the_tree_that_lead_back_stay_in_the_copy() {
    let root = Root::new();
    root.write("tree/sub/a.c", "");
    root.write("lib/x/x.c", "");
    root.link(".", "lib/here");
    root.link("..", "lib/x/up");
    root.link("/", "lib/x/root");
    root.link(root.join("tree/sub"), "lib/x/tree");
    root.link(root.join("lib"), "tree/sub/lib");
    let items = staged(&root, Path::new("/no/kernel")).unwrap();
    for (name, wanted) in [
        ("sub/lib/x/x.c", "file"),
        ("sub/lib/here", "-> ."),
        ("sub/lib/x/up", "-> .."),
        ("sub/lib/x/root", "nothing"),
        ("sub/lib/x/tree", "-> ../.."),
    ] {
        assert_eq!(is(&items, name), wanted, "{name}");
    }
}

#[test]
fn links_that_multiply_end_with_a_message() {
    let root = Root::new();
    // Each folder leads to the next one twice, which makes 2^20 copies.
    for level in 0..20 {
        let next = root.join(&format!("d{}", level + 1));
        root.link(&next, &format!("d{level}/a"));
        root.link(&next, &format!("d{level}/b"));
    }
    root.write("d20/x.c", "");
    root.link(root.join("d0"), "tree/link");
    let error = staged(&root, Path::new("/no/kernel")).unwrap_err();
    let text = error.to_string();
    let link = root.join("tree/link").display().to_string();
    for word in [&link, "too large to copy", "Exclude the link"] {
        assert!(text.contains(word), "{text}");
    }
}

/// The variable that names the folder. The test below runs with few descriptors.
const DEEP: &str = "KBUILD_RS_TEST_DEEP";

#[test]
fn a_deep_tree_takes_no_descriptor_a_level() {
    if let Some(tree) = std::env::var_os(DEEP) {
        let scan = Scan {
            root: Path::new(&tree),
            out: Path::new("/no/out"),
            kernel_dirs: &[],
            excludes: &[],
            is_built: &|_| true,
            git: &GitPlaces::of(Path::new("/private")),
        };
        assert_eq!(scan.items().unwrap().len(), 501);
        return;
    }
    let root = Root::new();
    let deep = ["d"; 500].join("/");
    root.write(&format!("tree/{deep}/a.c"), "");
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -n 32 && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("stage::walk::tests::a_deep_tree_takes_no_descriptor_a_level")
        .env(DEEP, root.join("tree"));
    let output = limited.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}
