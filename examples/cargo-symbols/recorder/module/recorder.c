// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <ring.h>

static int upto = 8;
module_param(upto, int, 0444);
MODULE_PARM_DESC(upto, "The numbers from 1 to this one are pushed");

static int sum;
module_param(sum, int, 0444);
MODULE_PARM_DESC(sum, "What the ring says its numbers add up to");

static int __init recorder_init(void)
{
	int i, held = 0;

	for (i = 1; i <= upto; i++)
		held = ring_push(i);
	sum = ring_sum();
	pr_info("the ring holds %d numbers, and they make %d\n", held, sum);
	return 0;
}

static void __exit recorder_exit(void)
{
}

module_init(recorder_init);
module_exit(recorder_exit);

MODULE_DESCRIPTION("Pushes numbers into another module's ring");
MODULE_LICENSE("GPL");
