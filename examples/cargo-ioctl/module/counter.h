/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What /dev/counter understands, for the kernel and for programs. */
#ifndef COUNTER_H
#define COUNTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* More than this is not added at once. */
#define COUNTER_MOST 1000

struct counter_state {
	__u64 total;	/* of all that was added */
	__u32 calls;	/* how often something was added */
	__u32 largest;	/* of the numbers added */
};

#define COUNTER_RESET	_IO('K', 0)
#define COUNTER_ADD	_IOW('K', 1, __u32)
#define COUNTER_STATE	_IOR('K', 2, struct counter_state)

#endif
