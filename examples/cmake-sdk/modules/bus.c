// SPDX-License-Identifier: GPL-2.0
/* Stands for the driver of a real bus: its sensors are numbers. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/module.h>
#include <station/bus.h>

static int first = 20500;
module_param(first, int, 0644);
MODULE_PARM_DESC(first, "What the first sensor says, in thousandths");

int station_bus_read(unsigned int channel, s32 *value)
{
	if (channel >= STATION_CHANNELS)
		return -ENXIO;
	*value = first + 1000 * channel;
	return 0;
}
EXPORT_SYMBOL_GPL(station_bus_read);

static int __init bus_init(void)
{
	pr_info("%d sensors\n", STATION_CHANNELS);
	return 0;
}

static void __exit bus_exit(void)
{
}

module_init(bus_init);
module_exit(bus_exit);

MODULE_DESCRIPTION("The bus of a weather station");
MODULE_LICENSE("GPL");
