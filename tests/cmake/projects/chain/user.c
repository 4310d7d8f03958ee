// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <ring.h>
#include "version.h"

static int __init user_init(void)
{
	pr_info(GREETING " %d\n", ring_push(RING_SIZE));
	return 0;
}
module_init(user_init);

static void __exit user_exit(void)
{
}
module_exit(user_exit);

MODULE_DESCRIPTION(GREETING);
MODULE_VERSION(VERSION);
MODULE_LICENSE("GPL");
