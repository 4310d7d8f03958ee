// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <ring.h>

static int __init user_init(void)
{
	return ring_push(7);
}
module_init(user_init);

static void __exit user_exit(void)
{
}
module_exit(user_exit);

MODULE_LICENSE("GPL");
