// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <ring.h>

int ring_log(void)
{
	pr_info("%d\n", ring_push(8));
	return 0;
}
EXPORT_SYMBOL_GPL(ring_log);

MODULE_LICENSE("GPL");
