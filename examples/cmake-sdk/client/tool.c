// SPDX-License-Identifier: MIT OR Apache-2.0
/* station-tool [CHANNEL]...: what the sensors say, all of them without an argument. */
#include "client.h"

#include <errno.h>
#include <station/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
	fprintf(stderr, "station-tool: %s: %s\n", what, strerror(errno));
	return EXIT_FAILURE;
}

static int tell(int station, unsigned int channel)
{
	char what[32];
	int value;

	if (station_read(station, channel, &value)) {
		snprintf(what, sizeof(what), "channel %u", channel);
		return fail(what);
	}
	printf("%u: %d.%03d\n", channel, value / 1000, abs(value % 1000));
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct station_about about;
	int station = station_open();

	if (station < 0)
		return fail("/dev/station (is the module loaded?)");
	if (station_about(station, &about))
		return fail("what the module is");
	if (strcmp(about.version, STATION_VERSION)) {
		fprintf(stderr, "station-tool: this is %s, the module is %s\n",
			STATION_VERSION, about.version);
		return EXIT_FAILURE;
	}
	printf("station %s, %u channels\n", about.version, about.channels);
	for (unsigned int channel = 0; argc == 1 && channel < about.channels; channel++) {
		if (tell(station, channel))
			return EXIT_FAILURE;
	}
	for (int i = 1; i < argc; i++) {
		if (tell(station, strtoul(argv[i], NULL, 10)))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
