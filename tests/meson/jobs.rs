//! Modules side by side: exactly the requested number of compilers runs.

use crate::meeting::Meeting;
use crate::project::*;
use crate::support::*;

const MODULES: usize = 8;

#[test]
fn eight_modules_under_a_ninja_without_jobserver_stay_within_its_jobs() {
    let lists = format!(
        "project('many', meson_version: '>=1.0')\n\
         kbuild = import('kbuild')\n\
         kernel = kbuild.kernel(cc: get_option('cc'))\n\
         foreach number : range({MODULES})\n  \
           kbuild.module('many@0@'.format(number), 'part0.c', 'part1.c', kernel: kernel)\n\
         endforeach\n"
    );
    let files = [
        ("meson.build", &*lists),
        ("meson_options.txt", "option('cc', type: 'string')\n"),
        ("part0.c", HELLO),
        (
            "part1.c",
            "int part1(void);\nint part1(void) { return 1; }\n",
        ),
    ];
    let project = Project::new(CORNERS[0], &files);
    let meeting = Meeting::of(4, project.kernel());
    project.set_up(&[&format!("-Dcc={}", meeting.compiler().display())]);
    built(&mut project.ninja(&["-j4"]));
    assert_eq!(meeting.most(), 4);
    assert_eq!(meeting.arrived().len(), 2 * MODULES);
}
