// SPDX-License-Identifier: GPL-2.0
#include <linux/minmax.h>
#include <pattern.h>

unsigned int blink_pattern(unsigned int ticks_on)
{
	return (1u << min(ticks_on, 8u)) - 1;
}
