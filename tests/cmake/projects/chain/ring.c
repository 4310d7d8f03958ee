// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <ring.h>

int ring_push(int value)
{
	return RING_MAX(value, RING_SIZE);
}
EXPORT_SYMBOL_GPL(ring_push);

MODULE_DESCRIPTION("Provides");
MODULE_LICENSE("GPL");
