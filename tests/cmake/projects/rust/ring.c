#include <linux/module.h>
#include "include/ring.h"

static int pushed;

int ring_push(int number)
{
	pushed += number;
	return pushed;
}
EXPORT_SYMBOL(ring_push);

MODULE_DESCRIPTION("A provider in C");
MODULE_LICENSE("GPL");
