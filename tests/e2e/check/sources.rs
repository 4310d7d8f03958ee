//! The modules of the cases: one tree for every kernel.

/// Its Makefile and sources. The names of symbols and modules that a case changes have the length of the
/// names that take their place.
pub(super) const TREE: &[(&str, &str)] = &[
    (
        "Kbuild",
        "obj-m := ring.o user.o names.o gpl.o twin.o weak.o prinxx.o lonely.o left.o right.o common.o\n\
         CFLAGS_common.o := -fcommon\n\
         obj-$(if $(FOR_MODULES),m) += allowed.o\n",
    ),
    (
        "ring.c",
        r#"
#include <linux/module.h>
#include <linux/version.h>
int ring_push(int value);
int ring_push(int value) { return value; }
EXPORT_SYMBOL(ring_push);
int ring_gpl(int value);
int ring_gpl(int value) { return value; }
EXPORT_SYMBOL_GPL(ring_gpl);
int ring_named(int value);
int ring_named(int value) { return value; }
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
EXPORT_SYMBOL_NS(ring_named, "RING");
#else
EXPORT_SYMBOL_NS(ring_named, RING);
#endif
#ifdef EXPORT_SYMBOL_FOR_MODULES
int ring_chosen(int value);
int ring_chosen(int value) { return value; }
EXPORT_SYMBOL_FOR_MODULES(ring_chosen, "nobody,allo*");
#endif
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "user.c",
        r#"
#include <linux/module.h>
int ring_push(int value);
static int __init begin(void) { return ring_push(0); }
static void __exit end(void) { pr_info("end\n"); }
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "names.c",
        r#"
#include <linux/module.h>
#include <linux/version.h>
int ring_named(int value);
static int __init begin(void) { return ring_named(0); }
module_init(begin);
static void __exit end(void) {}
module_exit(end);
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("RING");
#else
MODULE_IMPORT_NS(RING);
#endif
"#,
    ),
    (
        "gpl.c",
        r#"
#include <linux/module.h>
int ring_push(int value);
int ring_gpl(int value);
static int __init begin(void) { return ring_gpl(0) + ring_push(0); }
static void __exit end(void) {}
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "twin.c",
        r#"
#include <linux/module.h>
int twin_push(int value);
int twin_push(int value) { return value; }
EXPORT_SYMBOL(twin_push);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "weak.c",
        r#"
#include <linux/module.h>
int nothing_here(void) __attribute__((weak));
void *weak_place = nothing_here;
static int __init begin(void) { return weak_place ? -EINVAL : 0; }
static void __exit end(void) {}
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "prinxx.c",
        r#"
#include <linux/module.h>
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "lonely.c",
        r#"
#include <linux/module.h>
static int __init begin(void) { pr_info("lonely\n"); return 0; }
static void __exit end(void) {}
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "left.c",
        r#"
#include <linux/module.h>
int right_push(void);
int left_push(void);
int left_push(void) { return right_push(); }
EXPORT_SYMBOL(left_push);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "right.c",
        r#"
#include <linux/module.h>
int left_push(void);
int right_push(void);
int right_push(void) { return left_push(); }
EXPORT_SYMBOL(right_push);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "common.c",
        r#"
#include <linux/module.h>
int common_place;
static int __init begin(void) { return common_place; }
static void __exit end(void) {}
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
    (
        "allowed.c",
        r#"
#include <linux/module.h>
int ring_chosen(int value);
static int __init begin(void) { return ring_chosen(0); }
static void __exit end(void) {}
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"#,
    ),
];
