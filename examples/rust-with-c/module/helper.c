// SPDX-License-Identifier: GPL-2.0
/* What the kernel crate does not wrap: macros, and functions that are inline or too new for it. */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>

#include "helper.h"

static unsigned int percent = 10;
module_param(percent, uint, 0444);
MODULE_PARM_DESC(percent, "Less of the memory than this is scarce");

int helper_read(struct helper_memory *memory)
{
	struct sysinfo info;

	if (percent > HELPER_PERCENT_MAX)
		return -EINVAL;
	si_meminfo(&info);
	memory->total = (u64)info.totalram << PAGE_SHIFT;
	memory->free = (u64)info.freeram << PAGE_SHIFT;
	memory->state = info.freeram * 100 < info.totalram * percent ?
			HELPER_SCARCE : HELPER_PLENTY;
	return 0;
}
