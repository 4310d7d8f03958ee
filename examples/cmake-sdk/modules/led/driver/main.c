// SPDX-License-Identifier: GPL-2.0
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <pattern.h>

static unsigned int ticks_on = 3;
module_param(ticks_on, uint, 0444);
MODULE_PARM_DESC(ticks_on, "In so many of 8 ticks the light is on");

static int __init led_init(void)
{
	pr_info("the light blinks as %#04x\n", blink_pattern(ticks_on));
	return 0;
}

static void __exit led_exit(void)
{
	pr_info("the light is off\n");
}

module_init(led_init);
module_exit(led_exit);

MODULE_DESCRIPTION("The light of a weather station");
MODULE_LICENSE("GPL");
