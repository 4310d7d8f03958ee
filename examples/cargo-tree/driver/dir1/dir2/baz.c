// SPDX-License-Identifier: GPL-2.0
/* At the top: it uses what both others export. */

#include <linux/module.h>

#include "numbers.h"

static int __init baz_init(void)
{
	pr_info("baz: %d\n", foo_number() + bar_number());
	return 0;
}

static void __exit baz_exit(void)
{
	pr_info("baz: gone\n");
}

module_init(baz_init);
module_exit(baz_exit);

MODULE_DESCRIPTION("Adds the numbers of foo and bar");
MODULE_LICENSE("GPL");
