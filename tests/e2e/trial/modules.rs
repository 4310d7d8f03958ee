//! The modules of the tests.

use tempfile::TempDir;

use crate::support::{folder, write};

/// A module: what stands before its functions, what it does when it is loaded and when it is unloaded.
struct Module {
    name: &'static str,
    before: &'static str,
    init: &'static str,
    exit: &'static str,
}

const MODULES: &[Module] = &[
    Module {
        name: "base",
        before: "static char *text = \"\";\nmodule_param(text, charp, 0);\n\
            int base_value(void);\nint base_value(void) { return 42; }\nEXPORT_SYMBOL_GPL(base_value);",
        init: "pr_info(\"base: %s\\n\", text);",
        exit: "pr_info(\"base: bye\\n\");",
    },
    Module {
        name: "user",
        before: "int base_value(void);",
        init: "pr_info(\"user: %d\\n\", base_value());",
        exit: "pr_info(\"user: bye\\n\");",
    },
    Module {
        name: "dies",
        before: "static unsigned long address = 8;\nmodule_param(address, ulong, 0);",
        init: "WRITE_ONCE(*(int *)address, 1);",
        exit: "",
    },
    Module {
        name: "warns",
        before: "static bool on = true;\nmodule_param(on, bool, 0);",
        init: "WARN_ON(on);",
        exit: "",
    },
    Module {
        name: "waits",
        before: "static DECLARE_COMPLETION(never);",
        init: "wait_for_completion(&never);",
        exit: "",
    },
    Module {
        name: "spins",
        before: "static bool on = true;\nmodule_param(on, bool, 0);",
        // The kernel of the test preempts a loop that allows it.
        init: "preempt_disable(); while (READ_ONCE(on)) cpu_relax();",
        exit: "",
    },
    Module {
        name: "strikes",
        // A timer that the module forgets.
        before: "#include <linux/timer.h>\nstatic struct timer_list timer;\n\
            static void strike(struct timer_list *one) { pr_info(\"strikes\\n\"); }",
        init: "timer_setup(&timer, strike, 0); mod_timer(&timer, jiffies + HZ);",
        exit: "",
    },
    Module {
        name: "refuses",
        before: "",
        init: "return -ENODEV;",
        exit: "",
    },
    Module {
        name: "needs_hid",
        before: "#include <linux/hid.h>",
        init: "pr_info(\"needs_hid: loaded %d\\n\", hid_destroy_device != NULL);",
        exit: "",
    },
    Module {
        name: "leaks",
        before: "",
        // The allocator remembers the last objects for a while, so kmemleak does not see those.
        init: "int i; for (i = 0; i < 300; i++) { void *p = kzalloc(77, GFP_KERNEL); OPTIMIZER_HIDE_VAR(p); }",
        exit: "",
    },
    Module {
        name: "locks",
        before: "static DEFINE_MUTEX(a);\nstatic DEFINE_MUTEX(b);",
        init: "mutex_lock(&a); mutex_lock(&b); mutex_unlock(&b); mutex_unlock(&a);\n\
            mutex_lock(&b); mutex_lock(&a); mutex_unlock(&a); mutex_unlock(&b);",
        exit: "",
    },
    Module {
        name: "sleeps",
        before: "static DEFINE_SPINLOCK(lock);",
        init: "spin_lock(&lock); msleep(1); spin_unlock(&lock);",
        exit: "",
    },
    Module {
        name: "overflows",
        before: "static int index = 9;\nmodule_param(index, int, 0);\nstatic int array[4];",
        init: "pr_info(\"overflows: %d\\n\", array[index]);",
        exit: "",
    },
];

/// Suites of KUnit: one passes, one does not.
pub(super) const MATH: &str = r#"
#include <kunit/test.h>
#include <linux/module.h>
static void adds(struct kunit *test) { KUNIT_EXPECT_EQ(test, 1 + 1, 2); }
static void skips(struct kunit *test) { kunit_skip(test, "not today"); }
static void fails(struct kunit *test) { KUNIT_EXPECT_EQ_MSG(test, 2 - 1, VALUE, "odd"); }
static struct kunit_case cases[] = {
    KUNIT_CASE(adds), KUNIT_CASE(skips), KUNIT_CASE(fails), {}
};
static struct kunit_suite suite = { .name = "math", .test_cases = cases };
kunit_test_suite(suite);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("math");
"#;

/// A tree of these modules.
pub(super) fn sources(names: &[&str]) -> TempDir {
    let dir = folder(&[]);
    let mut kbuild = String::new();
    for name in names {
        let module = MODULES.iter().find(|one| one.name == *name).unwrap();
        write(dir.path(), &[(&format!("{name}.c"), &text(module))]);
        kbuild += &format!("obj-m += {name}.o\n");
    }
    write(dir.path(), &[("Kbuild", &kbuild)]);
    dir
}

fn text(module: &Module) -> String {
    let Module {
        name,
        before,
        init,
        exit,
    } = module;
    format!(
        "#include <linux/completion.h>\n#include <linux/delay.h>\n#include <linux/module.h>\n#include <linux/mutex.h>\n\
         #include <linux/sched.h>\n#include <linux/slab.h>\n#include <linux/spinlock.h>\n\
         {before}\n\
         static int __init {name}_init(void)\n{{\n{init}\nreturn 0;\n}}\n\
         static void __exit {name}_exit(void)\n{{\n{exit}\n}}\n\
         module_init({name}_init);\nmodule_exit({name}_exit);\n\
         MODULE_LICENSE(\"GPL\");\nMODULE_DESCRIPTION(\"{name}\");\n"
    )
}
