// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <generated/utsrelease.h>
#include <linux/module.h>

static int __init greeter_init(void)
{
	pr_info("built for %s\n", UTS_RELEASE);
	return 0;
}

static void __exit greeter_exit(void)
{
	pr_info("gone\n");
}

module_init(greeter_init);
module_exit(greeter_exit);

MODULE_DESCRIPTION("Says for which kernel it was built");
MODULE_LICENSE("GPL");
