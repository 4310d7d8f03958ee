//! docs/meson-tutorial.md and docs/meson.md: their projects are set up and built.
//!
//! A block is a file if its first line says so (````
//! ```meson file=meson.build ````). The files of a section form a project, or several if the section has more than one `meson.build`.

use std::fs;

use kbuild_tests::lab;

use crate::project::*;
use crate::support::*;

/// Sources that the pages mention and do not show.
const UNSEEN: [(&str, &str); 6] = [
    ("hello.c", HELLO),
    ("main.c", HELLO),
    (
        "ring.c",
        "#include <ring.h>\nint ring(void);\nint ring(void) { return RING; }\n",
    ),
    ("include/ring.h", "#define RING 7\n"),
    ("helper.h", "int helper(void);\n"),
    (
        "helper.c",
        "#include \"helper.h\"\nint helper(void) { return 7; }\n",
    ),
];

/// The files that a section shows, in order. Only the Kbuild of its makefiles is read.
fn sections() -> Vec<Vec<(String, String)>> {
    let page = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    let text = page("meson-tutorial.md") + &page("meson.md");
    let mut sections = vec![Vec::new()];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("## ") || line.starts_with("### ") {
            sections.push(Vec::new());
        }
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let body = lines.by_ref().take_while(|line| *line != "```");
        let body: String = body.map(|line| format!("{line}\n")).collect();
        match info.split_once([' ', '=']) {
            Some((_, rest)) => {
                let path = rest.rsplit('=').next().unwrap().to_owned();
                sections.last_mut().unwrap().push((path, body));
            }
            // Lines for a shell, and the form of a function.
            None => assert!(["console", ""].contains(&info), "```{info}"),
        }
    }
    sections
}

/// The quoted paths in a build folder called `build`.
fn in_build_folder(text: &str) -> impl Iterator<Item = &str> {
    text.split('"')
        .filter_map(|word| word.strip_prefix("build/"))
}

/// A file that the pages show once.
pub(crate) fn shown(path: &str) -> String {
    let mut files = sections().into_iter().flatten();
    files.find(|(shown, _)| shown == path).unwrap().1
}

#[test]
fn every_project_that_the_pages_show_is_built() {
    let mut projects = 0;
    for section in sections() {
        let (builds, others): (Vec<_>, Vec<_>) = section
            .iter()
            .map(|(path, text)| (&**path, &**text))
            .partition(|(path, _)| path.ends_with("meson.build"));
        for (path, text) in builds {
            projects += 1;
            let kernel = match text.contains(".rs'") {
                true => kernel_called("7.3"),
                false => Some(lab::kernel(lab::names()[0]).unwrap()),
            };
            let Some(kernel) = kernel else {
                continue;
            };
            let mut files = [&UNSEEN[..], &others].concat();
            files.push(("meson.build", text));
            let is_shown = others.iter().any(|(path, _)| *path == "ring.c");
            let is_module = text.contains("'ring.ko'") || text.contains("module('ring'");
            if is_module && !is_shown {
                // This module has its own file, which is not part of hello.
                let module = (
                    "ring.c",
                    "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\n",
                );
                files.push(module);
            }
            let project = Project::for_kernel(CORNERS[projects % 2], &kernel, &files);
            project.set_up(&[]);
            let mut ninja = project.ninja(&[]);
            built(ninja.env(KDIR, &project.kernel().kdir));
            assert!(project.out("hello.ko").exists(), "{path}\n{text}");
            for file in others.iter().flat_map(|(_, text)| in_build_folder(text)) {
                assert!(project.out(file).exists(), "{file} of {text}");
            }
        }
    }
    assert!(projects >= 6, "{projects} projects");
}

#[test]
fn the_reference_has_every_keyword_of_the_functions() {
    let page = fs::read_to_string(root().join("docs/meson.md")).unwrap();
    let functions = root().join("meson-module/kbuild_meson/kbuild/__init__.py");
    let functions = fs::read_to_string(functions).unwrap();
    let mut seen = 0;
    for line in functions.lines().map(str::trim) {
        let quoted = ["listed('", "KwargInfo('"].map(|start| line.strip_prefix(start));
        for keyword in quoted.into_iter().flatten() {
            let keyword = keyword.split('\'').next().unwrap();
            assert!(page.contains(&format!("\n| `{keyword}` | ")), "{keyword}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}
