// SPDX-License-Identifier: GPL-2.0
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/timekeeping.h>
#include <pacemaker.h>

static unsigned long first = 1;
module_param(first, ulong, 0444);
MODULE_PARM_DESC(first, "The number of the first beat");

static atomic64_t beats = ATOMIC64_INIT(0);

void pacemaker_beat(struct heartbeat *beat)
{
	beat->number = first + atomic64_fetch_inc(&beats);
	beat->time = ktime_get_boottime_ns();
}
EXPORT_SYMBOL_GPL(pacemaker_beat);

MODULE_DESCRIPTION("Makes hearts beat");
MODULE_LICENSE("GPL");
