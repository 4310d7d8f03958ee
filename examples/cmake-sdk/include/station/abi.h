/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* What /dev/station understands, for the kernel and for programs. */
#ifndef STATION_ABI_H
#define STATION_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct station_about {
	char version[16];	/* the SDK's, of which the module is */
	__u32 channels;
};

struct station_reading {
	__u32 channel;	/* in: which sensor, from 0 on */
	__s32 value;	/* out: in thousandths of its unit */
};

#define STATION_ABOUT	_IOR('S', 0, struct station_about)
#define STATION_READ	_IOWR('S', 1, struct station_reading)

#endif
