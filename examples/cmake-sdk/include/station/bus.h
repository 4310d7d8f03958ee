/* SPDX-License-Identifier: GPL-2.0 */
/* What station_bus.ko offers to other modules. */
#ifndef STATION_BUS_H
#define STATION_BUS_H

#include <linux/types.h>

/* Reads a sensor, in thousandths of its unit; -ENXIO where there is none of this number. */
int station_bus_read(unsigned int channel, s32 *value);

#endif
