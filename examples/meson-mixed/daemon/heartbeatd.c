// SPDX-License-Identifier: MIT OR Apache-2.0
/* Tells of each beat of the kernel's heart, once a second, until it is told to stop. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heartbeat.h>
#include <heartbeat-version.h>

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static int fail(const char *what)
{
	fprintf(stderr, "heartbeatd: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	const char *device = "/dev/" HEARTBEAT_DEVICE;
	/* Without a number, until it is stopped. */
	long beats = argc > 1 ? strtol(argv[1], NULL, 10) : -1;
	struct sigaction action = { .sa_handler = stop };
	struct heartbeat beat;
	int file = open(device, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return fail(device);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	printf("heartbeatd %s\n", HEARTBEAT_VERSION);
	while (!stopped && beats != 0) {
		if (read(file, &beat, sizeof(beat)) != (ssize_t)sizeof(beat))
			return fail(device);
		printf("beat %llu\n", (unsigned long long)beat.number);
		fflush(stdout);
		if (beats > 0)
			beats--;
		if (beats != 0)
			sleep(1);
	}
	close(file);
	return 0;
}
