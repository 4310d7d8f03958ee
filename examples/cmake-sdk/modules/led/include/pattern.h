/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PATTERN_H
#define PATTERN_H

/* Which of the next 8 ticks the light is on in, the first in the lowest bit. */
unsigned int blink_pattern(unsigned int ticks_on);

#endif
