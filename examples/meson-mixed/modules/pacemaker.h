/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PACEMAKER_H
#define PACEMAKER_H

#include <heartbeat.h>

/* The next beat. */
void pacemaker_beat(struct heartbeat *beat);

#endif
