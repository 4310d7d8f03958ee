// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <ring.h>

static DEFINE_SPINLOCK(lock);
static int numbers[RING_SIZE];
static unsigned int pushed;

int ring_push(int number)
{
	int held;

	spin_lock(&lock);
	numbers[pushed++ % RING_SIZE] = number;
	held = min_t(unsigned int, pushed, RING_SIZE);
	spin_unlock(&lock);
	return held;
}
EXPORT_SYMBOL_GPL(ring_push);

int ring_sum(void)
{
	int i, sum = 0;

	spin_lock(&lock);
	for (i = 0; i < RING_SIZE; i++)
		sum += numbers[i];
	spin_unlock(&lock);
	return sum;
}
EXPORT_SYMBOL_GPL(ring_sum);

static int __init ring_init(void)
{
	pr_info("ready\n");
	return 0;
}

static void __exit ring_exit(void)
{
	pr_info("gone\n");
}

module_init(ring_init);
module_exit(ring_exit);

MODULE_DESCRIPTION("A ring of numbers for other modules");
MODULE_LICENSE("GPL");
