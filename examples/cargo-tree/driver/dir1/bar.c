// SPDX-License-Identifier: GPL-2.0
/* In the middle: it uses foo's symbol and exports one of its own. */

#include <linux/module.h>

#include "numbers.h"

int bar_number(void)
{
	return foo_number() * 2;
}
EXPORT_SYMBOL_GPL(bar_number);

static int __init bar_init(void)
{
	pr_info("bar: %d\n", bar_number());
	return 0;
}

static void __exit bar_exit(void)
{
	pr_info("bar: gone\n");
}

module_init(bar_init);
module_exit(bar_exit);

MODULE_DESCRIPTION("Doubles foo's number");
MODULE_LICENSE("GPL");
