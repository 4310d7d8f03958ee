// SPDX-License-Identifier: MIT OR Apache-2.0
#include "client.h"

#include <fcntl.h>
#include <sys/ioctl.h>

int station_open(void)
{
	return open("/dev/station", O_RDONLY | O_CLOEXEC);
}

int station_about(int station, struct station_about *about)
{
	return ioctl(station, STATION_ABOUT, about);
}

int station_read(int station, unsigned int channel, int *value)
{
	struct station_reading reading = { .channel = channel };

	if (ioctl(station, STATION_READ, &reading))
		return -1;
	*value = reading.value;
	return 0;
}
