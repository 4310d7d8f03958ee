/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef HEARTBEAT_H
#define HEARTBEAT_H

#include <linux/types.h>

#define HEARTBEAT_DEVICE "heartbeat"

/* What a read from the device gives. */
struct heartbeat {
	__u64 number;
	/* Nanoseconds since the system was started. */
	__u64 time;
};

#endif
