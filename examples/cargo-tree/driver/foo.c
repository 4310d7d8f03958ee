// SPDX-License-Identifier: GPL-2.0
/* The base: it gives a number to the others. */

#include <linux/module.h>

#include "numbers.h"

int foo_number(void)
{
	return 14;
}
EXPORT_SYMBOL_GPL(foo_number);

static int __init foo_init(void)
{
	pr_info("foo: %d\n", foo_number());
	return 0;
}

static void __exit foo_exit(void)
{
	pr_info("foo: gone\n");
}

module_init(foo_init);
module_exit(foo_exit);

MODULE_DESCRIPTION("Gives a number");
MODULE_LICENSE("GPL");
