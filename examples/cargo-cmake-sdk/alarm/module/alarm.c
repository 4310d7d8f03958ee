// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <station/bus.h>

static int limit = 22000;
module_param(limit, int, 0444);
MODULE_PARM_DESC(limit, "What no sensor should say, in thousandths");

static int above;
module_param(above, int, 0444);
MODULE_PARM_DESC(above, "How many sensors say more");

static int __init begin(void)
{
	unsigned int channel;
	s32 value;

	for (channel = 0; !station_bus_read(channel, &value); channel++) {
		if (value > limit)
			above++;
	}
	pr_info("%d of %u sensors are above %d\n", above, channel, limit);
	return 0;
}

static void __exit end(void)
{
}

module_init(begin);
module_exit(end);

MODULE_DESCRIPTION("Watches the sensors of a weather station");
MODULE_LICENSE("GPL");
