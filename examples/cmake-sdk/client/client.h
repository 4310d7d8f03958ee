/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* /dev/station for programs. What fails gives -1, and errno says why. */
#ifndef STATION_CLIENT_H
#define STATION_CLIENT_H

#include <station/abi.h>

/* Opens the device; the descriptor is for the others, and for close(2). */
int station_open(void);

int station_about(int station, struct station_about *about);

/* What a sensor says, in thousandths of its unit. */
int station_read(int station, unsigned int channel, int *value);

#endif
