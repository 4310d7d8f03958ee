// SPDX-License-Identifier: GPL-2.0
/* A module that greets when it comes and when it goes. */

#include <linux/init.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>

static char *who = "world";
module_param(who, charp, 0444);
MODULE_PARM_DESC(who, "whom to greet");

static int __init hello_init(void)
{
	pr_info("hello: hello, %s\n", who);
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("hello: goodbye, %s\n", who);
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_DESCRIPTION("Greets when it comes and when it goes");
MODULE_LICENSE("GPL");
